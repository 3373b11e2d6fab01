"""The adapter: rows are single environments, and both ends of an episode are the right ones."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from helpers import probes
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from ceas_agents.training.adapter import GymnasiumVecEnv, vec_env
from ceas_agents.training.learners import WATCHED
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.task import metrics

ROUNDS = 4
ROWS = 2
SEED = 40
OVERRIDES = {"episode.rounds": ROUNDS}
# XLA may sum the products inside a loop over rows in another order than outside.
LAST_BITS = 1e-5


@pytest.fixture(scope="module")
def envs():
    return vec_env("tiny", ROWS, overrides=OVERRIDES)


@pytest.fixture(scope="module")
def given():
    random = np.random.default_rng(0)
    return random.uniform(-1, 1, (ROUNDS + 1, ROWS, 4, 4)).astype(np.float32)


@pytest.fixture(scope="module")
def played(envs, given):
    """A whole episode and a step of the next: first observation, then what each step returns."""
    envs.seed(SEED)
    return envs.reset(), [envs.step(actions) for actions in given]


@pytest.fixture(scope="module")
def alone(given):
    """The same of one environment for each row, reset by hand."""
    env = CEASEnv("tiny", overrides=OVERRIDES)
    return [_play(env, SEED + row, given[:, row]) for row in range(ROWS)]


def _play(env, seed, actions):
    first, _ = env.reset(seed=seed)
    steps = [env.step(action) for action in actions[:ROUNDS]]
    second, _ = env.reset()
    return first, steps, second, env.step(actions[ROUNDS])


def assert_same(batch, row, expected):
    assert set(batch) == set(expected)
    for part, values in expected.items():
        np.testing.assert_allclose(batch[part][row], values, rtol=0, atol=LAST_BITS)


def test_row_is_the_single_environment_of_its_seed(played, alone):
    first, steps = played
    for row, (expected, rounds, _, _) in enumerate(alone):
        assert_same(first, row, expected)
        for (observation, rewards, _, _), (after, reward, *_) in zip(
            steps[: ROUNDS - 1], rounds[: ROUNDS - 1], strict=True
        ):
            assert_same(observation, row, after)
            assert rewards[row] == pytest.approx(reward, abs=LAST_BITS)


def test_episode_ends_with_its_last_observation_and_returns_the_next_ones_first(played, alone):
    observation, rewards, dones, infos = played[1][ROUNDS - 1]
    assert dones.all()
    for row, (_, rounds, second, _) in enumerate(alone):
        last, reward, *_ = rounds[-1]
        assert_same({k: v[None] for k, v in infos[row]["terminal_observation"].items()}, 0, last)
        assert_same(observation, row, second)
        assert rewards[row] == pytest.approx(reward, abs=LAST_BITS)


def test_next_episode_goes_on_from_its_first_observation(played, alone):
    observation, rewards, dones, _ = played[1][ROUNDS]
    assert not dones.any()
    for row, (*_, (after, reward, *_)) in enumerate(alone):
        assert_same(observation, row, after)
        assert rewards[row] == pytest.approx(reward, abs=LAST_BITS)


def test_info_has_the_last_figures_of_ended_rows_only(played, alone):
    for number, (*_, infos) in enumerate(played[1], start=1):
        if number != ROUNDS:
            assert infos == [{}] * ROWS
    for info, (_, rounds, _, _) in zip(played[1][ROUNDS - 1][3], alone, strict=True):
        figures = {name: info[name] for name in metrics.NAMES}
        assert figures == pytest.approx(rounds[-1][4], rel=1e-4, abs=LAST_BITS)
        assert set(info) == {*metrics.NAMES, "terminal_observation", "TimeLimit.truncated"}


def test_end_of_the_budget_is_no_time_limit(played):
    assert [info["TimeLimit.truncated"] for info in played[1][ROUNDS - 1][3]] == [False, False]


def test_time_limit_is_told():
    mode = AutoresetMode.SAME_STEP
    envs = GymnasiumVecEnv(CEASVectorEnv(ROWS, "tiny", max_episode_steps=1, autoreset_mode=mode))
    envs.reset()
    _, _, dones, infos = envs.step(np.zeros((ROWS, 4, 4), np.float32))
    assert dones.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [True, True]
    progress = [info["terminal_observation"]["network"][0] for info in infos]
    assert progress == pytest.approx([1 / 20, 1 / 20])


def test_returned_arrays_are_the_learners_own(played):
    for observation, rewards, _, _ in played[1]:
        assert rewards.dtype == np.float32
        assert rewards.flags.owndata
        for part in observation.values():
            assert part.dtype == np.float32
            assert part.flags.owndata
            assert part.flags.writeable


def test_seed_is_used_once(envs):
    envs.seed(SEED)
    first, second = envs.reset(), envs.reset()
    envs.seed(SEED)
    assert np.array_equal(first["network"], envs.reset()["network"])
    assert not np.array_equal(first["network"], second["network"])


def test_monitor_sums_the_rewards(envs, given):
    monitored = VecMonitor(envs, info_keywords=("accuracy",))
    monitored.reset()
    rewards, dones, infos = zip(*(monitored.step(actions)[1:] for actions in given), strict=True)
    ends = infos[ROUNDS - 1]
    assert dones[ROUNDS - 1].all()
    returns = np.sum(rewards[:ROUNDS], axis=0)
    assert [info["episode"]["r"] for info in ends] == pytest.approx(returns.tolist())
    assert [info["episode"]["l"] for info in ends] == [ROUNDS] * ROWS
    assert all(info["episode"]["accuracy"] == info["accuracy"] for info in ends)


def test_episode_of_gymnasiums_statistics_is_what_a_monitor_says(given):
    statistics = [RecordEpisodeStatistics]
    counted = vec_env("tiny", ROWS, wrappers=statistics, overrides=OVERRIDES, seed=SEED)
    monitored = VecMonitor(
        vec_env("tiny", ROWS, overrides=OVERRIDES, seed=SEED), info_keywords=WATCHED
    )
    for envs in (counted, monitored):
        envs.reset()
    steps = [[envs.step(actions)[-1] for envs in (counted, monitored)] for actions in given]
    for info, other in zip(*steps[ROUNDS - 1], strict=True):
        known = {name: info["episode"][name] for name in ("r", "l", *WATCHED)}
        assert known == pytest.approx({name: other["episode"][name] for name in known}, abs=1e-6)
    assert not any("episode" in info for info in counted.reset_infos)


def test_learner_plays_it_and_equal_seeds_agree(envs):
    def weights():
        model = PPO("MultiInputPolicy", envs, n_steps=8, batch_size=16, seed=3, device="cpu")
        return torch.nn.utils.parameters_to_vector(model.learn(16).policy.parameters())

    assert torch.equal(weights(), weights())


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.DISABLED])
def test_other_modes_are_refused(mode):
    batch = CEASVectorEnv(ROWS, "tiny", autoreset_mode=mode)
    with pytest.raises(ValueError, match=rf"is in {mode.name}; make it with .*SAME_STEP"):
        GymnasiumVecEnv(batch)


def test_batch_that_names_no_mode_is_refused():
    batch = probes.Probe(probes.LADDER["constant"], ROWS)
    batch.metadata = {}
    with pytest.raises(ValueError, match="is in None"):
        GymnasiumVecEnv(batch)


def cart_poles(limit=15):
    mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
    batch = gym.make_vec(*("CartPole-v1", 3, "sync"), max_episode_steps=limit, vector_kwargs=mode)
    make = [lambda: gym.make("CartPole-v1", max_episode_steps=limit)] * 3
    envs: tuple[Any, Any] = GymnasiumVecEnv(batch), DummyVecEnv(make)
    return envs


def test_any_batch_is_as_its_environments_one_by_one():
    ours, theirs = cart_poles()
    for one in (ours, theirs):
        one.seed(7)
    np.testing.assert_array_equal(ours.reset(), theirs.reset())
    reasons = set()
    for actions in np.random.default_rng(1).integers(2, size=(60, 3)):
        *arrays, infos = ours.step(actions)
        *others, expected = theirs.step(actions)
        for array, other in zip(arrays, others, strict=True):
            np.testing.assert_array_equal(array, other)
        for row in np.flatnonzero(arrays[2]):
            reasons.add(infos[row]["TimeLimit.truncated"])
            assert infos[row]["TimeLimit.truncated"] == expected[row]["TimeLimit.truncated"]
            np.testing.assert_array_equal(
                *(i[row]["terminal_observation"] for i in (infos, expected))
            )
    assert reasons == {True, False}


def test_rows_end_each_in_its_own_step():
    envs: Any = GymnasiumVecEnv(probes.Probe(probes.LADDER["cut"], ROWS))
    assert envs.reset().tolist() == [[-1], [1]]
    observation, rewards, dones, infos = envs.step(np.zeros(ROWS, int))
    assert observation.tolist() == [[1], [-1]]
    assert rewards.tolist() == [0, 1]
    assert dones.tolist() == [False, True]
    assert infos[0] == {}
    assert infos[1] == {"terminal_observation": [1.0], "TimeLimit.truncated": True}


def test_end_beyond_the_time_limit_is_an_end(monkeypatch):
    """An episode that ends in the very step of its limit needs no value of what would follow."""
    batch = probes.Probe(probes.LADDER["constant"], ROWS)
    step = batch.step

    def both(actions):
        observation, rewards, terminated, _, info = step(actions)
        return observation, rewards, terminated, terminated, info

    monkeypatch.setattr(batch, "step", both)
    envs = GymnasiumVecEnv(batch)
    envs.reset()
    *_, infos = envs.step(np.zeros(ROWS, int))
    assert [info["TimeLimit.truncated"] for info in infos] == [False, False]


def test_first_figures_of_an_episode_are_kept(envs, given):
    envs.seed(SEED)
    envs.reset()
    first = [info["validation_loss"] for info in envs.reset_infos]
    for actions in given[:ROUNDS]:
        envs.step(actions)
    second = [info["validation_loss"] for info in envs.reset_infos]
    assert set(envs.reset_infos[0]) == set(metrics.NAMES)
    assert all(info["pairs_generated"] == 0 for info in envs.reset_infos)
    assert not set(first) & set(second)


def test_batch_is_asked_as_one():
    mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
    batch: Any = gym.make_vec("CartPole-v1", 2, "sync", vector_kwargs=mode)
    envs = GymnasiumVecEnv(RecordEpisodeStatistics(batch))
    assert envs.env_is_wrapped(RecordEpisodeStatistics) == [True, True]
    assert envs.env_is_wrapped(gym.wrappers.TimeLimit, indices=0) == [False]
    assert envs.get_attr("num_envs", indices=[1]) == [2]
    assert not envs.has_attr("action_masks")
    assert envs.render_mode is None
    envs.set_attr("copy", False)
    assert batch.copy is False
    assert envs.env_method("get_attr", "render_mode") == [(None, None)] * 2


def test_single_rows_cannot_be_set_or_called(envs):
    with pytest.raises(ValueError, match=r"was \[1\]"):
        envs.set_attr("buffer", 5, indices=1)
    with pytest.raises(ValueError, match=r"was \[0\]"):
        envs.env_method("close", indices=[0])


def test_options_must_be_shared():
    ours, _ = cart_poles()
    ours.set_options({"low": 0.0, "high": 0.0})
    assert not ours.reset().any()
    assert ours.reset().any()
    ours.set_options([{"low": 0.0}, {}, {}])
    with pytest.raises(ValueError, match="the same for all rows"):
        ours.reset()
