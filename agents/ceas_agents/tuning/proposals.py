"""The settings that `ceas-gym tune` tries; `tuning.search` says in which order."""

from collections.abc import Callable, Iterator

from ceas_agents.evaluation.contestants import CADENCE
from ceas_agents.evaluation.tuned import RATE

FACTORS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Symmetric on a logarithmic scale, so that no direction is preferred."""
FINER = 2**0.5
"""Factor of the first finer step of the rate."""
FASTER = 4.0
"""Factor on the learning rates that are tried, where a step is a window.
The rates that suit rounds of eight windows are mostly 4 to 11 times the scenario's own. At a rate
that is too low only the number of barriers counts, and the shortest cadence would seem best."""
ROOTS = tuple(2.0**-power for power in range(6))
"""Exponents of the factors of finer and finer steps."""
OWN = {"share": (1 / 2, 5 / 6), "spare": (0.0, 6.0), "half": (1000.0, 3000.0)}
"""Values of a policy's numeric option that are tried besides its default."""
Setting = dict[str, float]
"""The learning rate by its dotted key, and cadence and options of the policy by their names."""


def by_round(begin: Setting, best: Callable[[], Setting]) -> Iterator[Setting]:
    """Yields settings to try where a step is a round; some come several times.

    Args:
        begin: The untuned setting of the contestant.
        best: Returns the best setting so far, on which later ones depend.
    """
    yield from grid(begin)
    yield from _closer(begin, best)


def by_window(begin: Setting, most_windows: int, best: Callable[[], Setting]) -> Iterator[Setting]:
    """Yields settings to try where a step is a window; some come several times.

    Args:
        begin: The untuned setting of the contestant.
        most_windows: The longest cadence, in windows; at least 1.
        best: Returns the best setting so far, on which later ones depend.
    """
    middle = begin | {RATE: times(begin[RATE], FASTER)}
    first = cadences(middle, most_windows)
    yield from first
    yield from grid(best() if first else middle)
    yield from _closer(begin, best)


def _closer(begin: Setting, best: Callable[[], Setting]) -> Iterator[Setting]:
    for name in filter(OWN.__contains__, begin):
        found = best()
        yield from [found | {name: value} for value in OWN[name]]
    for root in ROOTS:
        yield from faster_and_slower(best(), root)
        yield from beside(best(), root)


def cadences(start: Setting, most_windows: int) -> list[Setting]:
    """Returns the settings of the first trials of the cadence, if there is one.

    They are powers of two, and that of the start, at the same rate.

    Args:
        start: Cadence and rate to start from.
        most_windows: The longest cadence, in windows; at least 1.

    Example:
        >>> [setting["cadence"] for setting in cadences({"cadence": 6}, most_windows=20)]
        [1, 2, 4, 6, 8, 16]
    """
    if CADENCE not in start:
        return []
    powers = {2**power for power in range(most_windows.bit_length())}
    return [start | {CADENCE: cadence} for cadence in sorted({*powers, start[CADENCE]})]


def grid(start: Setting) -> list[Setting]:
    """Returns the settings of the first trials of the rate: its multiples by all `FACTORS`.

    Args:
        start: The setting whose learning rate is multiplied by factors in [1/8, 8].

    Example:
        >>> [setting["learning.learning_rate"] for setting in grid({"learning.learning_rate": 0.1})]
        [0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8]
    """
    return [start | {RATE: times(start[RATE], factor)} for factor in FACTORS]


def beside(best: Setting, root: float = 1.0) -> list[Setting]:
    """Returns two settings that differ from the best one so far in the learning rate.

    Args:
        best: Setting of the best trial so far.
        root: Exponent of `FINER`, in (0, 1].

    Example:
        >>> beside({"learning.learning_rate": 0.2})
        [{'learning.learning_rate': 0.141}, {'learning.learning_rate': 0.283}]
    """
    return [best | {RATE: times(best[RATE], FINER**power)} for power in (-root, root)]


def faster_and_slower(best: Setting, root: float = 1.0) -> list[Setting]:
    """Returns two settings that differ from the best one so far in the cadence, if there is one.

    The rate changes in proportion: twice the windows bring about twice the information, and half as
    many barriers have to go as far.

    Args:
        best: Setting of the best trial so far.
        root: Exponent of the factor of two, in (0, 1].

    Source:
        The linear scaling rule of Goyal et al., arXiv:1706.02677, with windows for samples.

    Example:
        >>> best = {"learning.learning_rate": 0.6, "cadence": 6}
        >>> [tuple(setting.values()) for setting in faster_and_slower(best)]
        [(0.3, 3), (1.2, 12)]
        >>> [setting["cadence"] for setting in faster_and_slower(best, root=0.5)]
        [4, 8]
    """
    if CADENCE not in best:
        return []
    found = [max(round(best[CADENCE] * 2**power), 1) for power in (-root, root)]
    return [
        best | {RATE: times(best[RATE], cadence / best[CADENCE]), CADENCE: cadence}
        for cadence in found
    ]


def times(rate: float, factor: float) -> float:
    """Returns a rate times a factor, to the three digits with which one would write it.

    Args:
        rate: Above 0.
        factor: Above 0; with 1, the rate stays as it is.
    """
    return rate if factor == 1 else float(f"{rate * factor:.3g}")
