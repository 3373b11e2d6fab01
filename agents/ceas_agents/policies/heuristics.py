"""Heuristics of the scheduling literature, applied to this network.

They differ in which nodes get channel-time for data. Before that, each of them gives every node the
time for the tag that it lacks, as CEAS does, because no update is counted without a tag. Each takes
the scenario, what the hub knows and a random key that it does not use, and returns requests in
[-1, 1].
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ceas_agents.policies import planning, team_planning
from ceas_agents.policies.opportunities import Opportunities
from ceas_gym.network import teams
from ceas_gym.task.filling import fill
from ceas_gym.task.observations import COLUMN
from ceas_gym.types import Network, Observation, Params

Priority = Callable[[Float[Array, " nodes"], Float[Array, " nodes"]], Float[Array, " nodes"]]
"""From free memories and the value of a whole channel to the order: greater numbers come first."""


def max_weight(
    params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Serves the greatest product of free memories and rate, without regard to decay.

    It goes window by window; a node's queue is the memories that are still to be filled.

    Source:
        Tassiulas and Ephremides, IEEE Transactions on Automatic Control 37, 1936 (1992).
    """
    del key
    found = planning.assess(params.network, observation)

    def priority(room: Array, value: Array) -> Array:
        del value
        return room * found.pairs

    return _by_priority(params.network, found, observation, priority, backwards=False)


def freshest_first(
    params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Serves nodes whose new pairs carry most at the barrier, until their memories are full.

    The last window is filled first, because its pairs are the freshest.
    """
    del key
    found = planning.assess(params.network, observation)

    def priority(room: Array, value: Array) -> Array:
        del room
        return value / jnp.maximum(found.pairs, 1e-9)

    return _by_priority(params.network, found, observation, priority, backwards=True)


def earliest_deadline_first(
    params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Serves the shortest lifetime first, backwards from the barrier, until memories are full.

    Counted backwards from the barrier, a node's memories must be filled within the lifetime of its
    pairs: this is the node's deadline.

    Source:
        Liu and Layland, Journal of the ACM 20, 46 (1973).
    """
    del key
    found = planning.assess(params.network, observation)
    lifetime = teams.of_qpus(params.network.teams, observation.nodes[:, COLUMN["lifetime"]]).min(
        axis=1
    )

    def priority(room: Array, value: Array) -> Array:
        del room
        return jnp.where(value > 0, 2 - lifetime, 0)

    return _by_priority(params.network, found, observation, priority, backwards=True)


def proportional_fair(
    params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Serves all nodes for the greatest sum of the logarithms of their information.

    Source:
        Kelly, Maulloo and Tan, Journal of the Operational Research Society 49, 237 (1998).
    """
    del key
    found = planning.assess(params.network, observation)
    give = planning.divide(params.network, found, found.can_tag, planning.fair(1))
    return planning.plan(params.network, found, observation, found.can_tag, give)


def _by_priority(
    network: Network,
    found: Opportunities,
    observation: Observation,
    priority: Priority,
    *,
    backwards: bool,
) -> Float[Array, "windows nodes"]:
    def give(channels: Array, most: Array) -> Array:
        def window(room: Array, offer: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            value, free, cap = offer
            order = priority(room, value)
            fitting = jnp.minimum(cap, room / jnp.maximum(found.pairs, 1e-9))
            wanted = jnp.where((order > 0) & found.can_tag, fitting, 0)
            given = fill(order, wanted, free, found.passes)
            return room - given * found.pairs, given

        offers = (found.value, channels, most)
        return jax.lax.scan(window, found.room, offers, reverse=backwards)[1]

    each = team_planning.by_bundles(network, found.links, give)
    return planning.plan(network, found, observation, found.can_tag, each)
