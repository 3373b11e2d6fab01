"""Decisions that last: rewards add up, episodes end, and CEAS goes on beneath a residual."""

from typing import Any

import numpy as np
import pytest

from ceas_agents.policies.ceas import ceas
from ceas_agents.training import adapter
from ceas_agents.wrappers.action_repeat import Hold
from ceas_agents.wrappers.residual import Residual
from ceas_agents.wrappers.reward_scale import Scaled
from ceas_gym import config, parameters

ROUNDS = {"episode.rounds": 4}


def envs() -> Any:
    return adapter.vec_env("tiny", rows=2, overrides=ROUNDS, seed=7)


@pytest.mark.parametrize("rounds", [1, 2, 4])
def test_same_as_the_action_again_and_again(rounds):
    held: Any = Hold(envs(), rounds)
    plain = envs()
    held.reset()
    plain.reset()
    random = np.random.default_rng(0)
    for _ in range(8 // rounds):
        action = random.uniform(-1, 1, (2, 4, 4)).astype(np.float32)
        seen, rewards, dones, infos = held.step(action)
        steps = [plain.step(action) for _ in range(rounds)]
        last, _, ended, told = steps[-1]
        np.testing.assert_allclose(rewards, sum(step[1] for step in steps), atol=1e-6)
        np.testing.assert_array_equal(dones, ended)
        np.testing.assert_array_equal(seen["nodes"], last["nodes"])
        assert [info.get("accuracy") for info in infos] == [i.get("accuracy") for i in told]


def test_rounds_after_an_episode_are_not_rewarded():
    held, plain = Hold(envs(), 3), envs()
    held.reset()
    plain.reset()
    action = np.zeros((2, 4, 4), np.float32)
    rewards = [plain.step(action)[1] for _ in range(9)]
    steps = [held.step(action) for _ in range(3)]
    assert [bool(step[2][0]) for step in steps] == [False, True, True]
    # The second step ends after its first round, the third after its second.
    for step, counted in zip(steps, ([0, 1, 2], [3], [6, 7]), strict=True):
        np.testing.assert_allclose(step[1], sum(rewards[i] for i in counted), atol=1e-6)
        assert "terminal_observation" in step[3][0] or counted == [0, 1, 2]


def test_what_a_residual_adds_is_kept_while_ceas_goes_on():
    params = parameters.build(config.load("tiny", ROUNDS))
    shown: Any = Residual(envs(), params, ceas)
    played = []
    step = shown.step_async
    shown.step_async = lambda actions: (played.append(actions), step(actions))[1]
    held = Hold(shown, 4)
    first = held.reset()["base"]
    added = np.full((2, 4, 4), 0.3, np.float32)
    held.step(first + added)
    assert len(played) == 4
    np.testing.assert_allclose(played[0], np.clip(first + added, -1, 1), atol=1e-6)
    assert any(np.abs(action - played[0]).max() > 1e-3 for action in played[1:])
    assert all((action >= -1 + 0.3 - 1e-6).all() and (action <= 1).all() for action in played)


def test_scaled_rewards_are_the_same_times_the_factor():
    scaled, plain = Scaled(envs(), 20.0), envs()
    scaled.reset()
    plain.reset()
    action = np.zeros((2, 4, 4), np.float32)
    for _ in range(4):
        expected = 20 * plain.step(action)[1]
        np.testing.assert_allclose(scaled.step(action)[1], expected, rtol=1e-6)
