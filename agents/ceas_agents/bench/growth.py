"""How the time of a round grows with nodes, qubits, samples and rows of a batch."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress

from ceas_agents.bench import contenders, timing
from ceas_agents.bench.timing import Contender
from ceas_agents.figures import style
from ceas_gym import config, parameters
from ceas_gym.scenario import Scenario

BATCH, QUBITS = "rows of a batch", "qubits"
LINE = "#0072B2"
CURVES: dict[str, tuple[tuple[int, ...], str]] = {
    "nodes": ((10, 25, 50, 100, 200, 400), "1, and 2 for the ranks"),
    QUBITS: ((2, 4, 6, 8), "below 1 in 4^qubits: most words are not reached"),
    "samples": ((4, 8, 16, 32, 64, 128), "1 beyond what is fixed"),
    BATCH: ((1, 4, 16, 64, 256), "1"),
}
"""Sizes, and the exponent that is expected from the number of operations."""


def measure(scenario: Scenario, repeats: int, progress: Progress) -> dict[str, Any]:
    """Returns the time of a round, or of a step of all rows, in s, at each size of each curve.

    Args:
        scenario: Resolved settings, in which one size at a time is changed.
        repeats: Turns of each size; at least 1.
        progress: Gets a bar.
    """
    task = progress.add_task("growth", total=sum(len(sizes) for sizes, _ in CURVES.values()))
    found: dict[str, Any] = {}
    for name, (sizes, expected) in CURVES.items():
        seconds: list[float] = []
        for size in sizes:
            progress.update(task, description=f"{name}: {size}")
            contender = _contender(scenario, name, size)
            taken = timing.seconds_per_round([contender], repeats, lambda _: None)
            seconds.append(timing.estimate(taken[contender.name]).median)
            progress.update(task, advance=1)
        found[name] = {
            "sizes": sizes,
            "seconds": seconds,
            "exponent": exponent(_extent(name, sizes), np.array(seconds)),
            "expected": expected,
        }
    return found


def exponent(sizes: NDArray[np.int64], seconds: NDArray[np.float64]) -> float:
    """Returns the slope of log t over log x, fitted to the upper half of the sizes.

    Args:
        sizes: Increasing and above 0, of shape (sizes,).
        seconds: The time t at each size, in s; above 0.

    Example:
        >>> exponent(np.array([1, 2, 4, 8]), np.array([9.0, 4.0, 16.0, 64.0]))
        2.0
    """
    upper = slice(len(sizes) // 2, None)
    slope = np.polyfit(np.log(sizes[upper]), np.log(seconds[upper]), 1)[0]
    return round(float(slope), 10)


def draw(found: dict[str, Any], path: Path) -> Path:
    """Returns the path of the figure of all curves, with times in ms.

    Args:
        found: From `measure`.
        path: Of the PNG file.
    """
    with style.applied():
        figure = style.figure(height_inches=2.4)
        panels = figure.subplots(1, len(found), sharey=True)
        for axes, (name, curve) in zip(panels, found.items(), strict=True):
            milliseconds = 1e3 * np.array(curve["seconds"])
            axes.loglog(curve["sizes"], milliseconds, "o-", color=LINE)
            axes.set_xticks(curve["sizes"], list(map(str, curve["sizes"])), fontsize=7)
            axes.minorticks_off()
            axes.set_xlabel(f"{name}\nexponent {curve['exponent']:.2f}{_of(name)}")
            axes.yaxis.set_major_formatter("{x:g}")
            axes.grid(color=style.GRID)
        panels[0].set_ylabel("time of a round, ms")
        style.head(figure, "How the time of a round grows with its size")
        style.save(figure, path)
    return path


def _extent(name: str, sizes: tuple[int, ...]) -> NDArray[np.int64]:
    # One more qubit makes four times as many Pauli words.
    return 4 ** np.array(sizes) if name == QUBITS else np.array(sizes)


def _of(name: str) -> str:
    return " in 4^qubits" if name == QUBITS else ""


def _contender(scenario: Scenario, name: str, size: int) -> Contender:
    if name == BATCH:
        batched = contenders.batched(parameters.build(scenario), size)
        return batched._replace(rounds=batched.rounds / size)
    changes: dict[str, dict[str, object]] = {
        "nodes": {
            "network.nodes": size,
            "network.channels": math.ceil(size / 5),
            "attack.byzantine_nodes": size // 5,
        },
        QUBITS: {"learning.qubits": size},
        "samples": {"learning.batch_size": size},
    }
    return contenders.scanned(parameters.build(config.load(scenario, changes[name])), rounds=20)
