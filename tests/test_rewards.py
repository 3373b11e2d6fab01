"""Rewards: bounded, additive, and what they say they are."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.compiled import compiled

from ceas_gym.learning import learners, pullback
from ceas_gym.task import rewards


@pytest.fixture(scope="module")
def downhill(params, start):
    """Steepest descent of the training loss, by central differences of the loss itself."""
    learning, at = params.learning, np.asarray(start.model.parameters, float)

    @jax.jit
    def loss(parameters):
        pulled = pullback.pull(learning.program, parameters)
        seen = learning.training.paulis @ pulled.observables.T
        scores = learning.logit_scale * seen @ learning.readout.T
        wanted = jax.nn.one_hot(learning.training.labels, scores.shape[-1])
        return -(wanted * jax.nn.log_softmax(scores)).sum(axis=1).mean()

    steps = 3e-2 * np.eye(at.size)
    return -np.array([(float(loss(at + s)) - float(loss(at - s))) / 6e-2 for s in steps])


def moved(state, step):
    parameters = state.model.parameters + jnp.asarray(step, jnp.float32)
    return dataclasses.replace(state, model=dataclasses.replace(state.model, parameters=parameters))


@pytest.mark.parametrize("length", [1e-2, 1.0])
def test_alignment_is_the_cosine_with_steepest_descent(params, start, downhill, length):
    unit = downhill / np.linalg.norm(downhill)
    across = np.roll(unit, 1) - (np.roll(unit, 1) @ unit) * unit
    across /= np.linalg.norm(across)
    for angle in (0, 1, np.pi / 2, 2, np.pi):
        step = length * (np.cos(angle) * unit + np.sin(angle) * across)
        found = compiled(rewards.alignment)(params, start, moved(start, step))
        assert float(found) == pytest.approx(np.cos(angle), abs=5e-3)


def slope(learning, parameters, split):
    pulled = pullback.pull(learning.program, parameters)
    return learners.full_gradient(learning, pulled, split)


def gradient(learning, start, split):
    return np.asarray(compiled(slope)(learning, start.model.parameters, split))


def test_alignment_does_not_depend_on_the_scale_of_the_logits(params, start):
    for scale in (1e-6, 1e-3, 1e4):
        scaled = dataclasses.replace(params.learning, logit_scale=jnp.float32(scale))
        uphill = gradient(scaled, start, scaled.training)
        step = -1e-6 * uphill / np.linalg.norm(uphill)
        found = compiled(rewards.alignment)(
            dataclasses.replace(params, learning=scaled), start, moved(start, step)
        )
        assert float(found) == pytest.approx(1, abs=2e-2)


def test_alignment_of_a_round_without_a_step_is_nothing(params, start):
    assert float(compiled(rewards.alignment)(params, start, start)) == 0


def test_descent_is_not_what_a_hub_sees(params, start):
    # It is that of the training split, which is neither the validation nor the test split.
    splits = (params.learning.training, params.learning.validation, params.learning.test)
    slopes = [gradient(params.learning, start, split) for split in splits]
    assert all(np.abs(slopes[0] - other).max() > 1e-3 for other in slopes[1:])


def test_loss_decreases_add_up(params, start, step):
    nothing = -jnp.ones((params.network.windows, start.byzantine.size))
    state, total = start, 0.0
    for _ in range(3):
        after, timestep = step(params, state, nothing + 1)
        total, state = total + float(timestep.reward), after
    whole = float(start.scores.validation_loss - state.scores.validation_loss)
    assert total == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize(
    ("clock", "waited", "after", "share"),
    # Of twelve windows: four rounds of three, and a barrier that ends four windows after the last.
    [(0, 0, 3, 1 / 4), (5, 2, 7, 4 / 12)],
)
def test_accuracy_counts_as_the_share_of_the_budget_since_the_last_barrier(
    params, start, clock, waited, after, share
):
    accuracy, gathered = float(start.scores.validation_accuracy), start.gathered
    assert accuracy > 0
    gathered = dataclasses.replace(gathered, window=jnp.int32(waited))
    before = dataclasses.replace(start, clock=jnp.int32(clock), gathered=gathered)
    paid = dataclasses.replace(start, clock=jnp.int32(after))
    found = float(jax.jit(rewards.validation_accuracy)(params, before, paid))
    assert found == pytest.approx(accuracy * share)
