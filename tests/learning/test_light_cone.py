"""The light cone: what is left out changes no prediction, and what is kept can."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pennylane as qml
import pytest

from ceas_gym.learning import circuit, light_cone, pauli, pullback, reach
from ceas_gym.learning.pauli import Program

RANDOM = np.random.default_rng(5)


def entangled(weights: Any, wires: Sequence[int]) -> None:
    """A circuit with gates of all kinds: joint rotations, CNOT, T, and shared weights."""
    first, second, third = wires
    qml.RX(weights[0, 0, 0], wires=first)
    qml.T(wires=second)
    qml.IsingZZ(weights[0, 1, 0] - 2 * weights[0, 0, 0], wires=[first, second])
    qml.CNOT(wires=[third, second])
    qml.RY(weights[0, 2, 0], wires=third)
    qml.CRX(weights[0, 1, 1], wires=[second, first])
    qml.RZ(weights[0, 0, 1], wires=first)
    qml.RY(weights[0, 2, 1], wires=second)


CIRCUITS = {"hardware_efficient": (3, 4, 2), f"{__name__}:entangled": (1, 3, 2)}


def read(name: str, observables: int = 1, held: Sequence[int] | None = None) -> Program:
    program = circuit.read_program(name, CIRCUITS[name], observables)
    return replace(program, words=None if held is None else tuple(held))


def predictions(program: Program, data: np.ndarray, weights: Any) -> np.ndarray:
    """Of states with the data's Pauli vectors, at each of the weights."""
    words = slice(None) if program.words is None else list(program.words)
    trained = slice(None) if program.trained is None else list(program.trained)
    found = [pullback.pull(program, one[trained], np).observables for one in weights]
    return np.stack([data[:, words] @ np.asarray(each).T for each in found])


def states(qubits: int, is_real: bool) -> np.ndarray:
    size = (7, 2**qubits)
    amplitudes = RANDOM.normal(size=size) + (0 if is_real else 1j) * RANDOM.normal(size=size)
    amplitudes = amplitudes / np.linalg.norm(amplitudes, axis=1, keepdims=True)
    return pauli.pauli_vectors(amplitudes.astype(complex))


@pytest.mark.parametrize("is_real", [True, False])
@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize("observables", [1, 2])
def test_predictions_are_those_of_the_whole_circuit(
    name: str, observables: int, is_real: bool
) -> None:
    data = states(CIRCUITS[name][1], is_real)
    held = np.flatnonzero(np.abs(data).max(axis=0) > 1e-12).tolist()
    whole = read(name, observables, held)
    trimmed = light_cone.trimmed(whole)
    weights = RANDOM.normal(size=(5, whole.parameters))
    expected = predictions(whole, data, weights)
    np.testing.assert_allclose(predictions(trimmed, data, weights), expected, atol=1e-12)
    assert trimmed.angles < whole.angles
    assert len(trimmed.words or ()) < len(held)


@pytest.mark.parametrize("name", CIRCUITS)
def test_what_is_left_out_has_no_slope_and_what_is_kept_has_one(name: str) -> None:
    data = states(CIRCUITS[name][1], is_real=False)
    whole = read(name)
    trimmed = light_cone.trimmed(whole)
    assert trimmed.trained is not None
    slopes = []
    for weights in RANDOM.normal(size=(5, whole.parameters)):
        derivatives = np.asarray(pullback.pull(whole, weights, np).derivatives)
        slopes.append(np.einsum("sp,opk->sok", data, derivatives) @ whole.jacobian)
    largest = np.abs(slopes).max(axis=(0, 1, 2))
    kept = np.isin(np.arange(whole.parameters), trimmed.trained)
    assert largest[~kept].max() < 1e-12
    assert largest[kept].min() > 1e-3


def test_default_circuit_loses_half_of_its_angles() -> None:
    trimmed = light_cone.trimmed(read("hardware_efficient"))
    assert (trimmed.angles, trimmed.parameters) == (12, 12)
    # Of the last layer nothing but the turn before the readout.
    assert [weight for weight in trimmed.trained or () if weight >= 16] == [16]


@pytest.mark.parametrize(("layers", "qubits"), [(3, 4), (3, 8), (2, 10)])
def test_gradients_of_the_rest_are_those_of_pennylane(layers: int, qubits: int) -> None:
    """Of a state that default.qubit prepares, by its own derivative."""
    device = qml.device("default.qubit", wires=qubits)
    features, shape = RANDOM.normal(size=qubits), (layers, qubits, 2)

    @qml.qnode(device, interface="jax", diff_method="backprop")
    def run(weights: Any) -> Any:
        circuit.angle(features, range(qubits))
        circuit.hardware_efficient(weights.reshape(shape), range(qubits))
        return qml.expval(qml.Z(0))

    program = circuit.read_program("hardware_efficient", shape, 1)
    *_, reached = reach.backwards(program)
    trimmed = light_cone.trimmed(replace(program, words=tuple(reached.tolist())))
    states = circuit.encode("angle", features[None], qubits)
    data = pauli.pauli_vectors(states, trimmed.words)
    weights: Any = RANDOM.normal(size=program.parameters)
    with jax.enable_x64(True):
        expected = np.asarray(jax.jit(jax.grad(run))(weights))
    trained = list(trimmed.trained or ())
    pulled = pullback.pull(trimmed, weights[trained], np)
    found = data @ np.asarray(pulled.derivatives)[0]
    np.testing.assert_allclose(found[0] @ trimmed.jacobian, expected[trained], atol=1e-10)
    np.testing.assert_allclose(np.delete(expected, trained), 0, atol=1e-10)


def test_nothing_to_train_is_an_error() -> None:
    program = read("hardware_efficient", held=(0,))
    with pytest.raises(ValueError, match="the readout depends on no angle"):
        light_cone.trimmed(program)
