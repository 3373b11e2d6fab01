"""Remote gates: fewest pairs, the same circuit, and the counts that others publish."""

import itertools
from collections.abc import Sequence
from typing import Any

import networkx
import numpy as np
import pennylane as qml
import pytest

from ceas_gym.learning import circuit, light_cone, packing, pullback, remote_gates
from ceas_gym.learning.packing import Edge, Gate
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


def bipartite(lefts: int, rights: int, share: float) -> list[Edge]:
    found = np.argwhere(RANDOM.random((lefts, rights)) < share)
    return [(int(left), lefts + int(right)) for left, right in found]


def brute_force_cover(edges: Sequence[Edge]) -> int:
    qubits = sorted({qubit for edge in edges for qubit in edge})
    return next(
        size
        for size in range(len(qubits) + 1)
        for cover in itertools.combinations(qubits, size)
        if all(set(edge) & set(cover) for edge in edges)
    )


# --- Fewest pairs ---


@pytest.mark.parametrize("share", [0.2, 0.4, 0.8])
def test_covers_are_as_small_as_any(share: float) -> None:
    for lefts, rights in itertools.product(range(1, 6), repeat=2):
        edges = bipartite(lefts, rights, share) or [(0, lefts)]
        cover = packing.least_cover(tuple(edges))
        assert all(set(edge) & set(cover) for edge in edges)
        assert len(cover) == brute_force_cover(edges)


def test_each_gate_is_in_one_pack_between_its_qpus() -> None:
    for _ in range(30):
        home = RANDOM.integers(3, size=7).tolist()
        every = list(itertools.combinations(range(7), 2))
        edges = [edge for edge in every if RANDOM.random() < 0.5]
        packs = list(packing.shares(edges, home))
        remote = [edge for edge in edges if home[edge[0]] != home[edge[1]]]
        found = [tuple(sorted((p.control, target))) for p in packs for target in p.targets]
        assert sorted(found) == sorted(remote)
        assert all(len({home[target] for target in pack.targets}) == 1 for pack in packs)
        least = sum(
            brute_force_cover([edge for edge in remote if {home[q] for q in edge} == {one, two}])
            for one, two in itertools.combinations(range(3), 2)
        )
        assert len(packs) == least


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


# --- Published counts ---
#
# Burt, Chen and Leung, Quantum 10, 1984 (2026), arXiv:2503.19082 (DISQCO). With k QPUs for n
# qubits, theirs hold n / k + 1 each: one more than an equal share.


def fourier(qubits: int) -> list[Gate]:
    """The quantum Fourier transform without swaps."""
    gates = list[Gate]()
    for qubit in range(qubits):
        gates.append(Gate((qubit,), is_diagonal=False))
        gates += [Gate((other, qubit), is_diagonal=True) for other in range(qubit + 1, qubits)]
    return gates


def blocks(qubits: int, qpus: int) -> list[int]:
    """Full QPUs of n / k + 1 neighbours each, except the first, which gets what is left."""
    size = qubits // qpus + 1
    return [qpus - 1 - (qubits - 1 - qubit) // size for qubit in range(qubits)]


@pytest.mark.parametrize("qubits", range(16, 97, 8))
def test_pairs_of_a_fourier_transform_on_two_qpus(qubits: int) -> None:
    assert packing.pairs(fourier(qubits), blocks(qubits, 2)) == qubits // 2 - 1
    # On halves of equal size it takes one pair more.
    halves = [int(qubit >= qubits // 2) for qubit in range(qubits)]
    assert packing.pairs(fourier(qubits), halves) == qubits // 2


@pytest.mark.parametrize("qubits", range(16, 97, 8))
def test_pairs_of_a_fourier_transform_on_four_qpus(qubits: int) -> None:
    # Published: 18 for 16 qubits, and 12 more for every 8 qubits, up to 138.
    assert packing.pairs(fourier(qubits), blocks(qubits, 4)) == 3 * qubits // 2 - 6


def test_pairs_of_a_fourier_transform_on_eight_qpus() -> None:
    assert packing.pairs(fourier(64), blocks(64, 8)) == 196


def random_layer(qubits: int, seed: int) -> list[Gate]:
    """A layer of QAOA on a random graph with half of all edges."""
    graph = networkx.gnp_random_graph(qubits, 0.5, seed=seed)
    return [Gate((int(one), int(other)), is_diagonal=True) for one, other in graph.edges]


@pytest.mark.parametrize("qubits", [16, 24, 32, 64, 96])
def test_pairs_of_one_layer_of_qaoa(qubits: int) -> None:
    # Published is n / 2 - 1 for each of five graphs. Any placement takes at most as many on QPUs of
    # n / 2 + 1 and n / 2 - 1 qubits, and for graphs so dense most take exactly as many.
    for seed in range(5):
        assert packing.pairs(random_layer(qubits, seed), blocks(qubits, 2)) == qubits // 2 - 1


def test_the_published_count_of_qaoa_is_not_the_least() -> None:
    edges = [gate.wires for gate in random_layer(16, seed=0)]
    least = 16
    for held in itertools.combinations(range(16), 7):
        across = [edge for edge in edges if (edge[0] in held) != (edge[1] in held)]
        ordered = tuple((one, other) if one in held else (other, one) for one, other in across)
        least = min(least, len(packing.least_cover(ordered)))
    assert least == 5


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
