"""Shot noise of one angle, where it can be told by hand."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pennylane as qml
import pytest

from ceas_gym.learning import circuit, learners, pullback
from ceas_gym.types import Delivery, Learning, Split

DRAWS = 20_000
run = jax.jit(jax.vmap(learners.gradients, in_axes=(None, None, None, None, 0)))


def single_angle(weights: Any, wires: Sequence[int]) -> None:
    qml.RY(weights[0, 0, 0], wires=wires[0])


@pytest.fixture(scope="module")
def learning(learning: Learning) -> Learning:
    """Two classes, one qubit in zero, one angle: the expectation value is w cos(angle)."""
    program = circuit.read_program(f"{__name__}:single_angle", (1, 1, 1), observables=1)
    zero = Split(jnp.array([[1.0, 0.0, 0.0, 1.0]]), jnp.array([0]))
    return dataclasses.replace(
        learning,
        training=zero,
        shards=jnp.zeros((1, 1), jnp.int32),
        shard_sizes=jnp.ones(1, jnp.int32),
        type_of_pauli=jnp.eye(4),
        readout=jnp.array([[1.0], [-1.0]]),
        logit_scale=jnp.float32(2.0),
        slope_share=jnp.float32(0.0),
        program=program,
    )


def estimates(
    learning: Learning, angle: float, contraction: float, shots: int, poisoned: bool = False
) -> np.ndarray:
    pulled = pullback.pull(learning.program, jnp.array([angle]))
    # The state lies in the plane of X and Z, and the circuit turns about Y.
    left = jnp.array([[1.0, contraction, 0.0, contraction]])
    delivery = Delivery(
        shots=jnp.array([shots]),
        contraction=left,
        signal=jnp.array([contraction]),
        authenticated=jnp.array([True]),
    )
    keys = jax.random.split(jax.random.key(0), DRAWS)
    drawn = run(learning, pulled, delivery, jnp.array([poisoned]), keys)
    return np.asarray(drawn, dtype=np.float64)[:, 0, 0]


def slope(angle: float, contraction: float) -> float:
    """Of the loss by the expectation value: -2 * 2 times the probability of the wrong class."""
    return -4 / (1 + np.exp(4 * contraction * np.cos(angle)))


@pytest.mark.parametrize(
    ("angle", "contraction", "shots"), [(1.1, 1.0, 1), (1.3, 0.9, 1), (1.3, 0.9, 7), (0.2, 0.5, 2)]
)
def test_variance_of_an_outcome(
    learning: Learning, angle: float, contraction: float, shots: int
) -> None:
    drawn = estimates(learning, angle, contraction, shots)
    # Shifted by a quarter turn the outcome is -+ w sin(angle) on average.
    signal = -contraction * np.sin(angle)
    size = slope(angle, contraction)
    variance = size**2 * (1 - signal**2) / shots
    assert abs(drawn.mean() - size * signal) <= 4 * np.sqrt(variance / DRAWS)
    assert abs(drawn.var() - variance) <= 4 * variance * np.sqrt(2 / DRAWS)


def test_certain_outcomes_have_no_noise(learning: Learning) -> None:
    drawn = estimates(learning, np.pi / 2, 1.0, shots=1)
    # What is left is the root of a rounding error in single precision, 3e-4, times the slope.
    assert drawn.mean() == pytest.approx(2.0, abs=1e-4)
    assert drawn.std() < 4 * np.sqrt(np.finfo(np.float32).eps)


def test_poisoned_node_trains_on_shifted_labels(learning: Learning) -> None:
    wrong = dataclasses.replace(
        learning, training=Split(learning.training.paulis, jnp.array([1], jnp.int32))
    )
    poisoned = estimates(learning, 1.1, 0.9, 2, poisoned=True)
    assert (poisoned == estimates(wrong, 1.1, 0.9, 2)).all()
    assert (poisoned != estimates(learning, 1.1, 0.9, 2)).all()
    # Of two classes, poisoning a shifted label shifts it back.
    assert (estimates(wrong, 1.1, 0.9, 2, poisoned=True) == estimates(learning, 1.1, 0.9, 2)).all()
