"""Whom CEAS serves, and when it commits: the least loss that the channel-time of rounds can buy.

Where nodes form teams, every node here is a team, which makes one update.
"""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_agents.policies import aims
from ceas_agents.policies.aims import Crowd
from ceas_agents.policies.opportunities import Opportunities
from ceas_agents.policies.scarcity import quorum
from ceas_gym.consensus import ranks
from ceas_gym.types import Params

RESERVE = 0.2
"""Share of a round's key that is not made before the round of the commit."""
MOST_ROUNDS = 4
"""Most rounds from one commit to the next that are considered."""

Placement = Literal["best", "unknown", "random"]

FITS = 0.98
"""Share of the channel-time that key can use, because windows are filled node by node."""
ROUNDS_OF_SHARING = 3
"""Iterations in which channel-time beyond a node's whole channel passes to the other nodes."""
EXPONENTS = (1.0, -0.5, -1.0)
"""Channel-time is divided in proportion to productivity e to these powers: e maximises the sum of
root information, 1 / sqrt(e) minimises the noise, 1 / e equalises information."""


def wait_for_quorum(
    params: Params,
    found: Opportunities,
    tag_time: Float[Array, " nodes"],
    least: Int[Array, ""] | int | None = None,
) -> Int[Array, ""]:
    """Returns how many rounds of making key come before the one in which a quorum has its tags.

    Args:
        params: The scenario.
        found: What channel-time can buy.
        tag_time: Channel-time that each node needs for the key it lacks, in windows; at least 0.
        least: Number of nodes that are enough; by default `least_votes`.

    Returns:
        A number of rounds, at least 0: the least that is enough or, if none is, the greatest that
        is considered.
    """
    # Key that is made in the first of the rounds must last until the commit.
    budget = params.network.key
    needed = least_votes(params) if least is None else least
    most = min(MOST_ROUNDS, budget.slots) if budget.expires else MOST_ROUNDS
    waits, able = jnp.arange(most), able_to_serve(found)
    tagged = jax.vmap(lambda wait: tagged_by_then(params, able, tag_time, wait).sum())(waits)
    enough = (tagged >= needed).at[-1].set(True)
    return jnp.argmax(enough)


def choose(
    params: Params,
    found: Opportunities,
    tag_time: Float[Array, " nodes"],
    placement: Placement,
    wait: Int[Array, ""] | int = 0,
    least: Int[Array, ""] | int | None = None,
) -> Bool[Array, " nodes"]:
    """Returns which nodes to serve: the most productive ones, as many as make the loss least.

    Args:
        params: The scenario.
        found: What channel-time can buy.
        tag_time: Channel-time that each node needs for the key it lacks, in windows; at least 0.
        placement: As for `ceas`.
        wait: Rounds before the one that is to be committed, in which only key is made.
        least: Least number of nodes that get their tags; by default `least_votes`.
    """
    enough = least_votes(params) if least is None else least
    able = able_to_serve(found)
    rank = by_productivity(found, able)

    def loss(count: Array, exponent: Array) -> Array:
        served = able & (rank < count)
        counted, information = _outlook(params, found, tag_time, served, exponent, wait)
        votes = counted.sum()
        lost = loss_of(params, information, counted, placement)
        return jnp.where(votes >= enough, lost, 1e9 - votes)

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
    nodes, bad = params.network.teams.number, params.consensus.tolerated
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
    return jnp.minimum(quorum(params.consensus) + 1, params.network.teams.number)


def tagged_by_then(
    params: Params,
    served: Bool[Array, " nodes"],
    tag_time: Float[Array, " nodes"],
    wait: Int[Array, ""] | int,
) -> Bool[Array, " nodes"]:
    """Returns which of the served nodes can have all their tags at a commit, least need first.

    Args:
        params: The scenario.
        served: Nodes that are given key.
        tag_time: Channel-time that each node needs for the key it lacks, in windows; at least 0.
        wait: Rounds before that of the commit; at least 0.
    """
    windows = params.network.windows * (1 + wait)
    need = jnp.where(served, tag_time, jnp.inf)
    before = ranks.mass_below(need, jnp.where(served, tag_time, 0))
    fits = before + tag_time <= FITS * windows * params.network.switch.channels[0]
    return served & (tag_time <= windows) & fits


def _outlook(
    params: Params,
    found: Opportunities,
    tag_time: Array,
    served: Bool[Array, " nodes"],
    exponent: Array,
    wait: Int[Array, ""] | int,
) -> tuple[Bool[Array, " nodes"], Float[Array, " nodes"]]:
    # Which nodes get their tags, and the information that all could have besides.
    windows, channels = params.network.windows, params.network.switch.channels[0]
    counted = tagged_by_then(params, served, tag_time, wait)
    key_time = jnp.where(counted, tag_time, 0)
    # What the rounds before have no time for, or must leave, is made in the round of the commit.
    early = jnp.minimum(1 - RESERVE, wait * windows * channels / jnp.maximum(key_time.sum(), 1e-9))
    for_key = key_time * (1 - early)
    left = jnp.maximum(windows * channels - for_key.sum(), 0)
    most = jnp.where(counted, windows - for_key, 0)
    productivity = jnp.where(counted, found.value.sum(axis=0), 0)

    def deal(_: int, time: Array) -> Array:
        wish = jnp.where(time < most, jnp.maximum(productivity, 1e-9) ** exponent, 0)
        return jnp.minimum(most, time + (left - time.sum()) * wish / jnp.maximum(wish.sum(), 1e-9))

    time = jax.lax.fori_loop(0, ROUNDS_OF_SHARING, deal, jnp.zeros_like(most))
    return counted, found.stored + productivity / windows * time


def _roots(params: Params, information: Float[Array, " nodes"]) -> Float[Array, " nodes"]:
    # More shots hardly help once minibatch noise dominates.
    floor = params.learning.batch_floor
    return jnp.sqrt(information * floor / (information + floor))


def able_to_serve(found: Opportunities) -> Bool[Array, " nodes"]:
    """Returns the nodes that can make key, and data that last until the barrier.

    Args:
        found: What channel-time can buy.
    """
    return (found.value.sum(axis=0) > 0) & found.can_tag


def by_productivity(found: Opportunities, able: Bool[Array, " nodes"]) -> Int[Array, " nodes"]:
    """Returns the rank of each node by the information that it makes, from 0 for the most.

    Args:
        found: What channel-time can buy.
        able: Nodes that can be served; the others come last.
    """
    return jnp.argsort(jnp.argsort(-jnp.where(able, found.value.sum(axis=0), 0)))
