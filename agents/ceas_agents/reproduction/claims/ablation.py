"""The effect of each part of CEAS: all combinations of four choices, and two more changes."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from ceas_agents.figures import style
from ceas_agents.reproduction.claims import experiments
from ceas_agents.sweeps.plan import Plan
from ceas_agents.sweeps.run import Finished

SHADE = style.GREY
KINDS = {"main": "mean over all combinations", "beside all others": "beside all others"}
"""Axis labels of the two kinds of effect."""


def find(plan: Plan, finished: Finished) -> dict[str, Any]:
    """Returns the accuracy of every combination, and the effects of every part, fit for JSON.

    The main effect of a part is the mean difference that it makes over all combinations of the
    other parts. Its effect beside all others is the difference that it makes when all other parts
    are present.

    Args:
        plan: A sweep of two levels for each part; the first level is that of CEAS.
        finished: All its rows.

    Returns:
        Accuracies and utilization in [0, 1], and effects in [-1, 1], as means over the seeds with
        the ends of their 95 % intervals.

    Source:
        Full factorial design of two levels: Box, Hunter and Hunter, Statistics for Experimenters,
        2nd ed., 2005.
    """
    final = experiments.columns(plan, finished)
    factors = {name: list(levels) for name, levels in plan.factors.items()}
    used = columns_of_use(plan, finished)
    table = [
        {
            "labels": dict(zip(factors, labels, strict=True)),
            "accuracy": experiments.estimate(final[labels]),
            "utilization": used[labels],
        }
        for labels in product(*factors.values())
    ]
    effects = {
        name: {
            "part": with_it,
            "instead of": without,
            "main": experiments.estimate(_effects(final, place, with_it, without).mean(axis=0)),
            "largest": float(np.abs(_effects(final, place, with_it, without)).max()),
            "beside all others": experiments.estimate(
                _effects(final, place, with_it, without, _firsts(factors))[0]
            ),
        }
        for place, (name, (with_it, without)) in enumerate(factors.items())
    }
    return {
        "seeds": experiments.describe_seeds(plan.seeds),
        "changes": experiments.describe_changes(plan),
        "table": table,
        "effects": effects,
    }


def find_extras(plan: Plan, finished: Finished) -> dict[str, Any]:
    """Returns accuracies under each change, and their differences to no change, fit for JSON.

    Args:
        plan: A sweep of contestants and changes; the first change is none.
        finished: All its rows.

    Returns:
        Accuracies and utilization in [0, 1], and differences in [-1, 1], as in `find`.
    """
    final = experiments.columns(plan, finished)
    used = columns_of_use(plan, finished)
    contestants, changes = plan.factors.values()
    usual = next(iter(changes))
    return {
        "seeds": experiments.describe_seeds(plan.seeds),
        "changes": experiments.describe_changes(plan),
        "table": [
            {
                "contestant": name,
                "change": change,
                "accuracy": experiments.estimate(final[name, change]),
                "more": experiments.estimate(final[name, change] - final[name, usual]),
                "utilization": used[name, change],
            }
            for name in contestants
            for change in changes
        ],
    }


def columns_of_use(plan: Plan, finished: Finished) -> dict[tuple[str, ...], experiments.Estimate]:
    """Returns the utilization of every cell, in [0, 1].

    Args:
        plan: The sweep.
        finished: All its rows.
    """
    used = experiments.columns(plan, finished, "utilization")
    return {labels: experiments.estimate(values) for labels, values in used.items()}


def rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """Returns a row for each combination, or for each change, with accuracies in [0, 1].

    Args:
        found: From `find` or `find_extras`.
    """
    return [
        {
            **line.get("labels", {name: line.get(name) for name in ("contestant", "change")}),
            **{f"accuracy_{end}": value for end, value in line["accuracy"].items()},
            **{f"utilization_{end}": value for end, value in line["utilization"].items()},
            **{f"difference_{end}": value for end, value in line.get("more", {}).items()},
        }
        for line in found["table"]
    ]


def draw(found: dict[str, Any], path: Path) -> Path:
    """Returns the path of the figure: effects over all combinations, and beside all other parts.

    Args:
        found: From `find`. Effects are drawn as points of final accuracy, which is in per cent.
        path: Of the PNG file.
    """
    effects = found["effects"]
    with style.applied():
        figure = style.figure(2.4)
        panels = figure.subplots(1, 2, sharey=True)
        for axes, kind in zip(panels, ("main", "beside all others"), strict=True):
            ends = [effect[kind] for effect in effects.values()]
            mean = 100 * np.array([end["mean"] for end in ends])
            low = mean - 100 * np.array([end["low"] for end in ends])
            high = 100 * np.array([end["high"] for end in ends]) - mean
            axes.errorbar(mean, range(len(ends)), xerr=[low, high], fmt="o", color=SHADE)
            axes.axvline(0, color=style.GREY, linewidth=0.8)
            axes.grid(axis="x", color=style.GRID, linewidth=0.8)
            axes.set_xlabel(f"points of final accuracy,\n{KINDS[kind]}")
        names = [f"{name}: {e['part']},\nnot {e['instead of']}" for name, e in effects.items()]
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        subtitle = f"mean and 95 % interval, {found['seeds']}, paired"
        style.head(figure, "What each part of CEAS is worth", subtitle)
        style.save(figure, path)
    return path


def caption(found: dict[str, Any]) -> str:
    """Returns the question and the results, in words.

    Args:
        found: From `find`.
    """
    effects = found["effects"]
    main, beside = (
        ", ".join(
            f"{name} {experiments.shown(effect[kind], '+')}" for name, effect in effects.items()
        )
        for kind in ("main", "beside all others")
    )
    idle = [name for name, effect in effects.items() if effect["largest"] <= experiments.ROUNDING]
    without = f" Without any effect in any episode: {', '.join(idle)}." if idle else ""
    return (
        "What is each part of CEAS worth? Points of final accuracy under the scenario's "
        f"attack{found['changes']}. On average over all combinations of the other three parts "
        f"(left): {main}. Beside all others (right): {beside}.{without} Mean and 95 % interval "
        f"over {found['seeds']}, paired."
    )


def caption_of_extras(found: dict[str, Any]) -> str:
    """Returns the results of the changes, in words.

    Args:
        found: From `find_extras`.
    """
    told = [
        f"{line['contestant']}, {line['change']}: {experiments.shown(line['accuracy'])}"
        + ("" if line["change"] == found["table"][0]["change"] else _more(line))
        for line in found["table"]
    ]
    return (
        "What if the hub uses the last update of a node without a tag instead of none, or if key "
        "never expires? Final accuracy under the scenario's attack"
        f"{found['changes']}: {'; '.join(told)}. Mean and 95 % interval over "
        f"{found['seeds']}, paired."
    )


def _more(line: dict[str, Any]) -> str:
    if max(abs(line["more"]["low"]), abs(line["more"]["high"])) <= experiments.ROUNDING:
        return " (no difference in any episode)"
    return f" (a difference of {experiments.shown(line['more'], '+')})"


def _firsts(factors: dict[str, list[str]]) -> dict[int, str]:
    return {place: levels[0] for place, levels in enumerate(factors.values())}


def _effects(
    final: experiments.Columns,
    place: int,
    with_it: str,
    without: str,
    others: dict[int, str] | None = None,
) -> np.ndarray:
    # Differences of shape (combinations of the other parts, seeds).
    kept = [
        labels
        for labels in final
        if labels[place] == with_it
        and all(labels[p] == label for p, label in (others or {}).items() if p != place)
    ]
    return np.stack(
        [final[labels] - final[*labels[:place], without, *labels[place + 1 :]] for labels in kept]
    )
