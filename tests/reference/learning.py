"""The learning half of the slow reference: density matrices, channels and the shift rule."""

from collections.abc import Sequence
from functools import lru_cache, reduce
from itertools import product

import numpy as np
from scipy import stats

from ceas_gym.scenario import Scenario
from ceas_gym.types import Learning, Params, Scores, Split, State
from reference.barrier import arriving, assignments
from reference.network import Luck, Node
from reference.pairs import ERRORS, Array, Pair, Quadruple

MOST_REPEATS = 32
"""Shots that measure one prediction, at most."""
LETTERS = {
    "I": np.array([[1, 0], [0, 1]], dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]], dtype=complex),
    "Z": np.array([[1, 0], [0, -1]], dtype=complex),
}


def on(gate: Array, qubit: int, qubits: int) -> Array:
    """Returns a gate on one qubit of a register."""
    return np.kron(np.kron(np.eye(2**qubit), gate), np.eye(2 ** (qubits - 1 - qubit)))


def width(rho: Array) -> int:
    """Returns the number of qubits."""
    return rho.shape[-1].bit_length() - 1


def disturb(rho: Array, qubit: int, errors: Quadruple) -> Array:
    """Returns the data after one of the Pauli errors on the qubit, each by its chance."""
    letters = [on(LETTERS[error], qubit, width(rho)) for error in ERRORS]
    chances = zip(errors, letters, strict=True)
    return sum(chance * (letter @ rho @ letter.conj().T) for chance, letter in chances)


def teleport(rho: Array, spent: list[Pair], errors: dict[Pair, Quadruple]) -> Array:
    """Returns the data as they arrive, on average over all assignments of pairs to qubits."""
    total = np.zeros_like(rho)
    for pairs, probability in assignments(spent, width(rho)):
        noisy = rho
        for qubit, pair in enumerate(pairs):
            noisy = disturb(noisy, qubit, errors[pair])
        total += probability * noisy
    return total


@lru_cache
def words(qubits: int) -> Array:
    """Returns all Pauli words in order, the first qubit most significant."""
    return np.array([reduce(np.kron, word) for word in product(LETTERS.values(), repeat=qubits)])


def density(learning: Learning, split: Split) -> Array:
    """Returns density matrices from Pauli expectation values, rho = 2^-n sum_P rho_P P."""
    qubits, held = learning.program.qubits, list(learning.program.words)
    return np.einsum("sp,pij->sij", split.paulis, words(qubits)[held]) / 2**qubits


def unitary(angles: Array, qubits: int) -> Array:
    """Returns the ansatz: layers of RY and RZ on each qubit, entangled by a ring of CZ."""
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
    """Returns Tr[Z_q U rho U+] of each sample and read-out qubit."""
    circuit = unitary(angles, width(rho))
    read = [on(LETTERS["Z"], qubit, width(rho)) for qubit in range(learning.readout.shape[1])]
    pulled = [circuit.conj().T @ observable @ circuit for observable in read]
    return np.array([[np.trace(z @ sample).real for z in pulled] for sample in rho])


def guess(learning: Learning, expectation: Array) -> Array:
    """Returns the probability of each class: the softmax of the logits."""
    likely = np.exp(learning.logit_scale * expectation @ learning.readout.T)
    return likely / likely.sum(axis=1, keepdims=True)


def weights(learning: Learning, parameters: Array) -> Array:
    """Returns all weights of the ansatz, with one for those that are not trained."""
    trained, layer = list(places(learning, parameters)), 2 * learning.program.qubits
    # The first angle of the last layer turns a qubit that is read out.
    every = np.ones(layer * (max(trained) // layer + 1))
    every[trained] = parameters
    return every


def places(learning: Learning, parameters: Array) -> Sequence[int]:
    """Returns where the trained weights are among all of the ansatz."""
    trained = learning.program.trained
    return range(len(parameters)) if trained is None else trained


def slopes_of(learning: Learning, expectation: Array, labels: Array) -> Array:
    """Returns the derivative of each sample's cross-entropy by its expectation values."""
    right = np.eye(len(learning.readout))[labels]
    return learning.logit_scale * (guess(learning, expectation) - right) @ learning.readout


def descend(learning: Learning, parameters: Array, rho: Array, slopes: Array) -> Array:
    """Returns the gradient of the cross-entropy by parameter shift, at given slopes."""
    angles, gradient = weights(learning, parameters), []
    for shift in np.pi / 2 * np.eye(len(angles)):
        difference = expect(learning, angles + shift, rho) - expect(learning, angles - shift, rho)
        gradient.append((slopes * difference / 2).sum(axis=1).mean())
    trained = list(places(learning, parameters))
    assert np.abs(np.delete(gradient, trained)).max(initial=0) < 1e-12
    return np.array(gradient)[trained]


def full_gradient(learning: Learning, parameters: Array) -> Array:
    """Returns the gradient on the whole training split, without noise."""
    rho = density(learning, learning.training)
    expected = expect(learning, weights(learning, parameters), rho)
    slopes = slopes_of(learning, expected, learning.training.labels)
    return descend(learning, parameters, rho, slopes)


def learn(scenario: Scenario, params: Params, state: State, nodes: list[Node], luck: Luck) -> Array:
    """Returns the nodes' momentum m <- mu m + (1 - mu) g, where they measured any g."""
    learning, momentum = params.learning, np.array(state.workers.momentum)
    for k, node in enumerate(nodes):
        if not node.shots:
            continue
        drawn = luck.samples[k]
        batch = Split(learning.training.paulis[drawn], learning.training.labels[drawn])
        poisoned = state.byzantine[k] and scenario.attack.name == "label_flip"
        labels = (batch.labels + poisoned) % len(learning.readout)
        errors = {pair: arriving(params.network, k, pair)[0] for pair in node.spent}
        rho = teleport(density(learning, batch), node.spent, errors)
        parameters = state.model.parameters
        expected = expect(learning, weights(learning, parameters), rho)
        seen, left = measure(learning, expected, node.shots, luck.luck_of_slopes[k])
        slopes = slopes_of(learning, seen, labels)
        gradient = descend(learning, parameters, rho, slopes)
        gradient += shot_noise(gradient, slopes, luck.normals[k]) / np.sqrt(left)
        momentum[k] += (1 - params.consensus.momentum) * (gradient - momentum[k])
    return momentum


def measure(learning: Learning, expected: Array, shots: int, luck: Array) -> tuple[Array, int]:
    """Returns predictions as measured by a share of the shots, and the number of the others."""
    if learning.slope_share == 0:
        return expected, shots
    repeats = min(int(learning.slope_share * shots / expected.size), MOST_REPEATS)
    if repeats == 0:
        return np.zeros(expected.shape), shots
    # The count of the rarer outcome is as unlikely to be exceeded as the luck says.
    plus = (1 + expected) / 2
    rare = stats.binom.ppf(luck, repeats, np.minimum(plus, 1 - plus))
    ups = np.where(plus > 0.5, repeats - rare, rare)
    return 2 * ups / repeats - 1, shots - repeats * expected.size


def shot_noise(gradient: Array, slopes: Array, normal: Array) -> Array:
    """Returns the error of one shot, which draws a sample, an angle, a sign and an observable.

    Its outcome of +1 or -1 stands for all K angles and Q observables, so the estimate has the
    second moment K Q mean |slopes|^2 in each angle, and the covariance is this less g g^T.
    """
    second = len(gradient) * slopes.shape[1] * (slopes**2).sum(axis=1).mean()
    covariance = second * np.eye(len(gradient)) - np.outer(gradient, gradient)
    values, vectors = np.linalg.eigh(covariance)
    return vectors @ np.diag(np.sqrt(np.maximum(values, 0.0))) @ vectors.T @ normal


def score(learning: Learning, parameters: Array) -> Scores:
    """Returns loss and accuracy without noise."""
    loss, accuracy = [], []
    for split in (learning.validation, learning.test):
        rho = density(learning, split)
        guesses = guess(learning, expect(learning, weights(learning, parameters), rho))
        loss.append(-np.log(guesses[range(len(guesses)), split.labels]).mean())
        accuracy.append((guesses.argmax(axis=1) == split.labels).mean())
    return Scores(validation_loss=loss[0], validation_accuracy=accuracy[0], accuracy=accuracy[1])
