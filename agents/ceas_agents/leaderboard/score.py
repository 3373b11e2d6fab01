"""What a row says of a policy: means in each cell and track, with intervals over networks.

The episodes of a layout are not independent, so layouts are resampled as a whole
(`statistics.resampling`). All cells are resampled alike, because they are played with the same
seeds and layouts.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ceas_agents.leaderboard.suite import Cell
from ceas_agents.statistics import comparisons, intervals, resampling
from ceas_agents.statistics.intervals import CONFIDENCE
from ceas_agents.statistics.resampling import Groups

MEAN, REACHED, LAYOUT = "mean_accuracy_over_time", "reached_target", "layout"
COLUMNS = (MEAN, REACHED, LAYOUT)
"""What a row keeps of every episode."""
TAILS = (50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE))
"""In per cent."""
Values = NDArray[np.float64]
Columns = Mapping[str, Sequence[float]]
"""The columns of a cell, each with an entry for every episode."""
Estimate = tuple[float, float, float]
"""A value, and the lower and the upper end of its 95 % interval."""


def of_cell(columns: Columns) -> dict[str, Estimate]:
    """Returns the mean, the interquartile mean, and the chance to reach the target in a cell.

    Args:
        columns: Those of `COLUMNS`; at least one episode.

    Returns:
        Estimates in [0, 1]. The interval of `reached` is the exact binomial one, as if episodes
        were independent; the others are from layouts that are resampled.

    Example:
        >>> won = of_cell({MEAN: [0.5, 0.7], REACHED: [1, 1], LAYOUT: [0, 1]})["reached"]
        >>> print(f"{won[0]:.0f} ({won[1]:.2f} to {won[2]:.2f})")
        1 (0.16 to 1.00)
    """
    values, groups = np.array(columns[MEAN], float), np.array(columns[LAYOUT], int)
    middle = intervals.interquartile_mean
    return {
        "mean": (float(values.mean()), *intervals.interval(values, groups=groups)),
        "iqm": (float(middle(values)), *intervals.interval(values, middle, groups)),
        "reached": chance(columns[REACHED]),
    }


def chance(reached: Sequence[float]) -> Estimate:
    """Returns the share of episodes that reached the target, with its exact binomial interval.

    Args:
        reached: 1 or 0 of each episode; at least one.

    Source:
        Clopper and Pearson, Biometrika 26, 404 (1934).
    """
    from scipy import stats

    test = stats.binomtest(round(sum(reached)), len(reached))
    ends = test.proportion_ci(CONFIDENCE)
    return float(test.statistic), float(ends.low), float(ends.high)


def of_track(played: Mapping[Cell, Columns]) -> dict[str, Estimate]:
    """Returns what a policy reaches in a whole track, every cell with the same weight.

    Args:
        played: The columns of every cell of the track, with the same seeds in all.

    Returns:
        Estimates in [0, 1]: of accuracy over time, the mean (`mean`), the mean of the middle half
        of all episodes of all cells (`iqm`), and the mean over scenarios of the worse placement
        (`worst`); and the share of episodes that reach the target (`reached`).

    Source:
        Agarwal et al., NeurIPS 34 (2021), arXiv:2108.13264, for the pooled interquartile mean.
    """
    values, groups = matrix(played), layouts(played)
    reached = matrix(played, REACHED).mean(axis=1)
    return {
        "iqm": _pooled(values, groups),
        "mean": _with_interval(values.mean(axis=1), groups),
        "worst": _worst(values, groups, [cell.scenario for cell in played]),
        "reached": _with_interval(reached, groups),
    }


def matrix(played: Mapping[Cell, Columns], column: str = MEAN) -> Values:
    """Returns a column of all cells, shape (episodes, cells).

    Args:
        played: The columns of every cell, with the same seeds in all.
        column: One of `COLUMNS`.
    """
    return np.stack([np.array(columns[column], float) for columns in played.values()], axis=1)


def layouts(played: Mapping[Cell, Columns]) -> Groups:
    """Returns the layout of each episode, which is the same in all cells, shape (episodes,).

    Args:
        played: As for `matrix`.
    """
    return np.array(next(iter(played.values()))[LAYOUT], int)


def wins(one: Values, other: Values) -> Values:
    """Returns the share of cells in which one policy beats another, by episode; a draw is a half.

    Args:
        one: From `matrix`, shape (episodes, cells).
        other: Of the other policy, with the same seeds.

    Example:
        >>> wins(np.array([[0.9, 0.5, 0.1, 0.2]]), np.array([[0.8, 0.5, 0.3, 0.4]])).tolist()
        [0.375]
    """
    return (np.sign(one - other).mean(axis=1) + 1) / 2


def against(values: Sequence[Values], groups: Groups) -> list[list[Estimate]]:
    """Returns who beats whom: the probability that a row's policy is better than a column's.

    In each cell and with each seed, the one with the higher accuracy over time wins.

    Args:
        values: From `matrix`, of each policy; at least two, with the same seeds and cells.
        groups: Layout of each episode.

    Returns:
        A row of estimates in [0, 1] for each policy. The intervals hold for all pairs at once
        (`statistics.comparisons.simultaneous`).

    Source:
        Agarwal et al., NeurIPS 34 (2021), arXiv:2108.13264, for the probability of improvement;
        here it is paired by seed.
    """
    number = len(values)
    above = [(row, column) for row in range(number) for column in range(row + 1, number)]
    shares = np.stack([wins(values[row], values[column]) for row, column in above], axis=1)
    low, high = comparisons.simultaneous(shares, groups)
    means = shares.mean(axis=0)
    found: list[list[Estimate]] = [[(0.5, 0.5, 0.5)] * number for _ in range(number)]
    for place, (row, column) in enumerate(above):
        ends = max(float(low[place]), 0.0), min(float(high[place]), 1.0)
        found[row][column] = (float(means[place]), *ends)
        found[column][row] = (1 - float(means[place]), 1 - ends[1], 1 - ends[0])
    return found


def _with_interval(values: Values, groups: Groups) -> Estimate:
    return (float(values.mean()), *intervals.interval(values, groups=groups))


def _pooled(values: Values, groups: Groups) -> Estimate:
    # The middle half of all episodes of all cells together.
    batches = resampling.draws(resampling.clusters(len(values), groups))
    pooled = [values[rows].reshape(len(rows), -1) for rows in batches]
    found = np.concatenate([intervals.interquartile_mean(each) for each in pooled])
    low, high = np.percentile(found, TAILS)
    return float(intervals.interquartile_mean(values.ravel())), float(low), float(high)


def _worst(values: Values, groups: Groups, scenarios: Sequence[str]) -> Estimate:
    means = resampling.resampled(values, groups).mean
    low, high = np.percentile(_of_worst(means, scenarios), TAILS)
    return float(_of_worst(values.mean(axis=0), scenarios)), float(low), float(high)


def _of_worst(means: Values, scenarios: Sequence[str]) -> Values:
    # The mean over scenarios of the least of their cells; the last axis is that of the cells.
    places = np.array(scenarios)
    each = [means[..., places == name].min(axis=-1) for name in dict.fromkeys(scenarios)]
    return np.mean(each, axis=0)
