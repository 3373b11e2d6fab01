"""A program as a list of stages, through which observables are pulled back, last gates first.

Only the Pauli words are kept that the observables can reach. A stage has two parts. It arranges
them in a table, with a row for each word on the wires of its gates and a column for each word on
the other wires, and multiplies the table by one matrix. Clifford gates only permute words, up to
signs, so they are merged into the next arrangement.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import reach
from ceas_gym.learning.pauli import PAULIS, Constant, Program, Rotation, Step
from ceas_gym.learning.reach import Words


class Order(NamedTuple):
    """An arrangement up to signs: new[i] = signs[i] * old[sources[i]]."""

    sources: NDArray[np.int32]
    """Places in the table before, shape (places,)."""
    signs: NDArray[np.float64]
    """1 or -1, or 0 for a word that the observables don't reach; shape (places,)."""


class Factor(NamedTuple):
    """Neighbouring gates that are multiplied into one matrix."""

    wires: tuple[int, ...]
    gates: tuple[Step, ...]
    """Gates on one of the wires each, in the order of time, or a single gate on all wires."""

    @property
    def angles(self) -> list[int]:
        """Returns the numbers of the angles that the matrix depends on, in [0, angles)."""
        return [gate.angle for gate in self.gates if isinstance(gate, Rotation)]

    @property
    def is_joint(self) -> bool:
        """Returns whether it is a single gate on two qubits, whose matrix has shape (16, 16)."""
        return len(self.gates[0].wires) > 1


class Table(NamedTuple):
    """One-qubit matrices, whose products make the matrices of all factors without a joint gate.

    They are numbered in this order: the identity, the constants, the rotations, and the derivatives
    of the rotations.
    """

    constants: NDArray[np.float64]
    """The identity, then the constants, shape (1 + constants, 4, 4)."""
    generators: NDArray[np.float64]
    """Matrices A, B and S of each rotation (`Rotation.generators`), shape (rotations, 3, 4, 4)."""
    angles: NDArray[np.int32]
    """Number of each rotation's angle, shape (rotations,)."""
    entries: NDArray[np.int32]
    """Numbers of the matrices to multiply, shape (factors, variants, wires, gates). The first
    variant is the matrix of the factor, the others are its derivatives by its own angles."""


@dataclass(frozen=True, eq=False)
class Stages:
    """What `pullback` computes, one stage after the other."""

    orders: tuple[Order, ...]
    """The arrangement before each factor: first of the observables, which have a place each."""
    factors: tuple[Factor, ...]
    last: Order
    """The arrangement at the end, which keeps only the program's `words`."""

    @cached_property
    def even(self) -> tuple[Order, Order]:
        """Returns the arrangements with tables of equal size, for a loop over the stages.

        The columns that are added are empty. The first order has a row for each stage, shape
        (stages, places); the second is the last arrangement.
        """
        rows = PAULIS ** len(self.factors[0].wires)
        columns = [len(order.sources) // rows for order in self.orders]
        most = max(columns)
        # The observables keep their places.
        before = [most, *columns[:-1]]
        wide = [
            _widened(_moved(order, width, most), rows, most)
            for order, width in zip(self.orders, before, strict=True)
        ]
        stacked = Order(*(np.stack(each) for each in zip(*wide, strict=True)))
        return stacked, _moved(self.last, columns[-1], most)

    @cached_property
    def table(self) -> Table:
        """Returns the one-qubit matrices, of shape (4, 4), of all factors without a joint gate."""
        factors = [factor for factor in self.factors if not factor.is_joint]
        gates = [gate for factor in factors for gate in factor.gates]
        rotations = [gate for gate in gates if isinstance(gate, Rotation)]
        constants = [gate for gate in gates if isinstance(gate, Constant)]
        place = {id(gate): 1 + number for number, gate in enumerate([*constants, *rotations])}
        generators = [rotation.generators for rotation in rotations]
        return Table(
            np.stack([np.eye(PAULIS), *(constant.matrix for constant in constants)]),
            np.reshape(generators, (-1, 3, PAULIS, PAULIS)),
            np.array([rotation.angle for rotation in rotations], np.int32),
            _entries(factors, place, len(rotations)),
        )


@lru_cache(maxsize=64)
def of_program(program: Program) -> Stages:
    """Returns the stages of a program, as few as its gates allow.

    Gates on one qubit are collected until the next joint gate, two qubits to a factor, so that a
    factor's matrix has the shape (16, 16), or (4, 4) with a single qubit. Neighbouring joint
    Clifford gates are merged into one permutation.

    Args:
        program: With at least one qubit.
    """
    orders, factors = list[Order](), list[Factor]()
    qubits, words = program.qubits, program.readout
    # Where each word is in the last table, and its sign.
    place, sign = np.arange(len(words)), np.ones(len(words))
    for step in _reversed(program):
        if isinstance(step, Constant):
            words, turned = permuted(step, words, qubits)
            sign = sign * turned
            continue
        local, rest = reach.split(words, step.wires, qubits)
        others, column = np.unique(rest, return_inverse=True)
        every = reach.on(step.wires, qubits)[:, None] + others
        orders.append(_order(every.shape, (local, column), place, sign))
        factors.append(step)
        reached = np.isin(every.ravel(), _image(step, words, qubits))
        words, place = every.ravel()[reached], np.flatnonzero(reached)
        sign = np.ones(len(words))
    return Stages(tuple(orders), tuple(factors), _last(program, words, place, sign))


def permuted(gate: Constant, words: Words, qubits: int) -> tuple[Words, NDArray[np.float64]]:
    """Returns the words into which a Clifford gate turns these, and the signs that they get.

    Args:
        gate: Through which observables are pulled back.
        words: Numbers in [0, 4**qubits).
        qubits: Of the circuit.
    """
    local, rest = reach.split(words, gate.wires, qubits)
    turned = np.abs(gate.matrix).argmax(axis=0)[local]
    return rest + reach.on(gate.wires, qubits)[turned], gate.matrix[turned, local].round()


def _reversed(program: Program) -> Iterator[Factor | Constant]:
    # Yields joint Clifford gates as they are and all others in factors, the last gates first.
    waiting: dict[int, list[Step]] = {}
    for step in reversed(program.steps):
        if len(step.wires) == 1:
            waiting.setdefault(step.wires[0], []).insert(0, step)
            continue
        yield from _pairs(waiting, program.qubits)
        if isinstance(step, Constant) and step.is_clifford:
            yield step
        else:
            yield Factor(step.wires, (step,))
    yield from _pairs(waiting, program.qubits)


def _pairs(waiting: dict[int, list[Step]], qubits: int) -> list[Factor]:
    # Empties `waiting`, two qubits at a time, usually with the last angles first. All factors need
    # equally many wires, so an odd qubit is joined with any other.
    wires = sorted(waiting)
    if len(wires) % 2 and qubits > 1:
        wires.append(next(wire for wire in range(qubits) if wire != wires[-1]))
    pairs = [tuple(wires[start : start + 2]) for start in range(0, len(wires), 2)][::-1]
    return [
        Factor(pair, tuple(gate for wire in pair for gate in waiting.pop(wire, [])))
        for pair in pairs
    ]


def _entries(factors: list[Factor], place: dict[int, int], rotations: int) -> NDArray[np.int32]:
    variants = 1 + max((len(factor.angles) for factor in factors), default=0)
    runs = [_runs(factor) for factor in factors]
    longest = max((len(run) for pair in runs for run in pair), default=1)
    wires = len(runs[0]) if runs else 1
    entries = np.zeros((len(factors), variants, wires, max(longest, 1)), np.int32)
    for number, (factor, pair) in enumerate(zip(factors, runs, strict=True)):
        for wire, run in enumerate(pair):
            for step, gate in enumerate(run):
                entries[number, :, wire, step] = place[id(gate)]
                if isinstance(gate, Rotation):
                    entries[number, 1 + factor.angles.index(gate.angle), wire, step] += rotations
    return entries


def _runs(factor: Factor) -> list[list[Step]]:
    return [[gate for gate in factor.gates if gate.wires == (wire,)] for wire in factor.wires]


def _order(
    shape: tuple[int, ...],
    target: Any,  # noqa: ANN401 - an index of an array
    place: NDArray[np.int64],
    sign: NDArray[np.float64],
) -> Order:
    # 32 bits, also where JAX uses 64, because the same program serves both.
    sources, signs = np.zeros(shape, np.int32), np.zeros(shape)
    sources[target], signs[target] = place, sign
    return Order(sources.ravel(), signs.ravel())


def _last(
    program: Program, words: Words, place: NDArray[np.int64], sign: NDArray[np.float64]
) -> Order:
    size = PAULIS**program.qubits if program.words is None else len(program.words)
    wanted = np.arange(size) if program.words is None else np.array(program.words, np.int64)
    met = np.isin(words, wanted)
    return _order((size,), np.searchsorted(wanted, words[met]), place[met], sign[met])


def _moved(order: Order, columns: int, most: int) -> Order:
    # The same places, in a table that has been widened from so many columns.
    sources = order.sources // columns * most + order.sources % columns
    return Order(sources.astype(np.int32), order.signs)


def _widened(order: Order, rows: int, most: int) -> Order:
    # Padded with empty columns.
    def wide(each: NDArray[Any]) -> NDArray[Any]:
        table = each.reshape(rows, -1)
        return np.pad(table, [(0, 0), (0, most - table.shape[1])]).ravel()

    return Order(wide(order.sources), wide(order.signs))


def _image(factor: Factor, words: Words, qubits: int) -> Words:
    for gate in reversed(factor.gates):
        words = reach.image(reach.pattern(gate), words, gate.wires, qubits)
    return words
