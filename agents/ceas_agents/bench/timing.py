"""Timing on a computer whose speed varies: contenders take turns, and their ratios are paired."""

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress, TaskID

TASKS = Path("/proc/self/task")
"""Where the threads of this process are listed, on Linux."""


class Contender(NamedTuple):
    """A function that plays rounds, and is timed."""

    name: str
    call: Callable[[], Any]
    rounds: float = 1.0
    """Rounds of a call; a fraction if it computes only a part of a round."""


class Estimate(NamedTuple):
    """Median of several repetitions, with the least and the greatest value."""

    median: float
    low: float
    high: float


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Returns the median with its range.

    Args:
        values: At least one, of shape (repeats,).

    Example:
        >>> estimate(np.array([3.0, 1.0, 2.0]))
        Estimate(median=2.0, low=1.0, high=3.0)
    """
    return Estimate(float(np.median(values)), float(values.min()), float(values.max()))


def seconds_per_round(
    contenders: list[Contender], repeats: int, tick: Callable[[str], None]
) -> Mapping[str, NDArray[np.float64]]:
    """Returns the time of a round in s, by name, each of shape (repeats,).

    Args:
        contenders: They take turns, after a first call of each that is not timed.
        repeats: Timed turns of each contender; at least 1.
        tick: Called with the name before each turn.
    """
    found: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for turn in range(repeats + 1):
        for contender in contenders:
            tick(contender.name)
            seconds = once(contender.call)
            if turn:
                found[contender.name].append(seconds / contender.rounds)
    return {name: np.array(values) for name, values in found.items()}


def once(call: Callable[[], Any]) -> float:
    """Returns the time until all results of a call are computed, in s.

    Args:
        call: A function without arguments.
    """
    gc.collect()
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


@contextmanager
def one_core() -> Iterator[set[int]]:
    """Keeps this process on one core within its context, where the system supports that.

    JAX starts as many threads as there are cores when it first computes, and more threads make a
    single core slower. So the context should be entered before JAX computes anything.

    Yields:
        The cores that the process was allowed to use, or an empty set if that is unknown.
    """
    if not TASKS.is_dir():
        yield set()
        return
    allowed = os.sched_getaffinity(0)
    try:
        _pin({max(allowed)})
        yield allowed
    finally:
        _pin(allowed)


def ticker(progress: Progress, task: TaskID) -> Callable[[str], None]:
    """Returns a function that shows a name on the progress bar and advances it by one.

    Args:
        progress: The display of all bars.
        task: The bar to advance, by 1 for each name.
    """

    def tick(name: str) -> None:
        progress.update(task, advance=1, description=name)

    return tick


def _pin(cores: set[int]) -> None:
    for thread in TASKS.iterdir():
        os.sched_setaffinity(int(thread.name), cores)
