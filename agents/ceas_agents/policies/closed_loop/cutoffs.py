"""Adaptive cut-offs: the longer a barrier is overdue, the older the pairs that it makes do with.

Source:
    Lo Piparo, Munro and Nemoto, arXiv:2603.24874 (2026). Only its abstract was at hand: where
    requests for entanglement queue up, the cut-off time of memories is adapted to the queue, which
    "restores stability near critical load by trading fidelity for service capacity"; with a fixed
    cut-off, a load that is too great for it makes the queue grow without limit. The law of
    adaptation below is ours, and so is what stands for a queue here.
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ceas_agents.policies.closed_loop import firing, heuristics, prospects
from ceas_agents.policies.closed_loop.prospects import Prospects
from ceas_gym.consensus.protocol import quorum
from ceas_gym.task.observations import COLUMN
from ceas_gym.types import Observation, Params

OVERDUE = 2.0
"""Requests in the queue at which pairs may be as old as they can live."""


def adaptive_cutoff(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 0.0
) -> Float[Array, " nodes_and_1"]:
    """Counts only pairs below a cut-off age, which grows while the barrier is overdue.

    A barrier is requested every `cadence` windows, so the windows since the last one tell how many
    requests wait. Memories whose pairs are above the cut-off count as free. After key, the greatest
    product of free memories and rate is served first. The barrier fires as soon as a quorum is
    ready whose pairs are all below the cut-off.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        cadence: Windows from one request to the next; 0 stands for `network.windows`.
    """
    del key
    network = params.network
    found = prospects.assess(network, observation)
    is_fresh = found.age < cutoff(params, observation, found, cadence)
    room = jnp.where(is_fresh, found.room, network.memories.per_link)
    give = heuristics.in_order(network, lambda found: room * found.pairs)
    asked = heuristics.shares(params, found, give)
    return firing.action(asked, enough(params, observation, is_fresh))


def cutoff(
    params: Params, observation: Observation, found: Prospects, cadence: float | Array
) -> Float[Array, " nodes"]:
    """Returns the age in windows from which pairs are not counted, in [1, lifetime].

    It grows in proportion to the queue, from one window up to the lifetime of the node's pairs.

    Args:
        params: The scenario.
        observation: What the hub knows; only the windows since the last barrier are used.
        found: From `prospects.assess`.
        cadence: Windows from one request to the next; 0 stands for `network.windows`.
    """
    pace = jnp.where(cadence > 0, cadence, params.network.windows)
    queue = firing.waited(params, observation) / pace
    lifetime = (found.worth > 0).sum(axis=0)
    return jnp.clip(lifetime * queue / OVERDUE, 1, jnp.maximum(lifetime, 1))


def enough(
    params: Params, observation: Observation, is_fresh: Bool[Array, " nodes"]
) -> Bool[Array, ""]:
    """Returns whether a quorum of nodes is ready, with pairs that are counted.

    Args:
        params: The quorum.
        observation: What the hub knows; only which nodes are ready is used.
        is_fresh: Nodes whose pairs are below the cut-off.
    """
    ready = (observation.nodes[:, COLUMN["ready"]] > 0) & is_fresh
    return ready.sum() >= quorum(params.consensus)
