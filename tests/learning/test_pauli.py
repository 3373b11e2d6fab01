"""Pauli vectors and transfer matrices against their definitions."""

from itertools import product
from typing import Any

import numpy as np
import pennylane as qml
import pytest
from numpy.typing import NDArray
from scipy.linalg import expm

from ceas_gym.learning import pauli
from ceas_gym.learning.pauli import Constant, Program, Rotation
from ceas_gym.learning.stages import of_program

EXACT = 1e-12


def matrix_of(operator: Any, qubits: int | None = None) -> NDArray[np.complex128]:
    order = None if qubits is None else range(qubits)
    return np.asarray(qml.matrix(operator, wire_order=order), dtype=np.complex128)


def random_unitary(seed: int, dimension: int) -> NDArray[np.complex128]:
    random = np.random.default_rng(seed)
    matrix = random.normal(size=(2, dimension, dimension))
    return np.linalg.qr(matrix[0] + 1j * matrix[1])[0]


def random_states(seed: int, samples: int, qubits: int) -> NDArray[np.complex128]:
    columns = [random_unitary(seed + sample, 2**qubits)[:, 0] for sample in range(samples)]
    return np.stack(columns)


def test_words_are_those_of_pennylane_in_base_four() -> None:
    words = pauli.words(3)
    for letters, matrix in zip(product("IXYZ", repeat=3), words, strict=True):
        operator = qml.pauli.string_to_pauli_word("".join(letters))
        assert np.abs(matrix_of(operator, 3) - matrix).max() < EXACT


@pytest.mark.parametrize("qubits", [1, 2, 3, 4])
def test_letters_of_each_word_are_counted(qubits: int) -> None:
    expected = [[word.count(x) for x in "XYZ"] for word in product("IXYZ", repeat=qubits)]
    assert pauli.letter_counts(qubits).tolist() == expected


@pytest.mark.parametrize("qubits", [1, 2, 3, 4])
def test_pauli_vectors_are_expectation_values(qubits: int) -> None:
    states = random_states(0, samples=3, qubits=qubits)
    expected = np.einsum("si,pij,sj->sp", states.conj(), pauli.words(qubits), states)
    vectors = pauli.pauli_vectors(states)
    assert np.abs(vectors - expected).max() < EXACT
    # A pure state: norm 2^n.
    assert np.abs((vectors**2).sum(axis=1) - 2**qubits).max() < 1e-11


@pytest.mark.parametrize("qubits", [1, 2])
def test_transfer_matrix_pulls_an_observable_back(qubits: int) -> None:
    unitary = random_unitary(5, 2**qubits)
    words = pauli.words(qubits)
    vector = np.random.default_rng(6).normal(size=4**qubits)
    operator = np.einsum("p,pij->ij", vector, words)
    pulled = unitary.conj().T @ operator @ unitary
    expected = np.einsum("pij,ji->p", words, pulled).real / 2**qubits
    matrix = pauli.transfer_matrix(unitary)
    assert np.abs(matrix @ vector - expected).max() < EXACT
    assert np.abs(matrix @ matrix.T - np.eye(4**qubits)).max() < EXACT


@pytest.mark.parametrize("word", ["X", "Y", "Z", "XX", "YY", "ZZ", "XY"])
@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi, -2.9])
def test_rotation_is_its_generators_at_the_angle(word: str, angle: float) -> None:
    first, second, third = Rotation(word, tuple(range(len(word))), 0).generators
    matrix = matrix_of(qml.pauli.string_to_pauli_word(word), len(word))
    unitary = np.asarray(expm(-0.5j * angle * matrix), dtype=np.complex128)
    expected = pauli.transfer_matrix(unitary)
    turned = first + np.cos(angle) * second + np.sin(angle) * third
    assert np.abs(turned - expected).max() < EXACT


def test_which_gates_are_clifford() -> None:
    def is_clifford(gate: Any) -> bool:
        return Constant(pauli.transfer_matrix(matrix_of(gate)), tuple(gate.wires)).is_clifford

    wires = (0, 1)
    clifford = (qml.CNOT(wires), qml.CZ(wires), qml.ISWAP(wires), qml.S(0), qml.SX(0))
    others = (qml.T(0), qml.CH(wires), qml.SISWAP(wires))
    assert all(is_clifford(gate) for gate in clifford)
    assert not any(is_clifford(gate) for gate in others)


def test_joint_clifford_gates_act_as_one_by_one() -> None:
    gates = [qml.CNOT([0, 2]), qml.CZ([1, 0]), qml.ISWAP([2, 1]), qml.CY([1, 2]), qml.SWAP([0, 1])]
    constants = tuple(
        Constant(pauli.transfer_matrix(matrix_of(gate)), tuple(gate.wires)) for gate in gates
    )
    program = Program(3, 3, constants, np.zeros((0, 1)), np.zeros(0))
    stages = of_program(program)
    assert not stages.factors
    joined = stages.last
    unitary = np.eye(8, dtype=np.complex128)
    for gate in gates:
        unitary = matrix_of(gate, 3) @ unitary
    expected = pauli.transfer_matrix(unitary)[:, program.readout]
    for number, vector in enumerate(np.eye(3)):
        found = joined.signs * vector[joined.sources]
        assert np.abs(found - expected[:, number]).max() < EXACT


def test_steps_are_joined_in_the_order_in_which_an_observable_meets_them() -> None:
    joint = Constant(pauli.transfer_matrix(matrix_of(qml.CNOT([0, 1]))), (0, 1))
    first, second, other = Rotation("X", (0,), 0), Rotation("Z", (0,), 1), Rotation("Y", (1,), 2)
    steps = (joint, joint, first, other, second, joint)
    program = Program(2, 1, steps, np.eye(3), np.zeros(3))
    stages = of_program(program)
    (turned,) = stages.factors
    assert turned.wires == (0, 1)
    assert turned.gates == (first, second, other)
    assert turned.angles == [0, 1, 2]
    # The last gate moves Z on the first qubit nowhere: it is the word ZI, in row 12 of the table.
    assert np.flatnonzero(stages.orders[0].signs).tolist() == [12]
    # Two equal gates after another undo themselves: all words are where the factor left them.
    kept = stages.last.signs != 0
    assert (stages.last.sources == np.arange(16))[kept].all()
    assert kept.sum() > 1


def test_gates_go_in_pairs_of_qubits() -> None:
    steps = tuple(Rotation("X", (wire,), wire) for wire in range(3))
    factors = of_program(Program(3, 1, steps, np.eye(3), np.zeros(3))).factors
    # The third goes with one of the others, whose own gate comes along.
    assert [factor.wires for factor in factors] == [(2, 0), (0, 1)]
    assert [factor.angles for factor in factors] == [[2, 0], [1]]


def test_a_qubit_alone_has_matrices_of_its_own() -> None:
    stages = of_program(Program(1, 1, (Rotation("Y", (0,), 0),), np.eye(1), np.zeros(1)))
    assert [factor.wires for factor in stages.factors] == [(0,)]


@pytest.mark.parametrize("observables", [1, 3])
def test_readout_is_z_on_the_first_qubits(observables: int) -> None:
    program = Program(3, observables, (), np.zeros((0, 1)), np.zeros(0))
    operators = pauli.words(3)[program.readout]
    for qubit, operator in enumerate(operators):
        assert np.abs(operator - matrix_of(qml.Z(qubit), 3)).max() < EXACT
