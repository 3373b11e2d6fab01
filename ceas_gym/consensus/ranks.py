"""Weighted ranks: how much weight lies below each of many values."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

BLOCK = 25
"""Number of entries whose weight is summed in one kernel."""


def mass_below(values: Float[Array, "... n"], weights: Float[Array, " n"]) -> Array:
    """Returns the weight of all entries that come before each entry; ties are ordered by place.

    Args:
        values: Entries on the last axis, compared with each other along it.
        weights: Weight of each entry; at least 0.

    Returns:
        The weights before each entry, of the shape of `values`.

    Example:
        >>> mass_below(jnp.array([3.0, 1.0, 2.0]), jnp.array([0.5, 0.25, 0.25])).tolist()
        [0.5, 0.0, 0.25]
    """
    order = jnp.arange(jnp.shape(values)[-1]).reshape(-1, *[1] * (jnp.ndim(values) - 1))

    def is_before(entry: Array, entries: Array) -> Array:
        return jnp.where(order > entry, entries[entry] <= entries, entries[entry] < entries)

    return _mass(values, weights, is_before)


def mass_up_to(values: Float[Array, "... n"], weights: Float[Array, " n"]) -> Array:
    """Returns the weight of all entries that are no greater than each entry, itself included.

    Arguments and shape of the result are those of `mass_below`.

    Example:
        >>> mass_up_to(jnp.array([3.0, 1.0, 1.0]), jnp.array([0.5, 0.25, 0.25])).tolist()
        [1.0, 0.5, 0.5]
    """
    return _mass(values, weights, lambda entry, entries: entries[entry] <= entries)


def _mass(values: Array, weights: Array, is_before: Callable[[Array, Array], Array]) -> Array:
    # A loop over blocks, each unrolled: XLA vectorises neither a comparison of all entries with all
    # at once, nor a sum that a loop carries from entry to entry.
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
