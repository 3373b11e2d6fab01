"""Authentication key: pairs measured when their window closes fill a pool of limited size and life.

BBM92: both halves of a pair are measured in the same basis.

Each measured pair adds at once what the accounting says that it is worth (`ACCOUNTINGS`), though
provable key comes in blocks of thousands of pairs, gathered over rounds and distilled together.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.physics import bell, key
from ceas_gym.types import KeyBudget

Accounting = Callable[[Array, Array], Array]


def asymptotic(
    pair: Float[Array, "nodes 4"], block_pairs: Float[Array, ""]
) -> Float[Array, " nodes"]:
    """Returns the secret fraction of a run without end: a price that no finite block reaches."""
    del block_pairs
    return key.secret_fraction(pair)


def finite(pair: Float[Array, "nodes 4"], block_pairs: Float[Array, ""]) -> Float[Array, " nodes"]:
    """Returns the secret bits of a block of finite size, amortised over all its pairs.

    The bits are counted pair by pair, as if each came with its share of the block; a real block
    yields all of its key at its end and none before. Each block is secret but for a probability
    of 1e-10, and of its two copies being different of 1e-15 (the defaults of
    `physics.key.finite_key_bits`). So n tags whose key comes from one block are forged with a
    probability of at most n 2^-security_bits + 1e-10: up to 33 bits of security the key does not
    spoil what a single tag claims, and beyond that the second term is what remains.
    """
    return key.finite_secret_fraction(pair, block_pairs)


ACCOUNTINGS: dict[str, Accounting] = {"asymptotic": asymptotic, "finite": finite}


def bits_per_pair(
    budget: KeyBudget, contraction: Float[Array, "xyz nodes"]
) -> Float[Array, " nodes"]:
    """Returns the secret bits that a pair yields when both its halves are measured.

    Args:
        budget: Readout of the measurement, and the accounting.
        contraction: Of the pair, by the hub's estimate.
    """
    measured = bell.from_letters(contraction.T * budget.contraction)
    return budget.accounting(measured, budget.block_pairs)


def measure(
    budget: KeyBudget,
    key_bits: Float[Array, "nodes slots"],
    arrivals: Int[Array, " nodes"],
    per_pair: Float[Array, " nodes"],
    lasts: Bool[Array, " nodes"],
) -> tuple[Float[Array, "nodes slots"], Int[Array, " nodes"]]:
    """Returns the key pool with the new key, and how many of the new pairs were measured for it.

    Pairs that would expire before the barrier are measured as long as the pool has room. Pairs
    that would last are measured only while the node is short of key for this round's tag. No pair
    is measured whose key would not fit.

    Args:
        budget: Tag length and pool capacity.
        key_bits: Pool by age of the key.
        arrivals: New pairs in this window.
        per_pair: Secret bits of a new pair.
        lasts: Whether a new pair would last until the barrier.
    """
    held = key_bits.sum(axis=1)
    room = _pairs(jnp.floor, budget.capacity_bits - held, per_pair)
    short = _pairs(jnp.ceil, budget.tag_bits - held, per_pair)
    wanted = jnp.where(lasts, jnp.minimum(short, room), room)
    keyed = jnp.where(per_pair > 0, jnp.minimum(arrivals, wanted), 0)
    return key_bits.at[:, 0].add(keyed * per_pair), keyed


def spend(
    budget: KeyBudget, key_bits: Float[Array, "nodes slots"], tagged: Bool[Array, " nodes"]
) -> Float[Array, "nodes slots"]:
    """Returns the pool after the tagged nodes used the oldest bits for one tag each.

    Example:
        >>> from types import SimpleNamespace
        >>> spend(SimpleNamespace(tag_bits=4.0), jnp.array([[5.0, 3.0]]), jnp.array([True]))
        Array([[4., 0.]], dtype=float32)
    """
    owed = jnp.where(tagged, budget.tag_bits, 0.0)[:, None]
    older = key_bits.sum(axis=1, keepdims=True) - jnp.cumsum(key_bits, axis=1)
    return key_bits - jnp.clip(owed - older, 0.0, key_bits)


def expire(budget: KeyBudget, key_bits: Float[Array, "nodes slots"]) -> Float[Array, "nodes slots"]:
    """Returns the pool one round later: the oldest key is discarded, if key expires at all."""
    if not budget.expires:
        return key_bits
    return jnp.pad(key_bits[:, :-1], ((0, 0), (1, 0)))


def _pairs(
    rounding: Callable[[Array], Array],
    bits: Float[Array, " nodes"],
    per_pair: Float[Array, " nodes"],
) -> Int[Array, " nodes"]:
    # Pairs that make so many bits; the guard keeps worthless pairs from dividing by zero.
    pairs = rounding(jnp.maximum(bits, 0.0) / jnp.maximum(per_pair, 1e-6))
    return jnp.minimum(pairs, 1e9).astype(jnp.int32)
