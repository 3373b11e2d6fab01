"""Durations in s as what a step makes of them: chances of a change, windows, and slots of key."""

from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Float

from ceas_gym.network import limits
from ceas_gym.scenario import ConditionSettings, KeySettings, NetworkSettings
from ceas_gym.types import Pace

LAST_WINDOW = 2**31 - 1
"""The clock counts windows in 32 bits, so what is due later than in this one never happens."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """How long the steps of an episode last."""

    window_s: float
    """Duration of a window, in s; above 0."""
    windows: int
    """Windows of a round, without its barrier; at least 1."""
    barrier_windows: int = 0
    """Windows that a barrier takes; at least 0."""
    by_window: bool = False
    """Whether a step is a window, after which the barrier may fire; otherwise it is a round."""

    @property
    def firing_windows(self) -> int:
        """Returns the windows of a step that fires the barrier, with those of the barrier."""
        return (1 if self.by_window else self.windows) + self.barrier_windows

    @property
    def move_s(self) -> float:
        """Returns the time in s from one move of links and memories to the next."""
        return (1 if self.by_window else self.firing_windows) * self.window_s

    @property
    def moves(self) -> tuple[int, int]:
        """Returns the moves of a step that waits, and those of a step that fires the barrier."""
        return 1, self.firing_windows if self.by_window else 1

    @property
    def slot_windows(self) -> int:
        """Returns the windows of a round, by which the age of key is counted; at least 1."""
        return self.windows if self.by_window else self.firing_windows


def of_pace(settings: NetworkSettings, pace: Pace) -> Steps:
    """Returns how long the steps of an episode last.

    Args:
        settings: Number and duration of the windows.
        pace: Whether a step is a window, and the windows that a barrier takes.

    Example:
        >>> of_pace(NetworkSettings(windows=8, window_s=0.5), Pace(barrier_windows=2)).move_s
        5.0
    """
    return Steps(
        window_s=settings.window_s,
        windows=settings.windows,
        barrier_windows=pace.barrier_windows,
        by_window=pace.by_window,
    )


def link_chain(
    settings: ConditionSettings, steps: Steps
) -> tuple[
    Float[np.ndarray, "waits_and_fires conditions conditions"], Float[np.ndarray, " conditions"]
]:
    """Returns the chain of a link over the conditions good, degraded and down.

    Args:
        settings: Mean duration of each condition, in s.
        steps: How long a step lasts.

    Returns:
        The transition matrices of a step that waits and of a step that fires, and the stationary
        distribution, in which links leave a condition as often as others enter it. Its shares are
        as the mean durations, times how often each condition is visited.

    Raises:
        ValueError: If a mean duration is shorter than the time from one move to the next.

    Source:
        The number of moves in a condition is geometric; so its mean is one over the chance to
        leave. Several moves are the power of the matrix: the equation of Chapman and Kolmogorov.
    """
    if settings.links == "steady":
        return np.stack([np.eye(3)] * 2), np.array([1.0, 0.0, 0.0])
    fails = _chance("good_s", settings.good_s, steps)
    changes = _chance("degraded_s", settings.degraded_s, steps)
    recovers = _chance("down_s", settings.down_s, steps)
    worsens = changes * settings.worsening
    once = np.array(
        [
            [1 - fails, fails, 0],
            [changes - worsens, 1 - changes, worsens],
            [recovers, 0, 1 - recovers],
        ]
    )
    stay = np.array([changes / fails, 1, worsens / recovers])
    powers = [np.linalg.matrix_power(once, number) for number in steps.moves]
    return np.stack(powers), stay / stay.sum()


def persistence(settings: ConditionSettings, steps: Steps) -> tuple[float, float]:
    """Returns the correlations of a drifting coherence time over the two kinds of step.

    Args:
        settings: Time in s in which a deviation decays to 1/e.
        steps: How long a step lasts.

    Returns:
        The correlation over a step that waits, and over a step that fires; both in [0, 1].

    Raises:
        ValueError: If coherence drifts in a shorter time than from one move to the next.

    Source:
        Ornstein-Uhlenbeck process, sampled exactly: Phys. Rev. 36, 823 (1930).
    """
    if settings.coherence == "drifting":
        _chance("drift_s", settings.drift_s, steps)
    waits, fires = (float(np.exp(-n * steps.move_s / settings.drift_s)) for n in steps.moves)
    return waits, fires


def calibration_windows(settings: ConditionSettings, steps: Steps) -> int:
    """Returns the windows from one calibration to the next; at least 1.

    Args:
        settings: The interval in s, which is rounded to whole windows.
        steps: How long a window lasts.

    Example:
        >>> calibration_windows(ConditionSettings(calibration_s=30), Steps(window_s=4, windows=2))
        8
    """
    return int(np.clip(round(settings.calibration_s / steps.window_s), 1, LAST_WINDOW))


def key_slots(settings: KeySettings, steps: Steps) -> int:
    """Returns the number of slots, a round each, by which key ages; 1 if key never expires.

    Args:
        settings: Lifetime of key in s, which is rounded up to whole slots.
        steps: How long a round lasts.

    Raises:
        ValueError: If there are more slots than are stored.

    Example:
        >>> key_slots(KeySettings(lifetime_s=20.5), Steps(window_s=1.0, windows=8))
        3
    """
    if settings.lifetime_s is None:
        return 1
    slot_s = steps.slot_windows * steps.window_s
    slots = max(ceil(settings.lifetime_s / slot_s * (1 - limits.ROUNDING)), 1)
    if slots > limits.MOST_SLOTS:
        most = f"{limits.MOST_SLOTS * slot_s:.15g}"
        raise ValueError(
            f"consensus.key.lifetime_s = {settings.lifetime_s} is {slots} rounds of {slot_s:.15g} "
            f"s, but key is kept apart for at most {limits.MOST_SLOTS}; set it to at most {most}, "
            "or to null"
        )
    return slots


def _chance(name: str, duration_s: float, steps: Steps) -> float:
    # Chance to leave at a move what lasts so long on average.
    chance = steps.move_s / duration_s
    if chance * (1 - limits.ROUNDING) > 1:
        least = f"{steps.move_s:.15g}"
        raise ValueError(
            f"network.conditions.{name} = {duration_s} is shorter than the {least} s from one "
            f"change of links and memories to the next; set it to at least {least}"
        )
    return min(chance, 1.0)
