"""The global model: its start, one optimizer step at the hub, and its scores without noise."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, Key

from ceas_gym.learning import learners, pullback
from ceas_gym.types import Learning, Model, Scores

Optimizer = Callable[..., optax.GradientTransformation]

MOMENTUM = 0.9
START_SPREAD = 1.0
"""Standard deviation of the initial weights, in radians. On average over many episodes an untrained
model is then no better than chance, although a single one may be far above or below."""


def momentum(learning_rate: float | Array) -> optax.GradientTransformation:
    """Returns stochastic gradient descent with a momentum of 0.9.

    Args:
        learning_rate: Length of a step in radians for a gradient of one nat per radian; above 0.

    Source:
        Polyak, USSR Computational Mathematics and Mathematical Physics 4, 1 (1964).
    """
    return optax.sgd(learning_rate, MOMENTUM)


OPTIMIZERS: dict[str, Optimizer] = {"sgd": optax.sgd, "adam": optax.adam, "momentum": momentum}


def start(learning: Learning, key: Key[Array, ""]) -> Model:
    """Returns a model with normally distributed weights, in radians, and a fresh optimizer state.

    Args:
        learning: Circuit, optimizer and learning rate.
        key: Random key.
    """
    shape = (learning.program.parameters,)
    parameters = START_SPREAD * jax.random.normal(key, shape, learning.logit_scale.dtype)
    return Model(parameters, learning.optimizer(learning.learning_rate).init(parameters))


def apply(
    learning: Learning,
    model: Model,
    update: Float[Array, " parameters"],
    committed: Bool[Array, ""],
) -> Model:
    """Returns the model after one optimizer step against the update, or unchanged if not committed.

    Args:
        learning: Optimizer and learning rate.
        model: Parameters, in radians, and optimizer state.
        update: Aggregated gradient, in nats per radian.
        committed: Whether the hub applies the update of this round.
    """
    optimizer = learning.optimizer(learning.learning_rate)
    change, optimizer_state = optimizer.update(update, model.optimizer_state, model.parameters)
    moved = Model(optax.apply_updates(model.parameters, change), optimizer_state)  # pyright: ignore[reportArgumentType]
    return jax.tree.map(lambda new, old: jnp.where(committed, new, old), moved, model)


def score(learning: Learning, model: Model, lowest: float | Array = jnp.inf) -> Scores:
    """Returns loss and accuracy of the model, computed without noise.

    Args:
        learning: Validation and test split, circuit and loss.
        model: Its parameters are used.
        lowest: Lowest validation loss of the episode before, in nats.

    Returns:
        Scalars: the losses in nats, at least 0, and the accuracies in [0, 1].
    """
    observables = pullback.observables(learning.program, model.parameters)
    validation = learners.logits(learning, learning.validation.paulis, observables)
    test = learners.logits(learning, learning.test.paulis, observables)
    loss = learners.cross_entropy(validation, learning.validation.labels)
    return Scores(
        validation_loss=loss,
        # A model that has diverged has no loss.
        lowest_loss=jnp.fmin(loss, lowest),
        validation_accuracy=learners.accuracy(validation, learning.validation.labels),
        accuracy=learners.accuracy(test, learning.test.labels),
    )
