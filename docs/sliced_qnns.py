"""Several quantum neural networks, each of which sees a slice of the features (Kawase).

A network has 8 qubits and several blocks of layers. A layer is RX and RY on every qubit and a ring
of CZ. Between two blocks, 16 features are encoded as RX and RY angles, followed by another ring.
The networks' expectation values are summed, multiplied by a constant, and go through a softmax.

All samples share a block, so it is multiplied up once, as a matrix of 256 x 256 numbers.

Source:
    Kawase, Quantum Machine Intelligence 6, 15 (2024), arXiv:2312.13650, and the author's notebooks
    at https://github.com/puyokw/DistributedQNNs, whose details are followed here.
"""

from functools import partial, reduce
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

QUBITS, CLASSES = 8, 10
ENCODED = 2 * QUBITS
"""Features that are encoded between two blocks."""
RATE, DECAY = 5e-3, 5e-5
"""Of Adam, and the weight decay that is added to its gradient."""
PLACES = np.arange(2**QUBITS)
BITS = PLACES[:, None] >> np.arange(QUBITS)[::-1] & 1
"""Of every basis state, the first qubit first."""
RING = np.prod(1 - 2.0 * BITS * np.roll(BITS, -1, axis=1), axis=1)
"""Signs of the basis states under a ring of CZ."""


State = tuple[Array, optax.OptState]
"""Weights, and what the optimizer remembers."""


class Setup(NamedTuple):
    """What is not trained."""

    networks: int
    """How many networks share the features."""
    scale: float
    """The constant c that multiplies the summed outputs."""
    largest_angle: float
    """Angle of a feature of 1, in radians."""


PUBLISHED = {
    1: Setup(1, 35.0, np.pi / 8),
    2: Setup(2, 20.0, np.pi / 4),
    4: Setup(4, 10.0, np.pi / 8),
    8: Setup(8, 5.0, np.pi / 8),
}
"""Of the published notebooks: 1 and 2 networks see images of 8x8 pixels, 4 and 8 of 16x16."""


def start(seed: int, networks: int, blocks: int, layers: int) -> Float[Array, "networks ..."]:
    """Returns angles before training, uniform in [0, pi).

    Args:
        seed: Decides them.
        networks: Number of networks.
        blocks: Of a network: one more than there are encodings.
        layers: Of a block.

    Returns:
        Of RX and RY, in radians, shape (networks, blocks, layers, 2, 8).
    """
    shape = (networks, blocks, layers, 2, QUBITS)
    return jnp.asarray(np.random.default_rng(seed).uniform(0, np.pi, shape), jnp.float32)


def sliced(pixels: NDArray[np.float64], setup: Setup) -> Float[Array, "networks ..."]:
    """Returns the angles by which each network's slice of the features is encoded.

    Args:
        pixels: Grey values in [0, 1], shape (samples, features).
        setup: Number of networks, which share the features in their order, and the largest angle.

    Returns:
        In radians, shape (networks, encodings, 2, samples, 8).
    """
    angles = setup.largest_angle * pixels
    parts = angles.reshape(len(pixels), setup.networks, -1, 2, QUBITS)
    return jnp.asarray(parts.transpose(1, 2, 3, 0, 4), jnp.float32)


def outputs(
    weights: Float[Array, "networks blocks layers 2 qubits"],
    angles: Float[Array, "networks encodings 2 samples qubits"],
) -> Float[Array, "samples classes"]:
    """Returns the sum over the networks of <X> and <Z> on five qubits, in [-networks, networks].

    Args:
        weights: Angles of RX and RY, in radians.
        angles: From `sliced`, in radians.
    """
    found = [_network(*each) for each in zip(weights, angles, strict=True)]
    return reduce(jnp.add, found)


def _network(weights: Array, angles: Array) -> Float[Array, "samples classes"]:
    # The first block acts on a single state, whatever the sample.
    first = jnp.zeros((len(PLACES), 1), jnp.complex64).at[0].set(1)
    states = jnp.broadcast_to(_block(weights[0], first), (len(PLACES), angles.shape[2]))
    for block, turns in zip(weights[1:], angles, strict=True):
        states = _encoded(states, turns)
        states = _block(block, jnp.eye(len(PLACES), dtype=jnp.complex64)) @ states
    return _read(states)


def _block(weights: Float[Array, "layers 2 qubits"], start: Array) -> Array:
    def layer(states: Array, turns: Array) -> tuple[Array, None]:
        single = _rotation(*turns)
        halves = [reduce(jnp.kron, single[half : half + 4]) for half in (0, 4)]
        split = states.reshape(16, 16, -1)
        split = jnp.einsum("ab,bcm->acm", halves[0], split)
        split = jnp.einsum("ab,cbm->cam", halves[1], split)
        return split.reshape(states.shape) * RING.astype(np.float32)[:, None], None

    return jax.lax.scan(layer, start, weights)[0]


def _rotation(about_x: Array, about_y: Array) -> Array:
    # RY after RX, shape (..., 2, 2).
    c, s = jnp.cos(about_x / 2), -1j * jnp.sin(about_x / 2)
    d, t = jnp.cos(about_y / 2), jnp.sin(about_y / 2)
    rows = [[d * c - t * s, d * s - t * c], [t * c + d * s, t * s + d * c]]
    return jnp.stack([jnp.stack(row, -1) for row in rows], -2)


def _encoded(states: Array, turns: Float[Array, "2 samples qubits"]) -> Array:
    # Every sample has rotations of its own, then a ring follows.
    gates = _rotation(*turns)
    for qubit in range(QUBITS):
        split = states.reshape(2**qubit, 2, -1, states.shape[1])
        one, two = split[:, 0], split[:, 1]
        gate = gates[:, qubit]
        rows = [gate[:, row, 0] * one + gate[:, row, 1] * two for row in (0, 1)]
        states = jnp.stack(rows, axis=1).reshape(states.shape)
    return states * RING.astype(np.float32)[:, None]


def _read(states: Array) -> Float[Array, "samples classes"]:
    # The published circuit has no ring at its end. Another one undoes it.
    states = states * RING.astype(np.float32)[:, None]
    found = []
    for qubit in range(CLASSES // 2):
        flipped = states[PLACES ^ (1 << (QUBITS - 1 - qubit))]
        found.append(jnp.real(flipped.conj() * states).sum(axis=0))
    chances = jnp.real(states * states.conj())
    signs = 1 - 2.0 * BITS[:, : CLASSES // 2].astype(np.float32)
    return jnp.concatenate([jnp.stack(found, axis=1), chances.T @ signs], axis=1)


def loss(weights: Array, angles: Array, labels: Array, scale: float) -> Float[Array, ""]:
    """Returns the mean cross-entropy, as published.

    The published model ends in a softmax, and its loss applies another one. So its least value is
    not zero but ln(e + 9) - 1 = 1.46.

    Args:
        weights: Angles of RX and RY, in radians.
        angles: From `sliced`, in radians.
        labels: In [0, 10), shape (samples,).
        scale: The constant c.
    """
    chances = jax.nn.softmax(scale * outputs(weights, angles))
    return optax.softmax_cross_entropy_with_integer_labels(chances, labels).mean()


@partial(jax.jit, static_argnames="epochs")
def train(
    weights: Array,
    angles: Array,
    labels: Int[Array, " samples"],
    scale: float,
    epochs: int,
) -> Array:
    """Returns the weights after training by Adam, each of whose steps uses all samples.

    Args:
        weights: At the start.
        angles: Training samples, from `sliced`.
        labels: In [0, 10).
        scale: The constant c.
        epochs: Number of steps.

    Source:
        Kingma and Ba, arXiv:1412.6980, with the decay added to the gradient as in PyTorch.
    """
    optimizer = optax.chain(optax.add_decayed_weights(DECAY), optax.adam(RATE))

    def step(carry: State, _: None) -> tuple[State, None]:
        weights, state = carry
        slope = jax.grad(loss)(weights, angles, labels, scale)
        change, state = optimizer.update(slope, state, weights)
        return (jax.tree.map(jnp.add, weights, change), state), None

    return jax.lax.scan(step, (weights, optimizer.init(weights)), length=epochs)[0][0]


@jax.jit
def accuracy(weights: Array, angles: Array, labels: Array) -> Float[Array, ""]:
    """Returns the share of samples that are classified correctly, in [0, 1].

    Args:
        weights: Trained.
        angles: Test samples, from `sliced`.
        labels: In [0, 10), shape (samples,).
    """
    return (outputs(weights, angles).argmax(axis=1) == labels).mean()
