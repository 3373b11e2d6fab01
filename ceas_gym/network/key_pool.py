"""Authentication key: pairs measured when their window closes fill pools of limited size and age.

A node has a pool for each member of the committee, because every pair belongs to one member, whose
key no other member learns. A single hub is a committee of one.

Both halves of a pair are measured in the same basis (BBM92). Each measured pair adds at once the
secret bits that the accounting gives it (`ACCOUNTINGS`), although provable key comes in blocks of
thousands of pairs, which are gathered over rounds and distilled together.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.physics import bell, key
from ceas_gym.types import KeyBudget

ROUNDING = 1e-6
"""Share of a round's key by which the sum of its bits may fall short."""

Accounting = Callable[[Array, Array], Array]
"""(Bell-diagonal quadruples, pairs of a block) -> secret bits of each measured pair, in [0, 1]."""


def asymptotic(
    pair: Float[Array, "nodes 4"], block_pairs: Float[Array, ""]
) -> Float[Array, " nodes"]:
    """Returns the secret fraction, in bits a pair, of infinitely many pairs; no block reaches it.

    Source:
        BBM92 with the asymptotic rate: see `physics.key.secret_fraction`.
    """
    del block_pairs
    return key.secret_fraction(pair)


def finite(pair: Float[Array, "nodes 4"], block_pairs: Float[Array, ""]) -> Float[Array, " nodes"]:
    """Returns the secret bits of a block of finite size, divided by the number of its pairs.

    Every pair counts with its share of the block at once; a real block yields all of its key at its
    end. A block is not secret with a probability of at most 1e-10, and its two copies differ with
    a probability of at most 1e-15 (the defaults of `physics.key.finite_key_bits`). So one of n tags
    with key from one block is forged with a probability of at most n 2^-security_bits + 1e-10. For
    a single tag the first term dominates up to 33 bits of security, the second beyond that.

    Args:
        pair: Bell-diagonal quadruples.
        block_pairs: Number of pairs that are distilled together; at least 2000.

    Source:
        Tomamichel, Lim, Gisin and Renner, Nature Communications 3, 634 (2012).
    """
    return key.finite_secret_fraction(pair, block_pairs)


ACCOUNTINGS: dict[str, Accounting] = {"asymptotic": asymptotic, "finite": finite}


def bits_per_pair(
    budget: KeyBudget, contraction: Float[Array, "xyz nodes"]
) -> Float[Array, " nodes"]:
    """Returns the secret bits, in [0, 1], that a pair yields when both its halves are measured.

    Args:
        budget: Readout of the measurement, and the accounting.
        contraction: Contraction of the pair by the hub's estimate, in [-1, 1].

    Source:
        Bennett, Brassard and Mermin, PRL 68, 557 (1992).
    """
    measured = bell.from_letters(contraction.T * budget.contraction)
    return budget.accounting(measured, budget.block_pairs)


def measure(
    budget: KeyBudget,
    key_bits: Float[Array, "nodes members slots"],
    arrivals: Int[Array, " nodes"],
    per_pair: Float[Array, " nodes"],
    lasts: Bool[Array, " nodes"],
) -> tuple[Float[Array, "nodes members slots"], Int[Array, " nodes"]]:
    """Returns the pools with the new key, and how many of the new pairs were measured for it.

    Pairs are first dealt to the members with which the node lacks key for this round's tags, in the
    order of the members. Of the other pairs, those that would expire before the barrier are
    measured as long as any pool has room. A pair whose key would not fit is not measured.

    Args:
        budget: Key of a round and capacity of a pool, in bits.
        key_bits: Secret bits in the pools, by age.
        arrivals: New pairs in this window.
        per_pair: Secret bits of a new pair, in [0, 1].
        lasts: Whether a new pair would last until the barrier.
    """
    held, bits = key_bits.sum(axis=2), per_pair[:, None]
    room = _pairs(jnp.floor, _by_node(budget.capacity_bits) - held, bits)
    short = jnp.minimum(room, _pairs(jnp.ceil, _by_node(budget.round_bits) - held, bits))
    usable = jnp.where(per_pair > 0, arrivals, 0)
    needed = _deal(usable, short)
    spare = _deal(jnp.where(lasts, 0, usable - needed.sum(axis=1)), room - needed)
    keyed = needed + spare
    return key_bits.at[:, :, 0].add(keyed * bits), keyed.sum(axis=1)


def suffices(
    budget: KeyBudget, key_bits: Float[Array, "nodes members slots"]
) -> Bool[Array, " nodes"]:
    """Returns which nodes have key for all tags that they exchange in a round with all members.

    Args:
        budget: Key of a round, in bits.
        key_bits: Secret bits in the pools, by age.
    """
    # Pairs are measured until they suffice, but the sum of their bits may be rounded.
    return (key_bits.sum(axis=2) >= _by_node(budget.round_bits) * (1 - ROUNDING)).all(axis=1)


def share_of_round(
    budget: KeyBudget, key_bits: Float[Array, "nodes members slots"]
) -> Float[Array, " nodes"]:
    """Returns the share of the key of a round that the nodes hold, in [0, 1].

    Key for one member does not make up for key that is missing for another. A node without tags
    lacks none.

    Args:
        budget: Key of a round, in bits.
        key_bits: Secret bits in the pools, by age.
    """
    needed, held = _by_node(budget.round_bits), key_bits.sum(axis=2)
    share = jnp.where(needed > 0, held / jnp.where(needed > 0, needed, 1.0), 1.0)
    return jnp.minimum(share, 1.0).mean(axis=1)


def spend(
    budget: KeyBudget,
    key_bits: Float[Array, "nodes members slots"],
    tagged: Bool[Array, " nodes"],
) -> Float[Array, "nodes members slots"]:
    """Returns the pools after each tagged node has used its oldest bits for the tags of a round.

    Args:
        budget: Key of a round, in bits.
        key_bits: Secret bits in the pools, by age.
        tagged: Nodes that use up the key of a round.

    Source:
        One-time pad of a Wegman-Carter tag: see `physics.key.tag_bits`.

    Example:
        >>> from types import SimpleNamespace
        >>> spend(SimpleNamespace(round_bits=4.0), jnp.array([[[5.0, 3.0]]]), jnp.array([True]))
        Array([[[4., 0.]]], dtype=float32)
    """
    owed = jnp.where(tagged, budget.round_bits, 0.0)[:, None, None]
    older = key_bits.sum(axis=2, keepdims=True) - jnp.cumsum(key_bits, axis=2)
    return key_bits - jnp.clip(owed - older, 0.0, key_bits)


def expire(
    budget: KeyBudget,
    key_bits: Float[Array, "nodes members slots"],
    before: Int[Array, ""],
    after: Int[Array, ""],
) -> Float[Array, "nodes members slots"]:
    """Returns the pools after a step, in bits by age; if key expires, the oldest are discarded.

    Key grows older by a slot whenever the clock passes a multiple of `slot_windows`: not in every
    step, or by several slots in a long one.

    Args:
        budget: Windows of a slot.
        key_bits: Secret bits in the pools, by age.
        before: The clock before the step, in windows; at least 0.
        after: The clock after it; at least `before`.

    Example:
        >>> from types import SimpleNamespace
        >>> budget = SimpleNamespace(expires=True, slot_windows=8)
        >>> expire(budget, jnp.array([[[5.0, 3.0, 1.0]]]), 7, 9)
        Array([[[0., 5., 3.]]], dtype=float32)
    """
    if not budget.expires:
        return key_bits
    slots = key_bits.shape[2]
    passed = jnp.minimum(after // budget.slot_windows - before // budget.slot_windows, slots)
    padded = jnp.pad(key_bits, ((0, 0), (0, 0), (slots, 0)))
    return jax.lax.dynamic_slice_in_dim(padded, slots - passed, slots, axis=2)


def _by_node(bits: Float[Array, "*nodes"]) -> Float[Array, "*nodes 1"]:
    # The same for all members.
    return jnp.asarray(bits)[..., None]


def _deal(
    pairs: Int[Array, " nodes"], wanted: Int[Array, "nodes members"]
) -> Int[Array, "nodes members"]:
    # Each member gets what it wants, in their order, as long as there are pairs.
    before = jnp.cumsum(wanted, axis=1) - wanted
    return jnp.clip(pairs[:, None] - before, 0, wanted)


def _pairs(
    rounding: Callable[[Array], Array],
    bits: Float[Array, "nodes members"],
    per_pair: Float[Array, "nodes 1"],
) -> Int[Array, "nodes members"]:
    # Pairs that yield so many bits; the lower bound avoids division by zero for pairs without key.
    pairs = rounding(jnp.maximum(bits, 0.0) / jnp.maximum(per_pair, 1e-6))
    # Limited, so that the sum over all members fits in 32 bits.
    return jnp.minimum(pairs, 2.0**25).astype(jnp.int32)
