"""Dispatching: the rule that is picked makes the schedule, row by row and from what it sees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium import spaces
from helpers import drawn

from ceas_agents.evaluation import contestants
from ceas_agents.evaluation import play as playing
from ceas_agents.policies import selection
from ceas_agents.wrappers.dispatch import Dispatch
from ceas_gym.types import Observation

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def params():
    return drawn.params()


@pytest.fixture(scope="module")
def envs(params):
    return Dispatch(drawn.envs(), params)


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
    given = []
    inner = envs.venv
    step_async = inner.step_async

    def noted(actions):
        given.append(actions)
        step_async(actions)

    monkeypatch.setattr(inner, "step_async", noted)
    assert envs.action_space == spaces.Discrete(len(selection.RULES))
    shown, ends = envs.reset(), 0
    last = len(selection.RULES) - 1
    for rules in [(0, last), (last, 0), (4, 2), (1, 5), (3, 3)]:
        rows = [Observation(envs._seen.nodes[row], envs._seen.network[row]) for row in range(2)]
        summaries = [selection.summary(row) for row in rows]
        np.testing.assert_allclose(shown, summaries, atol=1e-6)
        expected = [
            play(jnp.int32(rule), params, row, KEY) for rule, row in zip(rules, rows, strict=True)
        ]
        shown, _, dones, infos = envs.step(np.array(rules))
        assert all(
            ("terminal_observation" in info) == done
            for info, done in zip(infos, dones, strict=True)
        )
        assert all(
            infos[row]["terminal_observation"].shape == (24,) for row in np.flatnonzero(dones)
        )
        np.testing.assert_allclose(given[-1], expected, atol=1e-5)
        ends += dones.sum()
    # Also the first schedule of an episode comes from what that episode shows.
    assert ends == 2


def test_picking_one_rule_is_playing_it(envs, params):
    contestant = contestants.get("max_weight")
    rule = np.full(2, list(selection.RULES).index("max_weight"))
    envs.seed(5)
    envs.reset()
    rewards = np.array([envs.step(rule)[1] for _ in range(3)])
    for row, (_, rounds) in enumerate(playing.episodes(contestant, params, 3, [5, 6])):
        np.testing.assert_allclose(rewards[:, row], rounds["reward"], rtol=1e-4, atol=1e-6)
