r"""CEAS, the reference policy: it schedules for the least error of the aggregation rule.

In each round it chooses the nodes to serve and their schedule so that the loss J of the rule
(`aims`) is least,

    minimise   J(I),        I_k = stored_k + sum_w value_wk x_wk,
    subject to sum_k x_wk <= channels_w,  0 <= x_wk <= 1,  sum_w pairs_k x_wk <= room_k,

with the share x_wk of a channel for node k in window w, and the same limit on the channels of every
fibre that routes share. The value of a whole channel is the pairs that it generates times the
Fisher information that each still carries at the barrier. It is zero where a pair would expire
before the barrier, so CEAS never asks for such pairs. The information that enters the rule is
I_k B / (I_k + B), where B is the number of shots beyond which minibatch noise dominates.

*Which nodes.* The most productive nodes are served, as many as make J least, but at least one more
than a quorum. For each number of nodes, key comes first: nodes that lack key get the channel-time
for their tag, and a node that can't get enough is not counted. To compare the numbers, the rest of
the channel-time is divided in three ways, as if all windows were one, and the best is taken: for
the greatest sum of root information, for the least sum of noise, and for equal information. The
schedule itself follows the gradient of J.

*Where are the f colluders?* `placement` is the assumption, with m of n nodes served:

- `best`: all f have the served links that carry most information, so data sent there are lost;
- `unknown`: all f are among the served nodes, equally likely on each of them;
- `random`: among the served nodes are f m / n colluders plus one standard deviation of that
  hypergeometric number, equally likely on each of them.

`random` serves fewer nodes, each with more information: it gains a little if colluders are placed
at random, and loses much if they are on the best links. `best` and `unknown` differ little.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_agents.policies import aims, planning
from ceas_agents.policies.aims import Crowd
from ceas_agents.policies.planning import Opportunities
from ceas_agents.policies.scarcity import quorum
from ceas_gym.consensus import ranks
from ceas_gym.types import Observation, Params

Placement = Literal["best", "unknown", "random"]

FITS = 0.98
"""Share of the channel-time that key can use, because windows are filled node by node."""
ROUNDS_OF_SHARING = 3
"""Iterations in which channel-time beyond a node's whole channel passes to the other nodes."""
EXPONENTS = (1.0, -0.5, -1.0)
"""Channel-time is divided in proportion to productivity e to these powers: e maximises the sum of
root information, 1 / sqrt(e) minimises the noise, 1 / e equalises information."""


def ceas(
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
    placement: Placement = "unknown",
) -> Float[Array, "windows nodes"]:
    """Serves the nodes, and in the way, for which the rule loses least to noise and colluders.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        placement: Where colluders are assumed to be: `best`, `unknown` or `random`.

    Returns:
        The action, in [-1, 1].
    """
    del key
    found = planning.assess(params.network, observation)
    served = choose(params, found, planning.tag_time(params.network, observation), placement)
    gain = partial(_gain, params, served, placement)
    give = partial(planning.allocate, found, served, gain=gain)
    return planning.plan(params.network, found, observation, served, give)


def focused(
    params: Params, observation: Observation, key: Key[Array, ""], share: float = 2 / 3
) -> Float[Array, "windows nodes"]:
    """Serves the most productive two thirds of the nodes for the greatest sum of root information.

    It considers neither whether these nodes make a quorum, nor where the colluders may be.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        share: Share of the nodes to serve, in [0, 1].

    Returns:
        The action, in [-1, 1].
    """
    del key
    found = planning.assess(params.network, observation)
    able = _able(found)
    served = able & (_rank(found, able) < share * able.size)
    give = partial(planning.allocate, found, served, gain=planning.fair(0.5))
    return planning.plan(params.network, found, observation, served, give)


def choose(
    params: Params, found: Opportunities, tag_time: Float[Array, " nodes"], placement: Placement
) -> Bool[Array, " nodes"]:
    """Returns which nodes to serve: the most productive ones, as many as make the loss least.

    Args:
        params: The scenario.
        found: What channel-time can buy.
        tag_time: Channel-time that each node needs for the key it lacks, in windows; at least 0.
        placement: As for `ceas`.
    """
    able = _able(found)
    rank = _rank(found, able)

    def loss(count: Array, exponent: Array) -> Array:
        counted, information = _outlook(params, found, tag_time, able & (rank < count), exponent)
        votes = counted.sum()
        lost = loss_of(params, information, counted, placement)
        return jnp.where(votes >= least_votes(params), lost, 1e9 - votes)

    counts, exponents = jnp.arange(1, able.size + 1), jnp.array(EXPONENTS)
    every = jax.vmap(jax.vmap(loss, in_axes=(None, 0)), in_axes=(0, None))(counts, exponents)
    return able & (rank < counts[jnp.argmin(every.min(axis=1))])


def colluders(params: Params, votes: Int[Array, ""], placement: Placement) -> Float[Array, ""]:
    """Returns the number of colluders to assume among the served nodes.

    Args:
        params: The scenario: f of the n nodes are tolerated.
        votes: Nodes that are served, m; in [0, n].
        placement: As for `ceas`.

    Returns:
        A number of nodes in [0, min(f, m)], not rounded to a whole number.

    Source:
        Mean and variance of the hypergeometric distribution, for `random`.
    """
    nodes, bad = params.network.nodes, params.consensus.tolerated
    if placement != "random":
        return jnp.minimum(bad, votes).astype(jnp.float32)
    share = votes / nodes
    variance = bad * share * (1 - share) * (nodes - bad) / max(nodes - 1, 1)
    return jnp.minimum(bad * share + jnp.sqrt(jnp.maximum(variance, 0)), jnp.minimum(bad, votes))


def loss_of(
    params: Params,
    information: Float[Array, " nodes"],
    served: Bool[Array, " nodes"],
    placement: Placement,
) -> Float[Array, ""]:
    """Returns the loss of the hub's rule if the served nodes have this information.

    Args:
        params: The scenario.
        information: Of each node, in shots of perfect signal; at least 0.
        served: Nodes with a vote.
        placement: As for `ceas`.

    Returns:
        The loss J of `aims`, in units of the noise of one shot; above 0.
    """
    votes, roots = served.sum(), _roots(params, information)
    bad = colluders(params, votes, placement)
    if placement == "best":
        # The colluders are assumed to be the f served nodes with most information.
        above = ranks.mass_below(-jnp.where(served, roots, -1), served.astype(jnp.float32))
        honest = jnp.where(served, jnp.clip(above + 1 - bad, 0, 1), 0)
    else:
        honest = jnp.where(served, 1 - bad / jnp.maximum(votes, 1), 0)
    tolerated = params.consensus.tolerated.astype(jnp.float32)
    crowd = Crowd(votes.astype(jnp.float32), tolerated, params.learning.program.parameters)
    return aims.of_rule(params.consensus.rule)(roots, honest, crowd)


def least_votes(params: Params) -> Int[Array, ""]:
    """Returns the least number of nodes that are served: a quorum and one more, at most all.

    Args:
        params: The scenario.

    Returns:
        A number of nodes, in [1, n].
    """
    return jnp.minimum(quorum(params.consensus) + 1, params.network.nodes)


def _outlook(
    params: Params,
    found: Opportunities,
    tag_time: Array,
    served: Bool[Array, " nodes"],
    exponent: Array,
) -> tuple[Bool[Array, " nodes"], Float[Array, " nodes"]]:
    # Which nodes get a tag, least need first, and the information that all could have besides.
    windows, channels = params.network.windows, params.network.switch.channels[0]
    need = jnp.where(served, tag_time, jnp.inf)
    before = ranks.mass_below(need, jnp.where(served, tag_time, 0))
    counted = served & (tag_time <= windows) & (before + tag_time <= FITS * windows * channels)
    for_key = jnp.where(counted, tag_time, 0)
    left = jnp.maximum(windows * channels - for_key.sum(), 0)
    most = jnp.where(counted, windows - for_key, 0)
    productivity = jnp.where(counted, found.value.sum(axis=0), 0)

    def deal(_: int, time: Array) -> Array:
        wish = jnp.where(time < most, jnp.maximum(productivity, 1e-9) ** exponent, 0)
        return jnp.minimum(most, time + (left - time.sum()) * wish / jnp.maximum(wish.sum(), 1e-9))

    time = jax.lax.fori_loop(0, ROUNDS_OF_SHARING, deal, jnp.zeros_like(most))
    return counted, found.stored + productivity / windows * time


def _gain(
    params: Params,
    served: Bool[Array, " nodes"],
    placement: Placement,
    information: Float[Array, " nodes"],
) -> Float[Array, " nodes"]:
    # Decrease of the loss per unit of each node's information.
    slope = jax.grad(lambda each: loss_of(params, each, served, placement))(information)
    return jnp.maximum(-slope, 0)


def _roots(params: Params, information: Float[Array, " nodes"]) -> Float[Array, " nodes"]:
    # More shots hardly help once minibatch noise dominates.
    floor = params.learning.batch_floor
    return jnp.sqrt(information * floor / (information + floor))


def _able(found: Opportunities) -> Bool[Array, " nodes"]:
    return (found.value.sum(axis=0) > 0) & found.can_tag


def _rank(found: Opportunities, able: Bool[Array, " nodes"]) -> Int[Array, " nodes"]:
    # The most productive node comes first.
    return jnp.argsort(jnp.argsort(-jnp.where(able, found.value.sum(axis=0), 0)))
