"""The accuracy of training without noise and attack, from which target accuracies are derived.

The scenario's model takes one step of its optimizer in each round, with the exact gradient on the
whole training split: as if every node were honest, and every expectation value known exactly.
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
"""Seeds of the random starts over which the accuracy is averaged."""
POINTS_BELOW = 5
"""Percentage points by which a target is below the accuracy of noiseless training."""
ROUNDING = 1e-6
"""Rounding error of an accuracy in single precision."""


def accuracy(learning: Learning, rounds: int, seeds: Sequence[int] = SEEDS) -> float:
    """Returns the test accuracy after the last round, in [0, 1], as a mean over random starts.

    Args:
        learning: Model, data, optimizer and learning rate of a scenario.
        rounds: Rounds of an episode, at least 0.
        seeds: Seeds of the starts, each at least 0.
    """
    return float(_finals(learning, rounds, randomness.keys(list(seeds))).mean())


def target(accuracy: float) -> float:
    """Returns the target accuracy, in [0, 1]: 5 points below, rounded down to a whole per cent.

    Args:
        accuracy: Accuracy of noiseless training, in [0, 1].

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
