"""Packs are as few as any, and the counts of pairs that others publish."""

import itertools
from collections.abc import Sequence

import networkx
import numpy as np
import pytest

from ceas_gym.learning import packing
from ceas_gym.learning.packing import Edge, Gate

RANDOM = np.random.default_rng(11)


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
        packs = list(packing.stars(edges, home))
        remote = [edge for edge in edges if home[edge[0]] != home[edge[1]]]
        found = [tuple(sorted((p.control, target))) for p in packs for target in p.targets]
        assert sorted(found) == sorted(remote)
        assert all(len({home[target] for target in pack.targets}) == 1 for pack in packs)
        least = sum(
            brute_force_cover([edge for edge in remote if {home[q] for q in edge} == {one, two}])
            for one, two in itertools.combinations(range(3), 2)
        )
        assert len(packs) == least


def test_gates_go_to_the_earliest_run() -> None:
    circuit = [
        Gate((0,), False),
        Gate((0, 1), True),
        Gate((0,), True),
        Gate((2,), False),
        Gate((0, 2), True),
        Gate((1,), False),
        Gate((1, 2), True),
        Gate((0, 1), False),
        Gate((0, 2), True),
    ]
    expected = [(0, 0), (0, 1), (0, 0), (0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert packing.places(circuit) == expected
    assert packing.pairs(circuit[:-2], home=[0, 1, 1]) == 1


# --- Published counts ---
#
# Burt, Chen and Leung, Quantum 10, 1984 (2026), arXiv:2503.19082; the numbers are those of the
# benchmarks in their repository, github.com/felix-burt/DISQCO. With k QPUs for n qubits, each holds
# up to n / k + 1: one more than an equal share.


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
