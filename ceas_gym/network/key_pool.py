"""Authentication key: pairs measured when their window closes fill a pool of limited size and life.

BBM92: both halves of a pair are measured in the same basis.

The accounting is asymptotic: each measured pair adds its secret fraction at once. Provable key
comes in blocks of thousands of pairs, which this amortises over rounds (`physics.key`).
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.physics import bell, key
from ceas_gym.types import Network


def bits_per_pair(
    network: Network, contraction: Float[Array, "letters nodes"]
) -> Float[Array, " nodes"]:
    """Returns the secret bits that a pair yields when both its halves are measured.

    Args:
        network: Readout of the measurement.
        contraction: Of the pair, as the hub's books have it.
    """
    return key.secret_fraction(bell.from_letters(contraction.T * network.key_contraction))


def measure(
    network: Network,
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
        network: Tag length and pool capacity.
        key_bits: Pool by age of the key.
        arrivals: New pairs in this window.
        per_pair: Secret bits of a new pair.
        lasts: Whether a new pair would last until the barrier.
    """
    held = key_bits.sum(axis=1)
    room = _pairs(jnp.floor, network.key_capacity_bits - held, per_pair)
    short = _pairs(jnp.ceil, network.tag_bits - held, per_pair)
    wanted = jnp.where(lasts, jnp.minimum(short, room), room)
    keyed = jnp.where(per_pair > 0, jnp.minimum(arrivals, wanted), 0)
    return key_bits.at[:, 0].add(keyed * per_pair), keyed


def spend(
    network: Network, key_bits: Float[Array, "nodes slots"], tagged: Bool[Array, " nodes"]
) -> Float[Array, "nodes slots"]:
    """Returns the pool after the tagged nodes used the oldest bits for one tag each.

    Example:
        >>> from types import SimpleNamespace
        >>> spend(SimpleNamespace(tag_bits=4.0), jnp.array([[5.0, 3.0]]), jnp.array([True]))
        Array([[4., 0.]], dtype=float32)
    """
    owed = jnp.where(tagged, network.tag_bits, 0.0)[:, None]
    older = key_bits.sum(axis=1, keepdims=True) - jnp.cumsum(key_bits, axis=1)
    return key_bits - jnp.clip(owed - older, 0.0, key_bits)


def expire(network: Network, key_bits: Float[Array, "nodes slots"]) -> Float[Array, "nodes slots"]:
    """Returns the pool one round later: the oldest key is discarded, if key expires at all."""
    if not network.key_expires:
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
