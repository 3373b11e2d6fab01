"""The hub's optical switch: it fits requests for channel-time to what hub and fibres can carry."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.types import Switch


def share(switch: Switch, asked: Float[Array, "windows nodes"]) -> Float[Array, "windows nodes"]:
    """Returns the share of a channel that each node gets in each window.

    Where a window is asked for more than the channels of a bottleneck (the hub, or a fibre that
    several routes share), all requests that go through it are scaled down alike, each by the worst
    bottleneck of its route; nothing is scaled up, so no node gets more than one channel.

    Args:
        switch: Channels of the bottlenecks, and which routes pass through them.
        asked: Shares of a channel, in [0, 1].

    Example:
        >>> from types import SimpleNamespace
        >>> hub = SimpleNamespace(channels=jnp.ones(1), passes=jnp.ones((1, 3)))
        >>> share(hub, jnp.array([[1.0, 1.0, 0.5], [0.0, 0.5, 0.0]]))
        Array([[0.4, 0.4, 0.2],
               [0. , 0.5, 0. ]], dtype=float32)
    """
    load = asked @ switch.passes.T
    cut = jnp.minimum(1.0, switch.channels / jnp.maximum(load, 1e-30))
    return asked * jnp.where(switch.passes > 0, cut[..., None], 1.0).min(axis=1)
