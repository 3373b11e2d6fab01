"""What of a circuit its read-out depends on: the angles and the data in the observables' past.

An observable spreads over more words with every gate that it is pulled back through, and only words
that the data hold count in the end. A gate whose angle turns no word that the data hold into one
that reaches an observable changes no prediction, at any angles: it can be left out.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning.pauli import PAULIS, Program, Rotation, Step

ROUNDING = 1e-9
"""Of an entry of a transfer matrix, and of the derivative of an angle by a weight."""

Words = NDArray[np.bool_]
"""A flag for each Pauli word, shape (4**qubits,)."""


def trimmed(program: Program) -> Program:
    """Returns the same predictions as a program without what cannot change them.

    Left out are angles outside the light cone, weights on which only these depend, and words that
    never meet an observable. `trained` and `words` say which are left.

    Args:
        program: With the words that the data hold.

    Raises:
        ValueError: If the read-out depends on no angle, so that there is nothing to train.

    Source:
        Light cones of circuits: Cerezo et al., Nature Communications 12, 1791 (2021),
        arXiv:2001.00550.
    """
    size = PAULIS**program.qubits
    held = np.ones(size, bool) if program.words is None else _flags(size, program.words)
    backwards = program.steps[::-1]
    read: Words = np.asarray(program.readout.any(axis=0))
    reached = list(_spread(backwards, read, program.qubits))
    wanted = list(_spread_to_readout(program.steps, held, program.qubits))[::-1]
    alive = [
        not isinstance(step, Rotation) or _moves(step, before, after, program.qubits)
        for step, before, after in zip(backwards, reached, wanted[1:], strict=False)
    ][::-1]
    return _without(program, alive, np.flatnonzero(reached[-1] & held))


def _without(program: Program, alive: list[bool], words: NDArray[np.int64]) -> Program:
    kept = [step for step, is_alive in zip(program.steps, alive, strict=True) if is_alive]
    angles = [step.angle for step in kept if isinstance(step, Rotation)]
    if not angles:
        raise ValueError("the read-out depends on no angle, so that there is nothing to train")
    place = {angle: number for number, angle in enumerate(angles)}
    jacobian = program.jacobian[angles]
    trained = np.flatnonzero((np.abs(jacobian) > ROUNDING).any(axis=0))
    return replace(
        program,
        steps=tuple(
            replace(step, angle=place[step.angle]) if isinstance(step, Rotation) else step
            for step in kept
        ),
        jacobian=jacobian[:, trained],
        offset=program.offset[angles],
        words=tuple(words.tolist()),
        trained=tuple(trained.tolist()),
    )


def _flags(size: int, words: tuple[int, ...]) -> Words:
    flags = np.zeros(size, bool)
    flags[list(words)] = True
    return flags


def _spread(steps: tuple[Step, ...], words: Words, qubits: int) -> Iterator[Words]:
    # Of the observables, before the first and after every step on their way back to the data.
    yield words
    for step in steps:
        words = _image(_pattern(step), words, step.wires, qubits)
        yield words


def _spread_to_readout(steps: tuple[Step, ...], words: Words, qubits: int) -> Iterator[Words]:
    # Of the data, on their way to the observables.
    yield words
    for step in steps:
        words = _image(_pattern(step).T, words, step.wires, qubits)
        yield words


def _pattern(step: Step) -> NDArray[np.bool_]:
    # Which words a gate takes to which, at any angle.
    if isinstance(step, Rotation):
        return np.asarray((np.abs(step.generators) > ROUNDING).any(axis=0))
    return np.abs(step.matrix) > ROUNDING


def _moves(rotation: Rotation, before: Words, after: Words, qubits: int) -> bool:
    # The derivative of A + cos B + sin S is made of B and S.
    slope = np.asarray((np.abs(rotation.generators[1:]) > ROUNDING).any(axis=0))
    return bool((_image(slope, before, rotation.wires, qubits) & after).any())


def _image(pattern: NDArray[np.bool_], words: Words, wires: tuple[int, ...], qubits: int) -> Words:
    front = range(len(wires))
    letters = np.moveaxis(words.reshape((PAULIS,) * qubits), wires, front)
    image = pattern @ letters.reshape(len(pattern), -1)
    return np.moveaxis(image.reshape(letters.shape), front, wires).reshape(-1)
