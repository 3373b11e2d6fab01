"""How PennyLane functions are read: encoded states, affine angles, and clear refusals."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pennylane as qml
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from ceas_gym.learning import circuit, pauli
from ceas_gym.learning.pauli import Constant, Rotation
from ceas_gym.scenario import LearningSettings

Wires = Sequence[int]
HERE = __name__


def read(name: str, shape: tuple[int, int, int] = (1, 2, 2)) -> pauli.Program:
    return circuit.read_program(f"{HERE}:{name}", shape, observables=1)


# --- Feature maps ---


def entangling_map(features: Any, wires: Wires) -> None:
    for feature, wire in zip(features, wires, strict=False):
        qml.Hadamard(wires=wire)
        qml.PhaseShift(feature, wires=wire)
        qml.U3(feature, 0.3, -feature, wires=wire)
    qml.CRY(features[0] * features[1], wires=[wires[1], wires[0]])
    qml.QFT(wires=wires)


def oracle_state(feature_map: Callable[..., None], features: Any, qubits: int) -> Any:
    @qml.qnode(qml.device("default.qubit", wires=qubits))
    def run() -> Any:
        feature_map(features, range(qubits))
        return qml.state()

    return np.asarray(run())


@pytest.mark.parametrize(
    ("name", "feature_map"),
    [("angle", circuit.angle), (f"{HERE}:entangling_map", entangling_map)],
)
@pytest.mark.parametrize(("qubits", "count"), [(2, 2), (2, 5), (3, 3), (4, 7)])
def test_encoded_states_are_those_of_default_qubit(
    name: str, feature_map: Callable[..., None], qubits: int, count: int
) -> None:
    features = np.random.default_rng(qubits + count).normal(size=(3, count))
    states = circuit.encode(name, features, qubits)
    for state, sample in zip(states, features, strict=True):
        expected = oracle_state(feature_map, sample, qubits)
        overlap = np.vdot(expected, state)
        # Equal up to a global phase, which no expectation value sees.
        assert np.abs(state - overlap * expected).max() < 1e-12
        assert abs(overlap) == pytest.approx(1.0, abs=1e-12)


def test_encoding_gives_the_right_pauli_vectors() -> None:
    features = np.array([[0.4, -1.2, 0.9]])
    letters = ["".join(word) for word in product("IXYZ", repeat=3)]
    words: list[Any] = [qml.pauli.string_to_pauli_word(word) for word in letters]

    @qml.qnode(qml.device("default.qubit", wires=3))
    def run() -> Any:
        entangling_map(features[0], range(3))
        return [qml.expval(word) for word in words]

    vectors = pauli.pauli_vectors(circuit.encode(f"{HERE}:entangling_map", features, 3))
    assert np.abs(vectors[0] - np.array(run())).max() < 1e-12


def test_angle_encoding_by_hand() -> None:
    # Without entanglement: each qubit is at its angle from Z in the XZ plane.
    vector = pauli.pauli_vectors(circuit.encode("angle", np.array([[0.3, 1.1]]), 2))[0]
    bloch = [[1, np.sin(x), 0, np.cos(x)] for x in (0.3, 1.1)]
    assert vector == pytest.approx(np.kron(*bloch), abs=1e-12)


def test_features_of_zero_are_the_ground_state() -> None:
    states = circuit.encode("angle", np.zeros((1, 5)), 3)
    assert states[0].tolist() == pytest.approx([1.0] + [0.0] * 7)


# --- Ansatz ---


def shared(weights: Any, wires: Wires) -> None:
    qml.RX(2 * weights[0, 0, 0] - weights[0, 1, 1] + 0.3, wires=wires[0])
    qml.Hadamard(wires=wires[1])
    qml.IsingZZ(-weights[0, 1, 1] / 2, wires=wires)
    qml.RY(0.7, wires=wires[1])


def test_angles_are_affine_in_the_weights() -> None:
    program = read("shared")
    jacobian = [[2.0, 0.0, 0.0, -1.0], [0.0, 0.0, 0.0, -0.5], [0.0, 0.0, 0.0, 0.0]]
    assert program.jacobian == pytest.approx(np.array(jacobian), abs=1e-12)
    assert program.offset == pytest.approx([0.3, 0.0, 0.7], abs=1e-12)
    assert (program.angles, program.parameters) == (3, 4)


def test_steps_follow_the_circuit() -> None:
    steps = read("shared").steps
    rotations = [(s.word, s.wires, s.angle) for s in steps if isinstance(s, Rotation)]
    assert rotations == [("X", (0,), 0), ("ZZ", (0, 1), 1), ("Y", (1,), 2)]
    assert [isinstance(step, Constant) for step in steps] == [False, True, False, False]


@pytest.mark.parametrize(("qubits", "gates"), [(1, 0), (2, 1), (3, 3), (5, 5)])
def test_hardware_efficient_ring(qubits: int, gates: int) -> None:
    program = circuit.read_program("hardware_efficient", (2, qubits, 2), observables=1)
    assert program.angles == program.parameters == 4 * qubits
    assert program.jacobian == pytest.approx(np.eye(4 * qubits), abs=1e-12)
    assert sum(isinstance(step, Constant) for step in program.steps) == 2 * gates


def test_gates_are_counted_by_their_qubits() -> None:
    """Of four qubits: RY and RZ on each, and a ring of CZ, three times; of `shared`, one ZZ."""
    program = circuit.read_program("hardware_efficient", (3, 4, 2), observables=1)
    assert [program.gates_on(qubits) for qubits in (1, 2, 3)] == [24, 12, 0]
    assert [read("shared").gates_on(qubits) for qubits in (1, 2)] == [3, 1]


def test_reading_twice_gives_the_same_program() -> None:
    first, second = read("shared"), read("shared")
    assert (first.jacobian == second.jacobian).all()
    assert (first.offset == second.offset).all()


# --- Refusals: one line that says what is wrong ---


def product_of_weights(weights: Any, wires: Wires) -> None:
    qml.RX(weights[0, 0, 0] * weights[0, 0, 1], wires=wires[0])


def square(weights: Any, wires: Wires) -> None:
    qml.RX(weights[0, 0, 0] ** 2, wires=wires[0])


def magnitude(weights: Any, wires: Wires) -> None:
    qml.RX(abs(weights[0, 1, 0]), wires=wires[0])


def clipped(weights: Any, wires: Wires) -> None:
    qml.RX(np.clip(weights[0, 0, 0], -2, 2), wires=wires[0])


def through_a_matrix(weights: Any, wires: Wires) -> None:
    half = weights[0, 0, 0] ** 2
    matrix = [[np.cos(half), -np.sin(half)], [np.sin(half), np.cos(half)]]
    qml.QubitUnitary(np.array(matrix), wires=wires[0])


@pytest.mark.parametrize(
    "name", ["product_of_weights", "square", "magnitude", "clipped", "through_a_matrix"]
)
def test_angle_that_is_not_affine(name: str) -> None:
    with pytest.raises(ValueError, match="not an affine function of the weights") as error:
        read(name)
    assert f"{HERE}:{name}" in str(error.value)
    assert "\n" not in str(error.value)


def gates_by_weight(weights: Any, wires: Wires) -> None:
    if weights[0, 0, 0] > 0.5:
        qml.PauliX(wires=wires[0])


def rotations_by_weight(weights: Any, wires: Wires) -> None:
    qml.RX(weights[0, 0, 0], wires=wires[0])
    if weights[0, 0, 0] > 0.5:
        qml.RX(weights[0, 0, 1], wires=wires[1])


@pytest.mark.parametrize("name", ["gates_by_weight", "rotations_by_weight"])
def test_circuit_whose_gates_depend_on_the_weights(name: str) -> None:
    with pytest.raises(ValueError, match=f"ansatz '{HERE}:{name}'") as error:
        read(name)
    assert "\n" not in str(error.value)


def damped(weights: Any, wires: Wires) -> None:
    qml.RX(weights[0, 0, 0], wires=wires[0])
    qml.AmplitudeDamping(0.1, wires=wires[0])


def measured(weights: Any, wires: Wires) -> None:
    del weights
    qml.cond(qml.measure(wires[0]), qml.PauliX)(wires[1])


@pytest.mark.parametrize(("name", "gate"), [("damped", "AmplitudeDamping"), ("measured", "MidMea")])
def test_gate_that_can_not_be_decomposed(name: str, gate: str) -> None:
    with pytest.raises(ValueError, match=f"{gate}.*can't be decomposed") as error:
        read(name)
    assert "\n" not in str(error.value)


def outside(weights: Any, wires: Wires) -> None:
    qml.RX(weights[0, 0, 0], wires=len(wires))


def test_gate_on_a_qubit_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="wire") as error:
        read("outside")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hardware_eficient", "did you mean hardware_efficient"),
        ("no.such.module:ansatz", "can't be imported"),
        (f"{HERE}:no_such_function", "can't be imported"),
    ],
)
def test_unknown_ansatz(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        circuit.read_program(name, (1, 2, 2), observables=1)


def test_unknown_feature_map() -> None:
    with pytest.raises(ValueError, match="feature map 'angel' is unknown; did you mean angle"):
        circuit.encode("angel", np.zeros((1, 2)), 2)


def test_more_than_ten_qubits_is_an_error_of_the_scenario() -> None:
    with pytest.raises(ValidationError, match=r"qubits\s+Input should be less than or equal to 10"):
        LearningSettings(qubits=11)
    assert LearningSettings(qubits=10).qubits == 10


def test_ten_qubits_can_be_read() -> None:
    program = circuit.read_program("hardware_efficient", (1, 10, 2), observables=10)
    assert program.readout.tolist() == [3 * 4**place for place in range(10)][::-1]


def columns(features: NDArray[np.float64], wires: Wires) -> None:
    """A user's own feature map with fewer features than qubits."""
    qml.RX(features[0], wires=wires[-1])


def test_untouched_qubits_stay_in_zero() -> None:
    states = circuit.encode(f"{HERE}:columns", np.array([[np.pi]]), 3)
    assert np.abs(states[0]).tolist() == pytest.approx([0, 1, 0, 0, 0, 0, 0, 0], abs=1e-12)
