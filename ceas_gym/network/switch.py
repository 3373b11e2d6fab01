"""The hub's optical switch: it reduces requests for channel-time to what hub and fibres carry."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.types import Switch


def share(switch: Switch, asked: Float[Array, "windows nodes"]) -> Float[Array, "windows nodes"]:
    """Returns the share of a channel that each node gets in each window, in [0, 1].

    Bottlenecks are the hub and the fibres that several routes share. Where the requests through a
    bottleneck exceed its channels, they are scaled down by a common factor. A request is scaled by
    the smallest factor along its route. No request is scaled up, so no node gets more than one
    channel.

    Args:
        switch: Channels of the bottlenecks, and which routes pass through them.
        asked: Shares of a channel that are asked for, in [0, 1].

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
