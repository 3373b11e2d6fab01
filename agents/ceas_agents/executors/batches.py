"""Batches of jobs: which jobs go to a worker together, and what an executor makes of a batch."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from itertools import accumulate, groupby
from pathlib import Path
from typing import NamedTuple

from ceas_agents.executors.jobs import Job

Check = Callable[[], str | None]
"""Returns None while a batch runs, and at its end the message of what was wrong, or nothing.
It raises `Lost` if the worker ended before the batch did."""
Start = Callable[[Sequence[Job]], Check]
"""Has a worker perform a batch, and returns at once."""


class Executor(NamedTuple):
    """A way to start batches."""

    begin: Callable[[int, Path], AbstractContextManager[Start]]
    """Gets the number of workers, at least 1, and a folder for logs. At the end of its context no
    worker runs on."""
    pieces: int
    """Batches for each worker, at least 1: more than one where batches start quickly, so that no
    worker waits long for another at the end."""


class Lost(Exception):  # noqa: N818 - it is no error of the job
    """A worker ended before its batch did."""


def divided(jobs: Sequence[Job], number: int) -> list[deque[Job]]:
    """Returns all jobs in batches, in the order in which to start them.

    The jobs of a batch share a compilation. Jobs that share one are divided only as far as it takes
    to have so many batches of the same size. The first batches of different groups come first, so
    that workers compile different programs at the same time; of these, the largest come first.

    Args:
        jobs: What to perform; at least one.
        number: Of batches that are wanted, at least 1; there may be more.

    Example:
        >>> jobs = [Job(Path(), print, (number,), group=f"{number > 1}") for number in range(8)]
        >>> [[job.arguments[0] for job in batch] for batch in divided(jobs, 1)]
        [[2, 3, 4, 5, 6, 7], [0, 1]]
        >>> [[job.arguments[0] for job in batch] for batch in divided(jobs, 4)]
        [[0, 1], [2, 3], [4, 5], [6, 7]]
    """
    most = -(-sum(job.size for job in jobs) // number)
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        groups.setdefault(job.group, []).append(job)
    cut = [piece for group in groups.values() for piece in enumerate(_cut(group, most))]
    cut.sort(key=lambda piece: (piece[0], -sum(job.size for job in piece[1])))
    return [batch for _, batch in cut]


def _cut(group: Sequence[Job], most: int) -> list[deque[Job]]:
    begins = accumulate((job.size for job in group), initial=0)
    pairs = zip(begins, group, strict=False)
    pieces = groupby(pairs, key=lambda pair: pair[0] // most)
    return [deque(job for _, job in piece) for _, piece in pieces]
