"""The barrier: stored pairs become shots, and key becomes tags."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.network import key_pool
from ceas_gym.types import Delivery, Ledger, Memory, Network

ROUNDING = 1e-6


def take(
    pairs: Int[Array, "nodes ages"], amount: Int[Array, " nodes"], oldest_first: bool
) -> Int[Array, "nodes ages"]:
    """Returns which of the pairs are taken, by age.

    Example:
        >>> take(jnp.array([[3, 2, 4]]), jnp.array([4]), oldest_first=False).tolist()
        [[3, 1, 0]]
        >>> take(jnp.array([[3, 2, 4]]), jnp.array([5]), oldest_first=True).tolist()
        [[0, 1, 4]]
    """
    younger = jnp.cumsum(pairs, axis=1) - pairs
    before = pairs.sum(axis=1, keepdims=True) - younger - pairs if oldest_first else younger
    return jnp.clip(amount[:, None] - before, 0, pairs)


def mean_products(
    counts: Int[Array, "nodes ages"], values: Float[Array, "nodes ages"], most: int
) -> Float[Array, "nodes weights"]:
    r"""Returns the mean product of k values drawn without replacement, for k from 0 to `most`.

    The taken pairs are dealt to shots and qubits at random, so a Pauli word of weight k contracts
    on average by the normalised elementary symmetric polynomial of all taken pairs,

        s_k = e_k / C(M, k),   k e_k = sum_{i=1..k} (-1)^{i-1} e_{k-i} p_i,

    with M pairs and power sums p_i.

    Args:
        counts: Pairs taken, by age; M of them for a node, either none or at least `most`.
        values: Contraction of a pair of that age.
        most: Greatest k.

    Returns:
        One for k = 0; for a node without pairs, zero for all other k.

    Source:
        Newton's identities.

    Example:
        >>> print(mean_products(jnp.array([[1, 3]]), jnp.array([[1.0, 0.0]]), 2))
        [[1.   0.25 0.  ]]
    """
    total = counts.sum(axis=1).astype(values.dtype)
    safe = jnp.maximum(total, most)
    moments = [(counts * values**i).sum(axis=1) / safe for i in range(1, most + 1)]
    means = [jnp.ones_like(total)]
    for k in range(1, most + 1):
        factor, mean = jnp.ones_like(total), jnp.zeros_like(total)
        for i in range(1, k + 1):
            # factor = (p_i / m_i) C(M, k-i) / (k C(M, k)), grown one i at a time.
            factor = factor * (safe if i == 1 else k - i + 1) / (safe - (k - i))
            mean = mean + (-1.0) ** (i - 1) * factor * moments[i - 1] * means[k - i]
        means.append(mean)
    return jnp.stack(means, axis=1)


def spend(network: Network, memory: Memory, ledger: Ledger) -> tuple[Memory, Delivery, Ledger]:
    """Returns the memory after the barrier, what it delivered, and the completed ledger.

    A node with key for a tag takes part, if it has pairs for at least one shot; so does a node
    without, where the protocol accepts unauthenticated updates. It turns as many pairs into shots
    as make whole shots. The others keep their pairs.

    Args:
        network: Links and key rates.
        memory: Pairs and key at the barrier.
        ledger: The round's ledger so far.
    """
    # Pairs are measured until they make a tag; the sum of their bits may round to just below it.
    has_key = memory.key_bits.sum(axis=1) >= network.tag_bits * (1 - ROUNDING)
    ready = has_key | network.unauthenticated_spend
    shots = jnp.where(ready, memory.pairs.sum(axis=1) // network.qubits, 0)
    taken = take(memory.pairs, shots * network.qubits, network.oldest_first)
    authenticated = has_key & (shots > 0)

    arriving = network.contraction * network.delivery_contraction[:, None]
    contraction = mean_products(taken, arriving, network.qubits)
    key_bits = key_pool.spend(network, memory.key_bits, authenticated)
    left = Memory(memory.pairs - taken, key_pool.expire(network, key_bits))
    spent = taken.sum(axis=1)
    ledger = Ledger(ledger.generated, spent, ledger.keyed, ledger.expired, ledger.blocked)
    return left, Delivery(shots, contraction, authenticated), ledger
