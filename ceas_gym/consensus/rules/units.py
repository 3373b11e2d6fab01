"""Updates of any scale: made finite, and measured in a unit of their own size before squaring.

The unit is a power of two, so that scaling does not round, and a rule scales exactly with the
updates.
"""

import functools
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.scale import power_of_two

Rule = Callable[[Array, Array, Array], Array]


def finite(updates: Array) -> Float[Array, "nodes parameters"]:
    """Returns the updates with NaN as 0, and components limited to a quarter of the largest number.

    Args:
        updates: Shape (nodes, parameters).

    Example:
        >>> finite(jnp.array([[1.0, jnp.nan, jnp.inf]])).tolist()[0][:2]
        [1.0, 0.0]
    """
    updates = jnp.asarray(updates)
    updates = updates.astype(jnp.promote_types(updates.dtype, jnp.float32))
    most = jnp.finfo(updates.dtype).max / 4
    return jnp.where(jnp.isnan(updates), 0, jnp.clip(updates, -most, most))


def unit(updates: Array, weights: Array, byzantine: Array) -> Float[Array, ""]:
    """Returns the power of two above the largest component, the `byzantine` longest updates aside.

    The length of an update is here its largest absolute component. The unit is at most twice the
    largest component of an honest update, whatever Byzantine nodes send. Where all but the longest
    updates are zero, it is the power of two above the shortest non-zero length.

    Args:
        updates: Shape (nodes, parameters); finite.
        weights: Shape (nodes,); updates of weight zero are ignored.
        byzantine: Number of longest updates to leave out; at least 0.

    Example:
        >>> float(unit(jnp.array([[3.0], [-5.0], [1e30]]), jnp.full(3, 1 / 3), 1))
        8.0
    """
    lengths = jnp.where(weights > 0, jnp.abs(updates).max(axis=1), 0)
    as_long = (lengths[:, None] >= lengths).sum(axis=0)
    size = jnp.where(as_long > byzantine, lengths, 0).max()
    shortest = jnp.where(lengths > 0, lengths, jnp.finfo(lengths.dtype).max).min()
    return power_of_two(jnp.where(size > 0, size, shortest))


def reach(updates: Array) -> float:
    """Returns the most units that a component may have so that no square overflows: a power of two.

    Args:
        updates: Any shape; only the type counts, 2^51 in 32 bits and 2^409 in 64 bits.

    Example:
        >>> reach(jnp.zeros(3)) == 2.0**51
        True
    """
    return 2.0 ** int(0.4 * jnp.finfo(updates.dtype).maxexp)


def in_units(rule: Rule) -> Rule:
    """Returns the rule on updates that are scaled by `unit` and limited to `reach`, scaled back.

    The limit affects the `byzantine` longest updates only. The rule and the result are functions
    (updates, weights, byzantine), where updates have the shape (nodes, parameters).
    """

    @functools.wraps(rule)
    def scaled(updates: Array, weights: Array, byzantine: Array) -> Array:
        updates = jnp.asarray(updates)
        own, most = unit(updates, weights, byzantine), reach(updates)
        return rule(jnp.clip(updates * (1 / own), -most, most), weights, byzantine) * own

    return scaled


def within_reach(rule: Rule) -> Rule:
    """Returns the rule on updates that are limited to `reach` units, without scaling them.

    The rule and the result are functions (updates, weights, byzantine), where updates have the
    shape (nodes, parameters).
    """

    @functools.wraps(rule)
    def bounded(updates: Array, weights: Array, byzantine: Array) -> Array:
        most = unit(updates, weights, byzantine) * reach(updates)
        return rule(jnp.clip(updates, -most, most), weights, byzantine)

    return bounded
