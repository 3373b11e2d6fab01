"""Slices: a circuit of several parts, one on each QPU, without gates between them."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ceas_gym.learning.pauli import Program, Rotation, Step


def side_by_side(part: Program, number: int) -> Program:
    """Returns a circuit of equal parts on qubits of their own, each with its own weights.

    The parts are read out on the same qubits each: first those of the first part, then those of the
    second, and so on.

    Args:
        part: Circuit of one part, without a choice of words.
        number: Number of parts; at least 1.

    Source:
        Kawase, arXiv:2312.13650: outputs of circuits on slices of the features are added up.
    """
    parts, qubits = range(number), part.qubits
    read = [qubits * place + qubit for place in parts for qubit in range(part.observables)]
    return Program(
        qubits=number * qubits,
        observables=number * part.observables,
        steps=tuple(step for place in parts for step in _moved(part, place)),
        jacobian=np.asarray(np.kron(np.eye(number), part.jacobian), np.float64),
        offset=np.tile(part.offset, number),
        read=tuple(read),
    )


def of_angles(program: Program, number: int) -> tuple[int, ...]:
    """Returns which of the equal slices each angle belongs to, in [0, number).

    Args:
        program: Its gates act on one slice each.
        number: Number of slices.

    Raises:
        ValueError: If a gate acts on two slices.
    """
    found = dict(_slices(program, program.qubits // number))
    return tuple(found[angle] for angle in range(program.angles))


def _slices(program: Program, qubits: int) -> Iterator[tuple[int, int]]:
    for step in program.steps:
        places = {wire // qubits for wire in step.wires}
        if len(places) > 1:
            raise ValueError(f"a gate on qubits {step.wires} acts on two slices")
        if isinstance(step, Rotation):
            yield step.angle, places.pop()


def _moved(part: Program, place: int) -> Iterator[Step]:
    for step in part.steps:
        wires = tuple(wire + part.qubits * place for wire in step.wires)
        if isinstance(step, Rotation):
            yield replace(step, wires=wires, angle=step.angle + part.angles * place)
        else:
            yield replace(step, wires=wires)
