"""The light cone of the readout: the angles and the Pauli words that can change a prediction.

Each gate that an observable is pulled back through can spread it over more Pauli words. A
prediction depends only on those words that do not vanish in the data. So an angle matters only if
its gate turns a word of the data into a word that reaches an observable. All other angles change no
prediction, whatever the weights are, and are left out.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import reach
from ceas_gym.learning.pauli import Constant, Program, Rotation
from ceas_gym.learning.reach import ROUNDING, Words


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
        ValueError: If the readout depends on no angle, so that there is nothing to train.

    Source:
        Light cones of circuits: Cerezo et al., Nature Communications 12, 1791 (2021),
        arXiv:2001.00550. Which words a gate can reach is our own test, at all angles at once.
    """
    reached = list(reach.backwards(program))
    held = reached[-1] if program.words is None else np.array(program.words, np.int64)
    wanted = list(reach.forwards(program, held, reached))
    alive = [
        not isinstance(step, Rotation) or _moves(step, after, before, program.qubits)
        for step, after, before in zip(program.steps, reached[-2::-1], wanted, strict=False)
    ]
    return _without(program, alive, wanted[0])


def effective(program: Program) -> Program:
    """Returns a program with the same predictions, without constant gates that do nothing.

    Such a gate leaves every word alone that reaches the readout, as a CZ does after which only Z
    is read. On a single processor it costs little; across two it would take a pair.

    Args:
        program: Gates and readout. Rotations, and so the shape of `jacobian`, stay.

    Source:
        Light cones of circuits: Cerezo et al., Nature Communications 12, 1791 (2021),
        arXiv:2001.00550; here by our own test of words.
    """
    after = list(reach.backwards(program))[-2::-1]
    kept = [
        step
        for step, words in zip(program.steps, after, strict=True)
        if isinstance(step, Rotation) or _changes(step, words, program.qubits)
    ]
    return replace(program, steps=tuple(kept))


def _changes(step: Constant, words: Words, qubits: int) -> bool:
    local = np.unique(reach.split(words, step.wires, qubits)[0])
    alone = np.eye(len(step.matrix))[:, local]
    return not np.allclose(step.matrix[:, local], alone, atol=ROUNDING)


def _without(program: Program, alive: list[bool], words: NDArray[np.int64]) -> Program:
    kept = [step for step, is_alive in zip(program.steps, alive, strict=True) if is_alive]
    angles = [step.angle for step in kept if isinstance(step, Rotation)]
    if not angles:
        raise ValueError("the readout depends on no angle, so that there is nothing to train")
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


def _moves(rotation: Rotation, after: Words, before: Words, qubits: int) -> bool:
    # Whether the gate's derivative, which contains only B and S of A + cos(angle) B + sin(angle) S,
    # turns a word that reaches the readout into one that the data reach.
    slope = np.asarray((np.abs(rotation.generators[1:]) > ROUNDING).any(axis=0))
    image = reach.image(slope, after, rotation.wires, qubits)
    return len(np.intersect1d(image, before)) > 0
