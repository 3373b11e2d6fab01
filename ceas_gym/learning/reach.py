"""Which Pauli words gates can reach, at all angles at once.

Words are numbers, as in `pauli`; sets of them are sorted arrays without duplicates. A deep circuit
may reach all 4^n words of n qubits, but a shallow one, read out at one qubit, reaches few of them.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ceas_gym.learning import pauli
from ceas_gym.learning.pauli import PAULIS, Program, Rotation, Step

MOST_WORDS = 2**14
"""Most words that an observable may be spread over: with more, rounds would take seconds."""
ROUNDING = 1e-9
"""Entries of a transfer matrix count as zero up to this."""

Words = NDArray[np.int64]


def backwards(program: Program) -> Iterator[Words]:
    """Yields the words over which the observables may be spread.

    The first are those of the readout, then those before each earlier gate, to the start.

    Args:
        program: Gates and readout.

    Raises:
        ValueError: If there are more than `MOST_WORDS` at a gate; it says how many.
    """
    words = np.unique(program.readout)
    yield words
    for number, step in enumerate(reversed(program.steps)):
        words = image(pattern(step), words, step.wires, program.qubits)
        if len(words) > MOST_WORDS:
            raise ValueError(
                f"the readout spreads over {len(words)} Pauli words or more ({number + 1} of "
                f"{len(program.steps)} gates before it), more than the {MOST_WORDS} that are "
                "computed; take fewer layers or qubits, or an ansatz with fewer joint gates"
            )
        yield words


def forwards(program: Program, held: Words, reached: Sequence[Words]) -> Iterator[Words]:
    """Yields the words by which the data reach the readout: at the start, then after each gate.

    Args:
        program: Gates.
        held: Words whose expectation value is not zero in all of the data.
        reached: What `backwards` yields.
    """
    words = np.intersect1d(held, reached[-1])
    yield words
    for step, wanted in zip(program.steps, reached[-2::-1], strict=True):
        spread = image(pattern(step).T, words, step.wires, program.qubits)
        words = np.intersect1d(spread, wanted)
        yield words


def pattern(step: Step) -> NDArray[np.bool_]:
    """Returns which words (columns) a gate may turn into which (rows), at some angle.

    The words are those of the k wires of the gate, so the shape is (4**k, 4**k).

    Args:
        step: A gate, through which observables are pulled back.
    """
    if isinstance(step, Rotation):
        return np.asarray((np.abs(step.generators) > ROUNDING).any(axis=0))
    return np.abs(step.matrix) > ROUNDING


def image(pattern: NDArray[np.bool_], words: Words, wires: Sequence[int], qubits: int) -> Words:
    """Returns the words into which a gate may turn these.

    Args:
        pattern: From `pattern`, or its transpose for the other direction.
        words: Before.
        wires: Qubits of the gate.
        qubits: Of the circuit.

    Example:
        >>> every = np.ones((4, 4), bool)
        >>> image(every, np.array([7]), [1], qubits=2).tolist()  # XZ becomes XI, XX, XY and XZ
        [4, 5, 6, 7]
    """
    local, rest = split(words, wires, qubits)
    places = on(wires, qubits)
    parts = [
        (rest[local == letter][:, None] + places[pattern[:, letter]]).ravel()
        for letter in np.unique(local)
    ]
    return np.unique(np.concatenate([np.zeros(0, np.int64), *parts]))


def split(words: Words, wires: Sequence[int], qubits: int) -> tuple[Words, Words]:
    """Returns the letters of words on some wires, and the words with identities there.

    Args:
        words: In [0, 4**qubits).
        wires: k qubits.
        qubits: Of the circuit.

    Returns:
        The letters as numbers of words on the k wires, in [0, 4**k), and the rest.

    Example:
        >>> local, rest = split(np.array([7]), [1], qubits=2)  # XZ
        >>> local.tolist(), rest.tolist()
        ([3], [4])
    """
    weight = PAULIS ** (qubits - 1 - np.asarray(wires))
    found = words[:, None] // weight % PAULIS
    return found @ PAULIS ** np.arange(len(wires))[::-1], words - found @ weight


def on(wires: Sequence[int], qubits: int) -> Words:
    """Returns all words with letters on these wires only, in the order of the wires' letters.

    Args:
        wires: k qubits.
        qubits: Of the circuit.

    Returns:
        Numbers in [0, 4**qubits), shape (4**k,).

    Example:
        >>> on([0], qubits=2).tolist()
        [0, 4, 8, 12]
    """
    return pauli.letters(len(wires)) @ PAULIS ** (qubits - 1 - np.asarray(wires))
