"""Comparisons of policies over paired seeds: several at once, and tests of equivalence."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ceas_agents.statistics import resampling
from ceas_agents.statistics.intervals import CONFIDENCE
from ceas_agents.statistics.resampling import Groups

LEAST_ERROR = 1 / 3
"""A resample's standard error counts as at least this share of the sample's. Otherwise a column in
which few seeds differ, which many resamples leave out, would determine the result for all columns.
"""


class Equivalence(NamedTuple):
    """The result of a test of equivalence, with the 90 % interval of the difference."""

    equivalent: bool
    low: float
    high: float


def simultaneous(
    differences: Float[np.ndarray, "seeds columns"],
    groups: Groups | None = None,
    confidence: float = CONFIDENCE,
) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " columns"]]:
    """Returns the ends of intervals that hold for all columns at once (max-T).

    At a confidence of 95 %, the true means of all columns are within their intervals in 95 % of all
    cases, whatever the correlation between the columns. So if there is no difference at all, one
    family of comparisons in twenty shows any. All columns are resampled alike. The half-width of a
    column's interval is its standard error times the 95 % quantile of the greatest |t| over the
    columns, where t uses the standard errors of the resample. For a single column this is the
    symmetric bootstrap-t interval.

    Args:
        differences: A row for each seed, a column for each comparison, paired by seed; finite.
        groups: As for `statistics.intervals.interval`.
        confidence: Joint confidence of all intervals, in (0, 1).

    Returns:
        Lower and upper ends, in the unit of the differences. If all values of a column are the
        same, as with a single seed, both ends are that value, and the column takes no part in the
        correction.

    Raises:
        ValueError: As `statistics.intervals.intervals`.

    Source:
        Westfall and Young, Resampling-Based Multiple Testing, 1993, section 2.3; Hall, Annals of
        Statistics 16, 927 (1988) on the bootstrap-t.

    Example:
        >>> gains = np.array([[0.1, 0.0], [0.3, 0.0], [0.2, 0.0], [0.2, 0.0]])
        >>> low, high = simultaneous(gains)
        >>> bool(0 < low[0] < 0.2 < high[0]), float(low[1]), float(high[1])
        (True, 0.0, 0.0)
    """
    resampling.check(differences, groups)
    equal = differences.min(axis=0) == differences.max(axis=0)
    low, high = differences[0].astype(float), differences[0].astype(float)
    if not equal.all():
        varied = differences[:, ~equal]
        mean, error = resampling.estimates(varied, groups)
        half = _critical(varied, groups, confidence) * error
        low[~equal], high[~equal] = mean - half, mean + half
    return low, high


def equivalent(
    values: Float[np.ndarray, " seeds"], margin: float, groups: Groups | None = None
) -> Equivalence:
    """Returns whether a difference is shown to be within a margin, with its 90 % interval.

    Two one-sided tests at 5 % each, which is the same as a 90 % interval inside the margin. A
    difference that is not significant proves nothing; this test can show that there is no
    difference that matters.

    Args:
        values: Differences, paired by seed; finite.
        margin: Smallest difference that matters, fixed in advance; above 0.
        groups: As for `statistics.intervals.interval`.

    Raises:
        ValueError: If there are fewer than two seeds, a value is not finite, or the margin is not
            above zero.

    Source:
        Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15, 657 (1987); Lakens, Social
        Psychological and Personality Science 8, 355 (2017).

    Example:
        >>> equivalent(np.array([0.001, -0.002, 0.002, 0.0]), margin=0.01).equivalent
        True
        >>> equivalent(np.array([0.1, -0.2, 0.2, 0.0]), margin=0.01).equivalent
        False
    """
    if len(values) < 2 or not margin > 0:
        raise ValueError(
            f"equivalence needs two seeds or more and a margin above 0, "
            f"not {len(values)} and {margin}"
        )
    low, high = simultaneous(np.asarray(values, float)[:, None], groups, confidence=0.9)
    within = -margin < low[0] and high[0] < margin
    return Equivalence(bool(within), float(low[0]), float(high[0]))


def _critical(
    varied: Float[np.ndarray, "seeds columns"], groups: Groups | None, confidence: float
) -> float:
    # The critical value: a quantile of the greatest |t| over the columns.
    mean, error = resampling.estimates(varied, groups)
    found = resampling.resampled(varied, groups)
    least = np.maximum(LEAST_ERROR * error, np.finfo(float).tiny)
    statistic = np.abs(found.mean - mean) / np.maximum(found.error, least)
    return float(np.quantile(statistic.max(axis=1), confidence))
