"""Placements: the fewest pairs of all, and what can't be placed."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qml
import pytest

from ceas_gym.learning import circuit, light_cone, placement, remote_gates
from ceas_gym.learning.pauli import Program

RANDOM = np.random.default_rng(23)


def lean(qubits: int, layers: int = 3, observables: int = 1) -> Program:
    shape = (layers, qubits, 2)
    program = circuit.read_program("hardware_efficient", shape, observables)
    return light_cone.effective(program)


def random_program(monkeypatch: pytest.MonkeyPatch, qubits: int, gates: int) -> Program:
    pairs = [RANDOM.choice(qubits, 2, replace=False).tolist() for _ in range(gates)]
    turned = RANDOM.integers(qubits, size=gates).tolist()

    def ansatz(weights: Any, wires: Sequence[int]) -> None:
        qml.RX(weights[0, 0, 0], wires=wires[0])
        for number, (pair, wire) in enumerate(zip(pairs, turned, strict=True)):
            (qml.CNOT if number % 4 == 0 else qml.CZ)(wires=pair)
            if number % 3 == 0:
                qml.Hadamard(wires=wire)

    monkeypatch.setitem(circuit.ANSATZE, "random", ansatz)
    return circuit.read_program("random", (1, qubits, 1), 1)


def cost(program: Program, home: Sequence[int]) -> tuple[int, int]:
    _, remote = remote_gates.distribute(program, home)
    return remote.pairs, max(remote.ends)


def every_home(qubits: int, qpus: int, most: int) -> list[tuple[int, ...]]:
    homes = itertools.product(range(qpus), repeat=qubits)
    counts = ((home, [home.count(qpu) for qpu in range(qpus)]) for home in homes)
    return [home for home, held in counts if min(held) > 0 and max(held) <= most]


@pytest.mark.parametrize(("qubits", "qpus", "most"), [(5, 2, 3), (5, 3, 2), (5, 3, 3), (4, 2, 3)])
def test_no_placement_is_better(
    qubits: int, qpus: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for program in (lean(qubits), random_program(monkeypatch, qubits, 9)):
        home = placement.best(program, qpus, most)
        homes = every_home(qubits, qpus, most)
        assert home in homes
        costs = [cost(program, each) for each in homes]
        assert cost(program, home) == min(costs)
        assert min(costs) < max(costs)


@pytest.mark.parametrize(("qubits", "qpus", "most"), [(5, 2, 3), (6, 3, 2), (6, 4, 3), (4, 4, 1)])
def test_placements_are_all_up_to_the_numbers_of_qpus(qubits: int, qpus: int, most: int) -> None:
    found = list(placement.placements(qubits, qpus, most))
    parts = {
        frozenset(frozenset(np.flatnonzero(np.array(home) == qpu).tolist()) for qpu in range(qpus))
        for home in every_home(qubits, qpus, most)
    }
    assert len(found) == len(parts)
    assert found == sorted(set(found))
    assert all(list(dict.fromkeys(home)) == list(range(qpus)) for home in found)


PAIRS = {
    (4, 2): 3,
    (4, 3): 3,
    (4, 4): 6,
    (6, 2): 2,
    (6, 3): 3,
    (6, 4): 3,
    (8, 2): 1,
    (8, 3): 2,
    (8, 4): 3,
}


@pytest.mark.parametrize(("qubits", "qpus"), PAIRS)
def test_pairs_a_shot_takes_in_the_best_placement(
    qubits: int, qpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, most = lean(qubits), -(-qubits // qpus)
    exact = placement.best(program, qpus)
    assert cost(program, exact)[0] == PAIRS[qubits, qpus]
    assert max(map(exact.count, range(qpus))) <= most
    # The search finds as few for these circuits, without comparing all placements.
    monkeypatch.setattr(placement, "MOST_PLACEMENTS", 0)
    searched = placement.best(program, qpus)
    assert searched in placement.placements(qubits, qpus, most)
    assert cost(program, searched) == cost(program, exact)


def test_one_qubit_alone_takes_one_pair_and_one_qpu_none() -> None:
    program = lean(4)
    assert cost(program, placement.best(program, 2, most=3)) == (1, 1)
    assert placement.best(program, 1) == (0, 0, 0, 0)


def test_the_search_moves_single_qubits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "MOST_PLACEMENTS", 6)
    program = lean(4)
    assert cost(program, placement.best(program, 2, most=3)) == (1, 1)


@pytest.mark.parametrize("most_placements", [0, 10_000])
def test_gates_that_are_not_teleported_stay_within_a_qpu(
    most_placements: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # From either start, it takes two exchanges until no such gate is across.
    def ansatz(weights: Any, wires: Sequence[int]) -> None:
        for angle, (one, other) in zip(weights.ravel(), [(0, 2), (1, 5), (3, 4)], strict=False):
            qml.IsingXX(angle, wires=[wires[one], wires[other]])
        qml.CZ(wires=wires[:2])

    monkeypatch.setattr(placement, "MOST_PLACEMENTS", most_placements)
    monkeypatch.setitem(circuit.ANSATZE, "joint", ansatz)
    program = circuit.read_program("joint", (1, 6, 1), 1)
    assert placement.best(program, 3) == (0, 1, 0, 2, 2, 1)
    with pytest.raises(ValueError, match=r"gate IsingXX on qubits . and . acts across QPUs, but"):
        placement.best(program, 4)


def test_what_can_not_be_placed() -> None:
    program = lean(4)
    message = "^2 QPUs of at most 1 qubits hold 2 of the circuit's 4; take more QPUs, or let each"
    with pytest.raises(ValueError, match=message):
        placement.best(program, 2, most=1)
    with pytest.raises(ValueError, match=r"^5 QPUs share a circuit of 4 qubits; give each at"):
        placement.best(program, 5)
