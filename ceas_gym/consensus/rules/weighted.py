"""Median and lowest part of weighted values.

A trimmed value must have no weight at all: even a weight as small as a rounding error is unbounded
in effect on an unbounded value. So weights are first rounded to whole multiples of the machine
epsilon. Sums of these are exact in any order, as long as they are at most 2.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.ranks import mass_below, mass_up_to
from ceas_gym.consensus.weights import top_share


def summable(weights: Float[Array, " nodes"]) -> Float[Array, " nodes"]:
    """Returns the weights rounded to whole multiples of the machine epsilon, whose sums are exact.

    Args:
        weights: At least 0, with a sum of at most 2.

    Example:
        >>> (summable(jnp.array([0.1, 0.9])) * 2**23).tolist()
        [838861.0, 7549747.0]
    """
    # NumPy weights may have more bits than JAX computes with.
    weights = jnp.asarray(weights)
    weights = weights.astype(jnp.promote_types(weights.dtype, jnp.float32))
    epsilon = jnp.finfo(weights.dtype).eps
    return jnp.round(weights / epsilon) * epsilon


def weighted_median(
    values: Float[Array, "... nodes"], weights: Float[Array, " nodes"]
) -> Float[Array, "..."]:
    """Returns the value at half of the weight, or the mean of the two values that meet there.

    Args:
        values: Values of the nodes on the last axis.
        weights: Weights of the nodes; at least 0.

    Example:
        >>> weighted_median(jnp.array([[5.0, 1.0, 2.0]]), jnp.array([0.25, 0.5, 0.25])).tolist()
        [1.5]
    """
    weights = summable(weights)
    half, rounding = weights.sum() / 2, weights.size * jnp.finfo(weights.dtype).eps
    edges = jnp.stack([half - rounding, half + rounding]).reshape(-1, *[1] * jnp.ndim(values))
    reached = (mass_up_to(values, weights) >= edges) & (weights > 0)
    lower, upper = jnp.where(reached, values, jnp.inf).min(axis=-1)
    return jnp.where(half > rounding, (lower + upper) / 2, 0)


def lowest(
    values: Float[Array, "... nodes"], weights: Float[Array, " nodes"], mass: Array
) -> Float[Array, "... nodes"]:
    """Returns the part of each weight that belongs to the lowest values of a total weight `mass`.

    The weight of the last value that takes part may be split.

    Args:
        values: Values of the nodes on the last axis.
        weights: Weights of the nodes; at least 0.
        mass: Total weight to take; at least 0.

    Example:
        >>> lowest(jnp.array([3.0, 1.0, 2.0]), jnp.array([0.5, 0.25, 0.25]), 0.625).tolist()
        [0.125, 0.25, 0.25]
    """
    weights = summable(weights)
    return jnp.clip(mass - mass_below(values, weights), 0, weights)


def kept_share(weights: Float[Array, " nodes"], byzantine: Array) -> Float[Array, ""]:
    """Returns 1 - beta: all weight except beta, that of the heaviest nodes; in [0, 1].

    The honest nodes have at least this weight, whichever nodes are Byzantine.

    Args:
        weights: Weights of the nodes; sum 1.
        byzantine: Number of heaviest nodes to leave out; at least 0.

    Example:
        >>> float(kept_share(jnp.full(4, 0.25), 1))
        0.75
    """
    weights = summable(weights)
    return weights.sum() - top_share(weights, byzantine)


def shortening(lengths: Float[Array, "..."], most: Array) -> Float[Array, "..."]:
    """Returns the factors in [0, 1] that shorten what is longer than `most` to that length.

    Args:
        lengths: At least 0.
        most: Greatest length that is left; at least 0.

    Example:
        >>> shortening(jnp.array([0.0, 1.0, 4.0]), jnp.float32(2.0)).tolist()
        [1.0, 1.0, 0.5]
    """
    return jnp.where(lengths > most, most / jnp.maximum(lengths, jnp.finfo(lengths.dtype).tiny), 1)
