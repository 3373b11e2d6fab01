"""Circuits that QPUs share: the pairs they take, and that they stay the same circuits."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qml
import pytest

from ceas_gym.learning import circuit, light_cone, pullback, remote_gates
from ceas_gym.learning.pauli import Constant, Program
from ceas_gym.learning.remote_gates import Remote

RANDOM = np.random.default_rng(11)


def crossing(weights: Any, wires: Sequence[int]) -> None:
    """Gates of many kinds, which cross the QPUs, also twice in a run, and commute in part."""
    for layer in weights:
        for angles, wire in zip(layer, wires, strict=True):
            qml.RX(angles[0], wires=wire)
        qml.CZ(wires=[0, 2])
        qml.CNOT(wires=[0, 3])
        qml.T(wires=0)
        qml.CY(wires=[1, 2])
        qml.RY(layer[3, 1], wires=3)
        qml.CZ(wires=[0, 1])
        qml.CZ(wires=[3, 0])
        qml.RZ(layer[0, 1], wires=0)
        qml.CZ(wires=[0, 3])
        qml.CZ(wires=[1, 3])
        qml.CZ(wires=[3, 0])
        qml.RX(layer[1, 1], wires=1)
        qml.CZ(wires=[2, 3])
        qml.RZ(layer[2, 1], wires=2)


CROSSING = f"{__name__}:crossing"
ANSATZE = {"hardware_efficient": circuit.hardware_efficient, CROSSING: crossing}
HOMES = [(0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 1), (0, 1, 2, 1), (0, 1, 2, 3), (0, 0, 0, 0)]


def read(name: str, layers: int = 3, qubits: int = 4, observables: int = 1) -> Program:
    return circuit.read_program(name, (layers, qubits, 2), observables)


# --- Pairs ---


FIGURES = [
    # Two QPUs, then one qubit by itself, three and four QPUs.
    ((0, 0, 1, 1), (3, 3), 6),
    ((0, 0, 1, 0), (1, 1), 3),
    ((0, 1, 2, 1), (2, 3, 1), 6),
    ((0, 1, 2, 3), (4, 3, 2, 3), 12),
    ((0, 0, 0, 0), (0,), 0),
]


@pytest.mark.parametrize(("home", "ends", "without_cone"), FIGURES)
def test_pairs_of_the_default_circuit(
    home: tuple[int, ...], ends: tuple[int, ...], without_cone: int
) -> None:
    program = read("hardware_efficient")
    for lean in (light_cone.effective(program), light_cone.effective(light_cone.trimmed(program))):
        _, remote = remote_gates.distribute(lean, home)
        assert (remote.ends, remote.pairs, remote.qpus) == (ends, sum(ends) // 2, len(ends))
        # The ring of the last layer, after which only Z is read, needs none.
        assert remote.runs == len(set(remote.run)) <= 2
    _, whole = remote_gates.distribute(program, home)
    assert whole.pairs == without_cone


def test_one_control_of_two_targets_takes_one_pair() -> None:
    program = read("hardware_efficient", layers=1, qubits=3, observables=3)
    _, remote = remote_gates.distribute(program, (0, 1, 1))
    assert [(pack.control, pack.targets, pack.qpus) for pack in remote.packs] == [
        (0, (1, 2), (0, 1))
    ]
    assert remote == Remote(remote.home, remote.packs, remote.run)
    assert len({remote, Remote(remote.home, remote.packs, remote.run)}) == 1


# --- The same circuit ---


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("name", ANSATZE)
def test_distributed_circuit_is_the_same(name: str, home: tuple[int, ...]) -> None:
    program = read(name, layers=2, observables=4)
    moved, remote = remote_gates.distribute(program, home)

    @qml.qnode(qml.device("default.qubit", wires=4))
    def run(weights: Any) -> Any:
        ANSATZE[name](weights.reshape(2, 4, 2), range(4))
        return [qml.expval(qml.Z(qubit)) for qubit in range(4)]

    weights: Any = RANDOM.normal(size=program.parameters)
    before, after = (pullback.pull(each, weights, np) for each in (program, moved))
    # Of |0000>: the words of I and Z have the expectation value 1, the others 0.
    ground = np.isin(np.indices((4,) * 4).reshape(4, -1), (0, 3)).all(axis=0)
    np.testing.assert_allclose(np.asarray(after.observables) @ ground, run(weights), atol=1e-10)
    np.testing.assert_allclose(after.observables, before.observables, atol=1e-10)
    np.testing.assert_allclose(after.derivatives, before.derivatives, atol=1e-10)
    assert (remote.pairs > 0) == (len(set(home)) > 1)


@pytest.mark.parametrize("home", HOMES)
@pytest.mark.parametrize("name", ANSATZE)
def test_packs_stand_side_by_side_and_nothing_else_crosses(
    name: str, home: tuple[int, ...]
) -> None:
    moved, remote = remote_gates.distribute(read(name, observables=4), home)
    crossing_steps = [
        number
        for number, step in enumerate(moved.steps)
        if len({home[wire] for wire in step.wires}) > 1
    ]
    packed = list[int]()
    for pack in remote.packs:
        mine = range(pack.last + 1 - len(pack.targets), pack.last + 1)
        steps = [moved.steps[number] for number in mine]
        assert [step.wires for step in steps] == [(pack.control, each) for each in pack.targets]
        assert {home[each] for each in pack.targets} == {pack.qpus[1]}
        assert home[pack.control] == pack.qpus[0]
        packed += mine
    assert packed == crossing_steps
    assert list(remote.run) == sorted(remote.run)
    assert set(remote.run) == set(range(remote.runs))


def fan(weights: Any, wires: Sequence[int]) -> None:
    """CNOT, CY and two equal CZs."""
    for angle, wire in zip(weights.ravel(), wires, strict=True):
        qml.RY(angle, wires=wire)
    qml.CNOT(wires=[0, 1])
    qml.CY(wires=[0, 2])
    qml.CZ(wires=[0, 3])
    qml.T(wires=3)
    qml.CZ(wires=[3, 0])


def test_a_cnot_shares_the_pair_of_its_control_and_two_equal_gates_need_none() -> None:
    program = circuit.read_program(f"{__name__}:fan", (1, 4, 1), 4)
    moved, remote = remote_gates.distribute(program, (0, 1, 1, 1))
    assert [(pack.control, pack.targets) for pack in remote.packs] == [(0, (1, 2))]
    weights: Any = RANDOM.normal(size=program.parameters)
    before, after = (pullback.pull(each, weights, np) for each in (program, moved))
    np.testing.assert_allclose(after.observables, before.observables, atol=1e-12)


def test_gates_left_out_are_those_without_effect() -> None:
    program = read("hardware_efficient")
    lean = light_cone.effective(program)
    weights: Any = RANDOM.normal(size=program.parameters)
    expected = pullback.pull(program, weights, np).observables
    np.testing.assert_array_equal(pullback.pull(lean, weights, np).observables, expected)
    assert (program.gates_on(2), lean.gates_on(2)) == (12, 6)
    trimmed = light_cone.trimmed(program)
    moved, _ = remote_gates.distribute(light_cone.effective(trimmed), (0, 1, 0, 1))
    before, after = (
        pullback.pull(each, weights[list(trimmed.trained or ())], np) for each in (trimmed, moved)
    )
    np.testing.assert_allclose(after.observables, before.observables, atol=1e-12)
    np.testing.assert_allclose(after.derivatives, before.derivatives, atol=1e-12)
    for number, step in enumerate(lean.steps):
        if isinstance(step, Constant):
            steps = lean.steps[:number] + lean.steps[number + 1 :]
            less = Program(4, 1, steps, lean.jacobian, lean.offset)
            found = pullback.pull(less, weights, np).observables
            assert np.abs(np.asarray(found) - expected).max() > 1e-3


# --- Placements and gates that are refused ---


@pytest.mark.parametrize(
    ("home", "message"),
    [
        ((0, 1), r"names the QPUs of 2 qubits, but the circuit has 4$"),
        ((0, 0, 2, 2), r"numbers its QPUs 0, 2, but they count from 0 without a gap$"),
        ((0, -1, 0, 0), r"numbers its QPUs -1, 0, but they count from 0 without a gap$"),
        ((0, 1, 2, 4), r"numbers its QPUs 0, 1, 2, 4, but they count"),
    ],
)
def test_placements_that_do_not_fit(home: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        remote_gates.distribute(read("hardware_efficient"), home)


@pytest.mark.parametrize(
    ("gate", "name"),
    [
        (lambda wires: qml.IsingXX(0.3, wires), "IsingXX"),
        (lambda wires: qml.IsingZZ(0.3, wires), "IsingZZ"),
        (qml.SWAP, "SWAP"),
        (qml.ISWAP, "ISWAP"),
    ],
)
def test_gates_that_are_not_teleported(
    gate: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ansatz(weights: Any, wires: Sequence[int]) -> None:
        qml.RX(weights[0, 0, 0], wires=wires[0])
        gate(wires[1:3])

    monkeypatch.setitem(circuit.ANSATZE, "joint", ansatz)
    program = circuit.read_program("joint", (1, 3, 1), 1)
    assert remote_gates.distribute(program, (0, 1, 1))[1].pairs == 0
    message = (
        f"^gate {name} on qubits 1 and 2 acts across QPUs, but only CZ, CNOT and CY are "
        "teleported; place both qubits on one QPU$"
    )
    with pytest.raises(ValueError, match=message):
        remote_gates.distribute(program, (0, 0, 1))
