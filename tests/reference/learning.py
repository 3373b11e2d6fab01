"""The learning of the reference: density matrices, channels and the parameter-shift rule."""

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from itertools import product
from typing import Any

import numpy as np

from ceas_gym.types import Learning, Scores, Split
from reference.barrier import assignments
from reference.pairs import ERRORS, Array, Pair, Quadruple

LETTERS = {
    "I": np.array([[1, 0], [0, 1]], dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]], dtype=complex),
    "Z": np.array([[1, 0], [0, -1]], dtype=complex),
}


def on(gate: Array, qubit: int, qubits: int) -> Array:
    """Returns a gate of shape (2, 2) on one qubit in [0, qubits), shape (2^qubits, 2^qubits)."""
    return np.kron(np.kron(np.eye(2**qubit), gate), np.eye(2 ** (qubits - 1 - qubit)))


def width(rho: Array) -> int:
    """Returns the number of qubits of a density matrix of shape (..., 2^qubits, 2^qubits)."""
    return rho.shape[-1].bit_length() - 1


def disturb(rho: Array, qubit: int, errors: Quadruple) -> Array:
    """Returns the density matrices after a Pauli error on the qubit, shape (..., dim, dim).

    Args:
        rho: Density matrices, shape (..., dim, dim).
        qubit: Index of the qubit, in [0, qubits).
        errors: Probability of each error, in [0, 1].

    Source:
        Pauli channel: Nielsen and Chuang, Quantum Computation and Quantum Information (2010),
        section 8.3.
    """
    letters = [on(LETTERS[error], qubit, width(rho)) for error in ERRORS]
    chances = zip(errors, letters, strict=True)
    return sum(chance * (letter @ rho @ letter.conj().T) for chance, letter in chances)


def teleport(
    rho: Array,
    spent: list[Pair],
    errors: dict[Pair, Quadruple],
    qubits: Sequence[int] | None = None,
) -> Array:
    """Returns the teleported density matrices, as a mean over all assignments of pairs to qubits.

    Args:
        rho: Encoded data, shape (samples, dim, dim).
        spent: Pairs, of which each shot takes one for each qubit.
        errors: For each pair, the probability of each Pauli error, in [0, 1].
        qubits: Those that are teleported; all by default.

    Source:
        Bowen and Bose, PRL 87, 267901 (2001), for each qubit.
    """
    total, places = np.zeros_like(rho), range(width(rho)) if qubits is None else qubits
    for pairs, probability in assignments(spent, len(places)):
        noisy = rho
        for qubit, pair in zip(places, pairs, strict=True):
            noisy = disturb(noisy, qubit, errors[pair])
        total += probability * noisy
    return total


@lru_cache
def words(qubits: int) -> Array:
    """Returns all Pauli words, shape (4^qubits, dim, dim), the first qubit most significant."""
    return np.array([reduce(np.kron, word) for word in product(LETTERS.values(), repeat=qubits)])


def density(learning: Learning, split: Split) -> Array:
    """Returns the density matrices of a split, rho = 2^-n sum_P rho_P P, shape (samples, dim, dim).

    Source:
        Nielsen and Chuang, Quantum Computation and Quantum Information, section 8.4.2.
    """
    qubits, held = learning.program.qubits, list(learning.program.words)
    return np.einsum("sp,pij->sij", split.paulis, words(qubits)[held]) / 2**qubits


def unitary(angles: Array, qubits: int) -> Array:
    """Returns the ansatz as a matrix, shape (2^qubits, 2^qubits).

    Each layer has RY and RZ on each qubit, and a ring of CZ gates.

    Args:
        angles: In radians, shape (layers * qubits * 2,).
        qubits: Number of qubits, at least 1.

    Source:
        Kandala et al., Nature 549, 242 (2017), arXiv:1704.05018; here with RY, RZ and CZ.
    """
    ring = {frozenset((qubit, (qubit + 1) % qubits)) for qubit in range(qubits)}
    bits = list(product((0, 1), repeat=qubits))
    entangle = np.diag([(-1.0) ** sum(all(row[q] for q in pair) for pair in ring) for row in bits])
    circuit: Array = np.eye(2**qubits)
    for layer in angles.reshape(-1, qubits, 2):
        for qubit, turns in enumerate(layer):
            for half, axis in zip(turns / 2, "YZ", strict=True):
                turn = np.cos(half) * LETTERS["I"] - 1j * np.sin(half) * LETTERS[axis]
                circuit = on(turn, qubit, qubits) @ circuit
        circuit = entangle @ circuit
    return circuit


def expect(learning: Learning, angles: Array, rho: Array) -> Array:
    """Returns Tr[Z_q U rho U+] in [-1, 1], shape (samples, observables).

    Args:
        learning: Says which qubits are read out.
        angles: Of the ansatz, in radians.
        rho: Density matrices, shape (samples, dim, dim).
    """
    number, found = slices(learning), []
    read = range(learning.readout.shape[1] // number)
    for part, mine in enumerate(np.split(angles, number)):
        state = slice_of(rho, part, number)
        circuit = unitary(mine, width(state))
        found.append(read_out(circuit @ state @ circuit.conj().T, read))
    return np.concatenate(found, axis=1)


def read_out(rho: Array, qubits: Sequence[int]) -> Array:
    """Returns the expectation value of Z on each of the qubits, shape (samples, qubits)."""
    read = [on(LETTERS["Z"], qubit, width(rho)) for qubit in qubits]
    return np.array([[np.trace(z @ sample).real for z in read] for sample in rho])


def slices(learning: Learning) -> int:
    """Returns how many circuits of their own the QPUs of a team execute, at least 1."""
    return len(learning.shot.data) if learning.scheme.sliced else 1


def slice_of(rho: Array, part: int, number: int) -> Array:
    """Returns the state of one of equal parts of the register; the others are traced out."""
    size = width(rho) // number
    before, mine, later = 2 ** (size * part), 2**size, 2 ** (size * (number - 1 - part))
    table = rho.reshape(len(rho), before, mine, later, before, mine, later)
    return np.einsum("saibajb->sij", table)


def parts(learning: Learning) -> list[Array]:
    """Returns the places of each slice's trained angles among all that are trained."""
    total = weights(learning, np.zeros(learning.program.parameters)).size // slices(learning)
    place = np.arange(learning.program.parameters)
    of_slice = np.array(places(learning, place)) // total
    return [place[of_slice == part] for part in range(slices(learning))]


def guess(learning: Learning, expectation: Array) -> Array:
    """Returns the probability of each class in [0, 1], shape (samples, classes): a softmax.

    Args:
        learning: Has the logits' scale and matrix.
        expectation: Expectation values in [-1, 1], shape (samples, observables).
    """
    likely = np.exp(learning.logit_scale * expectation @ learning.readout.T)
    return likely / likely.sum(axis=1, keepdims=True)


def weights(learning: Learning, parameters: Array) -> Array:
    """Returns all angles of the ansatz in radians, with 1 for those that are not trained."""
    trained = list(places(learning, parameters))
    layer = 2 * learning.program.qubits // slices(learning)
    # Its first angle acts on a qubit that is read out, so the last layer has a trained angle.
    every = np.ones(layer * (max(trained) // layer + 1))
    every[trained] = parameters
    return every


def places(learning: Learning, parameters: Array) -> Sequence[int]:
    """Returns the indices of the trained angles among all of the ansatz, shape (parameters,)."""
    trained = learning.program.trained
    return range(len(parameters)) if trained is None else trained


def slopes_of(learning: Learning, expectation: Array, labels: Array) -> Array:
    """Returns the derivatives of the cross-entropy, in nats, by the expectation values.

    Args:
        learning: Has the logits' scale and matrix.
        expectation: Expectation values in [-1, 1], shape (samples, observables).
        labels: Classes, shape (samples,).

    Returns:
        Shape (samples, observables).

    Source:
        Bishop, Pattern Recognition and Machine Learning, section 4.3.4.
    """
    right = np.eye(len(learning.readout))[labels]
    return learning.logit_scale * (guess(learning, expectation) - right) @ learning.readout


def descend(
    learning: Learning,
    parameters: Array,
    rho: Array,
    slopes: Array,
    predict: Callable[[Learning, Array, Array], Array] = expect,
) -> Array:
    """Returns the gradient of the cross-entropy by parameter shift, shape (parameters,).

    Args:
        learning: The model.
        parameters: Trained angles in radians, shape (parameters,).
        rho: Density matrices, shape (samples, dim, dim).
        slopes: From `slopes_of`, shape (samples, observables).
        predict: Returns the expectation values at given angles, as `expect`.

    Source:
        Mitarai et al., PRA 98, 032309 (2018); Schuld et al., PRA 99, 032331 (2019).
    """
    angles, gradient = weights(learning, parameters), []
    for shift in np.pi / 2 * np.eye(len(angles)):
        up, down = (predict(learning, angles + each, rho) for each in (shift, -shift))
        difference = up - down
        gradient.append((slopes * difference / 2).sum(axis=1).mean())
    trained = list(places(learning, parameters))
    assert np.abs(np.delete(gradient, trained)).max(initial=0) < 1e-12
    return np.array(gradient)[trained]


def full_gradient(learning: Learning, parameters: Array) -> Array:
    """Returns the gradient on the whole training split without noise, shape (parameters,)."""
    rho = density(learning, learning.training)
    expected = expect(learning, weights(learning, parameters), rho)
    slopes = slopes_of(learning, expected, learning.training.labels)
    return descend(learning, parameters, rho, slopes)


def score(learning: Learning, parameters: Array, lowest: Any = np.inf) -> Scores:
    """Returns loss in nats and accuracy in [0, 1], without noise; lowest is that before."""
    loss, accuracy = [], []
    for split in (learning.validation, learning.test):
        rho = density(learning, split)
        guesses = guess(learning, expect(learning, weights(learning, parameters), rho))
        loss.append(-np.log(guesses[range(len(guesses)), split.labels]).mean())
        accuracy.append((guesses.argmax(axis=1) == split.labels).mean())
    return Scores(
        validation_loss=loss[0],
        lowest_loss=np.fmin(loss[0], lowest),
        validation_accuracy=accuracy[0],
        accuracy=accuracy[1],
    )
