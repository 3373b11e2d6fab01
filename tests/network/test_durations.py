"""Durations in s: what steps of rounds and of windows make of them, and which are too short."""

import numpy as np
import pytest
from network import built

from ceas_gym.network import durations
from ceas_gym.network.durations import Steps
from ceas_gym.scenario import ConditionSettings, KeySettings

ROUND = Steps(window_s=0.5, windows=8, barrier_windows=3)
WINDOW = Steps(window_s=0.5, windows=8, barrier_windows=3, by_window=True)


@pytest.mark.parametrize(
    ("steps", "firing", "move_s", "moves", "slot"),
    [(ROUND, 11, 5.5, (1, 1), 11), (WINDOW, 4, 0.5, (1, 4), 8)],
)
def test_time_of_a_step(
    steps: Steps, firing: int, move_s: float, moves: tuple[int, int], slot: int
) -> None:
    assert steps.firing_windows == firing
    assert steps.move_s == move_s
    assert steps.moves == moves
    assert steps.slot_windows == slot


# --- Links ---


@pytest.mark.parametrize("steps", [ROUND, WINDOW])
def test_durations_of_a_chain_that_is_simulated_move_by_move(steps: Steps) -> None:
    """Its condition is drawn move by move, and departures are counted on the clock, in s."""
    wanted = {"good_s": 40.0, "degraded_s": 16.5, "down_s": 11.0}
    given = ConditionSettings.model_validate({"links": "markov", "worsening": 0.4, **wanted})
    chain, start = durations.link_chain(given, steps)
    random, moves, links = np.random.default_rng(0), 4000, 400
    cumulated = chain[0].cumsum(axis=1)
    now = random.choice(3, links, p=start)
    seen = [now]
    for _ in range(moves):
        now = (random.random(links)[:, None] > cumulated[now]).sum(axis=1)
        seen.append(now)
    lives = np.array(seen)
    for condition, mean_s in enumerate(wanted.values()):
        there = lives[:-1] == condition
        left = there & (lives[1:] != condition)
        # Time spent there less the mean for every departure is zero on average.
        excess = (steps.move_s * there - mean_s * left).mean(axis=0)
        error = excess.std(ddof=1) / np.sqrt(links)
        assert error < 0.02 * mean_s
        assert abs(excess.mean()) < 4 * error
    # Of all time, as much is spent in a condition as it lasts, times how often it is visited.
    times = np.array([40.0, 16.5, 0.4 * 11.0])
    assert start == pytest.approx(times / times.sum(), rel=1e-12)


def test_a_barrier_is_as_many_moves_as_windows() -> None:
    given = ConditionSettings(links="markov", good_s=4.0, degraded_s=2.0, down_s=1.0)
    (waits, fires), start = durations.link_chain(given, WINDOW)
    assert waits[0].tolist() == [0.875, 0.125, 0.0]
    for link in np.eye(3):
        repeated = link
        for _ in range(4):
            repeated = repeated @ waits
        assert link @ fires == pytest.approx(repeated, abs=1e-15)
    assert start @ fires == pytest.approx(start, abs=1e-15)


def test_links_that_are_steady_stay_good_however_short_durations_are() -> None:
    (waits, fires), start = durations.link_chain(ConditionSettings(good_s=1e-9), WINDOW)
    assert waits.tolist() == fires.tolist() == np.eye(3).tolist()
    assert start.tolist() == [1.0, 0.0, 0.0]


# --- Memories ---


def test_persistence_is_exponential_in_the_time_of_a_step() -> None:
    given = ConditionSettings(drift_s=20.0)
    assert durations.persistence(given, ROUND) == pytest.approx([np.exp(-5.5 / 20)] * 2)
    expected = [np.exp(-0.5 / 20), np.exp(-2.0 / 20)]
    assert durations.persistence(given, WINDOW) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("calibration_s", "windows"), [(1e-9, 1), (0.3, 1), (3.6, 7), (80.0, 160), (1e9, 2 * 10**9)]
)
def test_calibrations_are_whole_windows_apart(calibration_s: float, windows: int) -> None:
    given = ConditionSettings(calibration_s=calibration_s)
    assert durations.calibration_windows(given, WINDOW) == windows


def test_a_calibration_beyond_what_the_clock_counts_never_comes() -> None:
    given = ConditionSettings(calibration_s=1e9)
    short = Steps(window_s=1e-9, windows=1)
    assert durations.calibration_windows(given, short) == 2**31 - 1


# --- Key ---


@pytest.mark.parametrize(
    ("lifetime_s", "steps", "slots"),
    [
        (None, ROUND, 1),
        (1e-9, ROUND, 1),
        (27.5, ROUND, 5),
        (27.6, ROUND, 6),
        (27.5, WINDOW, 7),
        (28.0, WINDOW, 7),
        # Five rounds of 3.2 s, which binary numbers do not hold exactly; and thrice 0.1 s.
        (16.0, Steps(window_s=0.2, windows=16), 5),
        (0.3, Steps(window_s=0.1, windows=1), 3),
        (0.6, Steps(window_s=0.1, windows=3), 2),
    ],
)
def test_slots_are_rounds_of_a_lifetime(lifetime_s: float | None, steps: Steps, slots: int) -> None:
    assert durations.key_slots(KeySettings(lifetime_s=lifetime_s), steps) == slots


# --- What is refused ---

CHANGING = {"links": "markov", "coherence": "drifting"}
THREE = Steps(window_s=0.1, windows=3)


@pytest.mark.parametrize("name", ["good_s", "degraded_s", "down_s", "drift_s"])
def test_what_lasts_less_than_a_move_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(ValueError, match="is shorter") as caught:
        built.build(windows=3, window_s=0.1, conditions=CHANGING | {name: 0.29})
    assert str(caught.value) == (
        f"network.conditions.{name} = 0.29 is shorter than the 0.3 s from one change of links and "
        "memories to the next; set it to at least 0.3"
    )


@pytest.mark.parametrize("name", ["good_s", "degraded_s", "down_s", "drift_s"])
def test_what_a_refusal_proposes_is_allowed(name: str) -> None:
    """Although thrice 0.1 s, as numbers, are more than 0.3 s."""
    assert THREE.move_s > 0.3
    given = ConditionSettings.model_validate(CHANGING | {name: 0.3})
    assert (durations.link_chain(given, THREE)[0] >= 0).all()
    assert 0 < min(durations.persistence(given, THREE)) < 1


def test_by_window_a_duration_may_be_as_short_as_a_window() -> None:
    given = ConditionSettings(links="markov", good_s=0.5)
    assert durations.link_chain(given, WINDOW)[0][0, 0].tolist() == [0, 1, 0]
    with pytest.raises(ValueError, match=r"good_s = 0.5 is shorter than the 5.5 s"):
        durations.link_chain(given, ROUND)


def test_key_that_lives_for_too_many_rounds_is_refused_in_one_line() -> None:
    steps = Steps(window_s=0.005, windows=4)
    with pytest.raises(ValueError, match="rounds") as caught:
        durations.key_slots(KeySettings(lifetime_s=20.1), steps)
    assert str(caught.value) == (
        "consensus.key.lifetime_s = 20.1 is 1005 rounds of 0.02 s, but key is kept apart for at "
        "most 1000; set it to at most 20, or to null"
    )
    assert durations.key_slots(KeySettings(lifetime_s=20.0), steps) == 1000
