"""A program as blocks of gates, through which observables are pulled with noise between the gates.

A block is a group of neighbouring gates, multiplied into one matrix. Only those Pauli words count
that lie between the readout and the data: the observables reach them, and through them the data
reach the readout. In shallow circuits these are so few that one small matrix between words serves
gates on all qubits. Otherwise a block has gates on two qubits only. The words are then arranged in
a table, with a row for each word on these two and a column for each word on the others, and all
columns are multiplied by the same matrix.

Clifford gates on two qubits only permute words, up to signs, so they become part of the next
arrangement. So does the noise between gates, which multiplies each word by a factor.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import reach
from ceas_gym.learning.pauli import PAULIS, Constant, Program, Step
from ceas_gym.learning.reach import Words
from ceas_gym.learning.stages import Factor, Order, Stages, Table, permuted

MOST_ENTRIES = 2**12
"""Most entries of a matrix for gates on all qubits; with more, pairs of qubits are faster."""

Noise = tuple[tuple[int, Words], ...]
"""The gates after which noise acts, each with the words that are then at the places of a table."""


class Arrangement(NamedTuple):
    """How words are placed in the table after a block's gates, and the noise on the way there."""

    order: Order
    """From the places before the gates that follow in time."""
    back: Order
    """The transpose, for moments."""
    noise: Noise
    """Noise between the two. Places without a word have the word 0."""


class Block(NamedTuple):
    """Neighbouring gates that are multiplied into one matrix, from one table to another."""

    arrangement: Arrangement
    factors: tuple[Factor, ...]
    """Gates on up to two wires each; no two factors share a wire."""
    number: int
    """Of the first factor in the plan's `matrices`, which has no joint gates; others follow."""
    after: NDArray[np.int64]
    """Which row of each factor's matrix belongs to a row of the table, shape (factors, rows)."""
    before: NDArray[np.int64]
    """The same for the table before the gates."""
    same: NDArray[np.bool_]
    """Whether two rows agree on the wires without gates, shape (rows before, rows after)."""

    @property
    def angles(self) -> list[int]:
        """Returns the numbers of the angles that the matrix depends on, in [0, angles)."""
        return [angle for factor in self.factors for angle in factor.angles]


class Plan(NamedTuple):
    """What `team_pullback` computes, one block after the other."""

    start: NDArray[np.bool_]
    """Whether a word is this observable, shape (words, observables)."""
    blocks: tuple[Block, ...]
    """The last gates first."""
    matrices: Table
    """Makes the matrices of all factors that are not joint gates."""
    last: Arrangement
    """The arrangement at the end, in the order of the program's `words`."""


class _Front(NamedTuple):
    # The words over which the observables are spread between two gates.
    words: Words
    places: Words
    """Of the words, in the table before the last block."""
    size: int
    """How many places this table has."""
    signs: NDArray[np.float64]
    noise: Noise = ()
    """Since the last block."""


class _Group(NamedTuple):
    # Gates that become a block.
    first: int
    """Number of the first gate."""
    factors: tuple[Factor, ...]
    wires: Sequence[int]
    """Whose letters number the rows of the tables."""


@lru_cache(maxsize=64)
def of_program(program: Program, noisy: tuple[int, ...]) -> Plan:
    """Returns the blocks of a program, as few as its gates and the noise allow.

    Args:
        program: With at least one qubit.
        noisy: Gates after which noise acts, in [0, gates), in ascending order.

    Raises:
        ValueError: If noise acts after a gate that the program does not have, or the observables
            spread over more than `reach.MOST_WORDS` words.
    """
    if noisy and not 0 <= noisy[0] <= noisy[-1] < len(program.steps):
        raise ValueError(f"noise after gates {noisy}, but there are {len(program.steps)} gates")
    stretches = list(_stretches(program.steps, noisy))
    program = _by_wire(program, stretches)
    live, blocks = _live(program), list[Block]()
    front = _fresh(live[-1], np.arange(len(live[-1])), len(live[-1]))
    # Without a word between data and readout, there is nothing to compute.
    for start, stop in stretches if len(live[-1]) else ():
        if stop - 1 in noisy:
            front = front._replace(noise=(*front.noise, (stop - 1, front.words)))
        gate = program.steps[start]
        if isinstance(gate, Constant) and len(gate.wires) > 1 and gate.is_clifford:
            front = _permuted(front, gate, program.qubits)
            continue
        for group in _groups(program, len(front.words) * len(live[start]), start, stop):
            block, front = _block(front, group, live[group.first], program.qubits)
            blocks.append(block)
    last = _last(program, front)
    return Plan(live[-1][:, None] == program.readout, *_numbered(blocks, last), last)


def _stretches(steps: Sequence[Step], noisy: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    # Yields the first gate and the end of each stretch, the last stretch first. Gates on one qubit
    # are collected until a joint gate or noise parts them.
    stop = len(steps)
    for start in range(len(steps) - 1, -1, -1):
        joint = any(len(step.wires) > 1 for step in steps[max(start - 1, 0) : start + 1])
        if joint or start == 0 or start - 1 in noisy:
            yield start, stop
            stop = start


def _by_wire(program: Program, stretches: list[tuple[int, int]]) -> Program:
    # Gates on different qubits commute, so they are sorted within each stretch.
    steps = list(program.steps)
    for start, stop in stretches:
        steps[start:stop] = sorted(steps[start:stop], key=lambda step: step.wires[0])
    return replace(program, steps=tuple(steps))


def _live(program: Program) -> list[Words]:
    # Words before each gate, and at the end.
    reached = list(reach.backwards(program))
    held = reached[-1] if program.words is None else np.array(program.words, np.int64)
    return list(reach.forwards(program, held, reached))


def _groups(program: Program, entries: int, start: int, stop: int) -> list[_Group]:
    # The groups of a stretch, the last gates first.
    found, first = list[_Group](), start
    for wires in _pairs(program.steps[start:stop], program.qubits):
        gates = tuple(gate for gate in program.steps[start:stop] if gate.wires[0] in wires)
        used = tuple(wire for wire in wires if wire < program.qubits)
        found.append(_Group(first, (Factor(wires, gates),), used))
        first += len(gates)
    if entries > MOST_ENTRIES:
        return found[::-1]
    return [_Group(start, tuple(group.factors[0] for group in found), range(program.qubits))]


def _pairs(gates: Sequence[Step], qubits: int) -> list[tuple[int, ...]]:
    # An odd qubit is joined with a wire that is not in the circuit, because all factors have
    # equally many wires.
    if len(gates[0].wires) > 1:
        return [gates[0].wires]
    wires = sorted({gate.wires[0] for gate in gates})
    wires += [qubits] * (len(wires) % 2)
    return [tuple(wires[place : place + 2]) for place in range(0, len(wires), 2)]


def _block(front: _Front, group: _Group, live: Words, qubits: int) -> tuple[Block, _Front]:
    # The block, and the words before it.
    columns = np.unique(reach.split(front.words, group.wires, qubits)[1])
    after, targets = _tabled(front.words, group.wires, columns, qubits)
    before, places = _tabled(live, group.wires, columns, qubits)
    active = [wire for factor in group.factors for wire in factor.wires if wire < qubits]
    others = [reach.split(rows, active, qubits)[1] for rows in (before, after)]
    block = Block(
        _arrangement(front, targets, len(after) * len(columns)),
        group.factors,
        0,
        _rows(group.factors, after, qubits),
        _rows(group.factors, before, qubits),
        others[0][:, None] == others[1],
    )
    return block, _fresh(live, places, len(before) * len(columns))


def _tabled(
    words: Words, wires: Sequence[int], columns: Words, qubits: int
) -> tuple[Words, NDArray[np.int64]]:
    # The rows of a table with these columns, and the places of the words. The rows are in the order
    # of the words, so that words that need no other order stay where they are.
    rest = reach.split(words, wires, qubits)[1]
    place = {row: number for number, row in enumerate(dict.fromkeys((words - rest).tolist()))}
    row = np.array([place[each] for each in (words - rest).tolist()], np.int64)
    return np.array(list(place), np.int64), row * len(columns) + np.searchsorted(columns, rest)


def _rows(factors: tuple[Factor, ...], words: Words, qubits: int) -> NDArray[np.int64]:
    # Rows of the factors' matrices. A wire outside the circuit has the letter I.
    found = list[NDArray[np.int64]]()
    for factor in factors:
        wires = [wire for wire in factor.wires if wire < qubits]
        idle = len(factor.wires) - len(wires)
        found.append(reach.split(words, wires, qubits)[0] * PAULIS**idle)
    return np.stack(found)


def _fresh(words: Words, places: NDArray[np.int64], size: int) -> _Front:
    return _Front(words, places, size, np.ones(len(words)))


def _permuted(front: _Front, gate: Constant, qubits: int) -> _Front:
    words, signs = permuted(gate, front.words, qubits)
    return front._replace(words=words, signs=front.signs * signs)


def _arrangement(front: _Front, targets: NDArray[np.int64], size: int) -> Arrangement:
    order = _order(size, targets, front.places, front.signs)
    back = _order(front.size, front.places, targets, front.signs)
    return Arrangement(order, back, tuple(_placed(each, targets, size) for each in front.noise))


def _order(
    size: int, targets: NDArray[np.int64], sources: NDArray[np.int64], signs: NDArray[np.float64]
) -> Order:
    # 32 bits, also where JAX uses 64, because the same plan serves both.
    order = Order(np.zeros(size, np.int32), np.zeros(size))
    order.sources[targets], order.signs[targets] = sources, signs
    return order


def _placed(noise: tuple[int, Words], targets: NDArray[np.int64], size: int) -> tuple[int, Words]:
    words = np.zeros(size, np.int64)
    words[targets] = noise[1]
    return noise[0], words


def _last(program: Program, front: _Front) -> Arrangement:
    size = PAULIS**program.qubits if program.words is None else len(program.words)
    wanted = np.arange(size) if program.words is None else np.array(program.words, np.int64)
    return _arrangement(front, np.searchsorted(wanted, front.words), size)


def _numbered(blocks: list[Block], last: Arrangement) -> tuple[tuple[Block, ...], Table]:
    factors, numbered = list[Factor](), list[Block]()
    for block in blocks:
        numbered.append(block._replace(number=len(factors)))
        factors += [factor for factor in block.factors if not factor.is_joint]
    return tuple(numbered), Stages((), tuple(factors), last.order).table
