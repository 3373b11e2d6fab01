"""Plays the cells of a sweep, in this process or in several, one compilation after the other."""

import signal
from collections.abc import Iterator, Sequence
from itertools import groupby
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

import jax

from ceas_agents.bounds import pair_bounds
from ceas_agents.evaluation import play as playing
from ceas_agents.evaluation import results
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies.rollout import most_steps
from ceas_agents.sweeps import compilation
from ceas_agents.sweeps.plan import Cell, Plan, resolve
from ceas_gym.types import Params

Job = tuple[Cell, list[int]]
"""A cell, and its seeds that are still to be played."""


class Played(NamedTuple):
    """The results of an episode."""

    labels: tuple[str, ...]
    """Labels of its cell."""
    seed: int
    row: results.Row
    """From `evaluation.play.summary`."""


def play(plan: Plan, jobs: Sequence[Job], processes: int) -> Iterator[Played]:
    """Yields every episode as it finishes, with accuracies in [0, 1].

    Cells that share a compilation are played one after the other by the same process.

    Args:
        plan: The sweep.
        jobs: What to play.
        processes: Number of processes that play at once, at least 1; with 1, this process plays.

    Raises:
        ChildProcessError: If a process ends before its work is done.
    """
    ordered = sorted(jobs, key=lambda job: job[0].program)
    groups = [list(group) for _, group in groupby(ordered, key=lambda job: job[0].program)]
    # The longest work first, so that it is not left for a single process at the end.
    groups.sort(key=len, reverse=True)
    if processes == 1 or len(groups) <= 1:
        for group in groups:
            yield from _group(plan, group)
    else:
        yield from _shared(plan, groups, min(processes, len(groups)))


def _group(plan: Plan, group: list[Job]) -> Iterator[Played]:
    number = group[0][0].program
    # The program includes cells that are finished, so that a resumed sweep uses the same one.
    cells = [cell for cell in plan.cells if cell.program == number and not cell.refusal]
    members = {cell.labels: _prepared(plan, cell) for cell in cells}
    program = compilation.of([params for _, params, _ in members.values()])
    for cell, seeds in group:
        contestant, params, target = members[cell.labels]
        steps, budget_s = most_steps(params), playing.seconds(params)
        most = pair_bounds.in_each_layout(params)
        for seed, metrics in compilation.episodes(program, contestant, params, steps, seeds):
            row = playing.summary(metrics, target, most, budget_s)
            yield Played(cell.labels, seed, row)
    # A compiled program of the size of `paper` takes about 80 MB and is not needed again.
    jax.clear_caches()


def _prepared(plan: Plan, cell: Cell) -> tuple[Contestant, Params, float]:
    contestant, scenario = resolve(plan, cell)
    params = playing.prepare(scenario, [contestant])[contestant.name]
    return contestant, params, scenario.episode.target_accuracy


def _shared(plan: Plan, groups: list[list[Job]], processes: int) -> Iterator[Played]:
    # Threads that JAX has started do not survive a fork, so processes are spawned.
    context = get_context("spawn")
    waiting = iter(groups)
    workers, pipes = [], []
    try:
        for _ in range(processes):
            here, there = context.Pipe()
            worker = context.Process(target=_work, args=(plan, there), daemon=True)
            worker.start()
            there.close()
            here.send(next(waiting))
            workers.append(worker)
            pipes.append(here)
        yield from _received(pipes, waiting)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.join()


def _received(pipes: list[Connection], waiting: Iterator[list[Job]]) -> Iterator[Played]:
    while pipes:
        for pipe in wait(pipes):
            assert isinstance(pipe, Connection)
            message = _message(pipe)
            if message is not None:
                yield message
            elif group := next(waiting, None):
                pipe.send(group)
            else:
                pipes.remove(pipe)


def _message(pipe: Connection) -> Played | None:
    try:
        message = pipe.recv()
    except (EOFError, ConnectionError):
        raise ChildProcessError("a process of the sweep ended early; run again to go on") from None
    if isinstance(message, Exception):
        raise message
    return message


def _work(plan: Plan, pipe: Connection) -> None:
    # An interrupt from the terminal reaches all processes; the parent process ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            for played in _group(plan, pipe.recv()):
                pipe.send(played)
            pipe.send(None)
    except (EOFError, ConnectionError):
        return
    except Exception as error:
        pipe.send(RuntimeError(f"{type(error).__name__}: {error}"))
