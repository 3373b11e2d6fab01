"""Counts of pairs by age (the last axis): how pairs age, are stored and are taken out."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def fidelity(contraction: Float[Array, "xyz ..."]) -> Float[Array, "..."]:
    """Returns the fidelity (1 + x + y + z) / 4 of pairs with these contractions; in [0, 1].

    Source:
        First entry of `physics.bell.from_letters`.

    Example:
        >>> print(fidelity(jnp.array([0.8, 0.8, 1.0])))
        0.9
    """
    return (1 + contraction.sum(axis=0)) / 4


def age(
    pairs: Int[Array, "*batch ages"], alive: Bool[Array, "*batch ages"]
) -> tuple[Int[Array, "*batch ages"], Int[Array, "*batch"]]:
    """Returns the pairs one window later, and how many expired.

    Args:
        pairs: Counts by age at the end of the last window.
        alive: Whether a pair that has this age now is kept.

    Example:
        >>> pairs, expired = age(jnp.array([[3, 2, 1]]), jnp.array([[True, True, False]]))
        >>> pairs.tolist(), expired.tolist()
        ([[0, 3, 0]], [3])
    """
    kept = jnp.where(alive, shift(pairs), 0)
    return kept, pairs.sum(axis=-1) - kept.sum(axis=-1)


def shift(pairs: Int[Array, "*batch ages"]) -> Int[Array, "*batch ages"]:
    """Returns the counts one age older, in windows; the oldest pairs are dropped.

    Example:
        >>> shift(jnp.array([3, 2, 1])).tolist()
        [0, 3, 2]
    """
    return jnp.pad(pairs[..., :-1], [(0, 0)] * (pairs.ndim - 1) + [(1, 0)])


def admit(
    pairs: Int[Array, "*batch ages"], arrivals: Int[Array, "*batch"], memories: Int[Array, ""]
) -> tuple[Int[Array, "*batch ages"], Int[Array, "*batch"]]:
    """Returns the pairs with the new ones at age zero, and how many found the memory full.

    Args:
        pairs: Stored pairs by age.
        arrivals: New pairs.
        memories: Number of pairs that can be stored in all.

    Example:
        >>> pairs, blocked = admit(jnp.array([[0, 3]]), jnp.array([4]), memories=jnp.array(5))
        >>> pairs.tolist(), blocked.tolist()
        ([[2, 3]], [2])
    """
    stored = jnp.minimum(arrivals, memories - pairs.sum(axis=-1))
    return pairs.at[..., 0].add(stored.astype(pairs.dtype)), arrivals - stored


def powers(factor: Float[Array, "*batch"], number: int) -> Float[Array, "*batch {number}"]:
    """Returns the powers of a factor from 0 on, as a new last axis.

    Their number is doubled until there are enough, which is faster than computing each power.

    Args:
        factor: Numbers of any range.
        number: Number of powers; at least 1.

    Example:
        >>> powers(jnp.array([0.5, 0.0]), 4).tolist()
        [[1.0, 0.5, 0.25, 0.125], [1.0, 0.0, 0.0, 0.0]]
    """
    product, step = jnp.ones_like(factor)[..., None], factor[..., None]
    while product.shape[-1] < number:
        product = jnp.concatenate([product, product * step], axis=-1)
        step = step**2
    return product[..., :number]


def total(
    pairs: Int[Array, "*batch ages"], value: Float[Array, "*batch ages"]
) -> Float[Array, "*batch"]:
    """Returns the sum of the values of all pairs, the same to the last bit for any number of ages.

    The first half of the ages is added to the second, again and again, because XLA adds up in an
    order that depends on their number. The selection keeps it from rounding a product only once it
    is added.

    Args:
        pairs: Counts by age.
        value: Of a pair of each age; any number where there is none.

    Example:
        >>> total(jnp.array([3, 2, 0]), jnp.array([0.5, 2.0, 7.0])).tolist()
        5.5
    """
    sums = jnp.where(pairs > 0, pairs * value, 0)
    while (number := sums.shape[-1]) > 1:
        half = 1 << (number - 1).bit_length() - 1
        rest = [(0, 0)] * (sums.ndim - 1) + [(0, 2 * half - number)]
        sums = sums[..., :half] + jnp.pad(sums[..., half:], rest)
    return sums[..., 0]


def take(
    pairs: Int[Array, "*batch ages"], amount: Int[Array, "*batch"], *, oldest_first: bool
) -> Int[Array, "*batch ages"]:
    """Returns how many pairs of each age are taken.

    Args:
        pairs: Stored pairs by age.
        amount: Pairs to take in all; all are taken if there are fewer.
        oldest_first: Whether the oldest pairs are taken first; otherwise the newest.

    Example:
        >>> take(jnp.array([[3, 2, 4]]), jnp.array([4]), oldest_first=False).tolist()
        [[3, 1, 0]]
        >>> take(jnp.array([[3, 2, 4]]), jnp.array([5]), oldest_first=True).tolist()
        [[0, 1, 4]]
    """
    younger = jnp.cumsum(pairs, axis=-1) - pairs
    before = pairs.sum(axis=-1, keepdims=True) - younger - pairs if oldest_first else younger
    return jnp.clip(amount[..., None] - before, 0, pairs)
