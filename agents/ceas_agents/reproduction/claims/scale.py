"""Whether schedulers rank the same at other sizes, with other data and on other hardware."""

from pathlib import Path
from typing import Any

from ceas_agents.figures import plots, style
from ceas_agents.reproduction.claims import experiments
from ceas_agents.reproduction.claims.experiments import BASE
from ceas_agents.sweeps import plan as plans
from ceas_agents.sweeps.plan import Plan
from ceas_agents.sweeps.run import Finished

SHIFT = 0.16
"""Distance between the marks of one setting, in rows."""


def find(plan: Plan, finished: Finished, name: str = "") -> dict[str, Any]:
    """Returns accuracies and their differences to CEAS, by setting and contestant.

    Args:
        plan: A sweep of contestants, and of settings unless there is only one.
        finished: All its rows.
        name: Name of the setting if there is only one.

    Returns:
        Accuracies and chance levels in [0, 1], and differences in [-1, 1]; fit for JSON.
    """
    final = experiments.columns(plan, finished)
    committed = experiments.committed(plan, finished)
    contestants = plan.factors["contestant"]
    settings = plan.factors.get("setting", {name: {}})

    def labels(contestant: str, setting: str) -> tuple[str, ...]:
        return (contestant, setting) if "setting" in plan.factors else (contestant,)

    def cell(contestant: str, setting: str) -> dict[str, Any]:
        own, base = final[labels(contestant, setting)], final[labels(BASE, setting)]
        return {
            "accuracy": experiments.estimate(own),
            "more": experiments.estimate(own - base),
            "committed": committed[labels(contestant, setting)],
        }

    def chance(setting: str) -> float:
        mine = next(cell for cell in plan.cells if cell.labels == labels(BASE, setting))
        return 1 / len(plans.resolve(plan, mine)[1].learning.classes)

    return {
        "seeds": experiments.describe_seeds(plan.seeds),
        "settings": {
            setting: {name: cell(name, setting) for name in contestants} for setting in settings
        },
        "chance": {setting: chance(setting) for setting in settings},
    }


def rows(found: dict[str, Any]) -> list[dict[str, object]]:
    """Returns a row for each setting and contestant, with accuracies in [0, 1].

    Args:
        found: From `find`.
    """
    return [
        {"setting": setting, "contestant": name}
        | {f"accuracy_{end}": value for end, value in cell["accuracy"].items()}
        | {f"minus_ceas_{end}": value for end, value in cell["more"].items()}
        | {"rounds_committed": cell["committed"], "chance": found["chance"][setting]}
        for setting, line in found["settings"].items()
        for name, cell in line.items()
    ]


def draw(found: dict[str, Any], path: Path) -> Path:
    """Returns the path of the figure: accuracies in per cent, and their differences to CEAS.

    Args:
        found: From `find`.
        path: Of the PNG file.
    """
    settings = found["settings"]
    names = list(next(iter(settings.values())))
    with style.applied():
        figure = style.figure(1.2 + 0.34 * len(settings))
        left, right = figure.subplots(1, 2, sharey=True)
        for place, name in enumerate(names):
            offset = SHIFT * (place - (len(names) - 1) / 2)
            heights = [row + offset for row in range(len(settings))]
            shade = plots.colour(name, names)
            for axes, kind in ((left, "accuracy"), (right, "more")):
                if kind == "more" and name == BASE:
                    continue
                ends = [line[name][kind] for line in settings.values()]
                mean = [100 * end["mean"] for end in ends]
                low = [100 * (end["mean"] - end["low"]) for end in ends]
                high = [100 * (end["high"] - end["mean"]) for end in ends]
                axes.errorbar(
                    mean, heights, xerr=[low, high], fmt="o", color=shade, label=name, linewidth=1.2
                )
        levels = [100 * share for share in found["chance"].values()]
        left.plot(levels, range(len(levels)), "|", color=style.GREY, markersize=13, label="chance")
        right.axvline(0, color=style.GREY, linewidth=0.8)
        left.set_yticks(range(len(settings)), list(settings))
        left.set_ylim(len(settings) - 0.5, -0.5)
        left.set_xlabel("final accuracy, %")
        right.set_xlabel("minus CEAS, points")
        for axes in (left, right):
            axes.grid(axis="x", color=style.GRID, linewidth=0.8)
        handles, labels = left.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=5, frameon=False)
        subtitle = f"mean and 95 % interval, {found['seeds']}, paired"
        style.head(figure, "Final accuracy in other settings, beside CEAS", subtitle)
        style.save(figure, path)
    return path


def caption(found: dict[str, Any]) -> str:
    """Returns the question and the results, in words.

    Args:
        found: From `find`.
    """
    settings = found["settings"]
    told = [_against_ceas(settings, name) for name in list(next(iter(settings.values())))[1:]]
    lost = [
        setting
        for setting, line in settings.items()
        if line[BASE]["accuracy"]["mean"] <= found["chance"][setting] + experiments.ROUNDING
    ]
    return (
        "Does the order of the schedulers hold elsewhere? Final accuracy and its difference from "
        f"that of CEAS under the scenario's attack, in {len(settings)} settings. Counting only "
        "intervals that exclude zero, as one in twenty would do by chance, and only settings where "
        f"both commit at least half of their rounds: {'; '.join(told)}. In {len(lost)} settings "
        f"the attack leaves CEAS at or below chance ({', '.join(lost) or 'none'}). Mean and 95 % "
        f"interval over {found['seeds']}, paired by seed."
    )


def _against_ceas(settings: dict[str, Any], name: str) -> str:
    more = [
        line[name]["more"]
        for line in settings.values()
        if min(line[name]["committed"], line[BASE]["committed"]) >= experiments.HALF
    ]
    above, below = (sum(map(test, more)) for test in (experiments.is_above, experiments.is_below))
    return f"{name} is above CEAS in {above} and below it in {below} of {len(more)}"
