"""Functions of jobs that take no time or end in a way that is wanted, for tests of executors."""

import os
import resource
import signal
import time
from pathlib import Path

from ceas_agents.executors.jobs import Job


def jobs(folder, function, number, *arguments, group=""):
    """Returns jobs whose first argument is their number."""
    return [
        Job(folder / f"{n}.json", function, (n, *arguments), f"job {n}", group=group)
        for n in range(number)
    ]


def thrice(number, tell):
    tell(0.5)
    return {"thrice": 3 * number, "odd": [0.1, float("inf")]}


def noted(number, folder, seconds, tell):
    """Notes that it begins and which process it is, and takes its time."""
    with Path(folder, "begun").open("a") as file:
        file.write(f"{number} {os.getpid()}\n")
    time.sleep(seconds)
    return {"thrice": 3 * number}


def environment(number, tell):
    cores = {name: os.environ.get(name) for name in ("PJRT_NPROC", "OMP_NUM_THREADS")}
    return {"folder": os.getcwd(), **cores}


def wrong(number, tell):
    if number == 3:
        raise ValueError(f"{number} is wrong")
    return [number]


def deadly(number, tell):
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return [number]


def voluminous(number, tell):
    """Returns more than its process may write from now on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    return ["full"] * 1000 if number == 3 else [number]
