"""Which remote gates share a pair: runs of commuting gates, and least vertex covers.

A gate between two QPUs is teleported through a pair: the control is copied to the other QPU, where
local gates between the copy and the targets follow. One copy serves all gates of that control with
targets on this QPU, as long as they commute. Such gates are a pack.

The functions here only need to know which gates are diagonal in Z and where they act, so that the
pairs of large circuits can be counted, too.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

Edge = tuple[int, int]
"""Two qubits with a gate between them."""


class Gate(NamedTuple):
    """What packing has to know of a gate."""

    wires: tuple[int, ...]
    is_diagonal: bool
    """Whether it is diagonal in Z, so that it commutes with all other such gates."""


class Star(NamedTuple):
    """A pack: gates that share a pair, which form a star around their common control."""

    control: int
    targets: tuple[int, ...]
    """In ascending order, all on one QPU."""


def places(gates: Sequence[Gate]) -> list[tuple[int, bool]]:
    """Returns where each gate stands in a circuit that is sorted into runs.

    A run consists of diagonal gates on several qubits, which all commute. Gates move past each
    other if they act on different qubits or are diagonal, and each goes to the earliest run.

    Args:
        gates: In the order of time.

    Returns:
        For each gate the number of its run, and whether it belongs to the run or stands before it.
        Sorted by these, and then as given, the gates make the same circuit.

    Example:
        >>> cz, hadamard = Gate((0, 1), True), Gate((1,), False)
        >>> places([cz, hadamard, cz, Gate((0, 2), True)])
        [(0, True), (1, False), (1, True), (0, True)]
    """
    # For each qubit: the earliest run for a diagonal gate, and for any other gate.
    diagonal, other = defaultdict[int, int](int), defaultdict[int, int](int)
    found: list[tuple[int, bool]] = []
    for wires, is_diagonal in gates:
        is_joint = is_diagonal and len(wires) > 1
        earliest = diagonal if is_diagonal else other
        run = max(earliest[wire] for wire in wires)
        for wire in wires:
            diagonal[wire] = diagonal[wire] if is_diagonal else run
            other[wire] = max(other[wire], run + is_joint)
        found.append((run, is_joint))
    return found


def pairs(gates: Sequence[Gate], home: Sequence[int]) -> int:
    """Returns how many pairs a circuit takes whose gates across QPUs are all diagonal.

    Args:
        gates: In the order of time, such as controlled phases; on one or two qubits each.
        home: Number of the QPU of each qubit.

    Example:
        >>> pairs([Gate((0, 2), True), Gate((1, 2), True)], home=[0, 0, 1])
        1
    """
    placed = [
        (run, gate.wires)
        for gate, (run, is_joint) in zip(gates, places(gates), strict=True)
        if is_joint
    ]
    placed.sort()
    runs = [[wires for _, wires in run] for _, run in groupby(placed, key=lambda each: each[0])]
    return sum(len(list(stars([(one, other) for one, other in run], home))) for run in runs)


def stars(edges: Sequence[Edge], home: Sequence[int]) -> Iterator[Star]:
    """Yields the fewest packs for the gates of one run.

    For any two QPUs, the controls are a least vertex cover of the graph of the gates between them.

    Args:
        edges: The qubits of each gate; gates within a QPU are left out.
        home: Number of the QPU of each qubit.

    Source:
        Packing as a vertex cover: Wu et al., Quantum 7, 1196 (2023), arXiv:2212.12688.

    Example:
        >>> list(stars([(0, 2), (1, 2), (0, 1)], home=[0, 0, 1]))
        [Star(control=2, targets=(0, 1))]
    """
    between = defaultdict[Edge, set[Edge]](set)
    for edge in edges:
        one, other = sorted(edge, key=lambda qubit: home[qubit])
        if home[one] != home[other]:
            between[home[one], home[other]].add((one, other))
    for _, remote in sorted(between.items()):
        left = set(remote)
        for control in least_cover(tuple(sorted(remote))):
            mine = {edge for edge in left if control in edge}
            left -= mine
            yield Star(control, tuple(sorted(sum(edge) - control for edge in mine)))


@lru_cache(maxsize=4096)
def least_cover(edges: tuple[Edge, ...]) -> tuple[int, ...]:
    """Returns a smallest set of qubits that has a qubit of every edge, in ascending order.

    From a largest matching, follow paths from the unmatched qubits on the left that alternate
    between other edges and edges of the matching. The cover is what they miss on the left and meet
    on the right.

    Args:
        edges: Of a bipartite graph; the first qubits, on the left, are none of the second.

    Source:
        Koenig, Matematikai es Fizikai Lapok 38, 116 (1931).

    Example:
        >>> least_cover(((0, 3), (1, 3), (2, 3), (2, 4)))
        (2, 3)
    """
    matched = _largest_matching(edges)
    partner = {right: left for left, right in matched.items()}
    lefts = {left for left, _ in edges}
    met = front = lefts - set(matched)
    while front:
        rights = {right for left, right in edges if left in front} - met
        # Each of them has a partner: the matching could be enlarged otherwise.
        front = {partner[right] for right in rights}
        met = met | rights | front
    return tuple(sorted((lefts - met) | (met - lefts)))


def _largest_matching(edges: tuple[Edge, ...]) -> dict[int, int]:
    table = np.array(edges)
    lefts, rows = np.unique(table[:, 0], return_inverse=True)
    rights, columns = np.unique(table[:, 1], return_inverse=True)
    shape = (len(lefts), len(rights))
    graph = csr_array((np.ones(len(table), np.int8), (rows, columns)), shape=shape)
    found = maximum_bipartite_matching(graph, perm_type="column")
    return {int(lefts[row]): int(rights[found[row]]) for row in np.flatnonzero(found >= 0)}
