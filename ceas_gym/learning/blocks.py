"""A program as a list of blocks, through which observables with noise between gates are pulled.

A block is a stretch of neighbouring gates, multiplied into one matrix. It leads from the Pauli
words after the gates to those before them, and only words count that lie between the read-out and
the data: the observables reach them, and the data reach the read-out through them. In shallow
circuits these are so few that a single small matrix serves gates on all qubits. Where they are too
many, a block has gates on two qubits only. Its words are then arranged in a table, with a row for
each word on these two and a column for each word on the others.

Clifford gates on two qubits only permute words, up to signs, so they become part of the next
arrangement. So does the noise between gates, which multiplies each word by a factor.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import reach
from ceas_gym.learning.pauli import PAULIS, Constant, Program, Step
from ceas_gym.learning.reach import Words
from ceas_gym.learning.stages import Factor, Order, Stages, Table

MOST_ENTRIES = 2**12
"""Most entries of a matrix between words of all qubits; with more, pairs of qubits are faster."""


class Arrangement(NamedTuple):
    """How the words are placed before a block, and the noise between this block and the last."""

    order: Order
    """From the places after the last block to those before this one."""
    back: Order
    """The transpose, for moments."""
    noise: tuple[tuple[int, Words], ...]
    """The gate after which noise acts, and the word that is then at each place, shape (places,).
    Places without a word have the word 0."""


class Dense(NamedTuple):
    """Entries of a block's matrix between words, each a product of entries of its factors."""

    after: NDArray[np.int64]
    """Each factor's letters in the words after the gates, shape (factors, 1, words)."""
    before: NDArray[np.int64]
    """Each factor's letters in the words before the gates, shape (factors, words, 1)."""
    same: NDArray[np.bool_]
    """Whether two words agree on all other qubits, shape (words before, words after)."""


class Block(NamedTuple):
    """Neighbouring gates that are multiplied into one matrix."""

    arrangement: Arrangement
    factors: tuple[Factor, ...]
    """Gates on up to two wires each; no two factors share a wire."""
    number: int
    """Of the first factor in the plan's table; the others follow. Joint gates are not in it."""
    rows: int
    """Of the table, or all words if there is a matrix between them."""
    dense: Dense | None
    """None if there is one factor, whose matrix acts on a table's rows."""

    @property
    def angles(self) -> list[int]:
        """Returns the numbers of the angles that the matrix depends on, in [0, angles)."""
        return [angle for factor in self.factors for angle in factor.angles]


class Plan(NamedTuple):
    """What `team_pullback` computes, one block after the other."""

    start: NDArray[np.bool_]
    """Whether a word is this observable, shape (words, observables)."""
    blocks: tuple[Block, ...]
    last: Arrangement
    """The arrangement at the end, in the order of the program's `words`."""
    table: Table
    """Makes the matrices of all factors that are not joint gates."""


class _Front(NamedTuple):
    # The words over which the observables are spread between two gates.
    words: Words
    places: Words
    """Of the words, after the last block."""
    size: int
    """How many places there are."""
    signs: NDArray[np.float64]
    noise: tuple[tuple[int, Words], ...] = ()
    """Since the last block: the number of a gate, and what the words were there."""


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
    live, blocks, simple = _live(program), list[Block](), list[Factor]()
    front = _fresh(live[-1])
    # Without a word between data and read-out, there is nothing to compute.
    for start, stop in _stretches(program.steps, noisy) if len(live[-1]) else ():
        if stop - 1 in noisy:
            front = front._replace(noise=(*front.noise, (stop - 1, front.words)))
        gates = program.steps[start:stop]
        if len(gates[0].wires) > 1 and isinstance(gates[0], Constant) and gates[0].is_clifford:
            front = _permuted(front, gates[0], program.qubits)
            continue
        for block, after in _blocks(front, gates, live[start], program.qubits):
            blocks.append(block._replace(number=len(simple)))
            simple += [factor for factor in block.factors if not factor.is_joint]
            front = after
    last = _last(program, front)
    table = Stages((), tuple(simple), last.order).table
    return Plan(live[-1][:, None] == program.readout, tuple(blocks), last, table)


def _live(program: Program) -> list[Words]:
    # Words before each gate, and at the end.
    reached = list(reach.backwards(program))
    held = reached[-1] if program.words is None else np.array(program.words, np.int64)
    return list(reach.forwards(program, held, reached))


def _stretches(steps: Sequence[Step], noisy: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    # Yields first gate and end of each stretch, the last first. Gates on one qubit are collected
    # until a joint gate or noise parts them.
    stop = len(steps)
    for start in range(len(steps) - 1, -1, -1):
        joint = any(len(steps[place].wires) > 1 for place in (start, start - 1) if place >= 0)
        if joint or start - 1 in noisy or start == 0:
            yield start, stop
            stop = start


def _blocks(
    front: _Front, gates: tuple[Step, ...], live: Words, qubits: int
) -> Iterator[tuple[Block, _Front]]:
    # Yields the blocks of a stretch of gates, and the words before each of them.
    factors = _factors(gates, qubits)
    if len(front.words) * len(live) <= MOST_ENTRIES:
        arrangement = _arrangement(front, np.arange(len(front.words)), len(front.words))
        dense = _dense(factors, live, front.words, qubits)
        yield Block(arrangement, tuple(factors), 0, len(front.words), dense), _fresh(live)
        return
    for factor in factors:
        block, front = _tabulated(front, factor, live if factor is factors[-1] else None, qubits)
        yield block, front


def _factors(gates: tuple[Step, ...], qubits: int) -> list[Factor]:
    # The wire `qubits` is not in the circuit: an odd qubit is joined with it, because all factors
    # have equally many wires.
    if len(gates[0].wires) > 1:
        return [Factor(gates[0].wires, gates)]
    wires = sorted({gate.wires[0] for gate in gates})
    wires += [qubits] * (len(wires) % 2)
    pairs = [(wires[place], wires[place + 1]) for place in range(0, len(wires), 2)]
    return [
        Factor(pair, tuple(gate for wire in pair for gate in gates if gate.wires == (wire,)))
        for pair in pairs
    ]


def _wires(factor: Factor, qubits: int) -> tuple[int, ...]:
    return tuple(wire for wire in factor.wires if wire < qubits)


def _letters(factors: list[Factor], words: Words, qubits: int) -> NDArray[np.int64]:
    # Rows of the factors' matrices, in which a wire outside the circuit has the letter I.
    rows = [
        reach.split(words, _wires(each, qubits), qubits)[0]
        * PAULIS ** (len(each.wires) - len(_wires(each, qubits)))
        for each in factors
    ]
    return np.stack(rows)


def _dense(factors: list[Factor], before: Words, after: Words, qubits: int) -> Dense:
    wires = [wire for factor in factors for wire in _wires(factor, qubits)]
    rest = [reach.split(words, wires, qubits)[1] for words in (before, after)]
    return Dense(
        _letters(factors, after, qubits)[:, None, :],
        _letters(factors, before, qubits)[:, :, None],
        rest[0][:, None] == rest[1],
    )


def _tabulated(
    front: _Front, factor: Factor, live: Words | None, qubits: int
) -> tuple[Block, _Front]:
    wires = _wires(factor, qubits)
    local, rest = reach.split(front.words, wires, qubits)
    others, column = np.unique(rest, return_inverse=True)
    every = (reach.on(wires, qubits)[:, None] + others).ravel()
    block = Block(
        _arrangement(front, local * len(others) + column, len(every)),
        (factor,),
        0,
        PAULIS ** len(wires),
        None,
    )
    words = front.words
    for gate in reversed(factor.gates):
        words = reach.image(reach.pattern(gate), words, gate.wires, qubits)
    places = np.flatnonzero(np.isin(every, words if live is None else live))
    after = _fresh(every[places])
    return block, after._replace(places=places, size=len(every))


def _fresh(words: Words) -> _Front:
    return _Front(words, np.arange(len(words)), len(words), np.ones(len(words)))


def _permuted(front: _Front, gate: Constant, qubits: int) -> _Front:
    local, rest = reach.split(front.words, gate.wires, qubits)
    turned = np.abs(gate.matrix).argmax(axis=0)[local]
    words = rest + reach.on(gate.wires, qubits)[turned]
    return front._replace(words=words, signs=front.signs * gate.matrix[turned, local].round())


def _arrangement(front: _Front, targets: Words, size: int) -> Arrangement:
    # Puts each word at its target, and the sources of moments at the places of the words.
    order = _order(size, targets, front.places, front.signs)
    back = _order(front.size, front.places, targets, front.signs)
    noise = [(gate, _order(size, targets, words, front.signs)[0]) for gate, words in front.noise]
    return Arrangement(order, back, tuple((gate, words.astype(np.int64)) for gate, words in noise))


def _order(size: int, targets: Words, sources: Words, signs: NDArray[np.float64]) -> Order:
    # 32 bits, also where JAX uses 64, because the same plan serves both.
    order = Order(np.zeros(size, np.int32), np.zeros(size))
    order.sources[targets], order.signs[targets] = sources, signs
    return order


def _last(program: Program, front: _Front) -> Arrangement:
    size = PAULIS**program.qubits if program.words is None else len(program.words)
    wanted = np.arange(size) if program.words is None else np.array(program.words, np.int64)
    return _arrangement(front, np.searchsorted(wanted, front.words), size)
