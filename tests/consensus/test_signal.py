"""What the hub measures of a node's noise, against density matrices."""

import math
from itertools import permutations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qml
import pytest

from ceas_gym.consensus import protocol
from ceas_gym.types import Delivery

signal = jax.jit(protocol.signal)


def twirled_contraction(contraction: tuple[float, ...]) -> float:
    """From the fidelity of the channel's Choi state, by density matrices."""
    qubits = len(contraction)

    def entangle(wires: range) -> None:
        for first, second in zip(wires[:qubits], wires[qubits:], strict=True):
            qml.Hadamard(wires=first)
            qml.CNOT(wires=[first, second])

    @qml.qnode(qml.device("default.mixed", wires=2 * qubits))
    def choi() -> Any:
        entangle(range(2 * qubits))
        for wire, factor in enumerate(contraction):
            qml.DepolarizingChannel(3 * (1 - factor) / 4, wires=wire)
        qml.adjoint(entangle)(range(2 * qubits))
        return qml.probs(wires=range(2 * qubits))

    fidelity = float(np.asarray(choi())[0])
    return (4**qubits * fidelity - 1) / (4**qubits - 1)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("pairs", [(0.8, 0.8), (0.9, 0.5), (0.95, 0.7, 0.3)])
def test_signal_is_the_contraction_of_the_twirled_channel(pairs: tuple[float, ...]) -> None:
    # Pairs are dealt to the qubits at random, and the channels average over the deals.
    deals = sorted(set(permutations(pairs)))
    means = [np.mean([math.prod(deal[:k]) for deal in deals]) for k in range(len(pairs) + 1)]
    expected = np.mean([twirled_contraction(deal) for deal in deals])
    assert float(signal(jnp.array([means]))[0]) == pytest.approx(expected, abs=1e-12)


@pytest.mark.usefixtures("exact")
def test_signal_of_perfect_and_of_no_pairs() -> None:
    assert signal(jnp.array([[1.0] * 5, [1.0, 0, 0, 0, 0]])).tolist() == [1.0, 0.0]


@pytest.mark.usefixtures("exact")
def test_information_is_shots_times_the_fisher_factor() -> None:
    shots = jnp.array([0, 1, 2, 100])
    powers = jnp.tile(0.8 ** jnp.arange(3), (4, 1))
    delivery = Delivery(shots, powers, jnp.ones(4, bool))
    left = (6 * 0.8 + 9 * 0.8**2) / 15
    factor = left**2 / (left + 2 * (1 - left) / 4)
    expected = [count * factor for count in shots.tolist()]
    assert protocol.measured_information(delivery).tolist() == pytest.approx(expected, rel=1e-12)


def test_node_without_pairs_has_no_information_and_no_nan() -> None:
    nothing = Delivery(
        jnp.zeros(2, jnp.int32), jnp.array([[1.0, 0.0, 0.0]] * 2), jnp.zeros(2, bool)
    )
    assert protocol.measured_information(nothing).tolist() == [0.0, 0.0]
