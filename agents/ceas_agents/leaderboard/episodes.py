"""The jobs of a leaderboard: an episode each, whose result also says what it cost."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from ceas_agents.evaluation import play
from ceas_agents.executors import jobs
from ceas_agents.executors.jobs import Job, Tell
from ceas_agents.leaderboard.entry import Entry, Ready, file_hash, ready
from ceas_agents.leaderboard.suite import Cell
from ceas_agents.policies.rollout import most_steps

ROW, CORE_S, STARTS = "row", "core_s", "starts"
"""What a job returns: the row of its episode, the time of processors in s that it took, and whether
it was the first of its cell in its process, so that building the scenario and compiling are a part
of that time."""
UNKNOWN = "share_of_most_useful"
"""A column of `evaluation.play.summary` that takes bounds, which are not computed here."""

_loaded: dict[str, Ready] = {}
"""The cell that this process has compiled and plays, by its group."""


def jobs_of(who: Entry, cells: Sequence[Cell], seeds: Sequence[int], folder: Path) -> list[Job]:
    """Returns a job for each episode, in the order of the cells, then of the seeds.

    Args:
        who: Who plays.
        cells: Where it can play.
        seeds: Episodes of each cell.
        folder: For the files of the jobs.
    """
    groups = {cell: jobs.key(who, file_hash(who.name), cell) for cell in cells}
    return [
        Job(folder / f"{group}-{seed}.json", episode, (who, group, cell, seed), cell.name, group)
        for cell, group in groups.items()
        for seed in seeds
    ]


def episode(who: Entry, group: str, cell: Cell, seed: int, tell: Tell) -> dict[str, Any]:
    """Returns the row of an episode, with accuracies in [0, 1], and its cost.

    Args:
        who: Who plays.
        group: Key of who plays where, which is a compilation.
        cell: Where.
        seed: Of the episode.
        tell: Not needed.

    Returns:
        `row`, a mapping of columns to numbers; `core_s`, in s; and `starts`, true or false.
    """
    del tell
    begun_s, starts = time.process_time(), group not in _loaded
    contestant, scenario, params = _ready(who, group, cell)
    ((_, steps),) = play.episodes(contestant, params, most_steps(params), [seed])
    target, budget_s = scenario.episode.target_accuracy, play.seconds(params)
    row = play.summary(steps, target, budget_s=budget_s)
    del row[UNKNOWN]
    return {ROW: row, CORE_S: time.process_time() - begun_s, STARTS: starts}


def _ready(who: Entry, group: str, cell: Cell) -> Ready:
    if group not in _loaded:
        # A compiled program of the size of `paper` takes about 80 MB and is not needed again.
        if _loaded:
            jax.clear_caches()
        _loaded.clear()
        _loaded[group] = ready(who, cell)
    return _loaded[group]
