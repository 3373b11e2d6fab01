"""How the pages' tables show a contestant's lead, and the accuracy that it reaches."""

import numpy as np
from numpy.typing import NDArray

from ceas_agents.statistics import intervals


def points(values: NDArray[np.float64], low: float, high: float) -> str:
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
