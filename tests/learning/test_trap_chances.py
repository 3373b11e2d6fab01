"""The chance that a trap passes, against density matrices after a Pauli channel."""

from functools import reduce

import jax
import numpy as np
import pytest

from ceas_gym.learning import circuit, data, setup
from ceas_gym.physics import register
from ceas_gym.scenario import LearningSettings

ERRORS = [np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])]
CHANCES = np.array([0.85, 0.03, 0.05, 0.07])
"""Of the errors I, X, Y and Z on each qubit."""


def disturbed(rho: np.ndarray, qubits: int) -> np.ndarray:
    for qubit in range(qubits):
        around = np.eye(2**qubit), np.eye(2 ** (qubits - 1 - qubit))
        gates = [reduce(np.kron, (around[0], error, around[1])) for error in ERRORS]
        pairs = zip(CHANCES, gates, strict=True)
        rho = np.sum([chance * gate @ rho @ gate.conj().T for chance, gate in pairs], axis=0)
    return rho


@pytest.mark.parametrize("classes", [(3, 8), (0, 1, 2)])
def test_chances_are_overlaps_of_density_matrices(classes: tuple[int, ...]) -> None:
    settings = LearningSettings(qubits=3, layers=2, features=3, classes=classes)
    chances = setup.build(settings, 2, traps=True).trap_chances
    assert chances is not None
    part = data.prepare(settings)[0]
    states = circuit.encode(settings.feature_map, part.features, 3)
    matrices = np.einsum("si,sj->sij", states, states.conj())
    arrived = np.array([disturbed(rho, 3) for rho in matrices])
    # For each state that was asked for: itself, and the mean over the class before.
    honest = np.einsum("si,sij,sj->s", states.conj(), arrived, states).real
    means = [arrived[part.labels == label].mean(axis=0) for label in range(len(classes))]
    before = np.array(means)[part.labels - 1]
    false = np.einsum("si,sij,sj->s", states.conj(), before, states).real

    _, x, y, z = CHANCES
    letters = 1 - 2 * np.array([y + z, x + z, x + y])
    contraction = np.prod(letters ** np.array(register.pauli_types(3)), axis=1)
    assert contraction @ chances.honest == pytest.approx(honest.mean(), rel=1e-5)
    assert contraction @ chances.false == pytest.approx(false.mean(), rel=1e-5)
    assert false.mean() < 0.8 * honest.mean() < 0.8


def test_chances_need_words_that_no_observable_needs() -> None:
    # One layer sees few words, but with perfect pairs all traps pass.
    learning = setup.build(LearningSettings(qubits=4, layers=1), 2, traps=True)
    assert learning.trap_chances is not None
    held = len(learning.program.words or ())
    assert held < 81
    assert float(learning.trap_chances.honest.sum()) == pytest.approx(1, abs=1e-6)


def test_chances_are_kept_where_traps_are_set_only() -> None:
    learning = setup.build(LearningSettings(qubits=1, features=1, layers=1), 2)
    assert learning.trap_chances is None
    assert all(leaf.shape != (4,) for leaf in jax.tree.leaves(learning))
