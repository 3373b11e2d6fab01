"""Probes: DQN in JAX finds what is known, and never what is not allowed."""

from functools import cache

import jax
import numpy as np
import pytest
from helpers import device_probes, probes

from ceas_agents.policies import choice_network
from ceas_agents.training.on_device import loop
from ceas_agents.training.on_device.dqn.learner import Setup
from ceas_agents.training.on_device.dqn.settings import DQN, Network

ROWS, UPDATES = 8, 400
TOLERANCE = 0.1
SETTINGS = DQN(
    gamma=probes.DISCOUNT,
    learning_rate=0.01,
    learning_starts=64,
    train_freq=1,
    batch_size=64,
    target_update_interval=80,
    buffer_size=1000,
)


@cache
def trained(rung):
    environment, steps = device_probes.choices(rung), ROWS * UPDATES
    setup = Setup(environment, SETTINGS, Network(net_arch=(16,)), steps)
    learner = loop.begin_compiled(setup, None, ROWS, np.uint32(0))
    return loop.learn_compiled(setup, None, learner, UPDATES)[0]


values = jax.jit(choice_network.values)


def valued(rung, observation):
    """The values of the two choices that are allowed."""
    features = np.array([observation], np.float32)
    return np.asarray(values(trained(rung).trained.weights, features))[:2]


@pytest.mark.parametrize("rung", probes.VALUES)
def test_value_is_the_known_one(rung):
    known = probes.VALUES[rung]
    learned = {seen: valued(rung, seen).max() for seen in known}
    assert learned == pytest.approx(known, abs=TOLERANCE)


@pytest.mark.parametrize(("rung", "observations"), [("action", [0]), ("both", [-1, 1])])
def test_better_choice_is_found(rung, observations):
    for seen in observations:
        found = valued(rung, seen)
        assert np.argmax(found) == (seen >= 0)
        assert found.max() == pytest.approx(probes.BEST, abs=TOLERANCE)


def test_a_choice_that_is_not_allowed_is_never_made():
    replay = trained("both").replay
    assert int(replay.added) == UPDATES
    assert set(np.unique(replay.steps.choice)) == {0, 1}
    assert np.abs(replay.steps.reward).max() < device_probes.FORBIDDEN
