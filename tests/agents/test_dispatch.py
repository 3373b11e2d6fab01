"""Dispatching: the rule that is picked makes the schedule, row by row and from what it sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from helpers import drawn

from ceas_agents.evaluation import contestants
from ceas_agents.evaluation import play as playing
from ceas_agents.policies import selection
from ceas_agents.wrappers import Dispatch
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.task.observations import summary
from ceas_gym.types import Observation

KEY = jax.random.key(0)
PARTS = ("nodes", "network")


@pytest.fixture(scope="module")
def params():
    return drawn.params()


@pytest.fixture
def envs():
    mode = AutoresetMode.SAME_STEP
    return Dispatch(CEASVectorEnv(2, "tiny", overrides=drawn.SHORT, autoreset_mode=mode))


@pytest.fixture(scope="module")
def play():
    return jax.jit(selection.play)


@pytest.mark.parametrize("name", selection.RULES)
def test_each_place_is_that_rule_whatever_the_key(name, params, play):
    rule, policy = jnp.int32(list(selection.RULES).index(name)), jax.jit(selection.RULES[name])
    for seed in range(3):
        seen = drawn.observation(4, seed)
        expected = policy(params, seen, KEY)
        for key in (KEY, jax.random.key(1)):
            found = play(rule, params, seen, key)
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_each_row_plays_the_rule_that_is_picked_there(envs, params, play, monkeypatch):
    given, step = [], envs.env.step
    monkeypatch.setattr(envs.env, "step", lambda actions: (given.append(actions), step(actions))[1])
    last, ends = len(selection.RULES) - 1, 0
    shown, _ = envs.reset(seed=5)
    for rules in [(0, last), (last, 0), (4, 2), (1, 5), (3, 3)]:
        rows = [Observation(*(envs.seen[name][row] for name in PARTS)) for row in range(2)]
        summaries = [summary(row) for row in rows]
        np.testing.assert_allclose(shown, summaries, atol=1e-6)
        expected = [
            play(jnp.int32(rule), params, row, KEY) for rule, row in zip(rules, rows, strict=True)
        ]
        shown, _, terminated, *_ = envs.step(np.array(rules))
        np.testing.assert_allclose(given[-1], expected, atol=1e-5)
        ends += terminated.sum()
    # Also the first schedule of an episode comes from what that episode shows.
    assert ends == 2


def test_picking_one_rule_is_playing_it(envs, params):
    contestant = contestants.get("max_weight")
    rule = np.full(2, list(selection.RULES).index("max_weight"))
    envs.reset(seed=5)
    rewards = np.array([envs.step(rule)[1] for _ in range(3)])
    for row, (_, rounds) in enumerate(playing.episodes(contestant, params, 3, [5, 6])):
        np.testing.assert_allclose(rewards[:, row], rounds["reward"], rtol=1e-4, atol=1e-6)


def test_a_step_before_the_first_reset_is_refused(envs):
    with pytest.raises(RuntimeError, match="Call `reset` before"):
        envs.step(np.zeros(2, int))
