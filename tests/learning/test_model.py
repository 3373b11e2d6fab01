"""The global model: its start, what moves it, and its scores."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pennylane as qml
import pytest

from ceas_gym.learning import circuit, data, learners, model, pullback
from ceas_gym.scenario import LearningSettings
from ceas_gym.types import Learning, Model

start, apply, score = jax.jit(model.start), jax.jit(model.apply), jax.jit(model.score)
YES, NO = jnp.bool_(True), jnp.bool_(False)


def test_start_is_normal_and_belongs_to_its_key(learning: Learning) -> None:
    keys = jax.random.split(jax.random.key(0), 500)
    weights = jax.jit(jax.vmap(lambda key: model.start(learning, key).parameters))(keys)
    draws = np.asarray(weights).ravel()
    assert abs(draws.mean()) <= 4 / np.sqrt(draws.size)
    assert abs(draws.std() - 1) <= 4 / np.sqrt(2 * draws.size)
    again = start(learning, keys[0]).parameters
    assert (again == start(learning, keys[0]).parameters).all()
    assert (again != start(learning, keys[1]).parameters).all()


def test_untrained_models_are_no_better_than_chance(learning: Learning) -> None:
    keys = jax.random.split(jax.random.key(1), 400)
    scores = jax.jit(jax.vmap(lambda key: model.score(learning, model.start(learning, key))))(keys)
    for accuracies in (scores.accuracy, scores.validation_accuracy):
        error = float(accuracies.std()) / np.sqrt(len(keys))
        assert abs(float(accuracies.mean()) - 0.5) <= 4 * error
    assert float(scores.validation_loss.mean()) > np.log(2)


@pytest.mark.parametrize("name", sorted(model.OPTIMIZERS))
def test_optimizer_moves_only_when_committed(learning: Learning, name: str) -> None:
    learning = dataclasses.replace(learning, optimizer=model.OPTIMIZERS[name])
    before = start(learning, jax.random.key(0))
    update = jnp.linspace(-1.0, 1.0, before.parameters.size)
    kept = apply(learning, before, update, NO)
    moved = apply(learning, before, update, YES)
    for old, same in zip(jax.tree.leaves(before), jax.tree.leaves(kept), strict=True):
        assert (old == same).all()
    assert (moved.parameters[update != 0] != before.parameters[update != 0]).all()
    # Nothing is left over of the update that was not committed.
    later, direct = apply(learning, kept, update, YES), moved
    for one, other in zip(jax.tree.leaves(later), jax.tree.leaves(direct), strict=True):
        assert (one == other).all()


def test_non_finite_update_that_is_not_committed_does_no_harm(learning: Learning) -> None:
    before = start(learning, jax.random.key(0))
    kept = apply(learning, before, jnp.full_like(before.parameters, jnp.nan), NO)
    assert (kept.parameters == before.parameters).all()


def adam(weights: np.ndarray, updates: list[np.ndarray], rate: float) -> np.ndarray:
    """Kingma and Ba, with their constants."""
    first = second = np.zeros_like(weights)
    for step, update in enumerate(updates, start=1):
        first = 0.9 * first + 0.1 * update
        second = 0.999 * second + 0.001 * update**2
        corrected = first / (1 - 0.9**step), second / (1 - 0.999**step)
        weights = weights - rate * corrected[0] / (np.sqrt(corrected[1]) + 1e-8)
    return weights


def heavy_ball(weights: np.ndarray, updates: list[np.ndarray], rate: float) -> np.ndarray:
    velocity = np.zeros_like(weights)
    for update in updates:
        velocity = 0.9 * velocity + update
        weights = weights - rate * velocity
    return weights


def descent(weights: np.ndarray, updates: list[np.ndarray], rate: float) -> np.ndarray:
    return weights - rate * sum(updates, start=np.zeros_like(weights))


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    ("name", "by_hand"), [("sgd", descent), ("momentum", heavy_ball), ("adam", adam)]
)
def test_optimizers_by_hand(
    learning: Learning, name: str, by_hand: Callable[..., np.ndarray]
) -> None:
    rate = 0.07
    learning = dataclasses.replace(
        learning, optimizer=model.OPTIMIZERS[name], learning_rate=jnp.asarray(rate)
    )
    weights, *updates = np.random.default_rng(0).normal(size=(4, 5))
    current = Model(jnp.asarray(weights), learning.optimizer(rate).init(jnp.asarray(weights)))
    for update in updates:
        current = apply(learning, current, jnp.asarray(update), YES)
    expected = by_hand(weights, updates, rate)
    assert np.asarray(current.parameters) == pytest.approx(expected, abs=1e-12)


# --- Scores ---


def expectations(
    settings: LearningSettings, features: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Z on the first qubit of each sample, by state vectors."""
    shape = (settings.layers, settings.qubits, settings.angles_per_qubit)

    @qml.qnode(qml.device("default.qubit", wires=settings.qubits))
    def run(sample: Any) -> Any:
        circuit.angle(sample, range(settings.qubits))
        circuit.hardware_efficient(weights.reshape(shape), range(settings.qubits))
        return qml.expval(qml.Z(0))

    return np.array([float(run(sample)) for sample in features])


def test_scores_are_those_of_state_vectors(settings: LearningSettings, learning: Learning) -> None:
    current = start(learning, jax.random.key(5))
    found = score(learning, current)
    _, validation, test = data.prepare(settings)
    # Those that are not trained may have any value.
    weights = np.ones(settings.layers * settings.qubits * settings.angles_per_qubit)
    weights[list(learning.program.trained)] = current.parameters
    scale = settings.logit_scale
    # Two classes share one observable: the margin is twice the scaled value.
    margin = 2 * scale * expectations(settings, validation.features, weights)
    wrong = np.where(validation.labels == 0, -margin, margin)
    assert float(found.validation_loss) == pytest.approx(np.logaddexp(0, wrong).mean(), rel=1e-5)
    assert float(found.validation_accuracy) == pytest.approx((wrong < 0).mean(), abs=1e-6)
    guesses = (expectations(settings, test.features, weights) < 0).astype(int)
    assert float(found.accuracy) == pytest.approx((guesses == test.labels).mean(), abs=1e-6)


def test_descent_learns_to_tell_the_classes_apart(learning: Learning) -> None:
    def move(current: Model, _: None) -> tuple[Model, None]:
        pulled = pullback.pull(learning.program, current.parameters)
        update = learners.full_gradient(learning, pulled, learning.training)
        return model.apply(learning, current, update, YES), None

    @jax.jit
    def train(current: Model) -> Model:
        return jax.lax.scan(move, current, None, length=100)[0]

    before = start(learning, jax.random.key(2))
    after = train(before)
    assert float(score(learning, after).validation_loss) < np.log(2)
    assert float(score(learning, after).accuracy) > 0.7


def test_any_optax_optimizer_fits(learning: Learning) -> None:
    learning = dataclasses.replace(learning, optimizer=optax.rmsprop)
    before = start(learning, jax.random.key(0))
    moved = apply(learning, before, jnp.ones_like(before.parameters), YES)
    assert (moved.parameters < before.parameters).all()
