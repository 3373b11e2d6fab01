"""Claim 3: weights by fidelity suppress noise. By how much, and what can Byzantine nodes gain?"""

from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ceas_agents.figures import plots, style
from ceas_agents.reproduction.claims.variance.case import (
    BEST,
    NOBODY,
    PLACEMENTS,
    RANDOM,
    Size,
    examine,
)
from ceas_agents.reproduction.claims.variance.draws import (
    CAPPED,
    CEAS,
    SCHEDULES,
    SCHEMES,
    UNIFORM,
    Scheme,
    rounds_of,
)
from ceas_agents.statistics import intervals
from ceas_gym import config, parameters
from ceas_gym.scenario import Scenario

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "variance"
PLAIN = "mean"
FISHER = "fisher, none"
"""The weights whose variance is predicted by the ratio of the harmonic and arithmetic means."""
MARKS = {
    NOBODY: ("o", style.GREY, "nobody Byzantine"),
    RANDOM: ("s", plots.OTHER_COLOURS[3], "at random"),
    BEST: ("D", plots.OTHER_COLOURS[1], "on the best links"),
}
SETTINGS = {"textbook": ("o", "textbook"), "qnn": ("^", "QNN")}
CAP_NAMES = {"none": "no cap", "certificate": "certificate", "share_budget": "share budget"}
LEGEND: dict[str, Any] = {"ncols": len(MARKS), "frameon": False, "columnspacing": 1.2}
SHIFT = 0.22
"""Distance between the marks of one scheme, in rows."""
FULL, QUICK = Size(20, 20_000, 2000, 400), Size(3, 4000, 200, 50)


def measure(scenario: Scenario, *, quick: bool, tick: Callable[[float], None]) -> dict[str, Any]:
    """Returns variances and errors of each seed and schedule, fit for JSON.

    An episode is played without attack up to the middle of its budget, and the last round with a
    quorum is drawn many times. Both schedules use the models of CEAS's episode, so that they differ
    only in what is delivered.

    Args:
        scenario: Of its attack, only the number of Byzantine nodes is used.
        quick: Whether few seeds and draws are enough.
        tick: Called with the share that is done, in [0, 1].

    Raises:
        ValueError: If under a schedule no round has a quorum.
    """
    params = parameters.build(config.load(scenario, {"attack.name": "none"}))
    size, length = QUICK if quick else FULL, max(scenario.episode.rounds // 2, 1)
    names = list(dict.fromkeys((PLAIN, scenario.consensus.rule)))
    cases: list[dict[str, Any]] = []
    for seed in range(size.seeds):
        for schedule, (place, now) in rounds_of(params, length, seed).items():
            case = {"seed": seed, "schedule": schedule, "round": place + 1}
            cases.append(case | examine(params, now, names, size, seed))
        tick((seed + 1) / size.seeds)
    return {
        "scenario": scenario.name,
        "seeds": size.seeds,
        "byzantine_nodes": scenario.attack.byzantine_nodes,
        "rules": names,
        "cap": scenario.consensus.cap,
        "cases": cases,
    }


def rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """Returns a row for each seed, schedule and scheme of weights.

    Args:
        found: From `measure`. Weights are in [0, 1], errors and variances are relative.
    """
    return [
        {name: case[name] for name in ("seed", "schedule", "round", "counted")}
        | {"weights": scheme}
        | {
            f"{setting}_{name}": value[scheme] if isinstance(value, dict) else value
            for setting in ("textbook", "qnn")
            for name, value in case[setting].items()
        }
        | {f"byzantine_weight_{where}": case["share"][where][scheme] for where in PLACEMENTS}
        | {
            f"error_{rule}_{where}": case["error"][rule][where][scheme]
            for rule in found["rules"]
            for where in PLACEMENTS
        }
        for case in found["cases"]
        for scheme in (each.name for each in SCHEMES)
    ]


def draw(found: dict[str, Any], path: Path) -> Path:
    """Returns the path of the figure: variance against its prediction, and errors by rule.

    Args:
        found: From `measure`; predicted ratios of variances are in (0, 1].
        path: Of the PNG file.
    """
    wide = [1.5] + [1.0] * len(found["rules"])
    panels: dict[tuple[str, str], Axes] = {}
    with style.applied():
        figure = style.figure(height_inches=5.2)
        grid = figure.add_gridspec(len(SCHEDULES), len(wide), width_ratios=wide)
        _draw_ratios(figure.add_subplot(grid[:, 0]), found)
        for (row, schedule), (column, rule) in product(
            enumerate(SCHEDULES), enumerate(found["rules"], start=1)
        ):
            axes = figure.add_subplot(grid[row, column], sharex=panels.get((CEAS, rule)))
            _draw_errors(axes, found, schedule, rule)
            axes.tick_params(labelleft=column == 1)
            panels[schedule, rule] = axes
        handles, names = panels[CEAS, PLAIN].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower right", **LEGEND)
        style.head(figure, "Weights by fidelity: the variance and the errors that they leave")
        style.save(figure, path)
    return path


def caption(found: dict[str, Any]) -> str:
    """Returns the question and the results, in words.

    Args:
        found: From `measure`.
    """
    return (
        f"Do weights by fidelity suppress noise? {_of_variance(found)} {_under_attack(found)} "
        f"Mean and 95 % interval over {found['seeds']} seeds; the noise is that of the gradients "
        "of one round at a fixed model."
    )


def _of_variance(found: dict[str, Any]) -> str:
    def both(*path: str) -> str:
        return " and ".join(_shown(_values(found, schedule, *path)) for schedule in SCHEDULES)

    minibatch = 100 * np.mean([case["qnn"]["minibatch"] for case in found["cases"]])
    return (
        "Shares of the variance under equal weights, with CEAS's schedule and with the uniform "
        f"one: Fisher weights leave {both('qnn', 'ratio', FISHER)} without a cap, where the "
        "harmonic over the arithmetic mean of the information says "
        f"{both('qnn', 'predicted')}. Weights by shots alone, without fidelity, leave "
        f"{both('qnn', 'by_shots')}. Under the hub's cap, {found['cap'].replace('_', ' ')}, Fisher "
        f"weights leave {both('qnn', 'ratio', _capped(found))}. In the textbook's setting, "
        f"without a cap, they leave {both('textbook', 'ratio', FISHER)}, predicted "
        f"{both('textbook', 'predicted')}. The minibatch makes {minibatch:.1f} % of an update's "
        "noise. CEAS's schedule has, with equal weights, "
        f"{_shown(_by_schedule(found))} of the uniform one's variance."
    )


def _under_attack(found: dict[str, Any]) -> str:
    rule = found["rules"][-1]

    def share(scheme: str) -> str:
        return f"{100 * np.mean(_values(found, CEAS, 'share', BEST, scheme)):.0f} %"

    def times(where: str, rule: str) -> str:
        return _shown(_over_equal(found, CEAS, rule, where, FISHER))

    return (
        f"With {found['byzantine_nodes']} nodes that send the negated honest mean, the squared "
        "error over that of equal weights, without a cap and under CEAS's schedule, is "
        f"{times(BEST, PLAIN)} under the mean and {times(BEST, rule)} under the {rule} if they are "
        f"on the best links, {times(RANDOM, PLAIN)} and {times(RANDOM, rule)} on random links, "
        f"and {times(NOBODY, PLAIN)} and {times(NOBODY, rule)} with nobody Byzantine. From the "
        f"best links they carry {share(FISHER)} of the weight without a cap, "
        f"{share(_capped(found))} with it, and {share(UNIFORM)} of equal weights."
    )


def _capped(found: dict[str, Any]) -> str:
    return f"fisher, {found['cap']}"


def _draw_ratios(axes: "Axes", found: dict[str, Any]) -> None:
    for setting, (mark, label) in SETTINGS.items():
        for schedule in SCHEDULES:
            predicted = _values(found, schedule, setting, "predicted")
            measured = _values(found, schedule, setting, "ratio", FISHER)
            shade = plots.COLOURS[schedule]
            name = f"{label}, {schedule} schedule"
            axes.plot(predicted, measured, mark, color=shade, label=name, alpha=0.7, zorder=3)
    ends = [*axes.get_xlim(), *axes.get_ylim(), 1]
    axes.axline((1, 1), slope=1, color=style.GREY, linewidth=0.8, zorder=0)
    axes.set(xlim=(min(ends), max(ends)), ylim=(min(ends), max(ends)), aspect="equal")
    axes.set_xlabel("harmonic / arithmetic mean\nof the information")
    axes.set_ylabel("variance, Fisher / equal weights")
    axes.set_title("without attackers", loc="left", fontsize=9)
    axes.grid(color=style.GRID, linewidth=0.8)
    axes.legend(fontsize=7, frameon=False, loc="lower right", handletextpad=0.2)


def _draw_errors(axes: "Axes", found: dict[str, Any], schedule: str, rule: str) -> None:
    axes.axvline(1, color=style.GREY, linewidth=0.8, zorder=0)
    for place, (where, (mark, shade, label)) in enumerate(MARKS.items()):
        columns = [_over_equal(found, schedule, rule, where, scheme.name) for scheme in CAPPED]
        low, high = intervals.intervals(np.array(columns).T)
        level = np.arange(len(CAPPED)) + SHIFT * (place - 1)
        axes.hlines(level, low, high, color=shade, linewidth=1.2)
        axes.plot(np.mean(columns, axis=1), level, mark, color=shade, label=label, markersize=3)
    axes.set_ylim(len(CAPPED) - 0.5, -0.5)
    axes.set_yticks(range(len(CAPPED)), map(_label, CAPPED), fontsize=7)
    axes.set_title(f"{rule}, {schedule} schedule", loc="left", fontsize=8)
    axes.set_xlabel("squared error /\nthat of equal weights", fontsize=8)
    axes.grid(axis="x", color=style.GRID, linewidth=0.8)


def _label(scheme: Scheme) -> str:
    return f"{scheme.weights},\n{CAP_NAMES[scheme.cap]}".replace("_", " ")


def _values(found: dict[str, Any], schedule: str, *path: str) -> list[float]:
    values: list[Any] = [case for case in found["cases"] if case["schedule"] == schedule]
    for name in path:
        values = [value[name] for value in values]
    return values


def _over_equal(
    found: dict[str, Any], schedule: str, rule: str, where: str, scheme: str
) -> list[float]:
    errors, equal = (
        _values(found, schedule, "error", rule, where, name) for name in (scheme, UNIFORM)
    )
    return [error / same for error, same in zip(errors, equal, strict=True)]


def _by_schedule(found: dict[str, Any]) -> list[float]:
    ceas, equal = (
        _values(found, schedule, "qnn", "relative_variance", UNIFORM) for schedule in SCHEDULES
    )
    return [mine / other for mine, other in zip(ceas, equal, strict=True)]


def _shown(values: list[float]) -> str:
    low, high = intervals.interval(values)
    return f"{np.mean(values):.2f} ({low:.2f} to {high:.2f})"
