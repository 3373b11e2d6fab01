"""What needs a process of its own: all cores, the first call, and memory."""

import json
import os
import subprocess
import sys
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from ceas_agents.bench import contenders, timing
from ceas_gym import parameters
from ceas_gym.scenario import Scenario

ROWS = (1, 16, 256)
ACCELERATOR_ROWS = (1, 16, 256, 1024, 4096)
READ = """
import json, os, sys, time
start = time.perf_counter()
if cores := json.loads(sys.argv[1]):
    os.sched_setaffinity(0, cores)
from ceas_gym.scenario import Scenario
scenario = Scenario.model_validate_json(sys.stdin.read())
"""
ALL_CORES = """
from ceas_agents.bench import fresh
print(json.dumps(fresh.take_turns(scenario, int(sys.argv[2]))))
"""
COLD = """
import gymnasium, ceas_gym
clocks = [(start, 0.0)]
def done():
    clocks.append((time.perf_counter(), time.process_time()))
env = gymnasium.make("ceas_gym/CEAS-v0", scenario=scenario)
done()
env.reset(seed=0)
done()
env.step(env.action_space.sample())
done()
env.reset()
done()
print(json.dumps(clocks))
"""
STAGES = ("import and make", "first reset", "first step", "second reset, without a seed")
MEMORY = """
import resource
from ceas_gym.envs.vector_env import CEASVectorEnv
envs = CEASVectorEnv(256, scenario)
envs.reset(seed=0)
for _ in range(2):
    envs.step(envs.action_space.sample())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
KIB_PER_UNIT = 1 if sys.platform != "darwin" else 1 / 1024
"""Linux counts the peak of memory in KiB, macOS in bytes."""


def all_cores(
    scenario: Scenario, repeats: int, cores: set[int], progress: Progress
) -> dict[str, NDArray[np.float64]]:
    """Returns the seconds of a round of the environments, each free to use all cores.

    Args:
        scenario: What is timed.
        repeats: Turns of each.
        cores: That they may use; all where the system has no say in it.
        progress: Bar.
    """
    task = progress.add_task("all cores, in a fresh process", total=1)
    seconds = json.loads(_run(READ + ALL_CORES, scenario, cores, str(repeats)))
    progress.update(task, advance=1)
    return {name: np.array(values) for name, values in seconds.items()}


def take_turns(scenario: Scenario, repeats: int) -> dict[str, list[float]]:
    """Returns the same, measured in this process."""
    calls = [contenders.single(scenario)]
    if jax.default_backend() == "cpu":
        calls += [contenders.vectorized(scenario, rows) for rows in ROWS]
    else:
        params = parameters.build(scenario)
        calls += [contenders.batched(params, rows) for rows in ACCELERATOR_ROWS]
    seconds = timing.seconds_per_round(calls, repeats, lambda _: None)
    return {name: values.tolist() for name, values in seconds.items()}


def cold(scenario: Scenario, cores: set[int], progress: Progress) -> dict[str, float]:
    """Returns the seconds of the first calls, and the memory that a large batch takes.

    Nothing is compiled before, nor found in a cache. Processor time is that of all cores together,
    from the start of the process.
    """
    task = progress.add_task("cold start", total=2)
    clocks = np.diff(json.loads(_run(READ + COLD, scenario, cores)), axis=0)
    progress.update(task, advance=1, description="memory of 256 rows")
    peak = int(_run(READ + MEMORY, scenario, cores)) * KIB_PER_UNIT / 1024
    progress.update(task, advance=1)
    return {
        **{f"{name}, s": wall for name, wall in zip(STAGES, clocks[:, 0].tolist(), strict=True)},
        "all of these, s of processor time": float(clocks[:, 1].sum()),
        "memory of 256 rows, MiB": peak,
    }


def _run(script: str, scenario: Scenario, cores: set[int], *arguments: str) -> str:
    # JAX would reserve most of an accelerator's memory, of which this process holds a part.
    environment: dict[str, Any] = {
        **os.environ,
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
    }
    return subprocess.run(
        [sys.executable, "-c", script, json.dumps(sorted(cores)), *arguments],
        input=scenario.model_dump_json(),
        text=True,
        check=True,
        stdout=subprocess.PIPE,
        env=environment,
    ).stdout
