"""What an episode is judged by: rows of episodes.csv, and the table of a run."""

import numpy as np
import pytest

from ceas_agents.evaluation import play
from ceas_agents.evaluation.rounds import NAMES
from ceas_agents.evaluation.table import table


def rounds(accuracy):
    """Metrics of an episode of rounds of 4 s, of which the accuracies alone matter."""
    length = len(accuracy)
    others = {name: np.zeros(length, np.float32) for name in NAMES}
    others["accuracy"] = np.array(accuracy, np.float32)
    others["accuracy_before"] = np.append(np.float32(0.5), others["accuracy"][:-1])
    others["fired"] = np.ones(length, np.float32)
    others["time_s"] = 4 * np.arange(1, length + 1, dtype=np.float32)
    return others


@pytest.mark.parametrize(
    ("accuracy", "first", "reached"),
    [
        ([0.5, 0.85, 0.8, 0.9], 2, 1),
        ([0.9, 0.1], 1, 1),
        ([0.5, 0.6, 0.849], 3, 0),
        ([0.5, 0.6, 0.85], 3, 1),
    ],
)
def test_rounds_until_the_target(accuracy, first, reached):
    row = play.summary(rounds(accuracy), target_accuracy=0.85)
    assert (row["rounds_to_target"], row["reached_target"]) == (first, reached)
    assert row["time_to_accuracy_s"] == 4 * first
    assert row["rounds"] == len(accuracy)
    assert row["mean_accuracy"] == pytest.approx(np.mean(accuracy))
    # Before each barrier, the accuracy is that after the one before.
    assert row["mean_accuracy_over_time"] == pytest.approx(np.mean([0.5, *accuracy[:-1]]))


def test_the_table_says_who_reaches_it_and_when():
    played = {
        "often": [[0.5, 0.9, 0.9], [0.9, 0.9, 0.9], [0.5, 0.5, 0.9], [0.5, 0.5, 0.5]],
        "not": [[0.5, 0.6, 0.7]] * 4,
    }
    rows = {
        name: [play.summary(rounds(episode), 0.85) for episode in episodes]
        for name, episodes in played.items()
    }
    columns = {column.header: list(column.cells) for column in table(rows, "a title").columns}
    # Three of four, in rounds 2, 1 and 3 of 4 s.
    assert columns["target reached"] == ["75 % in 8 s", "never"]


def test_useful_pairs_are_beside_the_bound_and_utilization_is_last():
    metrics = rounds([0.5, 0.5])
    metrics["pairs_generated"] = np.array([60, 40], np.float32)
    metrics["pairs_spent"] = np.array([20, 20], np.float32)
    metrics["pairs_wasted"] = np.array([10, 0], np.float32)
    metrics["pairs_keyed"] = np.array([10, 10], np.float32)
    metrics["utilization"] = np.array([0.5, 0.5], np.float32)
    row = play.summary(metrics, 0.85, most_useful=[40])
    assert row["share_of_most_useful"] == pytest.approx(50 / 80)
    shown = table({"one": [row], "unknown": [play.summary(metrics, 0.85)]}, "a title")
    cells = {" ".join(str(column.header).split()): list(column.cells) for column in shown.columns}
    assert list(cells)[-2:] == ["useful pairs, %", "pairs used, %"]
    assert cells["useful pairs, %"] == ["62.5", "no bound"]
    assert cells["pairs used, %"] == ["50.0", "50.0"]


def test_where_no_pairs_can_be_useful_none_is_the_share():
    assert play.summary(rounds([0.5]), 0.85, most_useful=[0])["share_of_most_useful"] == 0
