"""A program as a list of stages, through which observables are pulled back, last gates first.

A stage has two steps. It reorders the Pauli words so that the wires of its gates come first, and
multiplies the Pauli vector on these wires by one matrix. Clifford gates only permute words, up to
signs, so they are merged into the next reordering.
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
    """Shape (words,), as `signs`, in [0, 4**qubits)."""
    signs: NDArray[np.float64]
    """1 or -1."""


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
    """The reordering before each factor."""
    factors: tuple[Factor, ...]
    last: Order
    """The reordering at the end, which keeps only the program's `words`."""

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
    size = PAULIS**program.qubits
    # Where each word is now, and its sign. Words are numbered with the wires in ascending order.
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


def _order(sources: NDArray[Any], signs: NDArray[np.float64]) -> Order:
    # 32 bits, also where JAX uses 64, because the same program serves both.
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
