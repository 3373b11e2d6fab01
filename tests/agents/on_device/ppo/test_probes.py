"""Probes: PPO in JAX finds what is known, as Stable-Baselines3's learners do."""

from functools import cache

import jax
import numpy as np
import pytest
from helpers import device_probes, probes

from ceas_agents.policies import node_network
from ceas_agents.training.on_device import loop
from ceas_agents.training.on_device.ppo import network
from ceas_agents.training.on_device.ppo.learner import Setup
from ceas_agents.training.on_device.ppo.settings import PPO, Network

ROWS = 8
TOLERANCE = 0.1
SETTINGS = PPO(n_steps=16, batch_size=128, learning_rate=0.01, gamma=probes.DISCOUNT)
UPDATES = 48


@cache
def trained(rung, *, of_two=True):
    environment = device_probes.environment(rung, of_two=of_two)
    setup = Setup(environment, SETTINGS, Network(hidden=16), fires=of_two)
    learner = loop.begin_compiled(setup, None, ROWS, np.uint32(0))
    learner, _ = loop.learn_compiled(setup, None, learner, UPDATES)
    return learner.trained.weights


value = jax.jit(lambda weights, seen: network.value(weights, device_probes.seen(seen)))
asked = jax.jit(lambda weights, seen: node_network.ask(weights.actor, device_probes.seen(seen)))


@pytest.mark.parametrize("rung", probes.VALUES)
def test_value_is_the_known_one(rung):
    known = probes.VALUES[rung]
    learned = {seen: float(value(trained(rung), seen)) for seen in known}
    assert learned == pytest.approx(known, abs=TOLERANCE)


@pytest.mark.parametrize(("rung", "observations"), [("action", [0]), ("both", [-1, 1])])
def test_better_action_is_chosen(rung, observations):
    weights = trained(rung)
    for seen in observations:
        assert (asked(weights, seen).leaning > 0) == (seen >= 0)
        assert value(weights, seen) == pytest.approx(probes.BEST, abs=TOLERANCE)


@pytest.mark.parametrize(("rung", "observations"), [("action", [0]), ("both", [-1, 1])])
def test_best_action_of_a_continuum_is_chosen(rung, observations):
    weights = trained(rung, of_two=False)
    for seen in observations:
        best = probes.TARGET * (seen or 1)
        assert asked(weights, seen).requests.item() == pytest.approx(best, abs=2 * TOLERANCE)
