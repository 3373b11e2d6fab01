"""Claim 1: 10 to 15 points more than entanglement-oblivious baselines under coordinated attack."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ceas_agents.figures import plots, style
from ceas_agents.reproduction.claims import experiments
from ceas_agents.reproduction.claims.experiments import BASE
from ceas_agents.sweeps.plan import Plan
from ceas_agents.sweeps.run import Finished

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FAIR = "oblivious-fair"
CLAIMED = (0.10, 0.15)
"""The claimed lead in accuracy, as shares: 10 to 15 points."""
COLOURS = {
    BASE: plots.COLOURS["ceas"],
    FAIR: plots.COLOURS["oblivious-fair"],
    "fair + geometric median": plots.OTHER_COLOURS[0],
    "fair + mixing and trimmed mean": plots.OTHER_COLOURS[1],
    "oblivious-naive": plots.COLOURS["oblivious-naive"],
}


class Lead(NamedTuple):
    """The lead of CEAS over another contestant in accuracy."""

    where: str
    """The attack, or the coherence time."""
    byzantine: str
    """Number of Byzantine nodes."""
    ahead: experiments.Estimate
    """In [-1, 1]."""


def find(plan: Plan, finished: Finished) -> dict[str, Any]:
    """Returns accuracies and leads of CEAS, by attack, contestant and number of Byzantine nodes.

    Args:
        plan: A sweep of attacks, contestants and numbers of Byzantine nodes.
        finished: All its rows.

    Returns:
        Accuracies in [0, 1], leads in [-1, 1] and the share of committed rounds, fit for JSON.
    """
    final = experiments.columns(plan, finished)
    committed = experiments.committed(plan, finished)
    names, contestants, bad = plan.factors.values()
    curves = {
        attack: {
            name: {
                count: {
                    "accuracy": experiments.estimate(final[attack, name, count]),
                    "ahead": experiments.estimate(
                        final[attack, BASE, count] - final[attack, name, count]
                    ),
                    "committed": committed[attack, name, count],
                }
                for count in bad
            }
            for name in contestants
        }
        for attack in names
    }
    return {"seeds": experiments.describe_seeds(plan.seeds), "attacks": curves}


def rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """Returns a row for each cell, with accuracies in [0, 1].

    Args:
        found: From `find`.
    """
    return [
        {
            "attack": attack,
            "contestant": name,
            "byzantine_nodes": int(count),
            **{f"accuracy_{end}": value for end, value in cell["accuracy"].items()},
            **{f"ceas_ahead_{end}": value for end, value in cell["ahead"].items()},
            "rounds_committed": cell["committed"],
        }
        for attack, contestants in found["attacks"].items()
        for name, curve in contestants.items()
        for count, cell in curve.items()
    ]


def draw(found: dict[str, Any], path: Path) -> Path:
    """Returns the path of the figure: accuracy in per cent and lead of CEAS, by Byzantine nodes.

    Args:
        found: From `find`.
        path: Of the PNG file.
    """
    attacks = found["attacks"]
    with style.applied():
        figure = style.figure(4.6)
        panels = figure.subplots(2, len(attacks), sharex=True, sharey="row", squeeze=False)
        for column, (attack, contestants) in enumerate(attacks.items()):
            above, below = panels[:, column]
            for name, curve in contestants.items():
                _curve(above, curve, "accuracy", name)
                if name != BASE:
                    _curve(below, curve, "ahead", name)
            below.axhspan(100 * CLAIMED[0], 100 * CLAIMED[1], color=style.GRID, zorder=0)
            below.axhline(0, color=style.GREY, linewidth=0.8)
            above.set_title(attack.replace("_", " "), fontsize=9)
            below.set_xlabel("Byzantine nodes")
        panels[0, 0].set_ylabel("final accuracy, %")
        panels[1, 0].set_ylabel("CEAS ahead by, points")
        panels[1, 0].set_ylim(-25, 82)
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=3, frameon=False)
        style.head(figure, "Final accuracy under attack, and by how much CEAS is ahead")
        style.save(figure, path)
    return path


def leads(found: dict[str, Any], over: str = FAIR) -> list[Lead]:
    """Returns the leads of CEAS over a contestant under attack, in [-1, 1] and not in per cent.

    Cells are left out in which one of the two commits fewer than half of its rounds, because then
    hardly anything is trained.

    Args:
        found: From `find`.
        over: Name of the other contestant.
    """
    return [
        Lead(attack, count, cell["ahead"])
        for attack, contestants in found["attacks"].items()
        for count, cell in contestants[over].items()
        if count != "0"
        and min(cell["committed"], contestants[BASE][count]["committed"]) >= experiments.HALF
    ]


def is_claimed(lead: experiments.Estimate) -> bool:
    """Returns whether a mean lead is within the claimed one, in [0.10, 0.15].

    Args:
        lead: A lead in accuracy.
    """
    return CLAIMED[0] <= lead["mean"] <= CLAIMED[1]


def caption(found: dict[str, Any]) -> str:
    """Returns the question and the results, in words.

    Args:
        found: From `find`.
    """
    fair = leads(found)
    least, most = ends(fair)
    reaching = sum(lead.ahead["high"] >= CLAIMED[0] for lead in fair)
    return (
        "How much accuracy does CEAS keep under coordinated attack, compared with schedulers that "
        f"ignore entanglement? Its lead over the fair baseline goes from {_at(least)} to "
        f"{_at(most)}. Of {len(fair)} combinations of attack and Byzantine nodes, "
        f"{sum(is_claimed(lead.ahead) for lead in fair)} have a mean within the claimed 10 to 15 "
        f"points (grey), {reaching} an interval that reaches 10, "
        f"{sum(experiments.is_above(lead.ahead) for lead in fair)} one above zero, and "
        f"{sum(experiments.is_below(lead.ahead) for lead in fair)} one below. "
        f"{_over_others(found)} Mean and 95 % interval over {found['seeds']}, paired by seed."
    )


def ends(found: list[Lead]) -> tuple[Lead, Lead]:
    """Returns the least and the greatest mean lead.

    Args:
        found: At least one lead, in [-1, 1] and not in per cent.
    """
    ordered = sorted(found, key=lambda lead: lead.ahead["mean"])
    return ordered[0], ordered[-1]


def _over_others(found: dict[str, Any]) -> str:
    # The claim may have been meant for baselines with other rules than the hub's own.
    told = []
    for name in (name for name in COLOURS if name not in (BASE, FAIR)):
        least, most = ends(leads(found, name))
        told.append(f"over {name} from {_at(least)} to {_at(most)}")
    return f"The lead goes {'; '.join(told)}: where it is large, the aggregation rule causes it."


def _at(lead: Lead) -> str:
    return f"{experiments.shown(lead.ahead, '+')} points ({lead.where}, {lead.byzantine} nodes)"


def _curve(axes: "Axes", curve: dict[str, Any], figure: str, name: str) -> None:
    # Contestants are shifted against each other, so that no interval hides another.
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
    axes.grid(axis="y", color=style.GRID, linewidth=0.8)
