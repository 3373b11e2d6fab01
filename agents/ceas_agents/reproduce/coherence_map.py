"""Claim 1, where it holds: the lead of CEAS by coherence time and number of Byzantine nodes."""

from pathlib import Path
from typing import Any

import numpy as np

from ceas_agents import canvas
from ceas_agents.reproduce import experiments
from ceas_agents.reproduce.attacks import CLAIMED, FAIR, Lead, is_claimed
from ceas_agents.reproduce.experiments import BASE
from ceas_agents.sweep import Finished
from ceas_agents.sweep_plan import Plan

NODE_S = 20.0
"""Median coherence time of the scenario's nodes."""
LARGEST = 30
"""Points, at which the colours end."""
DARK = 20
"""Points, beyond which a number is white."""


def find(plan: Plan, finished: Finished) -> dict[str, Any]:
    """Returns accuracies and what CEAS has more, by coherence time and Byzantine nodes."""
    final = experiments.columns(plan, finished)
    _, times, bad = plan.factors.values()
    cells = {
        time: {
            count: {
                BASE: experiments.estimate(final[BASE, time, count]),
                FAIR: experiments.estimate(final[FAIR, time, count]),
                "ahead": experiments.estimate(final[BASE, time, count] - final[FAIR, time, count]),
            }
            for count in bad
        }
        for time in times
    }
    return {"seeds": experiments.describe_seeds(plan.seeds), "cells": cells}


def rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """Returns a row of each cell."""
    return [
        {"coherence": float(time), "byzantine_nodes": int(count)}
        | {f"{name}_{end}": value for name, ends in cell.items() for end, value in ends.items()}
        for time, line in found["cells"].items()
        for count, cell in line.items()
    ]


def draw(found: dict[str, Any], path: Path) -> Path:
    """Draws the lead as a map, with bold numbers where the interval leaves out zero."""
    cells = found["cells"]
    times, counts = list(cells), list(next(iter(cells.values())))
    ahead = np.array([[100 * line[c]["ahead"]["mean"] for c in counts] for line in cells.values()])
    with canvas.style():
        figure = canvas.figure(3.2)
        axes = figure.add_subplot()
        image = axes.imshow(ahead, cmap="PuOr_r", vmin=-LARGEST, vmax=LARGEST, aspect="auto")
        for (row, column), value in np.ndenumerate(ahead):
            found_there = cells[times[row]][counts[column]]["ahead"]
            sure = found_there["low"] > 0 or found_there["high"] < 0
            axes.text(
                column,
                row,
                f"{value:+.1f}",
                ha="center",
                va="center",
                color="white" if abs(value) > DARK else "black",
                fontweight="bold" if sure else "normal",
            )
        axes.set_xticks(range(len(counts)), counts)
        axes.set_yticks(range(len(times)), [f"{NODE_S * float(time):g}" for time in times])
        axes.set(xlabel="Byzantine nodes of 50", ylabel="median coherence time\nof a node, s")
        figure.colorbar(image, ax=axes, label="CEAS ahead by, points")
        canvas.save(figure, path)
    return path


def leads(found: dict[str, Any]) -> list[Lead]:
    """Returns by how much CEAS is ahead of the fair baseline, wherever there is an attacker."""
    return [
        Lead(time, count, cell["ahead"])
        for time, line in found["cells"].items()
        for count, cell in line.items()
        if count != "0"
    ]


def caption(found: dict[str, Any]) -> str:
    """Returns what came out, in words."""
    fair = leads(found)
    inside = sum(is_claimed(lead.ahead) for lead in fair)
    beyond = sum(lead.ahead["mean"] > CLAIMED[1] for lead in fair)
    most = max(fair, key=lambda lead: lead.ahead["mean"])
    return (
        "Where does the claimed lead of 10 to 15 points hold? Final accuracy of CEAS minus that of "
        "the fair baseline under the scenario's attack, by coherence time (the hub's memory is "
        f"scaled alike; the scenario has {NODE_S:g} s) and number of Byzantine nodes; bold where "
        f"the 95 % interval leaves out zero. Of {len(fair)} cells with Byzantine nodes, {inside} "
        f"lie within the claim and {beyond} above it; the greatest lead is "
        f"{experiments.shown(most.ahead, '+')} at {NODE_S * float(most.where):g} s and "
        f"{most.byzantine} nodes. {found['seeds'].capitalize()}, paired."
    )
