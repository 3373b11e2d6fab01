"""A Whittle index with a knapsack: each window serves the requests of greatest index that fit.

A node's request is to take part in a barrier. Its age is the number of rounds since its update was
last accepted. If a node that is served succeeds with probability p, a node of age h has the index

    p h (h + 2/p - 1) / 2,

the charge for service at which serving and idling are equally good in the long run, if the mean age
is to be small. The indices are the values, and the channel-time that the nodes still lack are the
weights of a 0-1 knapsack that holds the channels of the window.

Source:
    Banerjee, Mitrolaris and Ulukus, arXiv:2603.23476 (2026): age of entanglement establishment, a
    closed form of its Whittle index, and a 0-1 knapsack by dynamic programming with the index as
    the value and the number of memories as the cost. Only its abstract was at hand. The index above
    is that of the age of information: Kadota, Sinha, Uysal-Biyikoglu, Singh and Modiano, IEEE/ACM
    Transactions on Networking 26, 2637 (2018), to which the age of a request with a fixed chance to
    succeed reduces (a test solves the decision process). Channel-time as the cost, and the chance
    of a node, are ours.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_agents.policies.closed_loop import firing, prospects, serving, water_filling
from ceas_agents.policies.closed_loop.prospects import Prospects
from ceas_gym.consensus.protocol import quorum
from ceas_gym.task.observations import COLUMN
from ceas_gym.types import Observation, Params

SPARE = 2
"""Nodes that are served beyond a quorum."""
UNITS = 256
"""Parts into which the hub's channels are divided in the knapsack; costs are rounded up to them."""
OLDEST = 10
"""Rounds of silence that an observation can tell."""


def whittle(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 1.0
) -> Float[Array, " nodes_and_1"]:
    """Serves the nodes of greatest Whittle index of age that fit into the channels.

    Requests are granted until a quorum of nodes and `SPARE` more are ready. What is left of the
    window goes to the nodes that are ready, for the greatest sum of root information.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        cadence: Least number of windows from one barrier to the next.
    """
    del key
    network = params.network
    found = prospects.assess(network, observation)
    age = observation.nodes[:, COLUMN["silence"]] * OLDEST + 1
    is_short = (found.able & (found.missing <= 0)).sum() < quorum(params.consensus) + SPARE
    wants = found.able & (found.missing > 0) & is_short
    cost = jnp.where(wants, jnp.clip(prospects.time_needed(found), 0, 1), 0)
    units = jnp.ceil(cost / network.switch.channels[0] * UNITS).astype(jnp.int32)
    taken = knapsack(jnp.where(wants, index(age, chance(found)), 0), units, UNITS)
    for_key = serving.key_first(network, found, taken & wants)
    most, left = serving.rest(network, found, found.able, for_key)
    value, switch = found.pairs * found.worth[0], network.switch
    data = water_filling.share_out(switch, value, found.held[0], most, left)
    return firing.action(for_key + data, firing.if_ready(params, observation, cadence))


def index(age: Float[Array, "*batch"], chance: Float[Array, "*batch"]) -> Float[Array, "*batch"]:
    """Returns the Whittle index of a request.

    Args:
        age: Slots since it was last served successfully; at least 1.
        chance: That it succeeds in a slot in which it is served, in (0, 1].

    Source:
        Kadota et al., IEEE/ACM Transactions on Networking 26, 2637 (2018).

    Example:
        >>> print(index(jnp.array(3.0), jnp.array(1.0)))
        6.0
    """
    return chance * age * (age + 2 / chance - 1) / 2


def chance(found: Prospects) -> Float[Array, " nodes"]:
    """Returns the chance to be ready after one window of a whole channel, in (0, 1].

    It is the share of the missing pairs that such a window makes on average.

    Args:
        found: What nodes lack, and the pairs of a channel.
    """
    return jnp.clip(found.pairs / jnp.maximum(found.missing, 1e-9), 1e-6, 1)


def knapsack(
    value: Float[Array, " items"], cost: Int[Array, " items"], capacity: int
) -> Bool[Array, " items"]:
    """Returns the items of greatest total value whose costs fit together.

    Args:
        value: Of each item; at least 0.
        cost: Of each item, in whole units; at least 0.
        capacity: Units that fit; at least 0.

    Source:
        Bellman's dynamic programme: Kellerer, Pferschy and Pisinger, Knapsack Problems (2004),
        section 2.3.

    Example:
        >>> knapsack(jnp.array([6.0, 5.0, 5.0]), jnp.array([3, 2, 2]), 4).tolist()
        [False, True, True]
    """
    sizes = jnp.arange(capacity + 1)

    def add(best: Array, item: tuple[Array, Array]) -> tuple[Array, Array]:
        worth, weight = item
        with_it = jnp.where(sizes >= weight, best[jnp.maximum(sizes - weight, 0)] + worth, -1)
        return jnp.maximum(best, with_it), with_it > best

    def take(left: Array, item: tuple[Array, Array]) -> tuple[Array, Array]:
        taken, weight = item
        return left - jnp.where(taken[left], weight, 0), taken[left]

    _, better = jax.lax.scan(add, jnp.zeros(capacity + 1, value.dtype), (value, cost))
    return jax.lax.scan(take, jnp.int32(capacity), (better, cost), reverse=True)[1]
