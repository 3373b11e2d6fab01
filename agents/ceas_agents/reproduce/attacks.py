"""Claim 1: 10 to 15 points more than entanglement-oblivious baselines under coordinated attack."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ceas_agents import canvas, plots
from ceas_agents.reproduce import experiments
from ceas_agents.reproduce.experiments import BASE
from ceas_agents.sweep import Finished
from ceas_agents.sweep_plan import Plan

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAIR = "oblivious-fair"
CLAIMED = (0.10, 0.15)
"""Points of accuracy, as a share."""
COLOURS = {
    BASE: plots.COLOURS["ceas"],
    FAIR: plots.COLOURS["oblivious-fair"],
    "fair + geometric median": plots.OTHER_COLOURS[0],
    "fair + mixing and trimmed mean": plots.OTHER_COLOURS[1],
    "oblivious-naive": plots.COLOURS["oblivious-naive"],
}


class Lead(NamedTuple):
    """By how much CEAS is ahead of the fair baseline, in accuracy."""

    where: str
    """The attack, or the coherence time."""
    byzantine: str
    """Number of nodes."""
    ahead: experiments.Estimate


def find(plan: Plan, finished: Finished) -> dict[str, Any]:
    """Returns accuracies, and what CEAS has more, by attack, contestant and Byzantine nodes."""
    final = experiments.columns(plan, finished)
    names, contestants, bad = plan.factors.values()
    curves = {
        attack: {
            name: {
                count: {
                    "accuracy": experiments.estimate(final[attack, name, count]),
                    "ahead": experiments.estimate(
                        final[attack, BASE, count] - final[attack, name, count]
                    ),
                }
                for count in bad
            }
            for name in contestants
        }
        for attack in names
    }
    return {"seeds": experiments.describe_seeds(plan.seeds), "attacks": curves}


def rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """Returns a row of each cell."""
    return [
        {
            "attack": attack,
            "contestant": name,
            "byzantine_nodes": int(count),
            **{f"accuracy_{end}": value for end, value in cell["accuracy"].items()},
            **{f"ceas_ahead_{end}": value for end, value in cell["ahead"].items()},
        }
        for attack, contestants in found["attacks"].items()
        for name, curve in contestants.items()
        for count, cell in curve.items()
    ]


def draw(found: dict[str, Any], path: Path) -> Path:
    """Draws accuracy against Byzantine nodes above, and the lead of CEAS below, by attack."""
    attacks = found["attacks"]
    with canvas.style():
        figure = canvas.figure(4.6)
        panels = figure.subplots(2, len(attacks), sharex=True, sharey="row", squeeze=False)
        for column, (attack, contestants) in enumerate(attacks.items()):
            above, below = panels[:, column]
            for name, curve in contestants.items():
                _curve(above, curve, "accuracy", name)
                if name != BASE:
                    _curve(below, curve, "ahead", name)
            below.axhspan(100 * CLAIMED[0], 100 * CLAIMED[1], color=canvas.GRID, zorder=0)
            below.axhline(0, color=canvas.GREY, linewidth=0.8)
            above.set_title(attack.replace("_", " "), fontsize=9)
            below.set_xlabel("Byzantine nodes")
        panels[0, 0].set_ylabel("final accuracy, %")
        panels[1, 0].set_ylabel("CEAS ahead by, points")
        panels[1, 0].set_ylim(-25, 60)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=3, frameon=False)
        canvas.save(figure, path)
    return path


def leads(found: dict[str, Any]) -> list[Lead]:
    """Returns by how much CEAS is ahead of the fair baseline, wherever there is an attacker."""
    return [
        Lead(attack, count, cell["ahead"])
        for attack, contestants in found["attacks"].items()
        for count, cell in contestants[FAIR].items()
        if count != "0"
    ]


def is_claimed(lead: experiments.Estimate) -> bool:
    """Returns whether a mean lead is the claimed one."""
    return CLAIMED[0] <= lead["mean"] <= CLAIMED[1]


def caption(found: dict[str, Any]) -> str:
    """Returns what came out, in words."""
    fair = leads(found)
    most = max(fair, key=lambda lead: lead.ahead["mean"])
    least = min(fair, key=lambda lead: lead.ahead["mean"])
    inside = sum(is_claimed(lead.ahead) for lead in fair)
    certain = sum(lead.ahead["low"] > 0 for lead in fair)
    behind = sum(lead.ahead["high"] < 0 for lead in fair)
    return (
        "How much accuracy does CEAS keep under coordinated attack, beside schedulers that know "
        f"nothing of entanglement? Against the fair baseline it is ahead by {_at(most)} at most "
        f"and by {_at(least)} at least. Of {len(fair)} combinations of attack and Byzantine "
        f"nodes, {inside} lie within the claimed 10 to 15 points (grey), {certain} have an "
        f"interval above zero, and {behind} one below it. {_over_rules(found)} The gap to the "
        "naive baseline is the robust rule's, not the schedule's. Mean and 95 % interval over "
        f"{found['seeds']}, paired by seed."
    )


def _over_rules(found: dict[str, Any]) -> str:
    # The claim could be meant against other rules than the hub's own.
    told = []
    for name in (name for name in COLOURS if name.startswith("fair +")):
        means = [
            cell["ahead"]["mean"]
            for contestants in found["attacks"].values()
            for count, cell in contestants[name].items()
            if count != "0"
        ]
        low, high = 100 * min(means), 100 * max(means)
        told.append(f"from {low:+.1f} to {high:+.1f} against {name}")
    return f"On the same schedule with rules of the literature it goes {', '.join(told)}."


def _at(lead: Lead) -> str:
    return f"{experiments.shown(lead.ahead, '+')} points ({lead.where}, {lead.byzantine} of 50)"


def _curve(axes: "Axes", curve: dict[str, Any], figure: str, name: str) -> None:
    # A little aside from each other, so that all intervals are seen.
    aside = 0.35 * (list(COLOURS).index(name) - (len(COLOURS) - 1) / 2)
    counts = [int(count) + aside for count in curve]
    mean, low, high = (
        np.array([100 * cell[figure][end] for cell in curve.values()])
        for end in ("mean", "low", "high")
    )
    axes.errorbar(
        counts,
        mean,
        yerr=[mean - low, high - mean],
        fmt="o-",
        color=COLOURS[name],
        label=name,
        markersize=2.5,
        linewidth=1.2,
        elinewidth=0.8,
    )
    axes.grid(axis="y", color=canvas.GRID, linewidth=0.8)
