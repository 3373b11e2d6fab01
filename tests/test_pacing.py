"""The budget in windows, from rounds or seconds, and what is said of one that makes no sense."""

from typing import Any

import pytest

import ceas_gym
from ceas_gym import config

BY_WINDOW = {"episode.decision": "window"}
# In `tiny`, a round is four windows of a second.
ROUND, WINDOW = {"network.barrier_windows": 3}, {"network.barrier_windows": 3, **BY_WINDOW}


@pytest.mark.parametrize(
    ("settings", "budget", "rounds"),
    [
        ({"episode.rounds": 5}, 20, 5),
        ({"episode.rounds": 5, **ROUND}, 35, 5),
        ({"episode.rounds": 5, **WINDOW}, 35, 5),
        ({"episode.rounds": 5, "episode.budget_s": 40.0}, 40, 10),
        # What is left of a window or of a round is lost.
        ({"episode.budget_s": 43.9, **ROUND}, 43, 6),
        ({"episode.budget_s": 43.9, **WINDOW}, 43, 6),
        # 3 * 0.1 is no more than 0.3, whatever the rounding.
        ({"episode.budget_s": 0.3, "network.window_s": 0.1, "network.windows": 3}, 3, 1),
        # A round is no shortest step where any window may be the last one.
        ({"episode.budget_s": 4.0, **WINDOW}, 4, 0),
    ],
)
def test_budget_is_whole_windows(settings: dict[str, Any], budget: int, rounds: int) -> None:
    params = ceas_gym.make_params("tiny", settings)
    assert (int(params.budget), int(params.rounds)) == (budget, rounds)


def test_barrier_takes_no_time_where_a_step_is_a_round_unless_it_is_set() -> None:
    of_round, of_window = (ceas_gym.make_params("tiny", each) for each in ({}, BY_WINDOW))
    assert int(of_round.network.barrier_windows) == 0
    assert int(of_window.network.barrier_windows) > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"episode.budget_s": 6.5, **ROUND},
            "episode.budget_s = 6.5 is shorter than the shortest step with a barrier: 7 windows of "
            "network.window_s = 1 take 7 s",
        ),
        (
            {"episode.budget_s": 3.0, **WINDOW},
            "episode.budget_s = 3 is shorter than the shortest step with a barrier: 4 windows of "
            "network.window_s = 1 take 4 s",
        ),
        (
            {"episode.budget_s": 1e9, "network.window_s": 1e-2},
            "episode.budget_s makes an episode of 100000000000 windows, more than the 1073741824 "
            "that can be counted",
        ),
        (
            {"episode.rounds": 2**31 - 1},
            "episode.rounds makes an episode of 8589934588 windows, more than the 1073741824 "
            "that can be counted",
        ),
        ({"episode.budget_s": 0}, "episode.budget_s must be a finite number above 0"),
        ({"episode.budget_s": "soon"}, "episode.budget_s must be a finite number above 0"),
        ({"episode.budget_s": float("nan")}, "episode.budget_s must be a finite number above 0"),
        ({"network.most_windows": 0}, "network.most_windows must be an integer from 1 to 10000"),
        (
            {"episode.decision": "step"},
            "episode.decision must be one of round, window, but is 'step'",
        ),
        (
            {**BY_WINDOW, "network.most_windows": 10_000, "hardware.modes": 1000},
            "network.most_windows, network.window_s and hardware.modes allow",
        ),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(config.ScenarioError) as caught:
        ceas_gym.make_params("tiny", settings)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
