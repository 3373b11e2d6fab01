"""Ranks by weight: how much of the mass lies below each of many values."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

BLOCK = 25
"""Of entries whose mass is summed in one kernel."""


def mass_below(values: Float[Array, "... n"], weights: Float[Array, " n"]) -> Array:
    """Returns the weight of all entries that come before each entry, ties in order.

    Example:
        >>> mass_below(jnp.array([3.0, 1.0, 2.0]), jnp.array([0.5, 0.25, 0.25])).tolist()
        [0.5, 0.0, 0.25]
    """
    order = jnp.arange(jnp.shape(values)[-1]).reshape(-1, *[1] * (jnp.ndim(values) - 1))

    def is_before(entry: Array, entries: Array) -> Array:
        return jnp.where(order > entry, entries[entry] <= entries, entries[entry] < entries)

    return _mass(values, weights, is_before)


def mass_up_to(values: Float[Array, "... n"], weights: Float[Array, " n"]) -> Array:
    """Returns the weight of all entries that are no greater than each entry.

    Example:
        >>> mass_up_to(jnp.array([3.0, 1.0, 1.0]), jnp.array([0.5, 0.25, 0.25])).tolist()
        [1.0, 0.5, 0.5]
    """
    return _mass(values, weights, lambda entry, entries: entries[entry] <= entries)


def _mass(values: Array, weights: Array, is_before: Callable[[Array, Array], Array]) -> Array:
    # A block of entries after each other against all: with all at once, XLA makes no vectors of
    # them, nor of a sum that a loop reads and writes.
    entries, weights = jnp.moveaxis(jnp.asarray(values), -1, 0), jnp.asarray(weights)
    nodes = len(entries)

    def of_block(start: Array) -> Array:
        mass = jnp.zeros(entries.shape, weights.dtype)
        for entry in start + np.arange(min(BLOCK, nodes)):
            voter = jnp.where(entry < nodes, weights[entry], 0)
            mass += jnp.where(is_before(entry, entries), voter, 0)
        return mass

    blocks = jax.lax.map(of_block, jnp.arange(0, nodes, BLOCK))
    return jnp.moveaxis(blocks.sum(axis=0), 0, -1)
