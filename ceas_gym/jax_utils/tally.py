"""Tallies: whole numbers beyond 32 bits, as two words of 32 bits.

An episode may generate more pairs than an integer of 32 bits can count, and JAX has no wider
integers by default.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

BITS = 30
"""Bits used of the lower word. The others leave room for adding a number before the carry."""


def zero() -> Int[Array, " words"]:
    """Returns the tally 0: an upper and a lower word, shape (2,)."""
    return jnp.zeros(2, jnp.int32)


def add(tally: Int[Array, " words"], number: ArrayLike) -> Int[Array, " words"]:
    """Returns the tally with a number added.

    Args:
        tally: Upper and lower word, the latter in [0, 2^30).
        number: A whole number in [0, 2^30].

    Example:
        >>> add(jnp.array([0, 2**30 - 1]), 2).tolist()
        [1, 1]
    """
    lower = tally[1] + jnp.asarray(number, tally.dtype)
    return jnp.stack([tally[0] + (lower >> BITS), lower & (2**BITS - 1)])


def number(tally: Int[Array, " words"]) -> Float[Array, ""]:
    """Returns a tally as a single floating-point number, which rounds it if it is large.

    Args:
        tally: Upper and lower word.

    Example:
        >>> float(number(jnp.array([2, 0]))) == 2.0**31
        True
    """
    return tally[0] * float(2**BITS) + tally[1]


def share(part: Int[Array, " words"], whole: Int[Array, " words"]) -> Float[Array, ""]:
    """Returns part / whole, in [0, 1], or 0 if the whole is 0.

    Args:
        part: Tally of the part; at most the whole.
        whole: Tally of the whole.

    Example:
        >>> float(share(jnp.array([1, 0]), jnp.array([4, 0])))
        0.25
    """
    return number(part) / jnp.maximum(number(whole), 1)
