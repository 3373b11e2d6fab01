"""Policy transfer: one agent, four ways to play, on equal luck the same actions and rewards."""

from typing import Any

import gymnasium
import jax
import numpy as np
import pytest
from helpers import beside
from helpers.comparison import vary
from helpers.compiled import compiled, reset, step
from reference.variants import BUDGETED

from ceas_agents.policies import checkpoints
from ceas_agents.policies.base import as_pytree
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.networks import Features
from ceas_agents.training.evolution import weights
from ceas_gym import config, parameters
from ceas_gym.types import Observation

SETTINGS = {"episode.decision": "window"}
STEPS, SEED = 24, 5
SEEN = Features((), ("progress", "validation_accuracy"))
WIDTHS = (3, 3)


@pytest.fixture(scope="module")
def agent():
    drawn = np.random.default_rng(4).normal(size=weights.size(WIDTHS)).astype(np.float32)
    return as_pytree(checkpoints.policy(Agent("steered", weights.layers(drawn, WIDTHS), SEEN)))


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("tiny", SETTINGS))


def decide(agent, params, seen: Any):
    """Returns what the agent asks for, by an observation of any of the environments."""
    if isinstance(seen, dict):
        seen = Observation(seen["nodes"], seen["network"])
    return np.asarray(compiled(act)(agent, params, seen))


def act(policy, params, seen):
    return policy(params, seen, jax.random.key(0))


@pytest.fixture(scope="module")
def played(agent, params):
    """Actions and rewards of the pure functions."""
    state, timestep = reset(params, jax.random.key(SEED))
    actions, rewards = [], []
    for _ in range(STEPS):
        actions.append(decide(agent, params, timestep.observation))
        state, timestep = step(params, state, actions[-1])
        rewards.append(float(timestep.reward))
    assert {action[-1] for action in actions} == {-1.0, 1.0}
    return actions, rewards


def test_it_plays_the_same_in_the_environment(agent, params, played):
    env = gymnasium.make("ceas_gym/CEAS-v1", scenario="tiny", overrides=SETTINGS)
    observation, _ = env.reset(seed=SEED)
    for action, reward in zip(*played, strict=True):
        np.testing.assert_array_equal(decide(agent, params, observation), action)
        observation, got, *_ = env.step(action)
        assert float(got) == pytest.approx(reward, abs=1e-6)
    env.close()


def test_it_plays_the_same_in_a_batch(agent, params, played):
    envs: Any = gymnasium.make_vec(
        "ceas_gym/CEAS-v1", num_envs=2, scenario="tiny", overrides=SETTINGS
    )
    observation, _ = envs.reset(seed=[SEED, SEED + 1])
    for action, reward in zip(*played, strict=True):
        rows = [{name: each[row] for name, each in observation.items()} for row in range(2)]
        asked = np.stack([decide(agent, params, row) for row in rows])
        np.testing.assert_array_equal(asked[0], action)
        observation, got, *_ = envs.step(asked)
        assert float(got[0]) == pytest.approx(reward, abs=1e-6)
    envs.close()


def test_it_decides_the_same_by_what_the_reference_shows(agent):
    """Both sides of the comparison are played by the agent, and every step is compared."""
    scenario = vary(config.load("tiny"), BUDGETED | SETTINGS)
    own, fires = parameters.build(scenario), []

    def policy(shown, by_reference):
        ours, theirs = (decide(agent, own, narrow(each)) for each in (shown, by_reference))
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
        fires.append(ours[-1])
        return ours

    beside.compare(scenario, own, [policy] * 12, seed=SEED)
    assert set(fires) == {-1.0, 1.0}


def narrow(observation):
    return jax.tree.map(lambda each: np.asarray(each, np.float32), observation)
