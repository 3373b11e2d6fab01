"""Probes: each learner of Stable-Baselines3 finds what is known, through the adapter."""

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Space
from helpers import probes
from stable_baselines3 import DQN, PPO, SAC

from ceas_agents.training.adapter import GymnasiumVecEnv

ROWS = 8
TOLERANCE = 0.1


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def trained(learner, rung, action_space, steps, **settings):
    envs = GymnasiumVecEnv(probes.Probe(probes.LADDER[rung], ROWS, action_space))
    common = {
        "gamma": probes.DISCOUNT,
        "policy_kwargs": {"net_arch": [16]},
        "seed": 0,
        "device": "cpu",
    }
    return learner("MlpPolicy", envs, **common, **settings).learn(steps)


def ppo(rung, action_space: Space[Any] = probes.DISCRETE):
    settings = {"n_steps": 16, "batch_size": 128, "learning_rate": 0.01}
    return trained(PPO, rung, action_space, 4096, **settings)


def dqn(rung):
    exploration = {"learning_starts": 200, "exploration_final_eps": 0.3}
    settings = {"train_freq": 1, "batch_size": 64, "target_update_interval": 80}
    return trained(DQN, rung, probes.DISCRETE, 4800, learning_rate=0.005, **exploration, **settings)


def sac(rung):
    exploration = {"learning_starts": 1600, "ent_coef": 0.05}
    settings = {"learning_rate": 0.005, "batch_size": 64, "tau": 0.05}
    return trained(SAC, rung, probes.CONTINUOUS, 4800, **exploration, **settings)


def value(model, observation):
    """Returns what the learner expects from the observation, if it acts as well as it can."""
    seen = torch.full((1, 1), float(observation))
    with torch.no_grad():
        if isinstance(model, PPO):
            return model.policy.predict_values(seen).item()
        if isinstance(model, DQN):
            return model.q_net(seen).max().item()
        action = model.actor(seen, deterministic=True)
        return torch.cat(model.critic(seen, action)).min().item()


def action(model, observation):
    given, _ = model.predict(np.full((1, 1), observation, np.float32), deterministic=True)
    return given.item()


LEARNERS = pytest.mark.parametrize("learner", [ppo, dqn, sac])


@LEARNERS
@pytest.mark.parametrize("rung", probes.VALUES)
def test_value_is_the_known_one(learner, rung):
    model = learner(rung)
    known = probes.VALUES[rung]
    learned = {observation: value(model, observation) for observation in known}
    assert learned == pytest.approx(known, abs=TOLERANCE)


@pytest.mark.parametrize("learner", [ppo, dqn])
@pytest.mark.parametrize(("rung", "observations"), [("action", [0]), ("both", [-1, 1])])
def test_better_action_is_chosen(learner, rung, observations):
    model = learner(rung)
    for observation in observations:
        assert action(model, observation) == (observation >= 0)
        assert value(model, observation) == pytest.approx(probes.BEST, abs=TOLERANCE)


def gaussian_ppo(rung):
    return ppo(rung, probes.CONTINUOUS)


@pytest.mark.parametrize("learner", [gaussian_ppo, sac])
@pytest.mark.parametrize(("rung", "observations"), [("action", [0]), ("both", [-1, 1])])
def test_best_action_of_a_continuum_is_chosen(learner, rung, observations):
    model = learner(rung)
    for observation in observations:
        best = probes.TARGET * (observation or 1)
        assert action(model, observation) == pytest.approx(best, abs=2 * TOLERANCE)
