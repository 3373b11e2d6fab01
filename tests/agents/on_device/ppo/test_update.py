"""The clipped loss is that of NumPy, and an update makes good choices likelier within the range."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ceas_agents.policies.node_network import Seen
from ceas_agents.training.on_device.descent import Trained
from ceas_agents.training.on_device.ppo import network, update
from ceas_agents.training.on_device.ppo.settings import PPO, Network
from ceas_agents.training.on_device.ppo.update import Batch

NODES, FEATURES, STEPS, WINDOWS = 3, 4, 32, 2
SHAPE = Network(hidden=6, log_std_init=-0.5)
SETTINGS = PPO(n_steps=16, batch_size=8, n_epochs=2, learning_rate=1e-2, ent_coef=0.1)


@pytest.fixture(scope="module")
def weights():
    drawn = network.begin(jax.random.key(0), FEATURES + 1, WINDOWS, SHAPE, fires=True)
    random = np.random.default_rng(0)
    return jax.tree.map(lambda each: each + 0.2 * random.normal(size=each.shape), drawn)


@pytest.fixture(scope="module")
def batch(weights):
    random = np.random.default_rng(1)
    seen = Seen(
        jnp.asarray(random.random((STEPS, NODES, FEATURES)), jnp.float32),
        jnp.asarray(random.random((STEPS, 1)), jnp.float32),
        None,
        jnp.zeros(STEPS),
    )
    choice, density = jax.jit(network.draw)(weights, seen, jax.random.key(1))
    old = jnp.asarray(np.asarray(density) + 0.3 * random.normal(size=STEPS), jnp.float32)
    gained, targets = jnp.asarray(random.normal(size=(2, STEPS)), jnp.float32)
    return Batch(seen, choice, old, gained, targets)


@pytest.mark.parametrize("scales", [True, False])
def test_loss_is_that_of_numpy(weights, batch, scales):
    settings = SETTINGS.model_copy(update={"normalize_advantage": scales})
    density, entropy = map(np.asarray, jax.jit(network.judge)(weights, batch.seen, batch.choice))
    value = np.asarray(jax.jit(network.value)(weights, batch.seen))
    gained = np.asarray(batch.advantage)
    if scales:
        gained = (gained - gained.mean()) / gained.std(ddof=1)
    ratio = np.exp(density - np.asarray(batch.log_density))
    assert ratio.min() < 0.8
    assert ratio.max() > 1.2
    gain = np.minimum(ratio * gained, np.clip(ratio, 0.8, 1.2) * gained).mean()
    error = ((value - np.asarray(batch.target)) ** 2).mean()
    expected = -gain + 0.5 * error - 0.1 * entropy.mean()
    found = jax.jit(
        lambda *given: update.loss(settings, given[0], update.scaled(settings, given[1]))
    )
    assert float(found(weights, batch)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("ratio", "advantage", "slope"),
    [(1.1, 1, 1), (1.3, 1, 0), (1.3, -1, -1), (0.9, -1, -1), (0.7, -1, 0), (0.7, 1, 1)],
)
def test_gain_rewards_no_ratio_beyond_the_range(ratio, advantage, slope):
    gain = jax.jit(jax.grad(partial(update.clipped, SETTINGS)))
    assert gain(np.log(ratio), float(advantage)) == pytest.approx(ratio * slope, rel=1e-5)


def test_gradient_of_parts_is_that_of_the_whole_minibatch(weights, batch, monkeypatch):
    monkeypatch.setattr(update, "MOST", 8)
    assert update.part_of(STEPS) < STEPS
    parts = jax.jit(partial(update.slope, SETTINGS))(weights, batch)
    scores = np.asarray(batch.advantage)
    scores = jnp.asarray((scores - scores.mean()) / scores.std(ddof=1))
    expected = jax.jit(jax.grad(partial(update.loss, SETTINGS)))(
        weights, batch._replace(advantage=scores)
    )
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), parts, expected)


def test_update_visits_every_step_once_in_each_epoch(weights, batch, monkeypatch):
    # With a loss that is linear in the weights, and no Adam, the weights tell what was visited.
    def loss(settings, weights, some):
        return weights.critic[-1].bias.sum() * some.target.sum()

    monkeypatch.setattr(update, "loss", loss)
    monkeypatch.setattr(update, "optimizer", lambda settings: optax.sgd(1.0))
    memory = update.optimizer(SETTINGS).init(weights)
    learn = jax.jit(partial(update.learn, SETTINGS))
    after = learn(Trained(weights, memory), batch, jax.random.key(0)).weights
    moved = weights.critic[-1].bias - after.critic[-1].bias
    assert float(moved[0]) == pytest.approx(2 * float(batch.target.sum()), rel=1e-4)


def test_gradient_is_limited_before_adam(weights):
    slope = jax.tree.map(lambda each: jnp.full_like(each, 5.0), weights)
    step = update.optimizer(SETTINGS)
    _, memory = jax.jit(step.update)(slope, step.init(weights))
    means = jax.tree.leaves(memory[1][0].mu)
    # Adam's mean is a tenth of the first gradient.
    length = np.sqrt(sum((np.asarray(each) ** 2).sum() for each in means))
    assert length == pytest.approx(0.1 * SETTINGS.max_grad_norm, rel=1e-4)
