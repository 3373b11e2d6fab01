"""`ceas-gym bench`: measures times, prints tables, and writes the results as JSON."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from ceas_agents import console, files
from ceas_agents.bench import (
    contenders,
    flops,
    fresh,
    growth,
    learners,
    quantum,
    stages,
    tables,
    timing,
    windows,
)
from ceas_agents.bench.timing import Contender
from ceas_agents.evaluation import results
from ceas_gym import config, parameters
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params


def _teams(scheme: str, size: int) -> dict[str, object]:
    return {
        "learning.scheme": scheme,
        "network.team_size": size,
        "attack.byzantine_nodes": 12 // size,
    }


PEAK_SIZE = 1024
"""Size of the square matrices whose product measures the peak rate of operations."""
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "paper": ("paper", {}),
    "paper, clip+nnm+trimmed_mean": ("paper", {"consensus.rule": "clip+nnm+trimmed_mean"}),
    "paper under white_box": ("paper", {"attack.name": "white_box"}),
    "paper, 200 nodes": ("paper", {"network.nodes": 200, "network.channels": 40}),
    "paper, 6 qubits": ("paper", {"learning.qubits": 6}),
    "paper, 8 qubits": ("paper", {"learning.qubits": 8}),
    "paper, circuit on two QPUs": ("paper", _teams("circuit", 2)),
    "paper, circuit on four QPUs": ("paper", {**_teams("circuit", 4), "network.nodes": 48}),
    "paper, slices on two QPUs": ("paper", _teams("features", 2)),
    "paper, committee of four": ("paper-committee", {}),
    "paper, committee of seven": (
        "paper-committee",
        {"consensus.committee.members": 7, "consensus.committee.byzantine": 2},
    ),
    "tiny": ("tiny", {}),
}


def bench(
    scenario: Scenario, repeats: int, folder: Path, *, grow: bool = False, learn: bool = False
) -> None:
    """Runs all measurements, prints their tables, and writes `bench.json` with times in s.

    Args:
        scenario: What is timed.
        repeats: Turns of each contender; at least 3.
        folder: For `bench.json`, and for `growth.png` if `grow` is true.
        grow: Whether to measure also how the time of a round grows.
        learn: Whether to measure also what it costs to learn.

    Raises:
        ValueError: If Stable-Baselines3 is to learn, but is not installed.
        OSError: If the folder can't be written.
    """
    files.make_folder(folder)
    # Only the fresh processes use all cores. The limit to one core must come before JAX starts its
    # threads.
    with timing.one_core() as cores, console.progress_bar() as progress:
        params = parameters.build(scenario)
        found: dict[str, Any] = {
            "scenario": json.loads(scenario.model_dump_json()),
            **results.told_of_files(scenario),
            **_machine(cores),
        }
        parts: dict[str, Callable[[], Any]] = {}
        if learn:
            # First, because what it takes may not be installed.
            parts["learners"] = lambda: _learners(scenario, repeats, progress)
        parts |= {
            "rounds": lambda: _rounds(scenario, params, repeats, progress),
            "all cores": lambda: _compared(fresh.all_cores(scenario, repeats, cores, progress)),
            "stages": lambda: _stages(params, repeats, progress),
            "windows": lambda: _windows(scenario, repeats, progress),
            "cases": lambda: _cases(repeats, progress),
            "cold start": lambda: fresh.cold(scenario, cores, progress),
        }
        if grow:
            parts["growth"] = lambda: growth.measure(scenario, repeats, progress)
        for name, measure in parts.items():
            found[name] = measure()
            # Written after each part, so that an interrupted run keeps the finished ones.
            results.write_json(folder / "bench.json", found)
    written = [folder / "bench.json"]
    if grow:
        written.append(growth.draw(found["growth"], folder / "growth.png"))
    screen = console.output()
    for table in tables.of(found):
        screen.print(table)
    screen.print("Written:", *map(str, written), soft_wrap=True)


def _machine(cores: set[int]) -> dict[str, Any]:
    return {
        "versions": results.versions(),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": len(cores) or os.cpu_count(),
            "device": jax.devices()[0].device_kind,
            "backend": jax.default_backend(),
        },
    }


def _rounds(
    scenario: Scenario, params: Params, repeats: int, progress: Progress
) -> dict[str, dict[str, Any]]:
    task = progress.add_task("compiling", total=None)
    core = contenders.scanned(params)
    reference = contenders.slow_reference(scenario, params)
    calls = [
        core,
        contenders.single(scenario),
        *(contenders.vectorized(scenario, rows) for rows in fresh.ROWS),
        *quantum.contenders(scenario.learning, params.learning, scenario.network.nodes),
    ]
    progress.update(task, total=(repeats + 1) * len(calls) + (4 if reference else 0))
    tick = timing.ticker(progress, task)
    found = _compared(timing.seconds_per_round(calls, repeats, tick))
    if reference:
        # A round takes many seconds, so it has a single turn.
        slow = _compared(timing.seconds_per_round([core, reference], 1, tick))
        found[reference.name] = slow[reference.name]
    return found


def _compared(seconds: Mapping[str, NDArray[np.float64]]) -> dict[str, dict[str, Any]]:
    base = next(iter(seconds.values()))
    return {
        name: {
            "rounds per second": timing.estimate(1 / values)._asdict(),
            "times the first's time": timing.estimate(values / base)._asdict(),
        }
        for name, values in seconds.items()
    }


def _stages(params: Params, repeats: int, progress: Progress) -> dict[str, Any]:
    rounds = contenders.ROUNDS
    moments = stages.record(params, contenders.start(params), contenders.requests(params, rounds))
    task = progress.add_task("compiling", total=None)
    calls = [
        Contender(stage, stages.compiled(stage, params, moments), rounds) for stage in stages.STAGES
    ]
    square = jnp.ones((PEAK_SIZE, PEAK_SIZE))
    product = jax.jit(lambda a: a @ a).lower(square).compile()
    calls += [contenders.scanned(params), Contender("peak", lambda: product(square))]
    calls += [contenders.smallest()]
    progress.update(task, total=(repeats + 1) * len(calls))
    seconds = timing.seconds_per_round(calls, repeats, timing.ticker(progress, task))
    medians = {name: timing.estimate(values).median for name, values in seconds.items()}
    one = stages.first(moments)
    found = {
        stage: {"seconds": medians[stage], "flops": flops.of(partial(call, params), one)}
        for stage, call in stages.STAGES.items()
    }
    # The consensus includes the attack, which has a line of its own.
    for figure in ("seconds", "flops"):
        found[stages.CONSENSUS][figure] -= found[stages.ATTACK][figure]
    return {
        "stages": found,
        "scanned seconds": medians["scanned core"],
        "peak flops per second": 2 * PEAK_SIZE**3 / medians["peak"],
        "operations": contenders.operations(params),
        "seconds to start an operation": medians["smallest operation"],
    }


def _windows(scenario: Scenario, repeats: int, progress: Progress) -> dict[str, Any]:
    task = progress.add_task("compiling", total=None)
    calls = windows.rivals(scenario)
    progress.update(task, total=(repeats + 1) * len(calls))
    return _compared(timing.seconds_per_round(calls, repeats, timing.ticker(progress, task)))


def _learners(
    scenario: Scenario, repeats: int, progress: Progress
) -> dict[str, dict[str, dict[str, Any]]]:
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for step, each in learners.decisions(scenario).items():
        task = progress.add_task(f"compiling the learners of a {step}", total=None)
        calls = learners.rivals(each, repeats + 1)
        progress.update(task, total=(repeats + 1) * len(calls))
        tick = timing.ticker(progress, task)
        found[step] = _compared(timing.seconds_per_round(calls, repeats, tick))
    return found


def _cases(repeats: int, progress: Progress) -> dict[str, Any]:
    task = progress.add_task("compiling", total=None)
    calls = [
        contenders.scanned(_of_case(*case))._replace(name=name) for name, case in CASES.items()
    ]
    progress.update(task, total=(repeats + 1) * len(calls))
    seconds = timing.seconds_per_round(calls, repeats, timing.ticker(progress, task))
    return {name: timing.estimate(1 / values)._asdict() for name, values in seconds.items()}


def _of_case(name: str, changes: dict[str, object]) -> Params:
    return parameters.build(config.load(name, {"attack.name": "none", **changes}))
