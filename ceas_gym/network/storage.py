"""Storage: pairs of the round wait in memory by age, until the barrier, their cut-off, or a key."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from ceas_gym.network import key_pool
from ceas_gym.types import Ledger, Memory, Network


def age(
    pairs: Int[Array, "nodes ages"], lifetime: Int[Array, " nodes"]
) -> tuple[Int[Array, "nodes ages"], Int[Array, " nodes"]]:
    """Returns the stored pairs one window later, and how many of each node expired.

    Args:
        pairs: Counts by age at the end of the last window.
        lifetime: Greatest age at which a pair is kept, in windows.

    Example:
        >>> pairs, expired = age(jnp.array([[3, 2, 1]]), lifetime=jnp.array([1]))
        >>> pairs.tolist(), expired.tolist()
        ([[0, 3, 0]], [3])
    """
    older = jnp.pad(pairs[:, :-1], ((0, 0), (1, 0)))
    kept = jnp.where(jnp.arange(pairs.shape[1]) <= lifetime[:, None], older, 0)
    return kept, pairs.sum(axis=1) - kept.sum(axis=1)


def admit(
    pairs: Int[Array, "nodes ages"], arrivals: Int[Array, " nodes"], memories: Int[Array, ""]
) -> tuple[Int[Array, "nodes ages"], Int[Array, " nodes"]]:
    """Returns the pairs with the new ones as age zero, and how many found the memory full.

    Example:
        >>> pairs, blocked = admit(jnp.array([[0, 3]]), jnp.array([4]), memories=jnp.array(5))
        >>> pairs.tolist(), blocked.tolist()
        ([[2, 3]], [2])
    """
    stored = jnp.minimum(arrivals, memories - pairs.sum(axis=1))
    return pairs.at[:, 0].add(stored.astype(pairs.dtype)), arrivals - stored


def store(
    network: Network, memory: Memory, heralded: Int[Array, "windows nodes"]
) -> tuple[Memory, Ledger]:
    """Returns the memory at the barrier after all windows of a round, and the pairs' fates so far.

    In each window, in this order: stored pairs age and those past the cut-off expire; some of the
    heralded pairs are measured into key; the others are stored, or blocked by a full memory. A
    pair is heralded at a uniformly random time of its window, so at the window's end (age zero)
    it is already half a window old on average; `Network.contraction` holds the exact mean.

    Args:
        network: Links and memories.
        memory: Pairs and key left from earlier rounds.
        heralded: Pairs heralded in each window.

    Returns:
        The memory, and the round's ledger, in which `spent` is still zero.
    """

    def window(memory: Memory, new: tuple[Array, Array]) -> tuple[Memory, Ledger]:
        arrivals, windows_left = new
        pairs, expired = age(memory.pairs, network.lifetime)
        key_bits, keyed = key_pool.measure(network, memory.key_bits, arrivals, windows_left)
        # A pair below the cut-off when heralded is never stored.
        storable = jnp.where(network.lifetime >= 0, arrivals - keyed, 0)
        pairs, blocked = admit(pairs, storable, network.memories)
        dead_on_arrival = arrivals - keyed - storable
        ledger = Ledger(arrivals, jnp.zeros_like(keyed), keyed, expired + dead_on_arrival, blocked)
        return Memory(pairs, key_bits), ledger

    windows_left = jnp.arange(network.windows)[::-1]
    memory, ledgers = jax.lax.scan(window, memory, (heralded, windows_left))
    return memory, jax.tree.map(lambda fate: fate.sum(axis=0), ledgers)
