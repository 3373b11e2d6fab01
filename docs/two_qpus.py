"""A classifier on two processors of four qubits, with remote gates between them or without.

A sample has eight features, four for each processor, encoded as RY angles. A layer has CZ gates
between neighbours, then RZ and RY on every qubit. With quantum communication, two of the CZ gates
are remote: each uses up one pair, whose noise is that of a Werner state. Observables are pulled
back once for a whole batch, exactly and with noise, as vectors over the 4^8 Pauli words.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int, Key
from numpy.typing import NDArray

from ceas_gym.learning import circuit, pauli, reach
from ceas_gym.learning.pauli import PAULIS, Rotation

QPU, QPUS = 4, 2
"""Qubits of a processor, and processors."""
QUBITS = QPU * QPUS
LOCAL = ((0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7), (7, 4))
REMOTE = {"none": (), "quantum": ((3, 4), (7, 0))}
"""Remote CZ gates of a layer by kind of communication; there is a ring within each processor."""
OBSERVABLES = ((0,), (QPU,), (0, QPU))
"""Z on the first qubit of each processor, and the product of both outcomes of a shot."""
RATE, BATCH, ITERATIONS = 0.05, 512, 1000

Y_TURN, Z_TURN = (np.asarray(Rotation(word, (0,), 0).generators, np.float32) for word in ("Y", "Z"))
NO_Y = np.flatnonzero((pauli.letters(QPU) != 2).all(axis=1))
"""Words of four qubits that RY angles prepare: those without a Y."""


class Gates(NamedTuple):
    """The CZ gates of a layer, as they act on the vector of an observable.

    Without communication they are those of one processor: both are the same, and apart.
    """

    sources: Int[np.ndarray, " words"]
    """From which word each word's coefficient comes."""
    signs: Float[np.ndarray, " words"]
    noisy: Int[np.ndarray, " words"]
    """How many of the layer's pairs contract each word, in [0, 2]."""


class Weights(NamedTuple):
    """What is trained."""

    angles: Float[Array, "layers qubits 2"]
    """Of RZ and RY, in radians."""
    readout: Float[Array, " observables"]
    bias: Float[Array, ""]


State = tuple[Weights, optax.OptState]
"""Weights, and what the optimizer remembers."""


class Samples(NamedTuple):
    """Samples as seen by the two processors, and their labels."""

    left: Float[Array, "samples words"]
    """Pauli vectors of the first processor, over the words `NO_Y`."""
    right: Float[Array, "samples words"]
    labels: Float[Array, " samples"]
    """0 or 1."""


def gates(communication: str) -> Gates:
    """Returns the CZ gates of a layer.

    A pair contracts a word that has an X or Y at either end of its remote gate.

    Args:
        communication: A key of `REMOTE`.
    """
    remote = REMOTE[communication]
    qubits = QUBITS if remote else QPU
    sources, signs = np.arange(PAULIS**qubits), np.ones(PAULIS**qubits)
    for ends in (*LOCAL[:qubits], *remote):
        sources, signs = _after_cz(sources, signs, ends)
    flips = np.isin(pauli.letters(qubits), (1, 2))
    noisy = [flips[:, list(ends)].any(axis=1) for ends in remote] or [np.zeros(len(signs))]
    return Gates(sources, signs, np.sum(noisy, axis=0).astype(int))


def _after_cz(
    sources: NDArray[np.int64], signs: NDArray[np.float64], ends: Sequence[int]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    # Sources and signs with one more gate, which changes the letters of a word at its ends.
    matrix = pauli.transfer_matrix(np.diag([1, 1, 1, -1]).astype(complex))
    column, qubits = np.abs(matrix).argmax(axis=1), len(sources).bit_length() // 2
    letters, rest = reach.split(np.arange(len(sources)), ends, qubits)
    moved = rest + reach.on(ends, qubits)[column[letters]]
    return sources[moved], signs[moved] * matrix[letters, column[letters]]


def contraction(fidelity: float) -> float:
    """Returns by what a Werner pair of that fidelity contracts X, Y and Z: (4 F - 1) / 3.

    Args:
        fidelity: With the Bell state, in [1/4, 1].

    Source:
        Werner, PRA 40, 4277 (1989).

    Example:
        >>> contraction(1.0)
        1.0
    """
    return (4 * fidelity - 1) / 3


def pulled(
    angles: Float[Array, "layers qubits 2"],
    layer: Gates,
    kept: Float[Array, ""] | float,
    observables: Sequence[Sequence[int]],
) -> Float[Array, "words observables"]:
    """Returns observables pulled back to the encoded sample, as coefficients of Pauli words.

    Args:
        angles: Of RZ and RY of every layer, in radians.
        layer: CZ gates of a layer.
        kept: Contraction of a pair, in [0, 1].
        observables: Qubits of each, whose Z are multiplied.
    """
    weight = PAULIS ** np.arange(angles.shape[1])[::-1]
    start = np.zeros((len(layer.signs), len(observables)))
    for place, qubits in enumerate(observables):
        start[3 * weight[list(qubits)].sum(), place] = 1
    vector = jnp.asarray(start, angles.dtype)
    factor = jnp.asarray(layer.signs, angles.dtype) * kept**layer.noisy
    for turns in angles[::-1]:
        vector = _turned(vector, turns)[layer.sources] * factor[:, None]
    return vector


def _turned(vector: Array, turns: Float[Array, "qubits 2"]) -> Array:
    # Two qubits at a time; those that were turned go to the end, so all are in order in the end.
    about_z, about_y = (
        jnp.tensordot(jnp.stack([jnp.ones_like(each), jnp.cos(each), jnp.sin(each)], 1), turn, 1)
        for each, turn in zip(turns.T, (Z_TURN, Y_TURN), strict=True)
    )
    single = jnp.einsum("qab,qbc->qac", about_z, about_y)
    for first, second in zip(single[::2], single[1::2], strict=True):
        flat = vector.reshape(PAULIS**2, -1, vector.shape[1])
        turned = jnp.einsum("ab,bco->cao", jnp.kron(first, second), flat)
        vector = turned.reshape(vector.shape)
    return vector


def samples(features: NDArray[np.float64], labels: NDArray[np.int64]) -> Samples:
    """Returns samples as the two processors encode them.

    Args:
        features: Angles in radians, shape (samples, 8).
        labels: 0 or 1, shape (samples,).
    """
    left, right = (
        pauli.pauli_vectors(circuit.encode("angle", half, QPU), NO_Y.tolist())
        for half in np.split(features, QPUS, axis=1)
    )
    return Samples(*(jnp.asarray(each, jnp.float32) for each in (left, right, labels)))


def expectations(
    angles: Float[Array, "layers qubits 2"], data: Samples, layer: Gates, kept: Array | float
) -> Float[Array, "samples observables"]:
    """Returns the expectation values of `OBSERVABLES`, in [-1, 1].

    Args:
        angles: Of RZ and RY of every layer, in radians.
        data: Samples.
        layer: CZ gates of a layer.
        kept: Contraction of a pair, in [0, 1].
    """
    if len(layer.signs) == PAULIS**QPU:
        halves = zip((data.left, data.right), jnp.split(angles, QPUS, axis=1), strict=True)
        left, right = (part @ pulled(turns, layer, kept, [[0]])[NO_Y, 0] for part, turns in halves)
        return jnp.stack([left, right, left * right], axis=1)
    vector = pulled(angles, layer, kept, OBSERVABLES)
    both = vector.reshape(PAULIS**QPU, PAULIS**QPU, -1)[np.ix_(NO_Y, NO_Y)]
    return jnp.einsum("sbo,sb->so", jnp.tensordot(data.left, both, axes=1), data.right)


def logits(
    weights: Weights, data: Samples, layer: Gates, kept: Array | float
) -> Float[Array, " samples"]:
    """Returns the logit of label 1 for each sample.

    Args:
        weights: Trained or not.
        data: Samples.
        layer: CZ gates of a layer.
        kept: Contraction of a pair, in [0, 1].
    """
    return expectations(weights.angles, data, layer, kept) @ weights.readout + weights.bias


def start(seed: int, layers: int) -> Weights:
    """Returns weights before training: angles uniform in [-pi, pi), and a readout of ones."""
    turns = np.random.default_rng(seed).uniform(-np.pi, np.pi, (layers, QUBITS, 2))
    return Weights(
        jnp.asarray(turns, jnp.float32), jnp.ones(len(OBSERVABLES)), jnp.zeros((), jnp.float32)
    )


@partial(jax.jit, static_argnames="iterations")
def train(
    weights: Weights,
    data: Samples,
    layer: Gates,
    kept: Float[Array, ""],
    key: Key[Array, ""],
    iterations: int = ITERATIONS,
) -> Weights:
    """Returns the weights after training by Adam on the cross-entropy.

    Args:
        weights: At the start.
        data: Training samples; every batch is drawn from them, with replacement.
        layer: CZ gates of a layer.
        kept: Contraction of a pair during training, in [0, 1].
        key: Decides the batches.
        iterations: Steps of Adam.

    Source:
        Kingma and Ba, arXiv:1412.6980.
    """
    optimizer = optax.adam(RATE)

    def loss(weights: Weights, batch: Samples) -> Array:
        found = logits(weights, batch, layer, kept)
        return optax.sigmoid_binary_cross_entropy(found, batch.labels).mean()

    def step(carry: State, key: Array) -> tuple[State, None]:
        weights, state = carry
        chosen = jax.random.randint(key, (BATCH,), 0, len(data.labels))
        slope = jax.grad(loss)(weights, jax.tree.map(lambda each: each[chosen], data))
        change, state = optimizer.update(slope, state)
        return (jax.tree.map(jnp.add, weights, change), state), None

    begin = (weights, optimizer.init(weights))
    return jax.lax.scan(step, begin, jax.random.split(key, iterations))[0][0]


@jax.jit
def accuracy(
    weights: Weights, data: Samples, layer: Gates, kept: Array | float
) -> Float[Array, ""]:
    """Returns the share of samples that are classified correctly, in [0, 1].

    Args:
        weights: Trained.
        data: Test samples.
        layer: CZ gates of a layer.
        kept: Contraction of a pair, in [0, 1].
    """
    return ((logits(weights, data, layer, kept) > 0) == (data.labels > 0.5)).mean()
