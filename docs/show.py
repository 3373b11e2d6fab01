"""How the pages show what was played: leads, levels and times, in tables and figures."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ceas_agents.evaluation import results
from ceas_agents.statistics import comparisons, intervals

Values = NDArray[np.float64]
Lead = tuple[Values, float, float]
"""Differences of accuracies by seed, and an interval of their mean."""
PLACEMENTS = {"random": "at random", "best_links": "on the best links"}
"""Of the attackers, in the words of the pages."""
TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(?:(?!<!-- end).)*(?=<!-- end -->)", re.DOTALL)


# --- Entries ---


def leads(differences: Sequence[Values], layouts: NDArray[np.int64]) -> list[Lead]:
    """Returns paired differences with intervals that hold for all of them at once.

    Args:
        differences: Of accuracies in [0, 1], each with an entry for every seed.
        layouts: Layout of every seed.
    """
    low, high = comparisons.simultaneous(np.stack(differences, axis=1), layouts)
    return list(zip(differences, low, high, strict=True))


def points(values: Values, low: float, high: float) -> str:
    """Returns the mean of differences with an interval, in points; bold if it excludes zero.

    Args:
        values: Differences of accuracies in [0, 1], one for each seed.
        low: Lower end of the interval, in the same unit.
        high: Upper end of the interval.

    Example:
        >>> points(np.array([0.02, 0.04]), 0.01, 0.05)
        '**+3.0 (+1.0 to +5.0)**'
    """
    text = f"{100 * values.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def level(columns: dict[str, list[float]]) -> str:
    """Returns the mean final accuracy with its interval over layouts, in per cent.

    Args:
        columns: `final_accuracy` in [0, 1] and `layout`, each with an entry for every seed.
    """
    values, layout = np.array(columns["final_accuracy"]), np.array(columns["layout"], int)
    low, high = intervals.interval(values, groups=layout)
    return f"{100 * values.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"


def median(columns: Mapping[str, list[float]], measure: str) -> float:
    """Returns the median over seeds of the time to the target; infinite if most never reach it.

    Args:
        columns: `reached_target`, 0 or 1, and the measure, each with an entry for every seed.
        measure: Name of a time, in any unit.

    Example:
        >>> median({"rounds": [3, 9, 9], "reached_target": [1, 0, 0]}, "rounds")
        inf
    """
    # An episode that never reaches the target counts as last.
    times, reached = np.array(columns[measure]), np.array(columns["reached_target"])
    return float(np.median(np.where(reached > 0, times, np.inf)))


def speed(columns: Mapping[str, list[float]]) -> str:
    """Returns the median time to the target, and the share of episodes that reach it.

    Args:
        columns: `time_to_accuracy_s` and `reached_target`, as for `median`.
    """
    middle, share = median(columns, "time_to_accuracy_s"), 100 * np.mean(columns["reached_target"])
    return f"{f'{middle:.0f} s' if np.isfinite(middle) else 'never'} ({share:.0f} %)"


# --- Tables ---


def table(head: Sequence[str], rows: Iterable[Sequence[str]], words: int = 1) -> Iterator[str]:
    """Yields the lines of a table.

    Args:
        head: Names of the columns.
        rows: Entries of each row.
        words: How many columns, from the first, are words; the others are numbers.
    """
    yield line(head)
    yield f"|{'---|' * words}{'---:|' * (len(head) - words)}"
    yield from map(line, rows)


def line(entries: Sequence[str]) -> str:
    """Returns a line of a table.

    Example:
        >>> line(["one", "two"])
        '| one | two |'
    """
    return f"| {' | '.join(entries)} |"


def filled(page: str, text: Callable[[str], str]) -> str:
    r"""Returns a page with its tables.

    Args:
        page: The page, with marks around each table.
        text: Returns the table of a name, whose KeyError says that there is none.

    Example:
        >>> filled("<!-- table: a -->" + chr(10) + "<!-- end -->", {"a": "| 1 |"}.__getitem__)
        '<!-- table: a -->\n| 1 |\n<!-- end -->'
    """
    return TABLE.sub(lambda match: f"{match[1]}{text(match[2]).strip()}\n", page)


def fill(page: Path, text: Callable[[str], str]) -> None:
    """Writes a page anew with its tables; arguments as for `filled`."""
    results.write_text(page, filled(page.read_text(encoding="utf-8"), text))


# --- Figures ---


def bars(panel: Any, places: Sequence[float], ends: Sequence[Lead], **drawn: Any) -> None:  # noqa: ANN401
    """Draws mean leads with their intervals, in points.

    Args:
        panel: Axes of Matplotlib.
        places: Of the bars.
        ends: A lead for each of them.
        drawn: Arguments of `errorbar`.
    """
    middle, low, high = 100 * np.array([(values.mean(), low, high) for values, low, high in ends]).T
    panel.errorbar(places, middle, [middle - low, high - middle], capsize=2, **drawn)
