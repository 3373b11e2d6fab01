"""Timing on a machine whose speed changes: contenders take turns, and their ratios are paired."""

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
    """Something that plays rounds."""

    name: str
    call: Callable[[], Any]
    rounds: float = 1.0
    """Rounds that a call is worth; a fraction if it does only a part of one."""


class Estimate(NamedTuple):
    """Median of several repetitions, with the least and the greatest."""

    median: float
    low: float
    high: float


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Returns the median with its range.

    Example:
        >>> estimate(np.array([3.0, 1.0, 2.0]))
        Estimate(median=2.0, low=1.0, high=3.0)
    """
    return Estimate(float(np.median(values)), float(values.min()), float(values.max()))


def seconds_per_round(
    contenders: list[Contender], repeats: int, tick: Callable[[str], None]
) -> Mapping[str, NDArray[np.float64]]:
    """Returns the seconds of a round, by name, each of shape (repeats,).

    Args:
        contenders: They take turns, after a call of each that is not counted.
        repeats: Turns of each.
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
    """Returns the seconds until all that a call returns is there."""
    gc.collect()
    start = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - start


@contextmanager
def one_core() -> Iterator[set[int]]:
    """Keeps this process on one core, where the system allows it; gives the cores it may use.

    JAX makes as many threads as there are cores when it first computes, and a single core is
    slower with more of them; so this is best entered before.
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
    """Returns a function that shows a name on the bar, and moves it on."""

    def tick(name: str) -> None:
        progress.update(task, advance=1, description=name)

    return tick


def _pin(cores: set[int]) -> None:
    for thread in TASKS.iterdir():
        os.sched_setaffinity(int(thread.name), cores)
