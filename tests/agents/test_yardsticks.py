"""What an episode is judged by: rows of episodes.csv, and the table of a run."""

from collections import defaultdict

import numpy as np
import pytest

from ceas_agents.evaluation import play, results


def rounds(accuracy):
    """Metrics of an episode, of which the accuracies alone matter."""
    length = len(accuracy)
    others = defaultdict(lambda: np.zeros(length, np.float32))
    others["accuracy"] = np.array(accuracy, np.float32)
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
    assert row["mean_accuracy"] == pytest.approx(np.mean(accuracy))


def test_the_table_says_who_reaches_it_and_when():
    played = {
        "often": [[0.5, 0.9, 0.9], [0.9, 0.9, 0.9], [0.5, 0.5, 0.9], [0.5, 0.5, 0.5]],
        "not": [[0.5, 0.6, 0.7]] * 4,
    }
    rows = {
        name: [play.summary(rounds(episode), 0.85) for episode in episodes]
        for name, episodes in played.items()
    }
    table = results.table(rows, "a title")
    column = next(one for one in table.columns if one.header == "target reached")
    # Three of four, in rounds 2, 1 and 3.
    assert list(column.cells) == ["75 % in 2", "never"]


def test_useful_pairs_are_beside_the_bound_and_utilization_is_last():
    metrics = rounds([0.5, 0.5])
    metrics["pairs_generated"] = np.array([60, 40], np.float32)
    metrics["pairs_spent"] = np.array([20, 20], np.float32)
    metrics["pairs_wasted"] = np.array([10, 0], np.float32)
    metrics["pairs_keyed"] = np.array([10, 10], np.float32)
    metrics["utilization"] = np.array([0.5, 0.5], np.float32)
    row = play.summary(metrics, 0.85, most_useful=[40])
    assert row["share_of_most_useful"] == pytest.approx(50 / 80)
    table = results.table({"one": [row], "unknown": [play.summary(metrics, 0.85)]}, "a title")
    cells = {" ".join(str(column.header).split()): list(column.cells) for column in table.columns}
    assert list(cells)[-2:] == ["useful pairs, %", "pairs used, %"]
    assert cells["useful pairs, %"] == ["62.5", "no bound"]
    assert cells["pairs used, %"] == ["50.0", "50.0"]


def test_where_no_pairs_can_be_useful_none_is_the_share():
    assert play.summary(rounds([0.5]), 0.85, most_useful=[0])["share_of_most_useful"] == 0
