"""Dispatching: an action picks a rule, how many nodes it serves, and whether the barrier fires.

A rule here is a scheduling rule: it divides the channels among the nodes that are served. The
choices of an agent are numbered:

    choice = (rule * LEVELS + level) * 2 + fires

with the place of the rule in `RULES`, and a level that stands for a number of nodes from the quorum
to all of them. Where a step is a round there is no choice of firing: choice = rule * LEVELS +
level. Everything is computed from what the hub observes, so a choice can be played on hardware.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.consensus import protocol
from ceas_gym.network import teams
from ceas_gym.network.switch import share
from ceas_gym.task import actions, readiness
from ceas_gym.task.filling import fill
from ceas_gym.task.observations import column, expected_pairs
from ceas_gym.types import Network, Observation, Params

LEVELS = 5
"""Numbers of served nodes to choose from: in even steps from the quorum to all nodes."""
STEPS_OF_RANK = 1000
"""Values that differ by less than a factor of 2 to the power of one over this rank equally."""

Rule = Callable[[Params, Observation, Array], Float[Array, "windows nodes"]]
"""(scenario, what the hub observes, served nodes) -> shares of a channel in each window of a step.

Shares are in [0, 1], and feasible up to rounding."""


def key_first(
    params: Params, observation: Observation, served: Bool[Array, " nodes"]
) -> Float[Array, "windows nodes"]:
    """Makes key first, for the node that lacks least of it first; the rest is shared equally.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        served: Nodes to serve.
    """
    network, channels = params.network, params.network.switch.channels
    passes = network.switch.passes

    def window(missing: Array, _: None) -> tuple[Array, Array]:
        for_key = fill(-_coarse(missing), jnp.minimum(missing, 1), channels, passes)
        left = jnp.maximum(channels - passes @ for_key, 0)
        rest = jnp.where(served, 1 - for_key, 0)
        rest = share(replace(network.switch, channels=left), rest[None])[0]
        return missing - for_key, for_key + rest

    missing = jnp.where(served, missing_windows(network, observation), 0)
    return jax.lax.scan(window, missing, length=actions.windows(params))[1]


def information(
    params: Params, observation: Observation, served: Bool[Array, " nodes"]
) -> Float[Array, "windows nodes"]:
    """Gives whole channels where they add most to the sum of root information.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        served: Nodes to serve.

    Source:
        Root information is what the median of updates averages (`task.readiness.worth`).
    """
    network, made = params.network, productivity(params.network, observation)
    useful = (served & (made > 0)).astype(made.dtype)

    def window(held: Array, _: None) -> tuple[Array, Array]:
        gain = jnp.sqrt(held + made) - jnp.sqrt(held)
        given = fill(_coarse(gain), useful, network.switch.channels, network.switch.passes)
        return held + given * made, given

    most = teams.most_shots(network)
    held = column(network, observation, "information_later") * most
    return jax.lax.scan(window, held, length=actions.windows(params))[1]


def even(
    params: Params, observation: Observation, served: Bool[Array, " nodes"]
) -> Float[Array, "windows nodes"]:
    """Shares the channels equally.

    Args:
        params: The scenario.
        observation: Not used.
        served: Nodes to serve.
    """
    del observation
    asked = served.astype(params.network.switch.channels.dtype)
    shape = (actions.windows(params), served.size)
    return share(params.network.switch, jnp.broadcast_to(asked, shape))


# Trained agents know a choice by its number, so they are refused once the rules are others.
RULES: dict[str, Rule] = {"key_first": key_first, "information": information, "even": even}
"""The rules by name; each shares the channels among the served nodes only."""


def shape(params: Params) -> tuple[int, ...]:
    """Returns the numbers of rules, of levels and, where a step is a window, of wait and fire.

    Args:
        params: The scenario.
    """
    return (len(RULES), LEVELS, *([2] if params.by_window else []))


def size(params: Params) -> int:
    """Returns the number of choices, at least 1.

    Args:
        params: The scenario.
    """
    return int(np.prod(shape(params)))


def action(params: Params, observation: Observation, choice: Int[Array, ""]) -> Float[Array, "..."]:
    """Returns the action that a choice stands for, of the shape that `task.actions.shape` returns.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        choice: Number of the choice, in [0, `size(params)`).
    """
    rule, level, *fires = jnp.unravel_index(choice, shape(params))
    served = serve(params, observation, numbers(params)[level])
    each = [partial(rule, params, observation, served) for rule in RULES.values()]
    asked = actions.encode(jax.lax.switch(rule, each))
    if not fires:
        return asked
    return jnp.append(asked[0], 2.0 * fires[0] - 1.0)


def mask(params: Params, observation: Observation) -> Bool[Array, " choices"]:
    """Returns which choices are allowed; at least one is.

    A level is masked if it serves the same nodes as the one before. To fire is masked unless a
    quorum is ready and, by the hub's estimate, still has pairs for a shot at the end of the window,
    because a barrier below the quorum commits nothing. What attacks and tests of pairs take away
    is not foreseen. A barrier that fires by itself after `network.most_windows` is not masked.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
    """
    able = productivity(params.network, observation) > 0
    serves = jnp.minimum(numbers(params), jnp.maximum(able.sum(), least(params)))
    allowed = jnp.diff(serves, prepend=0) > 0
    if params.by_window:
        fires = jnp.stack([jnp.bool_(True), may_fire(params, observation)])
        allowed = (allowed[:, None] & fires).ravel()
    return jnp.tile(allowed, len(RULES))


def may_fire(params: Params, observation: Observation) -> Bool[Array, ""]:
    """Returns whether a quorum is ready now, and still has its pairs a window later.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
    """
    ready = column(params.network, observation, "ready") > 0
    lasts = column(params.network, observation, "information_later") > 0
    return (ready & lasts).sum() >= protocol.quorum(params.consensus)


def least(params: Params) -> Int[Array, ""]:
    """Returns the least number of nodes that can be served: the quorum, or all nodes if fewer.

    Args:
        params: The scenario.
    """
    return jnp.minimum(protocol.quorum(params.consensus), params.network.nodes)


def numbers(params: Params) -> Int[Array, " levels"]:
    """Returns how many nodes each level serves, from the quorum to all of them.

    Args:
        params: The scenario.
    """
    first, steps = least(params), jnp.arange(LEVELS) / (LEVELS - 1)
    return first + jnp.round((params.network.nodes - first) * steps).astype(first.dtype)


def serve(
    params: Params, observation: Observation, number: Int[Array, ""]
) -> Bool[Array, " nodes"]:
    """Returns the most productive nodes; of equal ones, the first.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        number: How many nodes to serve; nodes that make nothing of use come last.
    """
    made = productivity(params.network, observation)
    return jnp.argsort(jnp.argsort(-_coarse(made), stable=True)) < number


def productivity(network: Network, observation: Observation) -> Float[Array, " nodes"]:
    """Returns the information that a whole channel makes in a window, in shots of perfect signal.

    It is 0 for a node that can make no key, if it needs some.

    Args:
        network: Rates, teleportation and the pairs of a shot.
        observation: What the hub knows, every entry in [0, 1].
    """
    new = column(network, observation, "new_contraction")
    each = readiness.of_a_shot(network, jnp.broadcast_to(new, (3, new.size)))
    can_tag = column(network, observation, "key_rate") > 0
    able = can_tag | network.unauthenticated_spend
    return jnp.where(
        able, each * expected_pairs(network, observation) / max(network.teams.shot.ends), 0
    )


def missing_windows(network: Network, observation: Observation) -> Float[Array, " nodes"]:
    """Returns the time of a whole channel for the key that each node lacks, in windows.

    Args:
        network: Rates, and the key that a round uses up.
        observation: What the hub knows, every entry in [0, 1].

    Returns:
        At least 0; 0 also for a node that can make no key.
    """
    bits = column(network, observation, "key_rate") * expected_pairs(network, observation)
    missing = (1 - column(network, observation, "tags")) * network.key.node_bits
    return jnp.where(bits > 0, missing / jnp.maximum(bits, 1e-9), 0)


def _coarse(values: Float[Array, " nodes"]) -> Float[Array, " nodes"]:
    # Equal links tie, although the last bits of their numbers may differ between programs.
    return jnp.round(STEPS_OF_RANK * jnp.log2(jnp.maximum(values, 1e-9)))
