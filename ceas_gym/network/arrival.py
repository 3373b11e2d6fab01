"""Spending on arrival: pairs become shots in the window in which they arrive, and need not last.

All shots of a round are executed with the same model, so it does not matter in which of its windows
that happens, and what they measure is classical and does not decay. Key comes first, as at any
time: pairs that are measured for it are not stored. A node that lacks key for its tags when the
barrier fires has executed its shots for nothing.

This is the honest baseline for shots whose pairs are all of one link: nothing has to be
simultaneous but the exchange of updates.
"""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Int

from ceas_gym.jax_utils import packing
from ceas_gym.network import ages, counts, delivery
from ceas_gym.physics import register
from ceas_gym.types import Delivery, Gathered, Network


def none(network: Network) -> Delivery | None:
    """Returns the shots at the start of a round, none yet; None where pairs wait for the barrier.

    Args:
        network: Number of nodes, qubits of a shot, and when pairs are spent.
    """
    if not network.spends_on_arrival:
        return None
    number, types = network.memories.decay_rate.dtype, len(register.pauli_types(network.qubits))
    return Delivery(
        shots=jnp.zeros(network.nodes, jnp.int32),
        contraction=jnp.zeros((network.nodes, types), number),
        signal=jnp.zeros(network.nodes, number),
        authenticated=jnp.zeros(network.nodes, bool),
    )


def execute(network: Network, gathered: Gathered) -> Gathered:
    """Returns what the network holds after every node has executed as many shots as it has pairs.

    Args:
        network: Qubits of a shot, teleportation, and when pairs are spent.
        gathered: What the network holds after a window.

    Source:
        Teleportation of a register: Bennett et al., PRL 70, 1895 (1993), as in `physics.register`.
    """
    if gathered.executed is None:
        return gathered
    memory, ledger = ages.widened(network, gathered.memory), gathered.ledger
    shots = memory.pairs.sum(axis=1) // network.qubits
    taken = counts.take(memory.pairs, shots * network.qubits, oldest_first=network.oldest_first)
    new = delivery.of_pairs(network, memory.contraction, taken, shots)
    after = replace(
        gathered,
        memory=ages.narrowed(network, replace(memory, pairs=memory.pairs - taken)),
        ledger=replace(ledger, spent=ledger.spent + taken.sum(axis=1)),
        executed=together(gathered.executed, new),
    )
    return packing.of_types(after, gathered)


def together(one: Delivery | None, other: Delivery) -> Delivery:
    """Returns two deliveries as one: the sum of their shots, and means over all of these.

    Args:
        one: Shots executed before; None stands for no shots.
        other: Shots executed later.
    """
    if one is None:
        return other
    share = other.shots / jnp.maximum(one.shots + other.shots, 1)
    return replace(
        other,
        shots=one.shots + other.shots,
        contraction=_mean(one.contraction, other.contraction, share[:, None]),
        signal=_mean(one.signal, other.signal, share),
    )


def shots(gathered: Gathered) -> Int[Array, " nodes"] | int:
    """Returns the shots that were executed since the last barrier, at least 0."""
    return 0 if gathered.executed is None else gathered.executed.shots


def _mean(one: Array, other: Array, share: Array) -> Array:
    return one + (other - one) * share
