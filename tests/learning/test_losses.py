"""What goes into a gradient: samples and the cross-entropy."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import log_loss

from ceas_gym.learning import learners, model, pullback
from ceas_gym.types import Learning, Pulled


@pytest.fixture(scope="module")
def start(learning: Learning) -> jax.Array:
    return model.start(learning, jax.random.key(0)).parameters


@pytest.fixture(scope="module")
def pulled(learning: Learning, start: jax.Array) -> Pulled:
    return jax.jit(functools.partial(pullback.pull, learning.program))(start)


def test_samples_come_from_the_own_shard_and_uniformly(learning: Learning) -> None:
    learning = dataclasses.replace(
        learning,
        shards=jnp.array([[5, 2, 1], [3, 0, 0], [4, 0, 0]]),
        shard_sizes=jnp.array([3, 2, 1]),
    )
    keys = jax.random.split(jax.random.key(2), 6000)
    drawn = np.asarray(jax.jit(jax.vmap(functools.partial(learners.draw, learning)))(keys))
    assert drawn.shape == (6000, 3, learning.batch_size)
    for node, members in enumerate(([5, 2, 1], [3, 0], [4])):
        share = np.array([(drawn[:, node] == member).mean() for member in members])
        assert share.sum() == pytest.approx(1.0)
        error = np.sqrt((1 - 1 / len(members)) / len(members) / (6000 * learning.batch_size))
        assert (np.abs(share - 1 / len(members)) <= 4 * error).all()
    # The draws of a batch are independent of each other: with replacement.
    assert abs((drawn[:, 0, 0] == drawn[:, 0, 1]).mean() - 1 / 3) <= 4 * np.sqrt(2 / 9 / 6000)


def test_full_gradient_is_that_of_the_cross_entropy(
    learning: Learning, start: jax.Array, pulled: Pulled
) -> None:
    split = learning.validation

    def loss(weights: jax.Array) -> jax.Array:
        observables = pullback.observables(learning.program, weights)
        scores = learners.logits(learning, split.paulis, observables)
        return learners.cross_entropy(scores, split.labels)

    expected = jax.jit(jax.jacfwd(loss))(start)
    found = learners.full_gradient(learning, pulled, split)
    assert float(jnp.abs(found - expected).max()) < 1e-6
    assert float(jnp.abs(expected).max()) > 0.01


@pytest.mark.usefixtures("exact")
def test_scores_and_losses_are_the_usual_ones() -> None:
    scores = jnp.asarray(np.random.default_rng(1).normal(size=(20, 3)) * 5)
    labels = np.random.default_rng(2).integers(0, 3, 20)
    likely = np.asarray(jax.nn.softmax(scores))
    loss = float(learners.cross_entropy(scores, jnp.asarray(labels)))
    assert loss == pytest.approx(log_loss(labels, likely, labels=[0, 1, 2]), rel=1e-12)
    hits = float(learners.accuracy(scores, jnp.asarray(labels)))
    assert hits == pytest.approx((likely.argmax(axis=1) == labels).mean())


@pytest.mark.usefixtures("exact")
def test_confident_scores_do_not_overflow() -> None:
    scores = jnp.array([[1e4, -1e4, 0.0]])
    assert float(learners.cross_entropy(scores, jnp.array([0]))) == 0.0
    assert float(learners.cross_entropy(scores, jnp.array([1]))) == 2e4
