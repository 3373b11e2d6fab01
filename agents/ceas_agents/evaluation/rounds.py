"""An episode by rounds, from its metrics by steps: a row for each barrier, and accuracy over time.

Where a step is a round, the rows are the steps. Where a step is a window, most windows only wait:
their pairs are added to the row of the next barrier.
"""

import numpy as np
from numpy.typing import NDArray

from ceas_agents.statistics.curves import Curve
from ceas_gym.task import metrics

Steps = dict[str, NDArray[np.float32]]
"""Metrics of an episode by name, and its rewards, each of shape (steps,): exactly its steps."""
Rounds = dict[str, NDArray[np.float64]]
"""The same by rounds, each of shape (rounds,)."""
BEFORE = "{}_before"
ACCURACIES = ("accuracy", "validation_accuracy")
"""Accuracies, of which the metrics of a step also have the values before it (`BEFORE`)."""
FIRST = tuple(map(BEFORE.format, ACCURACIES))
"""Metrics of a round that are those of its first step."""
LAST = (
    *("accuracy", "validation_accuracy", "validation_loss", "pairs_stored", "utilization"),
    *("exposed_members", "layout", "time_s"),
)
"""Metrics of a round that are those of its last step; all others are sums over its steps."""
NAMES = (*metrics.NAMES, "reward", *FIRST)
"""Names of all that is kept of a step."""
ROUNDING = 1e-6
"""Rounding error of an accuracy in single precision."""


def of_steps(steps: Steps) -> Rounds:
    """Returns the metrics of each round: of the windows since the last barrier and of the barrier.

    If windows wait after the last barrier, a last row has what happened in them; its `fired` is
    zero. So numbers of pairs add up over the rows to those of the episode.

    Args:
        steps: Metrics of the episode; at least one step.

    Example:
        >>> shots = np.array([0, 0, 9, 0, 7], np.float32)
        >>> rounds = of_steps({"fired": np.sign(shots), "shots": shots, "time_s": np.arange(1, 6)})
        >>> rounds["shots"].tolist(), rounds["time_s"].tolist()
        ([9.0, 7.0], [3.0, 5.0])
    """
    fired = steps["fired"] > 0
    begins = np.flatnonzero(np.concatenate([[True], fired[:-1]]))
    ends = np.append(begins[1:], len(fired)) - 1
    return {name: _of_step(name, values, begins, ends) for name, values in steps.items()}


def barriers(rounds: Rounds) -> Rounds:
    """Returns the rounds that a barrier ended, shape (barriers,), which may be none.

    Args:
        rounds: From `of_steps`.
    """
    fired = rounds["fired"] > 0
    return {name: values[fired] for name, values in rounds.items()}


def accuracy(rounds: Rounds, budget_s: float, name: str = "accuracy") -> Curve:
    """Returns an accuracy over time, in [0, 1], from the start to the end of the budget.

    It is constant between barriers, and after the last one until the budget ends.

    Args:
        rounds: From `of_steps`.
        budget_s: The budget in s; an episode that diverges ends earlier.
        name: One of `ACCURACIES`, by default that on the test split.
    """
    done = barriers(rounds)
    values = np.concatenate([rounds[BEFORE.format(name)][:1], done[name]])
    return _curve(done["time_s"], np.append(values, values[-1]), budget_s)


def reached(rounds: Rounds, target_accuracy: float) -> NDArray[np.int64]:
    """Returns the numbers of the barriers, from 0, after which the accuracy is that of the target.

    Args:
        rounds: From `of_steps`.
        target_accuracy: In [0, 1].
    """
    return np.flatnonzero(barriers(rounds)["accuracy"] >= target_accuracy - ROUNDING)


def has_reached(rounds: Rounds, target_accuracy: float, budget_s: float) -> Curve:
    """Returns a curve that is one from the first time on at which the target is reached, else zero.

    Args:
        rounds: From `of_steps`.
        target_accuracy: In [0, 1].
        budget_s: The budget in s, at which the curve ends.
    """
    when = barriers(rounds)["time_s"][reached(rounds, target_accuracy)[:1]]
    return _curve(when, np.array([0.0, *[1.0] * len(when), float(len(when))]), budget_s)


def _of_step(
    name: str, values: NDArray[np.float32], begins: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.float64]:
    wide = values.astype(np.float64)
    if name in FIRST:
        return wide[begins]
    return wide[ends] if name in LAST else np.add.reduceat(wide, begins)


def _curve(times_s: NDArray[np.float64], values: NDArray[np.float64], budget_s: float) -> Curve:
    end = max(budget_s, *times_s) if len(times_s) else budget_s
    return Curve(np.array([0.0, *times_s, end]), values)
