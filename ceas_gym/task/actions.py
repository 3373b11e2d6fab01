"""Actions: any array in the action space becomes a feasible schedule of channel-time."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.network.switch import share
from ceas_gym.types import Params, Switch


def shape(params: Params) -> tuple[int, ...]:
    """Returns the shape of an action: (nodes + 1,) where a step is a window, or (windows, nodes).

    Args:
        params: The scenario.
    """
    nodes = params.network.nodes
    return (nodes + 1,) if params.by_window else (params.network.windows, nodes)


def windows(params: Params) -> int:
    """Returns the number of windows of a step: 1, or those of a round.

    Args:
        params: The scenario.
    """
    return 1 if params.by_window else params.network.windows


def split(
    params: Params, waited: Int[Array, ""], action: Float[Array, "..."]
) -> tuple[Float[Array, "windows nodes"], Bool[Array, ""]]:
    """Returns the requests for channel-time in an action, and whether the barrier is to fire.

    Where a step is a window, the last entry of the action fires the barrier if it is above zero.
    After `network.most_windows` windows it fires by itself.

    Args:
        params: The scenario.
        waited: Windows since the last barrier, without this one; at least 0.
        action: Numbers in [-1, 1] of the shape that `shape` returns.
    """
    if not params.by_window:
        return action, jnp.bool_(True)
    last = waited + 1 >= params.network.most_windows
    return action[None, :-1], (action[-1] > 0) | last


def decode(switch: Switch, action: Float[Array, "windows nodes"]) -> Float[Array, "windows nodes"]:
    """Returns the share of a channel that each node gets in each window, in [0, 1].

    An entry a asks for the share (a + 1) / 2, and gets at most that (`network.switch.share`).

    Args:
        switch: Channels of the bottlenecks, and which routes pass through them.
        action: Requests in [-1, 1]; values outside are clipped.

    Example:
        >>> from types import SimpleNamespace
        >>> hub = SimpleNamespace(channels=jnp.ones(1), passes=jnp.ones((1, 3)))
        >>> decode(hub, jnp.array([[1.0, 1.0, 0.0], [-1.0, 0.0, -1.0]]))
        Array([[0.4, 0.4, 0.2],
               [0. , 0.5, 0. ]], dtype=float32)
    """
    return share(switch, (jnp.clip(action, -1.0, 1.0) + 1.0) / 2.0)


def encode(schedule: Float[Array, "windows nodes"]) -> Float[Array, "windows nodes"]:
    """Returns the action, in [-1, 1], that asks for a schedule: the inverse of `decode`.

    Args:
        schedule: Shares of a channel, in [0, 1]; feasible, or `decode` scales them down.

    Example:
        >>> encode(jnp.array([[0.0, 0.5, 1.0]])).tolist()
        [[-1.0, 0.0, 1.0]]
    """
    return jnp.clip(2.0 * schedule - 1.0, -1.0, 1.0)
