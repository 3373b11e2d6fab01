"""Claim 1, where it holds: the lead of CEAS by coherence time and number of Byzantine nodes."""

from pathlib import Path
from typing import Any

import numpy as np

from ceas_agents.figures import style
from ceas_agents.reproduction.claims import experiments
from ceas_agents.reproduction.claims.attacks import FAIR, Lead, ends, is_claimed
from ceas_agents.reproduction.claims.experiments import BASE
from ceas_agents.sweeps.plan import Plan
from ceas_agents.sweeps.run import Finished
from ceas_gym import config

LARGEST = 30
"""Lead at the end of the colour scale, in points."""
DARK = 20
"""Lead beyond which the number is white, in points."""


def find(plan: Plan, finished: Finished) -> dict[str, Any]:
    """Returns accuracies and leads of CEAS, by coherence time and number of Byzantine nodes.

    Args:
        plan: A sweep of contestants, factors on the coherence times and Byzantine nodes.
        finished: All its rows.

    Returns:
        Accuracies in [0, 1], leads in [-1, 1], and the scenario's median coherence time of a node,
        in s; fit for JSON.
    """
    final = experiments.columns(plan, finished)
    committed = experiments.committed(plan, finished)
    _, times, bad = plan.factors.values()
    cells = {
        time: {
            count: {
                BASE: experiments.estimate(final[BASE, time, count]),
                FAIR: experiments.estimate(final[FAIR, time, count]),
                "ahead": experiments.estimate(final[BASE, time, count] - final[FAIR, time, count]),
                "committed": {name: committed[name, time, count] for name in (BASE, FAIR)},
            }
            for count in bad
        }
        for time in times
    }
    scenario = config.load(plan.scenario)
    return {
        "seeds": experiments.describe_seeds(plan.seeds),
        "coherence_s": scenario.hardware.node_coherence_s,
        "cells": cells,
    }


def rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """Returns a row for each cell, with accuracies in [0, 1].

    Args:
        found: From `find`.
    """
    return [
        {"coherence": float(time), "byzantine_nodes": int(count)}
        | {f"{name}_{end}": value for name, ends in cell.items() for end, value in ends.items()}
        for time, line in found["cells"].items()
        for count, cell in line.items()
    ]


def draw(found: dict[str, Any], path: Path) -> Path:
    """Returns the path of the figure, a map of the leads by coherence time in s.

    A number is bold if its interval excludes zero, and in brackets if a side hardly trains.

    Args:
        found: From `find`.
        path: Of the PNG file.
    """
    cells = found["cells"]
    times, counts = list(cells), list(next(iter(cells.values())))
    ahead = np.array([[100 * line[c]["ahead"]["mean"] for c in counts] for line in cells.values()])
    with style.applied():
        figure = style.figure(3.2)
        axes = figure.add_subplot()
        image = axes.imshow(ahead, cmap="PuOr_r", vmin=-LARGEST, vmax=LARGEST, aspect="auto")
        for (row, column), value in np.ndenumerate(ahead):
            cell = cells[times[row]][counts[column]]
            sure = experiments.is_above(cell["ahead"]) or experiments.is_below(cell["ahead"])
            text = f"{value:+.1f}" if _trains(cell) else f"({value:+.1f})"
            axes.text(
                column,
                row,
                text,
                ha="center",
                va="center",
                color="white" if abs(value) > DARK else "black",
                fontweight="bold" if sure else "normal",
            )
        axes.set_xticks(range(len(counts)), counts)
        axes.set_yticks(range(len(times)), [_seconds(found, time) for time in times])
        axes.set(xlabel="Byzantine nodes of 50", ylabel="median coherence time\nof a node, s")
        figure.colorbar(image, ax=axes, label="CEAS ahead by, points")
        subtitle = "bold: the 95 % interval leaves out zero; in brackets: a side hardly trains"
        style.head(figure, "Lead of CEAS over the fair baseline in final accuracy", subtitle)
        style.save(figure, path)
    return path


def leads(found: dict[str, Any]) -> list[Lead]:
    """Returns the leads of CEAS over the fair baseline under attack, not in per cent.

    Cells are left out in which one of the two commits fewer than half of its rounds, because then
    hardly anything is trained.

    Args:
        found: From `find`.
    """
    return [
        Lead(f"{_seconds(found, time)} s", count, cell["ahead"])
        for time, line in found["cells"].items()
        for count, cell in line.items()
        if count != "0" and _trains(cell)
    ]


def caption(found: dict[str, Any]) -> str:
    """Returns the question and the results, in words.

    Args:
        found: From `find`.
    """
    fair = leads(found)
    least, most = ends(fair)
    idle = sum(not _trains(cell) for line in found["cells"].values() for cell in line.values())
    return (
        "Where does the claimed lead of 10 to 15 points hold? Final accuracy of CEAS minus that of "
        "the fair baseline under the scenario's attack, by coherence time (the hub's memory is "
        f"scaled alike; the scenario has {found['coherence_s']:g} s) and number of Byzantine "
        "nodes; bold where the 95 % interval leaves out zero. "
        f"In {idle} cells (brackets) a side commits fewer than half of its rounds, so that hardly "
        f"anything is trained. Of the {len(fair)} others with Byzantine nodes, "
        f"{sum(is_claimed(lead.ahead) for lead in fair)} have a mean within the claim, "
        f"{sum(experiments.is_above(lead.ahead) for lead in fair)} an interval above zero and "
        f"{sum(experiments.is_below(lead.ahead) for lead in fair)} one below. The lead goes from "
        f"{_at(least)} to {_at(most)}. {found['seeds'].capitalize()}, paired."
    )


def _at(lead: Lead) -> str:
    return f"{experiments.shown(lead.ahead, '+')} ({lead.where}, {lead.byzantine} nodes)"


def _trains(cell: dict[str, Any]) -> bool:
    return min(cell["committed"].values()) >= experiments.HALF


def _seconds(found: dict[str, Any], multiple: str) -> str:
    return f"{found['coherence_s'] * float(multiple):g}"
