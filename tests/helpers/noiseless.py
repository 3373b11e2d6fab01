"""What training comes to without noise and attack: the ceiling from which targets are set.

The scenario's model takes its rounds of exact full gradients of the training split, with its
optimizer and learning rate: as if every node were honest, and every expectation value known.
"""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.jax_utils import randomness
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.learning import learners, model, pullback
from ceas_gym.types import Learning, Model

SEEDS = range(20)
"""Starts over which the accuracy is averaged."""
POINTS_BELOW = 5
"""By which a target is below what noiseless training comes to."""
ROUNDING = 1e-6
"""Of an accuracy in 32 bits."""


def accuracy(learning: Learning, rounds: int, seeds: Sequence[int] = SEEDS) -> float:
    """Returns the test accuracy after the last round, in [0, 1], as a mean over random starts.

    Args:
        learning: Model, data, optimizer and learning rate of a scenario.
        rounds: Of an episode.
        seeds: Of the starts.
    """
    return float(_finals(learning, rounds, randomness.keys(list(seeds))).mean())


def target(accuracy: float) -> float:
    """Returns the target accuracy: five points below, rounded down to a whole per cent.

    Args:
        accuracy: That noiseless training comes to.

    Example:
        >>> target(0.928), target(0.9), target(0.03)
        (0.87, 0.85, 0.0)
    """
    return max(math.floor(100 * (accuracy + ROUNDING)) - POINTS_BELOW, 0) / 100


@often
def _finals(learning: Learning, rounds: Array | int, keys: Array) -> Float[Array, " seeds"]:
    def final(key: Array) -> Float[Array, ""]:
        start = model.start(learning, key)
        trained = jax.lax.fori_loop(0, rounds, lambda _, before: _stepped(learning, before), start)
        return model.score(learning, trained).accuracy

    return jax.vmap(final)(keys)


def _stepped(learning: Learning, before: Model) -> Model:
    pulled = pullback.pull(learning.program, before.parameters)
    slope = learners.full_gradient(learning, pulled, learning.training)
    return model.apply(learning, before, slope, jnp.bool_(True))
