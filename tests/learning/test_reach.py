"""Reachable Pauli words: exactly those that observables have at random angles."""

from typing import Any

import numpy as np
import pytest

from ceas_gym.learning import circuit, pauli, pullback, reach

RANDOM = np.random.default_rng(3)


def dense(program: pauli.Program, weights: Any) -> np.ndarray:
    """Returns the observables' Pauli vectors, pulled back with the matrices of whole gates."""
    vectors = np.zeros((4**program.qubits, program.observables))
    vectors[program.readout, np.arange(program.observables)] = 1
    angles = program.jacobian @ weights + program.offset
    for step in reversed(program.steps):
        if isinstance(step, pauli.Rotation):
            turn = np.array([1, np.cos(angles[step.angle]), np.sin(angles[step.angle])])
            matrix = np.tensordot(turn, step.generators, axes=1)
        else:
            matrix = step.matrix
        table = vectors.reshape((4,) * program.qubits + (-1,))
        front = tuple(range(len(step.wires)))
        moved = np.moveaxis(table, step.wires, front)
        turned = (matrix @ moved.reshape(len(matrix), -1)).reshape(moved.shape)
        vectors = np.moveaxis(turned, front, step.wires).reshape(vectors.shape)
    return vectors


@pytest.mark.parametrize("observables", [1, 2])
@pytest.mark.parametrize(("layers", "qubits"), [(1, 3), (2, 4), (3, 4), (2, 5)])
def test_words_are_those_of_the_pulled_observables(
    layers: int, qubits: int, observables: int
) -> None:
    shape = (layers, qubits, 2)
    program = circuit.read_program("hardware_efficient", shape, observables)
    weights: Any = RANDOM.normal(size=program.parameters)
    expected = dense(program, weights)
    *_, reached = reach.backwards(program)
    assert reached.tolist() == np.flatnonzero(np.abs(expected).max(axis=1) > 1e-12).tolist()
    found = pullback.pull(program, weights, np).observables
    np.testing.assert_allclose(np.asarray(found).T, expected, atol=1e-12)


def test_the_numbers_of_words_of_the_shipped_ansatz() -> None:
    def number(layers: int, qubits: int) -> int:
        program = circuit.read_program("hardware_efficient", (layers, qubits, 2), 1)
        return len([*reach.backwards(program)][-1])

    assert (number(3, 4), number(3, 8), number(4, 8)) == (82, 183, 2520)


def test_too_many_words_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "MOST_WORDS", 30)
    program = circuit.read_program("hardware_efficient", (3, 4, 2), 1)
    message = r"spreads over 42 Pauli words or more \(.* of 36 gates .* more than the 30 that are"
    with pytest.raises(ValueError, match=message):
        list(reach.backwards(program))


def test_the_data_meet_the_read_out_where_both_are_not_zero() -> None:
    program = circuit.read_program("hardware_efficient", (2, 3, 2), 1)
    reached = [*reach.backwards(program)]
    held = np.array([0, 21, 48, 63])
    at_start, *_, at_end = reach.forwards(program, held, reached)
    assert at_start.tolist() == np.intersect1d(held, reached[-1]).tolist()
    assert set(at_end.tolist()) <= set(program.readout.tolist())
