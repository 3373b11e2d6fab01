"""What playing costs: measured by the jobs themselves, and estimated for many cores."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ceas_agents.executors import EXECUTORS, batches
from ceas_agents.executors.jobs import Job
from ceas_agents.leaderboard.suite import Suite

MEASURED_ON = "slurm"
"""The executor whose division into batches an estimate assumes."""
HOUR_S = 3600


class Cost(NamedTuple):
    """Time of a processor that a cell takes, in s."""

    start_s: float
    """Until it can play: building the scenario and compiling, once in every batch."""
    episode_s: float


class Estimate(NamedTuple):
    """What it takes to play the whole suite."""

    episodes: int
    core_hours: float
    wall_hours: float
    starting: float
    """Share of the core hours that goes into starts, in [0, 1]."""


def measured(records: Iterable[tuple[float, bool]]) -> Cost | None:
    """Returns the cost of a cell, or None if no episode was played after the first.

    Args:
        records: Time in s that each episode took, and whether it included a start.

    Returns:
        Medians over the episodes, and over the starts.

    Example:
        >>> measured([(30.5, True), (0.5, False), (0.7, False), (0.5, False)])
        Cost(start_s=30.0, episode_s=0.5)
    """
    times: dict[bool, list[float]] = {False: [], True: []}
    for seconds, starts in records:
        times[starts].append(seconds)
    if not times[False]:
        return None
    episode_s, first_s = (float(np.median(times[starts])) for starts in (False, True))
    return Cost(max(first_s - episode_s, 0.0), episode_s)


def estimate(suite: Suite, costs: Mapping[str, Cost], policies: int, cores: int) -> Estimate:
    """Returns what the suite takes if every policy costs as much, without the time in queues.

    Jobs are divided as the executor divides them, and every batch compiles anew. Workers that share
    a folder of compiled programs (`JAX_COMPILATION_CACHE_DIR`) take less.

    Args:
        suite: What is played.
        costs: Of each cell, by its name.
        policies: Number of policies, at least 1.
        cores: Number of cores, at least 1, each as fast as the one that was measured.

    Example:
        >>> from ceas_agents.leaderboard.suite import Cell
        >>> two = Suite((Cell("", "tiny", "random"), Cell("", "tiny", "best_links")), range(10))
        >>> costs = {cell.name: Cost(40.0, 2.0) for cell in two.cells}
        >>> found = estimate(two, costs, policies=1, cores=2)
        >>> found.episodes, round(HOUR_S * found.core_hours), round(HOUR_S * found.wall_hours)
        (20, 120, 60)
    """
    jobs = [
        Job(Path(), print, name=cell.name, group=f"{cell.name} {policy}")
        for policy in range(policies)
        for cell in suite.cells
        for _ in suite.seeds
    ]
    divided = batches.divided(jobs, cores * EXECUTORS[MEASURED_ON].pieces)
    of = [costs[batch[0].name] for batch in divided]
    starts = [each.start_s for each in of]
    plays = [each.episode_s * len(batch) for each, batch in zip(of, divided, strict=True)]
    lasts, total = np.add(starts, plays).tolist(), sum(starts) + sum(plays)
    hours = total / HOUR_S, _wall_s(lasts, cores) / HOUR_S
    return Estimate(len(jobs), *hours, starting=sum(starts) / total)


def _wall_s(lasts: Sequence[float], cores: int) -> float:
    # Whoever is free first takes the next batch.
    free = [0.0] * cores
    for seconds in lasts:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free)
