"""Middle and lowest part of weighted values."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.weights import mass_below, top_share


def weighted_median(
    values: Float[Array, "... nodes"], weights: Float[Array, " nodes"]
) -> Float[Array, "..."]:
    """Returns the value at half of the mass, or the middle of the two that meet there.

    Example:
        >>> weighted_median(jnp.array([[5.0, 1.0, 2.0]]), jnp.array([0.25, 0.5, 0.25])).tolist()
        [1.5]
    """
    below = mass_below(values, weights)
    middle = (below <= 0.5 + 1e-6) & (below + weights >= 0.5 - 1e-6) & (weights > 0)
    count = jnp.maximum(middle.sum(axis=-1), 1)
    return jnp.where(middle, values, 0).sum(axis=-1) / count


def lowest(
    values: Float[Array, "... nodes"], weights: Float[Array, " nodes"], mass: Array
) -> Float[Array, "... nodes"]:
    """Returns what of each weight is among the lowest values, up to a mass; one may be split.

    Example:
        >>> lowest(jnp.array([3.0, 1.0, 2.0]), jnp.array([0.5, 0.25, 0.25]), 0.625).tolist()
        [0.125, 0.25, 0.25]
    """
    return jnp.clip(mass - mass_below(values, weights), 0, weights)


def trimmed_share(weights: Float[Array, " nodes"], byzantine: Array) -> Float[Array, ""]:
    """Returns beta: the weight of the heaviest nodes, and a trace more, of the size of rounding.

    Trimmed by the weight alone, a Byzantine node might be left with what rounding makes of
    nothing, and a trace of something boundless is anything.

    Example:
        >>> float(trimmed_share(jnp.full(4, 0.25), 1)) - 0.25 < 1e-6
        True
    """
    rounding = weights.shape[-1] * jnp.finfo(weights.dtype).eps
    return top_share(weights, byzantine) + rounding
