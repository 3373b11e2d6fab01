"""Measurements that need a process of their own: all cores, the first call, and memory."""

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
env = gymnasium.make("ceas_gym/CEAS-v1", scenario=scenario)
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
"""KiB per unit of the peak memory, which Linux reports in KiB and macOS in bytes."""


def all_cores(
    scenario: Scenario, repeats: int, cores: set[int], progress: Progress
) -> dict[str, NDArray[np.float64]]:
    """Returns the time of a round of the environments on all cores, in s, by name.

    Args:
        scenario: What is timed.
        repeats: Turns of each environment; at least 1.
        cores: Cores that they may use; an empty set means all.
        progress: Gets a bar.

    Returns:
        Arrays of shape (repeats,).
    """
    task = progress.add_task("all cores, in a fresh process", total=1)
    seconds = json.loads(_run(READ + ALL_CORES, scenario, cores, str(repeats)))
    progress.update(task, advance=1)
    return {name: np.array(values) for name, values in seconds.items()}


def take_turns(scenario: Scenario, repeats: int) -> dict[str, list[float]]:
    """Returns the same as `all_cores`, measured in this process, in s.

    Args:
        scenario: What is timed.
        repeats: Turns of each environment; at least 1.
    """
    calls = [contenders.single(scenario)]
    if jax.default_backend() == "cpu":
        calls += [contenders.vectorized(scenario, rows) for rows in ROWS]
    else:
        params = parameters.build(scenario)
        calls += [contenders.batched(params, rows) for rows in ACCELERATOR_ROWS]
    seconds = timing.seconds_per_round(calls, repeats, lambda _: None)
    return {name: values.tolist() for name, values in seconds.items()}


def cold(scenario: Scenario, cores: set[int], progress: Progress) -> dict[str, float]:
    """Returns the time of the first calls, in s, and the memory of a large batch, in MiB.

    Nothing has been compiled before, and no cache is used. Processor time is summed over all cores,
    from the start of the process.

    Args:
        scenario: What is timed.
        cores: Cores that the process may use; an empty set means all.
        progress: Gets a bar.
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
    # JAX would reserve most of an accelerator's memory, part of which this process already holds.
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
