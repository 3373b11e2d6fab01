"""A linear programme of one window: the greatest sum of weights that channels and fibres allow.

    maximise    sum_k w_k x_k
    subject to  0 <= x_k <= c_k,  and for each bottleneck, sum of its x_k <= its channels,

after key, where the weight w_k is the queue of the node, its free memories, times the pairs of a
channel times the chance that its memory is not empty at a barrier.

Source:
    Srikant, arXiv:2603.27812 (2026). Only its abstract was at hand: an LP-based policy finds a
    point in the matching polytope, which a random decomposition into matchings carries out, and its
    service rates are bounded from below by the probability that a single node's memory is not
    empty, in the steady state of a reference chain; the bound converges exponentially fast in the
    size of the memory. Here the polytope is that of a hub that serves C nodes at a time. Shares of
    a channel are allowed, so a point of it needs no decomposition. The weights, and the reference
    chain, an Erlang loss system, are ours.
"""

from dataclasses import replace

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaincc
from jaxtyping import Array, Float, Key

from ceas_agents.policies.closed_loop import heuristics
from ceas_agents.policies.closed_loop.prospects import Prospects
from ceas_gym.task.filling import tightest
from ceas_gym.types import Observation, Params, Switch


def linear_program(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 1.0
) -> Float[Array, " nodes_and_1"]:
    """Solves a linear programme in each window, with queues and availability as weights.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        cadence: Least number of windows from one barrier to the next.
    """
    del key

    def give(found: Prospects, most: Array, left: Array) -> Array:
        weight = found.room * found.pairs * availability(params, found)
        return solve(replace(params.network.switch, channels=left), weight, most)

    return heuristics.after_key(params, observation, give, cadence)


def availability(params: Params, found: Prospects) -> Float[Array, " nodes"]:
    """Returns the chance that a node's memory is not empty, if it gets an equal share of channels.

    Args:
        params: Memories and channels.
        found: Rates, and the life of pairs.
    """
    network = params.network
    share = jnp.minimum(1, network.switch.channels[0] / network.nodes)
    load = found.pairs * share * (found.worth > 0).sum(axis=0)
    return nonempty(load, network.memories.per_link)


def nonempty(load: Float[Array, "*batch"], memories: Array | int) -> Float[Array, "*batch"]:
    """Returns the chance that a memory is not empty, in [0, 1).

    Pairs arrive at random times, find a free place or are lost, and live for a while that may have
    any distribution. The chance to be empty is 1 / sum_j a^j / j!, for j up to the number of
    memories.

    Args:
        load: Mean number a of pairs that arrive within a lifetime; at least 0.
        memories: Places for pairs; at least 1.

    Source:
        Erlang's loss formula, which holds for any distribution of the lifetime: Sevastyanov, Theory
        of Probability and its Applications 2, 104 (1957).

    Example:
        >>> print(f"{nonempty(jnp.array(1.0), 1):.3f}")
        0.500
    """
    # sum_j a^j / j! = e^a Q(memories + 1, a), with the regularised upper gamma function Q.
    return 1 - jnp.exp(-load) / gammaincc(memories + 1.0, load)


def solve(
    switch: Switch, weight: Float[Array, " nodes"], most: Float[Array, " nodes"]
) -> Float[Array, " nodes"]:
    """Returns the shares of greatest weighted sum, of nodes with a positive weight.

    Nodes are served by weight, as far as every bottleneck of their route allows. This is the
    optimum, because routes from one hub form a tree, so that of any two bottlenecks all nodes of
    one pass through the other, or none do.

    Args:
        switch: Channels of the bottlenecks, and which routes pass through them.
        weight: Worth of a whole channel of each node; at least 0.
        most: Greatest share of each node, in [0, 1].

    Source:
        Greedy algorithm on a polymatroid: Edmonds, in Combinatorial Structures and their
        Applications (1970), 69.
    """
    order = jnp.argsort(-weight)

    def give(left: Array, node: Array) -> tuple[Array, Array]:
        passes = switch.passes[:, node]
        fits = tightest(left[:, None], passes[:, None])[0]
        share = jnp.where(weight[node] > 0, jnp.clip(fits, 0, most[node]), 0)
        return left - passes * share, share

    _, given = jax.lax.scan(give, switch.channels, order)
    return jnp.zeros_like(given).at[order].set(given)
