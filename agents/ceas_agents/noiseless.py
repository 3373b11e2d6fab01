"""What training comes to without noise and attack: the ceiling from which targets are set.

The scenario's model takes its rounds of exact full gradients of the training split, with its
optimizer and learning rate: as if every node were honest, and every expectation value known. It
starts as the episodes of the same seeds do.
"""

import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym import chance, dynamics
from ceas_gym.learning import learners, model, pullback
from ceas_gym.programs import often
from ceas_gym.types import Learning, Model, Params

SEEDS = range(20)
"""Starts over which the accuracy is averaged."""
POINTS_BELOW = 5
"""By which a target is below what noiseless training comes to."""
ROUNDING = 1e-6
"""Of an accuracy in 32 bits."""


def accuracy(params: Params, rounds: int, seeds: Sequence[int] = SEEDS) -> float:
    """Returns the test accuracy after the last round, in [0, 1], as a mean over the starts.

    Args:
        params: The scenario.
        rounds: Of an episode.
        seeds: Of the starts.
    """
    return float(_finals(rounds, params, chance.keys(list(seeds))).mean())


def target(accuracy: float) -> float:
    """Returns the target accuracy: five points below, rounded down to a whole per cent.

    Args:
        accuracy: That noiseless training comes to.

    Example:
        >>> target(0.928), target(0.9), target(0.03)
        (0.87, 0.85, 0.0)
    """
    return max(math.floor(100 * (accuracy + ROUNDING)) - POINTS_BELOW, 0) / 100


@partial(often, static_argnums=0)
def _finals(rounds: int, params: Params, keys: Array) -> Float[Array, " seeds"]:
    return jax.vmap(partial(_final, rounds, params))(keys)


def _final(rounds: int, params: Params, key: Array) -> Float[Array, ""]:
    learning = params.learning
    start = dynamics.reset(params, key)[0].model
    trained = jax.lax.fori_loop(0, rounds, lambda _, before: _stepped(learning, before), start)
    return model.score(learning, trained).accuracy


def _stepped(learning: Learning, before: Model) -> Model:
    pulled = pullback.pull(learning.program, before.parameters)
    slope = learners.full_gradient(learning, pulled, learning.training)
    return model.apply(learning, before, slope, jnp.bool_(True))
