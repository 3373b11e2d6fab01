"""The sweeps behind the report, from files in this folder, and what a quick run keeps of them."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ceas_agents.statistics import intervals
from ceas_agents.sweeps import plan as plans
from ceas_agents.sweeps.plan import Plan
from ceas_agents.sweeps.run import Finished

FOLDER = Path(__file__).parent / "experiments"
BASE = "ceas"
"""The contestant that the others are compared with."""
QUICK_SEEDS = 3
QUICK: dict[str, dict[str, Sequence[str]]] = {
    "attacks": {
        "attack.name": ("sign_flip", "white_box"),
        "attack.byzantine_nodes": ("0", "12", "20"),
    },
    "map": {"coherence": ("0.25", "1", "4"), "attack.byzantine_nodes": ("0", "12")},
    "ablation": {},
    "extras": {},
    "ablation-short": {},
    "extras-short": {"contestant": ("ceas",)},
    "scale": {
        "contestant": ("ceas", "oblivious-fair"),
        "setting": ("10 nodes", "50 nodes", "2 qubits", "wine"),
    },
    "surfnet": {"contestant": ("ceas", "oblivious-fair")},
}
"""Labels of each varied name that a quick run keeps; for names not listed it keeps all labels."""
SHORT: dict[str, object] = {"hardware.hub_coherence_s": 10.5, "hardware.node_coherence_s": 5.0}
"""A quarter of the scenario's coherence times, in s; then some nodes lack key for a tag."""
VARIANTS = {f"{name}-short": (name, SHORT) for name in ("ablation", "extras")}
"""Sweeps that use the file of another sweep, and what they change in it."""
Estimate = dict[str, float]
"""Mean over the seeds, and the ends of its 95 % interval."""
ROUNDING = 1e-6
"""Rounding error of accuracies in single precision: smaller differences count as zero."""
HALF = 0.5
"""Share of the rounds that must be committed: below it, hardly anything is trained."""
Columns = dict[tuple[str, ...], NDArray[np.float64]]
"""One value for every seed, shape (seeds,), by the labels of a cell."""


def plan(name: str, *, quick: bool) -> Plan:
    """Returns the plan of a sweep of the report.

    Args:
        name: A key of `QUICK`.
        quick: Whether to keep only a few seeds and cells.
    """
    file, changes = VARIANTS.get(name, (name, {}))
    whole = plans.load(FOLDER / f"{file}.yaml", changes)
    return shortened(whole, QUICK[name], QUICK_SEEDS) if quick else whole


def shortened(whole: Plan, kept: Mapping[str, Sequence[str]], seeds: int) -> Plan:
    """Returns a sweep with the first seeds only, and the cells whose labels are all kept.

    Args:
        whole: The whole sweep.
        kept: Labels to keep, by varied name; all labels of a name that is missing are kept.
        seeds: Number of seeds to keep; at least 1.
    """
    factors = {
        name: {label: levels[label] for label in kept.get(name, levels)}
        for name, levels in whole.factors.items()
    }
    cells = [
        cell
        for cell in whole.cells
        if all(label in factors[name] for name, label in zip(factors, cell.labels, strict=True))
    ]
    return whole._replace(factors=factors, cells=cells, seeds=whole.seeds[:seeds])


def columns(plan: Plan, finished: Finished, name: str = "final_accuracy") -> Columns:
    """Returns one column of all seeds, of shape (seeds,), by the labels of a cell.

    Args:
        plan: The sweep, whose seeds give the order.
        finished: All its rows.
        name: A column of `evaluation.play.summary`.
    """
    return {
        labels: np.array([rows[seed][name] for seed in plan.seeds])
        for labels, rows in finished.items()
    }


def committed(plan: Plan, finished: Finished) -> dict[tuple[str, ...], float]:
    """Returns the share of the rounds that were committed, in [0, 1], by the labels of a cell.

    Args:
        plan: The sweep; all its cells have as many rounds.
        finished: All its rows.
    """
    rounds = plans.resolve(plan, plan.cells[0])[1].episode.rounds
    counts = columns(plan, finished, "committed_rounds")
    return {labels: float(values.mean() / rounds) for labels, values in counts.items()}


def is_above(found: Estimate) -> bool:
    """Returns whether the whole interval of a difference is above zero.

    Args:
        found: A difference of accuracies, in [-1, 1] and not in per cent.
    """
    return found["low"] > ROUNDING


def is_below(found: Estimate) -> bool:
    """Returns whether the whole interval of a difference is below zero.

    Args:
        found: A difference of accuracies, in [-1, 1] and not in per cent.
    """
    return found["high"] < -ROUNDING


def estimate(values: NDArray[np.float64]) -> Estimate:
    """Returns the mean with its 95 % bootstrap interval over the seeds.

    Args:
        values: One value for each seed, of shape (seeds,).

    Example:
        >>> estimate(np.array([0.5, 0.5]))
        {'mean': 0.5, 'low': 0.5, 'high': 0.5}
    """
    low, high = intervals.interval(values)
    return {"mean": float(values.mean()), "low": low, "high": high}


def shown(found: Estimate, sign: str = "") -> str:
    """Returns an estimate as text, in per cent.

    Args:
        found: A share or a difference of shares; 1 is 100 per cent.
        sign: `+` for differences.

    Example:
        >>> shown({"mean": 0.5, "low": 0.25, "high": 0.8})
        '50.0 (25.0 to 80.0)'
    """
    mean, low, high = (100 * found[name] for name in ("mean", "low", "high"))
    return f"{mean:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


def describe_changes(plan: Plan) -> str:
    """Returns the settings that a sweep changes in its scenario, as part of a sentence.

    Args:
        plan: The sweep.
    """
    changes = ", ".join(f"{key} = {value}" for key, value in plan.fixed.items())
    return f" with {changes}" if changes else ""


def describe_seeds(seeds: range) -> str:
    """Returns the range of seeds in words.

    Args:
        seeds: At least one.

    Example:
        >>> describe_seeds(range(20))
        'seeds 0 to 19'
    """
    return f"seeds {seeds.start} to {seeds.stop - 1}"
