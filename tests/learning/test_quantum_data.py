"""Quantum data: ground states by another diagonalisation, phases by zeros, and splits by tile."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.learning import pauli, quantum_data, setup
from ceas_gym.learning.quantum_data import States
from ceas_gym.scenario import LearningSettings

HERE = __name__
PAULI = {"X": np.array([[0, 1], [1, 0]]), "Z": np.diag([1, -1])}


def settings(**changes: Any) -> LearningSettings:
    chosen = {"dataset": "cluster_ising", "feature_map": "none", "classes": (0, 2), "layers": 1}
    return LearningSettings(**chosen | changes)


def matrix(letters: dict[int, str], spins: int) -> NDArray[np.float64]:
    """Returns the product of Pauli matrices on these spins of a ring."""
    found: Any = np.ones((1, 1))
    for spin in range(spins):
        found = np.kron(found, PAULI[letters[spin]] if spin in letters else np.eye(2))
    return found


def hamiltonian(couplings: NDArray[np.float64], spins: int) -> NDArray[np.float64]:
    terms = [("X",), ("Z", "Z"), ("Z", "X", "Z")]
    found = np.zeros((2**spins, 2**spins))
    for coupling, term in zip(couplings, terms, strict=True):
        for start in range(spins):
            places = {(start + step) % spins: letter for step, letter in enumerate(term)}
            found -= coupling * matrix(places, spins)
    return found


@cache
def chain(spins: int) -> tuple[States, NDArray[np.float64]]:
    return quantum_data.cluster_ising(spins), quantum_data._couplings()[0]


@pytest.mark.parametrize("spins", [4, 6])
def test_states_are_ground_states_with_the_energy_of_free_fermions(spins: int) -> None:
    states, couplings = chain(spins)
    momenta = 2 * np.pi * (np.arange(spins) + 0.5) / spins
    for place in range(0, len(couplings), 37):
        h, j, k = couplings[place]
        whole = hamiltonian(couplings[place], spins)
        state = states.amplitudes[place]
        energy = np.linalg.eigvalsh(whole)[0]
        assert np.linalg.norm(whole @ state - energy * state) < 1e-7
        fermions = -np.abs(h - j * np.exp(1j * momenta) - k * np.exp(2j * momenta)).sum()
        assert energy == pytest.approx(fermions, abs=1e-10)


def test_phases_are_numbers_of_zeros_in_the_unit_circle() -> None:
    states, couplings = chain(4)
    zeros = [np.abs(np.roots([-k, -j, h])) for h, j, k in couplings]
    assert [int((each < 1).sum()) for each in zeros] == states.classes.tolist()
    assert np.bincount(states.classes).tolist() == [256, 256, 256]


def test_couplings_are_positive_and_add_up_to_one() -> None:
    couplings = chain(4)[1]
    assert couplings.min() > 0
    assert couplings.sum(axis=1) == pytest.approx(np.ones(len(couplings)))


def test_splits_keep_a_distance_and_have_all_classes() -> None:
    states, couplings = chain(4)
    chosen = settings(qubits=4, classes=(0, 1, 2))
    place = {tuple(row): number for number, row in enumerate(states.amplitudes.real.round(9))}
    parts = []
    for amplitudes, labels in quantum_data.prepare(chosen):
        parts.append(couplings[[place[tuple(row)] for row in amplitudes.real.round(9)]])
        assert set(labels.tolist()) == {0, 1, 2}
    assert sum(map(len, parts)) == len(couplings)
    # Tiles have sides of 1/8 of the triangle's, and a tenth of a tile is left out on each side.
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        gaps = np.linalg.norm(parts[one][:, None] - parts[other][None], axis=-1)
        assert gaps.min() > 0.1 * np.sqrt(3 / 2) / 8
    shares = np.array([len(part) for part in parts]) / len(couplings)
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.03)


def test_another_seed_is_another_split() -> None:
    one, other = (quantum_data.prepare(settings(data_seed=seed))[2][0] for seed in (0, 1))
    assert one.shape != other.shape or not np.allclose(one, other)


def test_states_are_what_the_network_trains_on() -> None:
    learning = setup.build(settings(qubits=4, layers=3), teams=3)
    (amplitudes, labels), *_ = quantum_data.prepare(settings(qubits=4))
    words = list(learning.program.words or ())
    operators = pauli.words(4)[words]
    expected = np.einsum("si,pij,sj->sp", amplitudes.conj(), operators, amplitudes).real
    assert np.asarray(learning.training.paulis) == pytest.approx(expected, abs=1e-6)
    assert len(words) > 10
    assert learning.training.labels.tolist() == labels.tolist()


# --- A user's own, and what is refused ---


def pair(qubits: int) -> Any:
    states = np.eye(2**qubits)[:2].repeat(5, axis=0)
    return states, np.arange(2).repeat(5), np.arange(10)


def few(qubits: int) -> Any:
    states, classes, _ = pair(qubits)
    return states, classes, classes


def long(qubits: int) -> Any:
    return 2 * pair(qubits)[0], *pair(qubits)[1:]


def two(qubits: int) -> Any:
    return pair(qubits)[:2]


def crossed(qubits: int) -> Any:
    return pair(qubits + 1)


def test_a_users_own_states() -> None:
    learning = setup.build(settings(dataset=f"{HERE}:pair", classes=(0, 1), qubits=3), teams=3)
    assert len(learning.training.labels) == 6
    assert len(learning.test.labels) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"qubits": 5}, "an even number of spins, at least 4, not"),
        ({"qubits": 2}, "an even number of spins, at least 4, not"),
        ({"classes": (0, 3)}, r"classes \[3\] do not occur in dataset 'cluster_ising'"),
        (
            {"feature_map": "angle"},
            "learning.feature_map: .* are quantum states, .* set it to none",
        ),
        (
            {"dataset": "digits", "classes": (3, 8)},
            "'digits' are numbers, which need a feature map",
        ),
        (
            {"dataset": "cluster"},
            "quantum dataset 'cluster' is unknown; did you mean cluster_ising",
        ),
        ({"dataset": f"{HERE}:few", "classes": (0, 1)}, "too few groups"),
        ({"dataset": f"{HERE}:long", "classes": (0, 1)}, "state 0 has norm 2"),
        ({"dataset": f"{HERE}:two", "classes": (0, 1)}, "must return .*, but returned a tuple"),
        ({"dataset": f"{HERE}:crossed", "classes": (0, 1)}, r"of shapes \(samples, 16\)"),
    ],
)
def test_what_is_refused(changes: dict[str, Any], message: str) -> None:
    build: Callable[..., Any] = setup.build
    with pytest.raises(ValueError, match=message) as caught:
        build(settings(**changes), teams=3)
    assert "learning." in str(caught.value)
    assert "\n" not in str(caught.value)
