"""`ceas-gym bench`: measures, prints tables, and writes what it found as JSON."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from ceas_agents import results, run
from ceas_agents.bench import contenders, flops, growth, quantum, stages, tables, timing
from ceas_agents.bench.timing import Contender
from ceas_gym import batch, config, parameters
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

ROWS = (1, 16, 256)
ACCELERATOR_ROWS = (1, 16, 256, 1024, 4096)
PEAK_SIZE = 1024
"""Of the square matrices whose product is taken for the machine's peak."""
CASES: dict[str, tuple[str, dict[str, object]]] = {
    "paper": ("paper", {}),
    "paper, clip+nnm+trimmed_mean": ("paper", {"consensus.rule": "clip+nnm+trimmed_mean"}),
    "paper under white_box": ("paper", {"attack.name": "white_box"}),
    "paper, 200 nodes": ("paper", {"network.nodes": 200, "network.channels": 40}),
    "paper, 6 qubits": ("paper", {"learning.qubits": 6}),
    "tiny": ("tiny", {}),
}
COLD = """
import json, resource, sys, time
start = time.perf_counter()
import gymnasium, ceas_gym
from ceas_gym.scenario import Scenario
scenario = Scenario.model_validate_json(sys.stdin.read())
env = gymnasium.make("ceas_gym/CEAS-v0", scenario=scenario)
made = time.perf_counter()
env.reset(seed=0)
begun = time.perf_counter()
env.step(env.action_space.sample())
print(json.dumps([made - start, begun - made, time.perf_counter() - begun]))
"""
MEMORY = """
import resource, sys
from ceas_gym.scenario import Scenario
from ceas_gym.vector_env import CEASVectorEnv
envs = CEASVectorEnv(256, Scenario.model_validate_json(sys.stdin.read()))
envs.reset(seed=0)
for _ in range(2):
    envs.step(envs.action_space.sample())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
KIB_PER_UNIT = 1 if sys.platform != "darwin" else 1 / 1024
"""Linux counts the peak of memory in KiB, macOS in bytes."""


def bench(scenario: Scenario, repeats: int, folder: Path, *, grow: bool) -> None:
    """Runs all measurements, prints their tables, and writes `bench.json`.

    Args:
        scenario: What is timed.
        repeats: Turns of each contender.
        folder: For `bench.json`, and `growth.png` if asked for.
        grow: Whether to measure how a round's time grows, too.

    Raises:
        OSError: If the folder can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    params = parameters.build(scenario)
    found: dict[str, Any] = {"scenario": json.loads(scenario.model_dump_json()), **_machine()}
    parts: dict[str, Callable[[Progress], Any]] = {
        "rounds": lambda progress: _rounds(scenario, params, repeats, progress),
        "stages": lambda progress: _stages(params, repeats, progress),
        "cases": lambda progress: _cases(repeats, progress),
        "cold start": lambda progress: _cold(scenario, progress),
    }
    if grow:
        parts["growth"] = lambda progress: growth.measure(scenario, repeats, progress)
    with run.progress_bar() as progress:
        for name, measure in parts.items():
            found[name] = measure(progress)
            # An interrupt leaves what is finished.
            results.write_json(folder / "bench.json", found)
    console = run.output()
    for table in tables.of(found):
        console.print(table)
    written = [folder / "bench.json"]
    if grow:
        written.append(growth.draw(found["growth"], folder / "growth.png"))
    console.print("Written:", *map(str, written), soft_wrap=True)


def _machine() -> dict[str, Any]:
    return {
        "versions": results.versions(),
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": batch.usable_cores(),
            "device": jax.devices()[0].device_kind,
            "backend": jax.default_backend(),
        },
    }


def _rounds(
    scenario: Scenario, params: Params, repeats: int, progress: Progress
) -> dict[str, dict[str, Any]]:
    nodes = scenario.network.nodes
    task = progress.add_task("compiling", total=None)
    core = contenders.scanned(params)
    reference = contenders.slow_reference(scenario, params)
    alone = [
        core,
        contenders.single(scenario),
        *(contenders.vectorized(scenario, rows, ", one core") for rows in ROWS),
        *quantum.contenders(scenario.learning, params.learning, nodes),
    ]
    wide = [core, *_side_by_side(scenario, params)]
    total = (repeats + 1) * (len(alone) + len(wide)) + (4 if reference else 0)
    progress.update(task, total=total)
    tick = timing.ticker(progress, task)
    with timing.one_core():
        seconds = timing.seconds_per_round(alone, repeats, tick)
        # Half a minute a round: a single turn has to do.
        slow = timing.seconds_per_round([core, reference], 1, tick) if reference else {}
    together = timing.seconds_per_round(wide, repeats, tick)
    found = _compared(core, seconds) | _compared(core, together, drop=core.name)
    return found | (_compared(core, slow, drop=core.name) if slow else {})


def _side_by_side(scenario: Scenario, params: Params) -> list[Contender]:
    # Batches on all cores, or on the accelerator.
    if jax.default_backend() != "cpu":
        return [contenders.batched(params, rows) for rows in ACCELERATOR_ROWS]
    label = f", {batch.usable_cores()} cores"
    return [contenders.vectorized(scenario, rows, label) for rows in ROWS[1:]]


def _compared(
    core: Contender, seconds: Mapping[str, NDArray[np.float64]], drop: str = ""
) -> dict[str, dict[str, Any]]:
    base = seconds[core.name]
    return {
        name: {
            "rounds per second": timing.estimate(1 / values)._asdict(),
            "times the core's time": timing.estimate(values / base)._asdict(),
        }
        for name, values in seconds.items()
        if name != drop
    }


def _stages(params: Params, repeats: int, progress: Progress) -> dict[str, Any]:
    rounds = contenders.ROUNDS
    tapes = stages.record(params, contenders.start(params), contenders.requests(params, rounds))
    task = progress.add_task("compiling", total=None)
    calls = [
        Contender(f"{place} {tape.stage}", stages.compiled(tape), rounds)
        for place, tape in enumerate(tapes)
    ]
    square = jnp.ones((PEAK_SIZE, PEAK_SIZE))
    product = jax.jit(lambda a: a @ a).lower(square).compile()
    calls += [contenders.scanned(params), Contender("peak", lambda: product(square))]
    progress.update(task, total=(repeats + 1) * len(calls))
    with timing.one_core():
        seconds = timing.seconds_per_round(calls, repeats, timing.ticker(progress, task))
    medians = {name: timing.estimate(values).median for name, values in seconds.items()}
    work = [flops.of(tape.call, *stages.first(tape)) for tape in tapes]
    found = {stage: {"seconds": 0.0, "flops": 0.0} for stage in stages.STAGES}
    for call, tape, count in zip(calls, tapes, work, strict=False):
        found[tape.stage]["seconds"] += medians[call.name]
        found[tape.stage]["flops"] += count
    # The consensus calls the attack.
    for figure in ("seconds", "flops"):
        found[stages.CONSENSUS][figure] -= found[stages.ATTACK][figure]
    return {
        "stages": found,
        "scanned seconds": medians["scanned core"],
        "peak flops per second": 2 * PEAK_SIZE**3 / medians["peak"],
    }


def _cases(repeats: int, progress: Progress) -> dict[str, Any]:
    task = progress.add_task("compiling", total=None)
    calls = [
        contenders.scanned(_of_case(*case))._replace(name=name) for name, case in CASES.items()
    ]
    progress.update(task, total=(repeats + 1) * len(calls))
    with timing.one_core():
        seconds = timing.seconds_per_round(calls, repeats, timing.ticker(progress, task))
    return {name: timing.estimate(1 / values)._asdict() for name, values in seconds.items()}


def _of_case(name: str, changes: dict[str, object]) -> Params:
    return parameters.build(config.load(name, {"attack.name": "none", **changes}))


def _cold(scenario: Scenario, progress: Progress) -> dict[str, Any]:
    task = progress.add_task("cold start", total=2)
    make, reset, step = json.loads(_fresh(COLD, scenario))
    progress.update(task, advance=1, description="memory of 256 rows")
    peak = int(_fresh(MEMORY, scenario)) * KIB_PER_UNIT / 1024
    progress.update(task, advance=1)
    return {
        "make, seconds": make,
        "first reset, seconds": reset,
        "first step, seconds": step,
        "memory of 256 rows, MiB": peak,
    }


def _fresh(script: str, scenario: Scenario) -> str:
    command = [sys.executable, "-c", script]
    text = scenario.model_dump_json()
    return subprocess.run(command, input=text, text=True, check=True, capture_output=True).stdout
