"""Batches in which a step is a window: rows whose episodes end at different steps, in all modes."""

from collections.abc import Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from ceas_gym.envs.dispatch import CEASDispatchEnv
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.flat import CEASFlatEnv
from ceas_gym.task import metrics

WINDOWS: dict[str, object] = {
    "episode.decision": "window",
    "episode.budget_s": 8.0,
    "network.barrier_windows": 1,
}
SEED, ROWS, STEPS = 11, 3, 14
PERIODS = (1, 3, 50)
"""Row i fires every so many windows."""
LENGTHS = (4, 6, 7)
"""Steps of the rows' episodes, of 8 windows with one more for each barrier."""
SINGLES = {"CEAS": CEASEnv, "CEASFlat": CEASFlatEnv, "CEASDispatch": CEASDispatchEnv}
# XLA may sum in another order in another program.
LAST_BITS = 1e-5
COUNTS = [name for name in metrics.NAMES if name.startswith("pairs_") or name == "shots"]


def action(name: str, step: int, row: int) -> Any:
    """Returns the action of a row in a step of its episode."""
    fires = (step + 1) % PERIODS[row] == 0
    if name == "CEASDispatch":
        return np.int64(2 * ((7 * step + 3 * row) % 15) + fires)
    shares = np.random.default_rng((step, row)).uniform(-1, 1, 4)
    return np.append(shares, 1 if fires else -1).astype(np.float32)


def alone(name: str, row: int) -> Iterator[tuple[Any, float, bool, dict[str, float]]]:
    """Yields what a single environment shows, episode after episode; starts have no reward."""
    env = SINGLES[name]("tiny", overrides=WINDOWS)
    observation, info = env.reset(seed=SEED + row)
    while True:
        yield observation, 0.0, False, info
        ended, step = False, 0
        while not ended:
            observation, reward, ended, _, info = env.step(action(name, step, row))
            step += 1
            yield observation, reward, ended, info
        observation, info = env.reset()


def assert_row(batch: Any, row: int, single: Any) -> None:
    observation, rewards, terminated, info = batch
    expected, reward, ended, figures = single
    for part in expected if isinstance(expected, dict) else [...]:
        found = observation[part][row] if part is not ... else observation[row]
        np.testing.assert_allclose(found, expected[part], rtol=0, atol=LAST_BITS)
    assert rewards[row] == pytest.approx(reward, abs=LAST_BITS)
    assert terminated[row] == ended
    assert [info[name][row] for name in COUNTS] == [figures[name] for name in COUNTS]


def batch(name: str, mode: AutoresetMode) -> Any:
    return gym.make_vec(
        f"ceas_gym/{name}-v1", ROWS, scenario="tiny", overrides=WINDOWS, autoreset_mode=mode
    )


def actions(name: str, steps: Any) -> Any:
    return np.stack([action(name, step, row) for row, step in enumerate(steps)])


@pytest.mark.parametrize("name", SINGLES)
def test_next_step_mode_is_the_single_environments_in_turn(name: str) -> None:
    envs, singles = batch(name, AutoresetMode.NEXT_STEP), [alone(name, row) for row in range(ROWS)]
    observation, info = envs.reset(seed=SEED)
    shown, steps = (observation, np.zeros(ROWS), np.zeros(ROWS, bool), info), np.zeros(ROWS, int)
    for _ in range(STEPS):
        for row, single in enumerate(singles):
            assert_row(shown, row, next(single))
        ended = shown[2]
        observation, rewards, terminated, _, info = envs.step(actions(name, steps))
        assert (steps[terminated] + 1).tolist() == np.array(LENGTHS)[terminated].tolist()
        # The step after the last one resets.
        steps = np.where(ended, 0, steps + 1)
        shown = (observation, rewards, terminated, info)


def test_same_step_mode_returns_the_end_of_each_row_and_its_next_start() -> None:
    name = "CEASDispatch"
    envs, singles = batch(name, AutoresetMode.SAME_STEP), [alone(name, row) for row in range(ROWS)]
    observation, info = envs.reset(seed=SEED)
    for row, single in enumerate(singles):
        assert_row((observation, np.zeros(ROWS), np.zeros(ROWS), info), row, next(single))
    steps, ends = np.zeros(ROWS, int), 0
    for _ in range(STEPS):
        observation, rewards, terminated, _, info = envs.step(actions(name, steps))
        steps = np.where(terminated, 0, steps + 1)
        for row, single in enumerate(singles):
            if terminated[row]:
                last = {row: info["final_obs"][row]}, rewards, terminated, info["final_info"]
                assert_row(last, row, next(single))
                assert_row((observation, np.zeros(ROWS), np.zeros(ROWS), info), row, next(single))
                ends += 1
            else:
                assert_row((observation, rewards, terminated, info), row, next(single))
    assert ends == sum(STEPS // length for length in LENGTHS)


def test_disabled_mode_resets_the_rows_that_ended() -> None:
    name = "CEAS"
    envs, singles = batch(name, AutoresetMode.DISABLED), [alone(name, row) for row in range(ROWS)]
    observation, info = envs.reset(seed=SEED)
    terminated, steps = np.zeros(ROWS, bool), np.zeros(ROWS, int)
    for row, single in enumerate(singles):
        assert_row((observation, np.zeros(ROWS), terminated, info), row, next(single))
    for _ in range(STEPS):
        if terminated.any():
            with pytest.raises(RuntimeError, match="have ended; reset them first"):
                envs.step(actions(name, steps))
            observation, info = envs.reset(options={"reset_mask": terminated})
            for row in np.flatnonzero(terminated).tolist():
                start = observation, np.zeros(ROWS), np.zeros(ROWS), info
                assert_row(start, row, next(singles[row]))
            steps[terminated] = 0
        observation, rewards, terminated, _, info = envs.step(actions(name, steps))
        steps += 1
        for row, single in enumerate(singles):
            assert_row((observation, rewards, terminated, info), row, next(single))


def test_a_time_limit_counts_the_steps_of_each_row() -> None:
    envs = gym.make_vec(
        "ceas_gym/CEAS-v1", ROWS, scenario="tiny", overrides=WINDOWS, max_episode_steps=5
    )
    envs.reset(seed=SEED)
    steps, ended, cuts = np.zeros(ROWS, int), np.zeros(ROWS, bool), []
    for _ in range(6):
        _, _, terminated, truncated, _ = envs.step(actions("CEAS", steps))
        steps = np.where(ended, 0, steps + 1)
        ended = terminated | truncated
        cuts.append((terminated.tolist(), truncated.tolist()))
    none = [False] * ROWS
    assert cuts[:3] == [(none, none)] * 3
    assert cuts[3] == ([True, False, False], none)
    assert cuts[4] == (none, [False, True, True])
    assert cuts[5] == (none, none)


def test_actions_of_another_shape_are_named() -> None:
    envs = batch("CEAS", AutoresetMode.NEXT_STEP)
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"must have shape \(3, 5\), but has \(3, 4, 4\)"):
        envs.step(np.zeros((3, 4, 4), np.float32))
