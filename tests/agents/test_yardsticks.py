"""What an episode is judged by: rows of episodes.csv, and the table of a run."""

from collections import defaultdict

import numpy as np
import pytest

from ceas_agents import evaluate, results


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
    row = evaluate.summary(rounds(accuracy), target_accuracy=0.85)
    assert (row["rounds_to_target"], row["reached_target"]) == (first, reached)
    assert row["mean_accuracy"] == pytest.approx(np.mean(accuracy))


def test_the_table_says_who_reaches_it_and_when():
    played = {
        "often": [[0.5, 0.9, 0.9], [0.9, 0.9, 0.9], [0.5, 0.5, 0.9], [0.5, 0.5, 0.5]],
        "not": [[0.5, 0.6, 0.7]] * 4,
    }
    rows = {
        name: [evaluate.summary(rounds(episode), 0.85) for episode in episodes]
        for name, episodes in played.items()
    }
    table = results.table(rows, "a title")
    column = next(one for one in table.columns if one.header == "target reached")
    # Three of four, in rounds 2, 1 and 3.
    assert list(column.cells) == ["75 % in 2", "never"]
