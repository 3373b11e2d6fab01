"""A program as the stages that an observable passes, the last gates first.

A stage puts the Pauli words in the order in which its wires come first, and multiplies their
letters on these wires by one matrix. Clifford gates only permute words, up to signs, so they are
part of the next reordering.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning.pauli import PAULIS, Constant, Program, Rotation, Step


class Order(NamedTuple):
    """A reordering up to signs: new[P] = signs[P] * old[sources[P]]."""

    sources: NDArray[np.int32]
    signs: NDArray[np.float64]


class Factor(NamedTuple):
    """Gates that make one matrix."""

    wires: tuple[int, ...]
    gates: tuple[Step, ...]
    """On one of the wires each, in the order of time, or a single gate on all of them."""

    @property
    def angles(self) -> list[int]:
        """Returns the angles that it depends on."""
        return [gate.angle for gate in self.gates if isinstance(gate, Rotation)]

    @property
    def is_joint(self) -> bool:
        """Returns whether it is a single gate on two qubits."""
        return len(self.gates[0].wires) > 1


class Table(NamedTuple):
    """The matrices of one qubit, of which those of the other factors are made.

    Its entries are the identity, the constants, the rotations, then their derivatives.
    """

    constants: NDArray[np.float64]
    """With the identity in front, shape (constants, 4, 4)."""
    generators: NDArray[np.float64]
    """Of the rotations, shape (rotations, 3, 4, 4)."""
    angles: NDArray[np.int32]
    """Of the rotations."""
    entries: NDArray[np.int32]
    """The product that makes a factor's matrix and, in the variants after it, the derivatives by
    its own angles, shape (factors, variants, wires, gates)."""


@dataclass(frozen=True, eq=False)
class Stages:
    """What `pullback` runs."""

    orders: tuple[Order, ...]
    """One before each factor."""
    factors: tuple[Factor, ...]
    last: Order
    """Of the words that are wanted."""

    @cached_property
    def table(self) -> Table:
        """Returns the one-qubit matrices of the factors without a joint gate."""
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
    """Returns the stages of a program, in as few as can be.

    Gates on one qubit wait for the next joint gate, and go in pairs of qubits; neighbouring joint
    Clifford gates are one permutation.
    """
    orders, factors = list[Order](), list[Factor]()
    size = PAULIS**program.qubits
    # Where each word is, and with which sign; words are numbered with the wires in order.
    place, sign = np.arange(size), np.ones(size)
    for step in _reversed(program):
        if isinstance(step, Constant):
            sources, signs = _permutation(program.qubits, step)
            place, sign = place[sources], signs * sign[sources]
            continue
        front = _with_front(program.qubits, step.wires)
        orders.append(_order(place[front], sign[front]))
        factors.append(step)
        place, sign = np.argsort(front), np.ones(size)
    wanted = np.arange(size) if program.words is None else np.array(program.words, int)
    return Stages(tuple(orders), tuple(factors), _order(place[wanted], sign[wanted]))


def _reversed(program: Program) -> Iterator[Factor | Constant]:
    # Joint Clifford gates as they are, all others in factors, the last ones first.
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
    # Takes all that waits, two qubits at a time, as a rule with the last angles first. All factors
    # have equally many wires: one that is left over goes with any other.
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


def _order(sources: NDArray[Any], signs: NDArray[np.float64]) -> Order:
    # 32 bits whatever the precision in use: the same program serves both.
    return Order(sources.astype(np.int32), signs)


def _with_front(qubits: int, wires: tuple[int, ...]) -> NDArray[np.int64]:
    order = [*wires, *(wire for wire in range(qubits) if wire not in wires)]
    return np.arange(PAULIS**qubits).reshape((PAULIS,) * qubits).transpose(order).reshape(-1)


def _permutation(qubits: int, gate: Constant) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    column = np.abs(gate.matrix).argmax(axis=1)
    sign = gate.matrix[np.arange(len(column)), column].round()
    front = _with_front(qubits, gate.wires)
    back, rows = np.argsort(front), front.reshape(len(column), -1)
    signs = np.broadcast_to(sign[:, None], rows.shape)
    return rows[column].reshape(-1)[back], signs.reshape(-1)[back]
