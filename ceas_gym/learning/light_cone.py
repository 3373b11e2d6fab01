"""The light cone of the read-out: the angles and the Pauli words that can change a prediction.

Each gate that an observable is pulled back through can spread it over more Pauli words. A
prediction depends only on those words that do not vanish in the data. So an angle matters only if
its gate turns a word of the data into a word that reaches an observable. All other angles change no
prediction, whatever the weights are, and are left out.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning.pauli import PAULIS, Program, Rotation, Step

ROUNDING = 1e-9
"""Entries of a transfer matrix, and derivatives of an angle by a weight, count as zero below it."""

Words = NDArray[np.bool_]
"""A flag for each Pauli word, shape (4**qubits,)."""


def trimmed(program: Program) -> Program:
    """Returns a program with the same predictions, without what cannot change them.

    It leaves out the angles outside the light cone, the weights on which only these angles depend,
    and the Pauli words that never meet an observable.

    Args:
        program: Its `words` are those that do not vanish in the data, in [0, 4**qubits).

    Returns:
        The shorter program. `trained` and `words` say which weights and words it keeps, and
        `jacobian` has the shape (kept angles, kept weights).

    Raises:
        ValueError: If the read-out depends on no angle, so that there is nothing to train.

    Source:
        Light cones of circuits: Cerezo et al., Nature Communications 12, 1791 (2021),
        arXiv:2001.00550. Which words a gate can reach is our own test, at all angles at once.
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
    # Words that the observables may reach: at the read-out, then before each earlier gate.
    yield words
    for step in steps:
        words = _image(_pattern(step), words, step.wires, qubits)
        yield words


def _spread_to_readout(steps: tuple[Step, ...], words: Words, qubits: int) -> Iterator[Words]:
    # Words that the data may reach: at the start, then after each gate.
    yield words
    for step in steps:
        words = _image(_pattern(step).T, words, step.wires, qubits)
        yield words


def _pattern(step: Step) -> NDArray[np.bool_]:
    # Which words a gate may turn into which, at some angle.
    if isinstance(step, Rotation):
        return np.asarray((np.abs(step.generators) > ROUNDING).any(axis=0))
    return np.abs(step.matrix) > ROUNDING


def _moves(rotation: Rotation, before: Words, after: Words, qubits: int) -> bool:
    # The derivative of A + cos(angle) B + sin(angle) S contains only B and S.
    slope = np.asarray((np.abs(rotation.generators[1:]) > ROUNDING).any(axis=0))
    return bool((_image(slope, before, rotation.wires, qubits) & after).any())


def _image(pattern: NDArray[np.bool_], words: Words, wires: tuple[int, ...], qubits: int) -> Words:
    front = range(len(wires))
    letters = np.moveaxis(words.reshape((PAULIS,) * qubits), wires, front)
    image = pattern @ letters.reshape(len(pattern), -1)
    return np.moveaxis(image.reshape(letters.shape), front, wires).reshape(-1)
