"""Tallies: counts of whole numbers beyond 32 bits, as two words.

An episode may make more pairs than one number of 32 bits holds, and JAX has no wider integers
unless asked for them.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

BITS = 30
"""Of the lower word: one more round may be added before the upper one takes over."""


def zero() -> Int[Array, " words"]:
    """Returns a tally of nothing."""
    return jnp.zeros(2, jnp.int32)


def add(tally: Int[Array, " words"], number: ArrayLike) -> Int[Array, " words"]:
    """Returns the tally with a number added.

    Args:
        tally: Upper and lower word.
        number: From 0 to 2^30.

    Example:
        >>> add(jnp.array([0, 2**30 - 1]), 2).tolist()
        [1, 1]
    """
    lower = tally[1] + jnp.asarray(number, tally.dtype)
    return jnp.stack([tally[0] + (lower >> BITS), lower & (2**BITS - 1)])


def number(tally: Int[Array, " words"]) -> Float[Array, ""]:
    """Returns a tally as a single number, which is rounded if it is too long.

    Example:
        >>> float(number(jnp.array([2, 0]))) == 2.0**31
        True
    """
    return tally[0] * float(2**BITS) + tally[1]


def share(part: Int[Array, " words"], whole: Int[Array, " words"]) -> Float[Array, ""]:
    """Returns which share of a whole a part of it is, 0 if there is nothing.

    Example:
        >>> float(share(jnp.array([1, 0]), jnp.array([4, 0])))
        0.25
    """
    return number(part) / jnp.maximum(number(whole), 1)
