"""Updates of any scale: finite, and for what squares them in units of their own size.

The unit is a power of two, so it rounds nothing, and a rule scales exactly with its updates.
"""

import functools
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.scale import power_of_two

Rule = Callable[[Array, Array, Array], Array]


def finite(updates: Array) -> Float[Array, "nodes parameters"]:
    """Returns the updates, NaN read as zero, with none beyond a quarter of the largest number.

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

    It is at most twice the largest component of an honest update, whatever the others send. Where
    all but these are zero, it is that of the shortest of these.

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
    """Returns how many units a component may have, so that no square overflows.

    Example:
        >>> reach(jnp.zeros(3)) == 2.0**51
        True
    """
    return 2.0 ** int(0.4 * jnp.finfo(updates.dtype).maxexp)


def in_units(rule: Rule) -> Rule:
    """Returns the rule on updates in units of their own, held to `reach`; its result scaled back.

    What is held to it is no more than the `byzantine` longest updates.
    """

    @functools.wraps(rule)
    def scaled(updates: Array, weights: Array, byzantine: Array) -> Array:
        updates = jnp.asarray(updates)
        own, most = unit(updates, weights, byzantine), reach(updates)
        return rule(jnp.clip(updates * (1 / own), -most, most), weights, byzantine) * own

    return scaled


def within_reach(rule: Rule) -> Rule:
    """Returns the rule on updates held to `reach`, on the scale that they have."""

    @functools.wraps(rule)
    def bounded(updates: Array, weights: Array, byzantine: Array) -> Array:
        most = unit(updates, weights, byzantine) * reach(updates)
        return rule(jnp.clip(updates, -most, most), weights, byzantine)

    return bounded
