"""The table of an evaluation: a row for each contestant."""

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ceas_agents.evaluation.results import Row, column, estimate, layouts

PAIRS = {"useful\npairs, %": "share_of_most_useful", "pairs\nused, %": "utilization"}
"""Columns of the table about pairs, and the names of their values in a row."""


def table(rows: dict[str, list[Row]], title: str) -> Table:
    """Returns the table of a run: means with 95 % bootstrap intervals, in per cent.

    Intervals are over the layouts, or over the seeds if there is one layout only. Differences are
    to the first contestant, paired by seed. Useful pairs are shown as a share of the bound for any
    schedule under the contestant's protocol. Utilization comes last, because a schedule that makes
    few pairs can use them all.

    Args:
        rows: Episodes of each contestant, in the order of the table; at least one each.
        title: Title of the table.
    """
    first = next(iter(rows))
    over = "layouts" if len(set(layouts(rows[first]))) > 1 else "seeds"
    result = Table(
        title=title,
        caption=f"mean (95 % interval over {over}, each by itself); accuracies in per cent, useful "
        "pairs in per cent of a bound on any schedule's, pairs used in per cent of those made",
    )
    result.add_column("policy", no_wrap=True)
    accuracies = ("final accuracy", f"minus {first}", "accuracy over time")
    for heading in (*accuracies, "target reached", "nodes", "rounds", *PAIRS):
        result.add_column(heading, justify="right")
    for name, episodes in rows.items():
        result.add_row(
            name,
            estimate(column(episodes, "final_accuracy"), groups=layouts(episodes)),
            "" if name == first else _difference(episodes, rows[first]),
            estimate(column(episodes, "mean_accuracy_over_time"), groups=layouts(episodes)),
            _reached(episodes),
            f"{column(episodes, 'accepted_nodes').mean():.1f}",
            f"{column(episodes, 'committed_rounds').mean():.1f}",
            *(_share(column(episodes, name)) for name in PAIRS.values()),
        )
    return result


def _reached(episodes: list[Row]) -> str:
    # Share of the episodes that reach the target, and the median of the times that they take.
    reached = column(episodes, "reached_target") > 0
    if not reached.any():
        return "never"
    median = np.median(column(episodes, "time_to_accuracy_s")[reached])
    return f"{100 * reached.mean():.0f} % in {float(f'{median:.3g}'):g} s"


def _share(values: NDArray[np.float64]) -> str:
    return f"{100 * values.mean():.1f}" if np.isfinite(values).all() else "no bound"


def _difference(one: list[Row], other: list[Row]) -> str:
    # An interrupted run has only the first seeds of the last contestant.
    pairs = zip(column(one, "final_accuracy"), column(other, "final_accuracy"), strict=False)
    differences = np.array([a - b for a, b in pairs])
    return estimate(differences, sign="+", groups=layouts(one)[: len(differences)])
