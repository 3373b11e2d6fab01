"""Performs jobs whose results are missing, and starts again what a worker has lost."""

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import Progress, TaskID

from ceas_agents.executors import EXECUTORS, PROCESSES, batches, jobs
from ceas_agents.executors.batches import Check, Lost
from ceas_agents.executors.jobs import Job
from ceas_gym.registry import nearest

POLL_S = 0.2
"""Time in s between two looks at what has finished."""
TRIES = 3
"""How often a worker may be lost with the same job before the job is given up."""
LOGS = "logs"
NAME_WIDTH = 28
"""Characters of a name that fit beside a progress bar."""
Result = tuple[Job, Any]
"""A job, and what its function returned, as it is read from its file."""
Keep = Callable[[Job, Any], None]


class Engine(NamedTuple):
    """Where jobs run."""

    name: str = PROCESSES
    """A key of `EXECUTORS`."""
    workers: int = 1
    """Batches that run at a time, at least 1. With `processes` and 1, this process does it all."""


HERE = Engine()
"""This process."""


@dataclass
class Bar:
    """The progress of a list of jobs."""

    progress: Progress
    task: TaskID
    finished: int
    """Steps of finished jobs, at least 0."""

    def show(self) -> None:
        """Shows it from now on, because work begins."""
        self.progress.update(self.task, visible=True)

    def finish(self, job: Job) -> None:
        """Counts a job as finished."""
        self.finished += job.size
        shown = job.name[:NAME_WIDTH]
        self.progress.update(self.task, completed=self.finished, description=shown)

    def tell(self, steps: float) -> None:
        """Shows steps of unfinished jobs, at least 0, beside those of finished ones."""
        self.progress.update(self.task, completed=self.finished + steps)


class Running(NamedTuple):
    """A batch that a worker performs."""

    left: deque[Job]
    """Jobs whose results have not been seen; the first of them is being performed."""
    check: Check


def checked(name: str, workers: int) -> Engine:
    """Returns an engine, after checking its name.

    Args:
        name: As on the command line.
        workers: At least 1.

    Raises:
        ValueError: If there is no such executor.
    """
    if name not in EXECUTORS:
        raise ValueError(f"--on: {name} is unknown; {nearest(name, EXECUTORS)}")
    return Engine(name, workers)


def run(
    todo: Sequence[Job], engine: Engine, progress: Progress, keep: Keep, finished: int = 0
) -> None:
    """Performs the jobs whose results are missing, and hands over the results of all.

    Args:
        todo: What to perform, each once.
        engine: Where.
        progress: Gets a bar that counts the sizes of the jobs.
        keep: Is called with each job and its result, as they finish; first with those that have a
            file already.
        finished: Steps that the bar begins with, in addition to those of these jobs.

    Raises:
        OSError: If a result can't be written, something is wrong with a job, or a job is given up
            because it ends its workers. What is finished has its files.
    """
    missing: list[Job] = []
    for job in todo:
        if (result := jobs.found(job)) is None:
            missing.append(job)
        else:
            keep(job, result)
    steps = [sum(job.size for job in some) for some in (todo, missing)]
    done = finished + steps[0] - steps[1]
    total = finished + steps[0]
    task = progress.add_task("(compiling)", total=total, completed=done, visible=not missing)
    if missing:
        with closing(_performed(missing, engine, Bar(progress, task, done))) as results:
            for job, result in results:
                keep(job, result)


def _performed(missing: Sequence[Job], engine: Engine, bar: Bar) -> Generator[Result]:
    if engine == HERE:
        return _here(batches.divided(missing, 1), bar)
    wanted = engine.workers * EXECUTORS[engine.name].pieces
    divided = batches.divided(missing, wanted)
    if engine.name == PROCESSES and len(divided) == 1:
        return _here(divided, bar)
    return _elsewhere(divided, engine, bar)


def _here(divided: Sequence[deque[Job]], bar: Bar) -> Generator[Result]:
    bar.show()
    for job in (job for batch in divided for job in batch):
        jobs.perform(job, lambda share, size=job.size: bar.tell(share * size))
        bar.finish(job)
        yield job, jobs.result(job)


def _elsewhere(divided: Sequence[deque[Job]], engine: Engine, bar: Bar) -> Generator[Result]:
    waiting, running = deque(divided), list[Running]()
    losses, given_up = Counter[Path](), list[Job]()
    logs = divided[0][0].path.parent / LOGS
    with EXECUTORS[engine.name].begin(engine.workers, logs) as start:
        bar.show()
        while waiting or running:
            while waiting and len(running) < engine.workers:
                batch = waiting.popleft()
                running.append(Running(batch, start(tuple(batch))))
            time.sleep(POLL_S)
            # This comes before results are read, so that none is overlooked.
            ended = [each for each in running if _has_ended(each.check)]
            for each in running:
                yield from _finished(each.left, bar)
            bar.tell(sum(_begun(each.left) for each in running))
            running = [each for each in running if each not in ended]
            lost = [each.left for each in ended if each.left]
            losses.update(batch[0].path for batch in lost)
            given_up += [batch.popleft() for batch in lost if losses[batch[0].path] == TRIES]
            waiting.extend(filter(None, lost))
    if given_up:
        raise ChildProcessError(
            f"{len(given_up)} jobs ended their worker {TRIES} times each, such as "
            f"{given_up[0].name}; all others are finished; run it again with more memory or time"
        )


def _has_ended(check: Check) -> bool:
    # Also if its worker was lost.
    try:
        said = check()
    except Lost:
        return True
    if said:
        raise ChildProcessError(said)
    return said is not None


def _finished(batch: deque[Job], bar: Bar) -> Generator[Result]:
    # A worker performs the jobs of a batch in their order.
    while batch and (result := jobs.found(batch[0])) is not None:
        job = batch.popleft()
        bar.finish(job)
        yield job, result


def _begun(left: deque[Job]) -> float:
    return jobs.share(left[0]) * left[0].size if left else 0.0
