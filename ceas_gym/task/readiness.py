"""What a barrier could use: which nodes are ready, and what their pairs are worth."""

from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.consensus import protocol
from ceas_gym.network import barrier, counts, delivery, teams
from ceas_gym.physics import information as physics
from ceas_gym.physics import register
from ceas_gym.types import Gathered, Links, Network, Params

HALF = 300.0
"""Shots of perfect signal behind an update at which a barrier is worth one half."""

ZERO = 1e-9
"""Information up to this counts as none where it is divided by."""


class Stocks(NamedTuple):
    """What each team could bring to a barrier, by the hub's estimate."""

    information: Float[Array, " teams"]
    """Fisher information of the stored pairs, in shots of perfect signal; at least 0."""
    later: Float[Array, " teams"]
    """The same a window later, if no pairs were added."""
    ready: Bool[Array, " teams"]
    """Whether the team could take part: it has pairs for a shot, and key for its tags if needed."""
    ready_later: Bool[Array, " teams"]
    """The same a window later, if no pairs were added and no key aged."""


def assess(params: Params, links: Links, gathered: Gathered) -> Stocks:
    """Returns what each team could bring to a barrier now, and a window later.

    Args:
        params: The scenario.
        links: Decay in this step.
        gathered: What the network holds.
    """
    network, memory, executed = params.network, gathered.memory, gathered.executed
    estimated = memory.contraction[-1]
    decayed = estimated * links.decay[-1][..., None]
    lasting = counts.fidelity(decayed) >= network.memories.cutoff_fidelity
    # Pairs of the greatest age are discarded in any case.
    pairs_later = jnp.where(lasting, memory.pairs, 0).at[:, -1].set(0)
    spent = 0 if executed is None else executed.shots * _factor(network, executed.signal)
    return Stocks(
        information=spent + _information(network, memory.pairs, estimated),
        later=spent + _information(network, pairs_later, decayed),
        ready=barrier.able(network, memory, executed),
        ready_later=barrier.able(network, replace(memory, pairs=pairs_later), executed),
    )


def worth(
    params: Params, information: Float[Array, " teams"], ready: Bool[Array, " teams"]
) -> Float[Array, ""]:
    """Returns what a barrier would be worth, in [0, 1): G / (G + `HALF`), or 0 below the quorum.

    G = (sum of root information)^2 / number of ready teams is the number of shots of perfect signal
    that the median of their updates is worth, at equal information of all nodes; G / (G + G0) is
    the share of the signal in the variance of the update, where G0 shots have as much noise as
    there is signal.

    Args:
        params: The quorum, and the information at which minibatch noise dominates.
        information: Of each team, in shots of perfect signal; at least 0.
        ready: Teams that would take part.
    """
    floor, number = params.learning.batch_floor, ready.sum()
    roots = jnp.where(ready, jnp.sqrt(information * floor / (information + floor)), 0)
    shots = roots.sum() ** 2 / jnp.maximum(number, 1)
    is_quorum = number >= protocol.quorum(params.consensus)
    return jnp.where(is_quorum, shots / (shots + HALF), 0)


def of_a_shot(network: Network, estimated: Float[Array, "xyz nodes"]) -> Float[Array, " nodes"]:
    """Returns the Fisher information of a shot at each node, in shots of perfect signal.

    Args:
        network: Qubits of a shot, and the noise of teleportation.
        estimated: Mean contraction of the pairs that the shot takes, in [-1, 1].

    Returns:
        In [0, 1].
    """
    fidelity = counts.fidelity(estimated * network.operations.delivery_contraction)
    signal = register.twirled_contraction(fidelity**network.qubits, 2**network.qubits)
    return _factor(network, signal)


def _information(
    network: Network, pairs: Array, estimated: Float[Array, "xyz nodes ages"]
) -> Float[Array, " teams"]:
    # Each shot is taken to have the mean contraction of the pairs of each link.
    stored, grouped = pairs.sum(axis=1), network.teams
    mean = counts.total(pairs, estimated) / jnp.maximum(stored, 1)
    shots = teams.shots(network, stored)
    if grouped.shot.gates:
        gates = delivery.of_gate(network, mean)
        signal = delivery.signal_of_gates(network, gates)
        return teams.first(grouped, shots) * _factor(network, signal)
    each = shots * of_a_shot(network, mean)
    if grouped.size == 1:
        return each
    of_qpus = teams.of_qpus(grouped, each)
    of_team = grouped.size**2 / (1 / jnp.maximum(of_qpus, ZERO)).sum(axis=1)
    return jnp.where((of_qpus > 0).all(axis=1), of_team, 0)


def _factor(network: Network, signal: Float[Array, " nodes"]) -> Float[Array, " nodes"]:
    return physics.depolarized_qfi_factor(signal, 2**network.qubits)
