"""Jobs on this machine: one process for each worker."""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from threading import Thread

from ceas_agents.executors import workers
from ceas_agents.executors.batches import Check, Lost, Start
from ceas_agents.executors.jobs import Job, perform_all


@contextmanager
def begin(number: int, logs: Path) -> Iterator[Start]:
    """Yields what starts a batch in a process of its own.

    Every worker has a pool to itself, because a pool breaks as a whole when one of its processes
    ends.

    Args:
        number: Not needed: there are as many processes as batches are started at a time.
        logs: Not needed.
    """
    del number, logs
    # Threads that JAX has started do not survive a fork, so processes are spawned.
    context = get_context("spawn")
    # The workers' end of the pipe is at its end when this process closes the other one, or dies.
    here, there = context.Pipe()
    pools: list[ProcessPoolExecutor] = []
    idle: list[ProcessPoolExecutor] = []

    def submitted(batch: Sequence[Job]) -> tuple[ProcessPoolExecutor, Future[str]]:
        pool = idle.pop() if idle else ProcessPoolExecutor(1, context, _follow, (there,))
        pools.append(pool)
        try:
            return pool, pool.submit(perform_all, batch, os.getcwd())
        except BrokenProcessPool:
            # Its process ended while it had nothing to do.
            return submitted(batch)

    def start(batch: Sequence[Job]) -> Check:
        pool, future = submitted(batch)

        def check() -> str | None:
            if not future.done():
                return None
            try:
                said = future.result()
            except BrokenProcessPool:
                raise Lost from None
            idle.append(pool)
            return said

        return check

    with workers.inherited():
        try:
            yield start
        finally:
            here.close()
            for pool in pools:
                pool.shutdown()
            there.close()


def _follow(rope: Connection) -> None:
    # An interrupt from the terminal reaches all processes; the parent process ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, args=(rope,), daemon=True).start()


def _end_with_parent(rope: Connection) -> None:
    rope.poll(None)
    os._exit(1)
