"""The batched environment: the same episodes as alone, in all of Gymnasium's autoreset modes."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from ceas_gym.envs import vector_env
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.jax_utils import parallel
from ceas_gym.task import metrics

ROUNDS = 3
OVERRIDES = {"episode.rounds": ROUNDS}
# XLA may sum the products inside a loop over rows in another order than outside.
LAST_BITS = 1e-5


def actions(count, rows, shape=(4, 4)):
    return np.random.default_rng(0).uniform(-1, 1, (count, rows, *shape)).astype(np.float32)


def single(seed, given, resets=0):
    """Returns observations and rewards of one environment, following episodes included."""
    env = CEASEnv("tiny", overrides=OVERRIDES)
    observation, _ = env.reset(seed=seed)
    seen = [(observation, 0.0)]
    for action in given:
        observation, reward, terminated, _, _ = env.step(action)
        seen.append((observation, reward))
        if terminated and resets:
            seen.append((env.reset()[0], 0.0))
    return seen


def assert_same(one, other):
    for part in ("nodes", "network"):
        np.testing.assert_allclose(one[part], other[part], rtol=0, atol=LAST_BITS)


@pytest.mark.parametrize("rows", [1, 3, pytest.param(16, marks=pytest.mark.slow)])
def test_row_is_the_single_environment(rows):
    envs = CEASVectorEnv(rows, "tiny", overrides=OVERRIDES)
    given = actions(ROUNDS, rows)
    first, _ = envs.reset(seed=40)
    batched = [(first, np.zeros(rows)), *(envs.step(action)[:2] for action in given)]
    for row in {0, rows - 1}:
        alone = single(40 + row, given[:, row])
        for (observation, rewards), (expected, reward) in zip(batched, alone, strict=True):
            assert_same({k: v[row] for k, v in observation.items()}, expected)
            assert rewards[row] == pytest.approx(reward, abs=LAST_BITS)


def test_next_step_mode_resets_in_the_step_after():
    envs = CEASVectorEnv(2, "tiny", overrides=OVERRIDES)
    given = actions(ROUNDS, 2)
    envs.reset(seed=1)
    *_, last = [envs.step(action) for action in given]
    assert last[2].all()
    observation, reward, terminated, truncated, info = envs.step(given[0])
    assert not reward.any()
    assert not terminated.any()
    assert not truncated.any()
    expected, _ = single(2, given[:, 1], resets=1)[-1]
    assert_same({k: v[1] for k, v in observation.items()}, expected)
    assert (info["pairs_generated"] == 0).all()


def test_same_step_mode_returns_both_ends():
    envs = CEASVectorEnv(2, "tiny", overrides=OVERRIDES, autoreset_mode="SameStep")
    given = actions(ROUNDS, 2)
    envs.reset(seed=1)
    *_, (observation, _, terminated, _, info) = [envs.step(action) for action in given]
    assert terminated.all()
    alone = single(2, given[:, 1], resets=1)
    assert_same(info["final_obs"][1], alone[-2][0])
    assert_same({k: v[1] for k, v in observation.items()}, alone[-1][0])
    assert info["_final_info"].all()
    assert (info["final_info"]["pairs_generated"] > 0).any()
    assert (info["pairs_generated"] == 0).all()


def test_rows_that_end_at_different_rounds_are_reset_by_the_step_itself(monkeypatch):
    """Row 1 is a round behind: it ends, and starts anew, a step later than row 0."""
    envs = CEASVectorEnv(2, "tiny", overrides=OVERRIDES, autoreset_mode="SameStep")
    given = actions(ROUNDS + 1, 2)
    envs.reset(seed=1)
    envs.step(given[0])
    envs.reset(options={"reset_mask": np.array([False, True])})
    monkeypatch.delattr(vector_env, "_reset")
    ends = [envs.step(action)[2].tolist() for action in given[1:]]
    assert ends == [[False, False], [True, False], [False, True]]


def test_same_step_mode_resets_truncated_rows_too():
    envs = gym.make_vec(
        "ceas_gym/CEAS-v1",
        num_envs=2,
        scenario="tiny",
        max_episode_steps=2,
        autoreset_mode="SameStep",
    )
    envs.reset(seed=0)
    action = np.zeros((2, 4, 4), np.float32)
    envs.step(action)
    _, _, terminated, truncated, info = envs.step(action)
    assert truncated.all()
    assert not terminated.any()
    assert (info["final_info"]["pairs_generated"] > 0).all()
    assert (info["pairs_generated"] == 0).all()
    assert not envs.step(action)[3].any()


def test_rows_are_the_same_whatever_the_cores(monkeypatch):
    given = actions(ROUNDS, 4)
    rewards = []
    for cores in (1, 4):
        monkeypatch.setattr(parallel, "usable_cores", lambda cores=cores: cores)
        envs = CEASVectorEnv(4, "tiny", overrides=OVERRIDES)
        envs.reset(seed=3)
        rewards.append([envs.step(action)[1] for action in given])
    np.testing.assert_allclose(*rewards, rtol=0, atol=LAST_BITS)


def test_disabled_mode_resets_what_the_mask_names():
    envs = CEASVectorEnv(2, "tiny", overrides=OVERRIDES, autoreset_mode=AutoresetMode.DISABLED)
    given = actions(ROUNDS, 2)
    envs.reset(seed=1)
    *_, last = [envs.step(action) for action in given]
    with pytest.raises(RuntimeError, match=r"Rows \[0, 1\] have ended"):
        envs.step(given[0])
    mask = np.array([False, True])
    observation, info = envs.reset(options={"reset_mask": mask})
    expected, _ = single(2, given[:, 1], resets=1)[-1]
    assert_same({k: v[1] for k, v in observation.items()}, expected)
    assert_same({k: v[0] for k, v in observation.items()}, {k: v[0] for k, v in last[0].items()})
    assert info["_accuracy"].tolist() == [False, True]
    with pytest.raises(RuntimeError, match=r"Rows \[0\] have ended"):
        envs.step(given[0])
    envs.reset(options={"reset_mask": ~mask})
    envs.step(given[0])


def test_modes_play_the_same_episodes():
    given = actions(2 * ROUNDS, 2)
    following = CEASVectorEnv(2, "tiny", overrides=OVERRIDES)
    same = CEASVectorEnv(2, "tiny", overrides=OVERRIDES, autoreset_mode="SameStep")
    following.reset(seed=9)
    same.reset(seed=9)
    rewards_next, rewards_same = [], []
    for number, action in enumerate(given):
        if number == ROUNDS:
            following.step(action)
        rewards_next.append(following.step(action)[1])
        rewards_same.append(same.step(action)[1])
    np.testing.assert_allclose(rewards_next, rewards_same, rtol=0, atol=LAST_BITS)


def test_rows_may_stand_at_different_rounds():
    envs = CEASVectorEnv(2, "tiny", overrides=OVERRIDES)
    given = actions(ROUNDS, 2)
    envs.reset(seed=1)
    envs.step(given[0])
    envs.reset(options={"reset_mask": np.array([True, False])})
    _, _, terminated, *_ = [envs.step(action) for action in given[1:]][-1]
    assert terminated.tolist() == [False, True]


def test_truncation_comes_from_outside_only():
    envs = gym.make_vec("ceas_gym/CEAS-v1", num_envs=2, scenario="tiny", max_episode_steps=2)
    envs.reset(seed=0)
    action = np.zeros((2, 4, 4), np.float32)
    assert not envs.step(action)[3].any()
    _, _, terminated, truncated, _ = envs.step(action)
    assert truncated.all()
    assert not terminated.any()


def test_info_has_every_figure_and_its_mask():
    envs = CEASVectorEnv(3, "tiny", overrides=OVERRIDES)
    _, info = envs.reset(seed=0)
    assert set(info) == {*metrics.NAMES, *(f"_{name}" for name in metrics.NAMES)}
    assert all(values.shape == (3,) for values in info.values())


def test_wrong_input_is_named():
    envs = CEASVectorEnv(2, "tiny", overrides=OVERRIDES)
    with pytest.raises(RuntimeError, match="reset"):
        envs.step(actions(1, 2)[0])
    with pytest.raises(ValueError, match="3 entries for 2 rows"):
        envs.reset(seed=[1, 2, 3])
    with pytest.raises(ValueError, match=r"shape \(2,\)"):
        envs.reset(options={"reset_mask": np.array([True])})
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"shape \(2, 4, 4\)"):
        envs.step(actions(1, 3)[0])


def test_vector_wrappers_work():
    envs = gym.make_vec("ceas_gym/CEAS-v1", num_envs=2, scenario="tiny", overrides=OVERRIDES)
    envs = gym.wrappers.vector.RecordEpisodeStatistics(envs)
    envs.reset(seed=0)
    *_, info = [envs.step(action) for action in actions(ROUNDS, 2)][-1]
    assert info["episode"]["l"].tolist() == [ROUNDS, ROUNDS]


@pytest.mark.parametrize("mode", ["SAME_STEP", "SameStep", AutoresetMode.SAME_STEP])
def test_autoreset_mode_goes_by_its_name(mode):
    assert CEASVectorEnv(1, "tiny", autoreset_mode=mode).autoreset_mode is AutoresetMode.SAME_STEP


def test_unknown_autoreset_mode_is_an_error():
    with pytest.raises(ValueError, match=r"'SAME-STEP', unknown; did you mean SAME_STEP\?"):
        CEASVectorEnv(1, "tiny", autoreset_mode="SAME-STEP")


# --- Drawing ---


def drawn(envs, given):
    """Returns what is drawn of each row, after the reset and after each step."""
    envs.reset(seed=1)
    frames: list[Any] = [envs.render()]
    for action in given:
        envs.step(action)
        frames.append(envs.render())
    return frames


def test_rows_are_drawn_as_the_single_environment():
    given = actions(ROUNDS + 1, 2)
    made = {
        mode: CEASVectorEnv(2, "tiny", overrides=OVERRIDES, autoreset_mode=mode, render_mode="ansi")
        for mode in ("NextStep", "SameStep")
    }
    frames = {mode: drawn(envs, given) for mode, envs in made.items()}
    env = CEASEnv("tiny", overrides=OVERRIDES, render_mode="ansi")
    env.reset(seed=2)
    alone = [env.render()]
    for action in given[:ROUNDS, 1]:
        env.step(action)
        alone.append(env.render())
    env.reset()
    start = env.render()
    # The last step of an episode either shows its end, or the start of the next one.
    assert [frame[1] for frame in frames["NextStep"]] == [*alone, start]
    assert [frame[1] for frame in frames["SameStep"]][:-1] == [*alone[:-1], start]


def test_pictures_of_rows_are_alike_in_shape():
    envs = CEASVectorEnv(2, "tiny", overrides=OVERRIDES, render_mode="rgb_array")
    for frames in drawn(envs, actions(1, 2)):
        assert isinstance(frames, tuple)
        assert [(frame.shape, frame.dtype) for frame in frames] == [((800, 1280, 3), np.uint8)] * 2


def test_rows_that_the_first_reset_leaves_out_are_drawn_as_well():
    envs = CEASVectorEnv(2, "tiny", overrides=OVERRIDES, render_mode="ansi")
    envs.reset(seed=1, options={"reset_mask": np.array([True, False])})
    assert all("start: no pairs" in table for table in envs.render() or ())


def test_drawing_rows_without_a_mode_is_warned_of():
    with pytest.warns(UserWarning, match='pass render_mode="rgb_array"'):
        assert CEASVectorEnv(2, "tiny", overrides=OVERRIDES).render() is None


@pytest.mark.parametrize("make", [gym.make, gym.make_vec], ids=["single", "rows"])
def test_episodes_are_recorded_as_videos(make, tmp_path):
    pytest.importorskip("moviepy", reason="moviepy is not installed (make frameworks)")
    is_single = make is gym.make
    rows = {} if is_single else {"num_envs": 2}
    env = make(
        "ceas_gym/CEAS-v1", scenario="tiny", overrides=OVERRIDES, render_mode="rgb_array", **rows
    )
    wrappers = gym.wrappers if is_single else gym.wrappers.vector
    folder = tmp_path / "videos"
    recorded = wrappers.RecordVideo(env, str(folder), episode_trigger=lambda _: True)
    recorded.reset(seed=0)
    for action in actions(ROUNDS, 2):
        recorded.step(action[0] if is_single else action)
    recorded.close()
    (video,) = folder.glob("*.mp4")
    assert video.stat().st_size > 10_000
