"""The shares of one window: key first, then data poured over the nodes that are served."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_agents.policies.closed_loop.prospects import Prospects, time_needed
from ceas_agents.policies.closed_loop.water_filling import share_out
from ceas_gym.task.filling import fill
from ceas_gym.types import Network

ROUNDING = 1e-5
"""Share of a channel by which the time for a node's key may fall short."""


class Shares(NamedTuple):
    """How one window is divided."""

    for_key: Float[Array, " nodes"]
    """Share of a channel, in [0, 1], until the node is ready."""
    for_data: Float[Array, " nodes"]
    """Share of a channel besides, in [0, 1]."""


def shares(
    network: Network,
    found: Prospects,
    served: Bool[Array, " nodes"],
    horizon: Int[Array, ""],
) -> Shares:
    """Returns how the window that comes is divided for a barrier at a horizon.

    Args:
        network: Channels, and routes that share fibres.
        found: What nodes hold, and what channel-time brings.
        served: Nodes that get channel-time.
        horizon: Windows from the end of this one to the barrier; in [0, HORIZONS).
    """
    for_key = key_first(network, found, served)
    most, left = rest(network, found, served, for_key)
    value = found.pairs * found.worth[horizon]
    return Shares(for_key, share_out(network.switch, value, found.held[horizon], most, left))


def rest(
    network: Network, found: Prospects, served: Bool[Array, " nodes"], for_key: Array
) -> tuple[Float[Array, " nodes"], Float[Array, " bottlenecks"]]:
    """Returns the greatest shares for data, in [0, 1], and the channels that are left for them.

    Only nodes that will be ready get any; and nobody gets more pairs than its memories hold.

    Args:
        network: Channels, and routes that share fibres.
        found: What nodes hold, and the pairs of a channel.
        served: Nodes that get channel-time.
        for_key: Shares for key, from `key_first`.
    """
    fitting = jnp.minimum(1 - for_key, found.room / jnp.maximum(found.pairs, 1e-9))
    most = jnp.where(served & ready_by_then(found, for_key), fitting, 0)
    switch = network.switch
    return most, jnp.maximum(switch.channels - switch.passes @ for_key, 0)


def key_first(
    network: Network, found: Prospects, served: Bool[Array, " nodes"]
) -> Float[Array, " nodes"]:
    """Returns the shares until nodes are ready, in [0, 1], least need first.

    Args:
        network: Channels, and routes that share fibres.
        found: What nodes lack, and the pairs of a channel.
        served: Nodes that get channel-time.
    """
    switch, need = network.switch, time_needed(found)
    wanted = jnp.where(served & found.able, jnp.minimum(need, 1), 0)
    return fill(-need, wanted, switch.channels, switch.passes)


def ready_by_then(found: Prospects, shares: Float[Array, " nodes"]) -> Bool[Array, " nodes"]:
    """Returns which nodes will be ready at the end of a window with these shares, by a margin.

    Args:
        found: What nodes lack, and the pairs of a channel.
        shares: Of a channel, in [0, 1].
    """
    return time_needed(found) <= shares + ROUNDING
