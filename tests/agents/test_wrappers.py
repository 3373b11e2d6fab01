"""Wrappers are Gymnasium's: spaces, seeds, ends of episodes, copies and wrappers around them."""

import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import jax
import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space, iterate
from gymnasium.wrappers.vector import RecordEpisodeStatistics, TransformReward

from ceas_agents.policies.ceas import ceas
from ceas_agents.wrappers import ActionRepeat, Residual
from ceas_gym.envs.flat import CEASFlatVectorEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.types import Observation

ROUNDS = 3
KEY = jax.random.key(0)
WRAPPERS: dict[str, Callable[[Any], Any]] = {
    "residual": partial(Residual, policy=ceas),
    "repeat": partial(ActionRepeat, rounds=2),
    "residual-repeat": lambda envs: ActionRepeat(Residual(envs, ceas), 2),
}


def batch(mode=AutoresetMode.SAME_STEP, **settings: Any) -> Any:
    settings = {"overrides": {"episode.rounds": ROUNDS}, **settings}
    return CEASVectorEnv(2, "tiny", autoreset_mode=mode, **settings)


@pytest.fixture(params=WRAPPERS)
def wrap(request):
    return WRAPPERS[request.param]


def actions(envs, number=4):
    """Returns draws from the action space, the same ones each time."""
    envs.action_space.seed(3)
    return [envs.action_space.sample() for _ in range(number)]


def played(envs):
    """Returns what resetting and some steps return, over the end of an episode if it goes on."""
    steps: list[Any] = [envs.reset(seed=11)]
    for given in actions(envs):
        steps.append(envs.step(given))
        if envs.unwrapped.autoreset_mode is AutoresetMode.DISABLED and envs.unwrapped._ended.any():
            steps.append(envs.reset(options={"reset_mask": envs.unwrapped._ended}))
    return steps


@pytest.mark.parametrize("mode", AutoresetMode)
def test_all_that_is_seen_lies_in_the_spaces(wrap, mode):
    envs, finals = wrap(batch(mode)), 0
    assert envs.observation_space == batch_space(envs.single_observation_space, 2)
    assert envs.action_space == batch_space(envs.single_action_space, 2)
    assert envs.metadata["autoreset_mode"] is mode
    for observation, *_, info in played(envs):
        assert observation in envs.observation_space
        for row in np.flatnonzero(info.get("_final_obs", [])):
            assert info["final_obs"][row] in envs.single_observation_space
            finals += 1
    assert (finals > 0) == (mode is AutoresetMode.SAME_STEP)


@pytest.mark.parametrize("mode", AutoresetMode)
def test_rewards_ends_and_figures_are_those_of_the_batch(mode):
    """A residual scheduler's own action is played, and nothing but the observation is changed."""
    envs, plain = Residual(batch(mode), ceas), batch(mode)
    for (shown, *found), (observation, *expected) in zip(played(envs), played(plain), strict=True):
        np.testing.assert_equal({name: shown[name] for name in observation}, observation)
        for one in (found[-1], expected[-1]):
            one.pop("final_obs", None)
        np.testing.assert_equal(found, expected)


def test_last_observations_are_changed_like_all_others():
    wrap = WRAPPERS["residual"]
    same, by_hand = wrap(batch()), wrap(batch(AutoresetMode.DISABLED))
    ending, ended = played(same)[ROUNDS], played(by_hand)[ROUNDS]
    expected = iterate(by_hand.observation_space, ended[0])
    np.testing.assert_equal(list(ending[-1]["final_obs"]), list(expected))


def test_residual_shows_the_action_of_ceas():
    envs, plan = Residual(batch(), ceas), jax.jit(ceas)
    for seen, *_, info in played(envs):
        rows = [{name: part[0] for name, part in seen.items()}, info.get("final_obs", [None])[0]]
        for row in filter(None, rows):
            expected = plan(envs.params, Observation(row["nodes"], row["network"]), KEY)
            np.testing.assert_allclose(row["base"], expected, atol=1e-5)


def test_only_ended_rows_have_a_last_observation():
    envs = Residual(batch(), ceas)
    envs.reset(seed=11)
    nothing = np.zeros((2, 4, 4), np.float32)
    envs.step(nothing)
    envs.reset(options={"reset_mask": np.array([True, False])})
    for ended in ([False, False], [False, True], [True, False]):
        *_, info = envs.step(nothing)
        assert [last is not None for last in info.get("final_obs", [None] * 2)] == ended


def test_a_seed_decides_all(wrap):
    assert data_equivalence(played(wrap(batch())), played(wrap(batch())), exact=True)


def test_a_copy_goes_on_as_the_original(wrap):
    envs = wrap(batch())
    envs.reset(seed=11)
    given = actions(envs, 3)
    envs.step(given[0])
    copy = pickle.loads(pickle.dumps(envs))
    for one in given[1:]:
        assert data_equivalence(copy.step(one), envs.step(one), exact=True)


def test_wrappers_of_gymnasium_go_around_them(wrap):
    envs, plain = wrap(batch()), wrap(batch())
    scaled = TransformReward(RecordEpisodeStatistics(envs), partial(np.multiply, 20.0))
    total = 0.0
    for (_, *found), (_, *expected) in zip(played(scaled)[1:], played(plain)[1:], strict=True):
        np.testing.assert_array_equal(found[0], 20.0 * expected[0])
        total += expected[0][0]
        if found[1][0]:
            assert found[-1]["episode"]["r"][0] == pytest.approx(total, abs=1e-6)
            return
    pytest.fail("no episode ended")


def test_what_schedules_cannot_be_computed_for_is_refused():
    wrap = WRAPPERS["residual"]
    poles = gym.make_vec("CartPole-v1", 2, "sync")
    with pytest.raises(ValueError, match="must be a CEASVectorEnv, but is a SyncVectorEnv"):
        wrap(poles)
    with pytest.raises(ValueError, match=r"one layout, but episode\.layouts is 2"):
        wrap(batch(overrides={"episode.layouts": 2}))
    with pytest.raises(ValueError, match="must be a CEASVectorEnv, but is a CEASFlatVectorEnv"):
        wrap(CEASFlatVectorEnv(2, "tiny"))
    repeated = TransformReward(ActionRepeat(batch(), 2), np.negative)
    with pytest.raises(ValueError, match="must not be in an ActionRepeat"):
        wrap(repeated)
