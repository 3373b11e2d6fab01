"""Curves over time that change in steps, and their values at common times."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

MOST_TIMES = 400
"""Up to so many times, a grid has all times at which any curve changes."""


class Curve(NamedTuple):
    """A value that changes in steps."""

    times_s: Float[np.ndarray, " changes"]
    """When it changes, in s, in increasing order; the first is when it begins, the last when it
    ends."""
    values: Float[np.ndarray, " changes"]
    """Its value from each of these times on."""


def grid(curves: Sequence[Curve], most: int = MOST_TIMES) -> Float[np.ndarray, " times"]:
    """Returns common times for all curves, in s, in increasing order.

    They are the times at which any curve changes. If these are too many, they are spaced evenly.

    Args:
        curves: At least one.
        most: Largest number of times; at least 2.

    Example:
        >>> curves = [Curve(np.array(times), np.zeros(len(times))) for times in ([0, 2, 9], [0, 9])]
        >>> grid(curves).tolist(), grid(curves, most=2).tolist()
        ([0.0, 2.0, 9.0], [0.0, 9.0])
    """
    times = np.unique(np.concatenate([curve.times_s for curve in curves])).astype(float)
    return times if len(times) <= most else np.linspace(times[0], times[-1], most)


def sampled(
    curves: Sequence[Curve], times_s: Float[np.ndarray, " times"]
) -> Float[np.ndarray, "curves times"]:
    """Returns the values of curves at common times: at each, that of the last change up to it.

    Args:
        curves: At least one; a curve that has ended keeps its last value.
        times_s: In s, none before the beginning of a curve.

    Example:
        >>> accuracy = Curve(np.array([0.0, 4.0, 8.0]), np.array([0.5, 0.7, 0.6]))
        >>> sampled([accuracy], np.array([0.0, 3.9, 4.0, 9.0])).tolist()
        [[0.5, 0.5, 0.7, 0.6]]
    """
    last = [np.searchsorted(curve.times_s, times_s, side="right") - 1 for curve in curves]
    return np.stack([curve.values[at] for curve, at in zip(curves, last, strict=True)])


def mean(curve: Curve) -> float:
    """Returns the mean of a curve over its time, or its last value if it takes no time.

    Args:
        curve: Begins before it ends, unless it is a single moment.

    Example:
        >>> mean(Curve(np.array([0.0, 1.0, 4.0]), np.array([0.5, 0.9, 0.2])))
        0.8
    """
    lasted = np.diff(curve.times_s)
    if not lasted.sum() > 0:
        return float(curve.values[-1])
    return float(curve.values[:-1] @ lasted / lasted.sum())
