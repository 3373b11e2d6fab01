"""Channels given in order of priority, until a bottleneck is full."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus import ranks


def fill(
    priority: Float[Array, " nodes"],
    wanted: Float[Array, " nodes"],
    capacity: Float[Array, " bottlenecks"],
    passes: Float[Array, "bottlenecks nodes"],
) -> Float[Array, " nodes"]:
    """Returns what each node gets in order of priority, until a bottleneck of its route is full.

    Args:
        priority: Nodes with greater numbers are served first.
        wanted: Share of a channel that each node wants, in [0, 1].
        capacity: Channels of the hub and of every shared fibre; at least 0.
        passes: 1 where the node's route goes through the bottleneck, else 0; for several nodes that
            are served together, the part of them that does.

    Returns:
        Shares of a channel, in [0, wanted].

    Example:
        >>> print(fill(jnp.array([1, 2, 3]), jnp.array([1, 0.5, 1]), jnp.ones(1), jnp.ones((1, 3))))
        [0. 0. 1.]
    """
    before = jax.vmap(ranks.mass_below, in_axes=(None, 0))(-priority, passes * wanted)
    left = (capacity[:, None] - before) / jnp.where(passes > 0, passes, 1)
    return jnp.clip(tightest(left, passes), 0, wanted)


def tightest(
    limit: Float[Array, "*batch bottlenecks _"], passes: Float[Array, "bottlenecks nodes"]
) -> Float[Array, "*batch nodes"]:
    """Returns the least limit on each node's route.

    Args:
        limit: Of each bottleneck, of shape (..., bottlenecks, nodes), or (..., bottlenecks, 1) if
            it is the same for all nodes.
        passes: 1 where the node's route goes through the bottleneck, else 0.
    """
    return jnp.where(passes > 0, limit, jnp.inf).min(axis=-2)
