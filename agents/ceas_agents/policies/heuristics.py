"""Heuristics of the scheduling literature, said in the words of this network.

They differ in who gets channel-time for data. Before that, each of them gives every node the time
for the tag that it lacks, as CEAS does: without it no update counts, whatever it is worth.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ceas_agents.policies import planning
from ceas_agents.policies.planning import Opportunities
from ceas_gym.types import Network, Observation, Params

Priority = Callable[[Float[Array, " nodes"], Float[Array, " nodes"]], Float[Array, " nodes"]]
"""Who comes first in a window, from the memories still free and the value of a whole channel."""


def max_weight(
    params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Serves the greatest product of free memories and rate, window by window, blind to decay.

    The memories yet to be filled are the queue of a node.

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
    """Serves those whose new pairs carry most at the barrier, until their memories are full.

    The last window is filled first, since its pairs are the freshest.
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

    Seen from the barrier, a node's memories must be filled within the lifetime of its pairs, so
    that is its deadline.

    Source:
        Liu and Layland, Journal of the ACM 20, 46 (1973).
    """
    del key
    found = planning.assess(params.network, observation)
    lifetime = observation.nodes[:, planning.COLUMN["lifetime"]]

    def priority(room: Array, value: Array) -> Array:
        del room
        return jnp.where(value > 0, 2 - lifetime, 0)

    return _by_priority(params.network, found, observation, priority, backwards=True)


def proportional_fair(
    params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Serves all nodes so that the sum of the logarithms of their information is greatest.

    Source:
        Kelly, Maulloo and Tan, Journal of the Operational Research Society 49, 237 (1998).
    """
    del key
    found = planning.assess(params.network, observation)
    give = partial(planning.allocate, found, found.can_tag, gain=planning.fair(1))
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
            given = planning.fill(order, wanted, free, network.switch.passes)
            return room - given * found.pairs, given

        offers = (found.value, channels, most)
        return jax.lax.scan(window, found.room, offers, reverse=backwards)[1]

    return planning.plan(network, found, observation, found.can_tag, give)
