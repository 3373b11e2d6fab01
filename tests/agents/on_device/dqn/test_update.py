"""Targets and update of double DQN: NumPy's, and, where no network doubts, Stable-Baselines3's."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from helpers import drawn
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.utils import LinearSchedule

from ceas_agents.policies.choice_network import Shown
from ceas_agents.policies.node_network import Layer
from ceas_agents.training import export
from ceas_agents.training.on_device import descent
from ceas_agents.training.on_device.dqn import learner, network, replay, update
from ceas_agents.training.on_device.dqn.replay import Steps
from ceas_agents.training.on_device.dqn.settings import DQN, Network
from ceas_gym.jax_utils.fast_compile import once

BATCH, FEATURES, CHOICES = 32, 33, 15
SETTINGS = DQN(gamma=0.8)


def array(values: Any) -> Any:
    """Values in single precision, as a learner has them."""
    return np.asarray(values, np.float32)


def flags(values: Any) -> Any:
    return np.asarray(values, bool)


def layers_of(seed):
    """Random layers of the shapes that `drawn.learner` has."""
    return export.agent(drawn.learner("dispatch", seed)).layers


def batch_of(seed, *, masked):
    random = np.random.default_rng(seed)
    allowed = flags(random.random((BATCH, CHOICES)) < (0.3 if masked else 1))
    allowed[:, 0] = True
    features, following = array(random.random((2, BATCH, FEATURES)))
    choice: Any = random.integers(0, CHOICES, BATCH).astype(np.int32)
    reward, terminated = array(3 * random.normal(size=BATCH)), flags(random.random(BATCH) < 0.3)
    return Steps(features, choice, reward, Shown(following, allowed), terminated)


def valued(layers, features):
    seen = np.asarray(features, float)
    *hidden, last = [[np.asarray(part, float) for part in layer] for layer in layers]
    for weight, bias in hidden:
        seen = np.maximum(seen @ weight + bias, 0)
    return seen @ last[0] + last[1]


def test_targets_are_those_of_numpy():
    layers, target, batch = layers_of(0), layers_of(1), batch_of(2, masked=True)
    best = np.where(batch.following.allowed, valued(layers, batch.following.features), -np.inf)
    later = valued(target, batch.following.features)[np.arange(BATCH), best.argmax(axis=1)]
    expected = batch.reward + np.where(batch.terminated, 0, SETTINGS.gamma * later)
    found = once(partial(update.targets, SETTINGS))(layers, target, batch)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def samples(batch: Steps) -> Any:
    """The same batch for Stable-Baselines3."""
    columns = [batch.choice.astype(np.int64), batch.terminated, batch.reward]
    choice, ended, reward = (torch.tensor(np.float32(each))[:, None] for each in columns)
    seen, following = map(torch.tensor, (batch.features, batch.following.features))
    return ReplayBufferSamples(seen, choice.long(), following, ended, reward)


def test_update_is_that_of_stable_baselines(monkeypatch):
    """With one network for both, double DQN is DQN, which Stable-Baselines3 has."""
    model: Any = drawn.learner("dispatch", 0)
    model.q_net_target.load_state_dict(model.q_net.state_dict())
    before, batch = export.agent(model).layers, batch_of(2, masked=False)
    settings = DQN(gamma=model.gamma, learning_rate=model.learning_rate)
    trained = descent.begin(update.optimizer(settings), before)
    ours = once(partial(update.improve, settings))(trained, before, batch).weights
    monkeypatch.setattr(model.replay_buffer, "sample", lambda *_, **__: samples(batch))
    model._setup_learn(1)
    model.train(gradient_steps=1, batch_size=BATCH)
    theirs = export.agent(model).layers
    for one, other, old in zip(*map(jax.tree.leaves, (ours, theirs, before)), strict=True):
        assert np.abs(np.asarray(other) - old).max() > 5e-5
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_share_of_random_choices_is_that_of_stable_baselines():
    settings = DQN(exploration_fraction=0.4, exploration_initial_eps=0.9, learning_starts=10)
    schedule = LinearSchedule(0.9, 0.05, 0.4)
    share = once(partial(learner.epsilon, settings, steps=1000))
    for played in (10, 100, 399, 400, 999):
        assert float(share(played)) == pytest.approx(schedule(1 - played / 1000), abs=1e-6)
    assert share(9) == 1


def test_random_choices_are_allowed_ones_and_as_many_as_they_should_be():
    features, allowed = array(np.zeros((4000, 1))), flags([[True, False, True, True]] * 4000)
    layers = (Layer(array(np.zeros((1, 4))), array([0, 9, 5, 0])),)
    explore = once(partial(network.explore, layers))
    choice, kept = explore(0.6, Shown(features, allowed), jax.random.key(0))
    np.testing.assert_array_equal(choice, kept)
    shares = np.bincount(np.asarray(choice), minlength=4) / 4000
    np.testing.assert_allclose(shares, [0.2, 0, 0.6, 0.2], atol=0.03)


def empty() -> Any:
    """A memory for five steps of two rows."""
    shown = Shown(array(np.zeros((2, 1))), flags(np.ones((2, 3))))
    return once(partial(replay.begin, size=5))(shown)


drawn_from = once(lambda memory: replay.draw(memory, 500, jax.random.key(0)))


def test_memory_keeps_the_latest_steps():
    memory, add = empty(), once(replay.add)
    for number in range(0, 14, 2):
        counts: Any = np.arange(number, number + 2, dtype=np.int32)[:, None] + np.zeros(2, np.int32)
        shown = Shown(array(np.zeros((2, 2, 1))), flags(np.ones((2, 2, 3))))
        steps = Steps(shown.features, counts, array(counts), shown, flags(np.zeros((2, 2))))
        memory = add(memory, steps)
    assert sorted(memory.steps.choice[:, 0].tolist()) == [9, 10, 11, 12, 13]
    found = drawn_from(memory)
    assert set(np.unique(found.choice)) == {9, 10, 11, 12, 13}
    np.testing.assert_array_equal(found.choice, found.reward)


def test_only_what_was_played_is_drawn():
    memory, numbers = empty(), np.arange(10, dtype=np.int32).reshape(5, 2)
    played = memory.steps._replace(choice=numbers)
    found = drawn_from(memory._replace(steps=played, added=np.int32(1)))
    assert set(np.unique(found.choice)) == {0, 1}


@pytest.mark.parametrize(
    ("before", "added", "share"), [(8, 9, 0.0), (9, 10, 0.25), (10, 11, 0.0), (9, 20, 0.4375)]
)
def test_target_follows_at_its_intervals(before, added, share):
    settings = DQN(target_update_interval=20, tau=0.25)
    layers = network.begin(jax.random.key(0), 2, 3, Network(net_arch=()))
    zero = jax.tree.map(np.zeros_like, layers)
    rows: Any = learner.Rows((), (), jnp.zeros(2, jnp.uint32), jnp.zeros(2))
    memory: Any = replay.Replay(replay.Steps(*[()] * 5), np.int32(before))  # pyright: ignore
    trained = descent.Trained(layers, ())
    held = learner.Learner(trained, zero, rows, memory, jax.random.key(0))
    follow = once(lambda added: learner.followed(settings, held, added))
    found = follow(np.int32(added))
    np.testing.assert_allclose(found[0].weight, share * np.asarray(layers[0].weight), rtol=1e-6)
