"""Plays the ladder of scarcity, and writes the tables and the figure of `scheduling.md`.

    python docs/scheduling.py runs/ladder

The folder keeps what `scheduling_runs.py` plays. `scheduling.json`, beside the page, keeps what the
tables are made of.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scheduling_runs as runs
import show
from kept import Columns
from numpy.typing import NDArray
from show import PLACEMENTS, Lead, Values

from ceas_agents.evaluation import results
from ceas_agents.figures import plots, style
from ceas_agents.statistics import comparisons, intervals

PAGE = Path(__file__).with_name("scheduling.md")
MARGIN = 0.02
"""Largest difference, two points, that counts as equivalent. Fixed before anything was played."""
Found = dict[str, Any]
Place = tuple[str, str]


# --- The tables ---


def tables(found: Found) -> Iterator[str]:
    """Yields the lines of the ladder's tables."""
    for placement, where in PLACEMENTS.items():
        yield f"Attackers {where}:"
        yield ""
        yield from show.table(["rung", "theta", *runs.CONTESTANTS], _rows(found, placement))
        yield ""


def _rows(found: Found, placement: str) -> Iterator[list[str]]:
    ends = {name: leads(found, name, runs.BASE) for name in runs.CONTESTANTS if name != runs.BASE}
    for rung, entry in found.items():
        row = [
            show.level(entry[placement][name])
            if name == runs.BASE
            else show.points(*ends[name][rung, placement])
            for name in runs.CONTESTANTS
        ]
        yield [rung, "{:.1f} / {:.1f}".format(*entry["theta"]), *row]


def places(found: Found) -> list[Place]:
    """Returns all pairs of a rung and a placement."""
    return [(rung, placement) for rung in found for placement in PLACEMENTS]


def leads(found: Found, name: str, base: str, column: str = "final_accuracy") -> dict[Place, Lead]:
    """Returns the differences of two contestants in all cells, with simultaneous intervals.

    Args:
        found: From `gather`.
        name: The contestant whose lead it is.
        base: The contestant that it is compared with.
        column: The yardstick, one of `COLUMNS`.
    """
    differences = [_against(found, place, name, base, column) for place in places(found)]
    return dict(zip(places(found), show.leads(differences, _layouts(found)), strict=True))


def yardsticks(found: Found) -> Iterator[str]:
    """Yields the lines that compare CEAS with the fair baseline by the other yardsticks."""
    lead = "accuracy over rounds, CEAS minus fair"
    head = ["rung, attackers", lead, *(f"{name}: CEAS, fair" for name in YARDSTICKS)]
    ends = leads(found, runs.FIRST, runs.BASE, "mean_accuracy")
    return show.table(head, (_by_yardsticks(found, *each) for each in ends.items()))


def _by_yardsticks(found: Found, place: Place, lead: Lead) -> list[str]:
    both = [found[place[0]][place[1]][name] for name in (runs.FIRST, runs.BASE)]
    shown = [", ".join(map(yardstick, both)) for yardstick in YARDSTICKS.values()]
    return [_where(place), show.points(*lead), *shown]


def rivals(found: Found) -> Iterator[str]:
    """Yields the lines that compare CEAS with the best heuristic, and test it against fair."""
    yield (
        "| rung, attackers | best heuristic | CEAS minus that heuristic "
        "| CEAS minus fair within 2 points? |"
    )
    yield "|---|---|---:|---|"
    best = [_best(found, place) for place in places(found)]
    behind = [
        _against(found, place, runs.FIRST, rival)
        for place, rival in zip(places(found), best, strict=True)
    ]
    ends = show.leads(behind, _layouts(found))
    for place, rival, lead in zip(places(found), best, ends, strict=True):
        shown = _equivalence(_against(found, place, runs.FIRST, runs.BASE), _layouts(found))
        yield show.line([_where(place), rival, show.points(*lead), shown])


def cone(found: Found) -> Iterator[str]:
    """Yields the accuracy with the angles of the light cone, and what all angles change."""
    yield (
        "| rung | ceas | ceas with all angles: difference "
        "| oblivious-fair | oblivious-fair with all angles: difference |"
    )
    yield "|---|---:|---:|---:|---:|"
    for rung, entry in found.items():
        row: list[str] = []
        for label, name in runs.UNCONED.items():
            lost = _against(found, (rung, "random"), label, name)
            row += [show.level(entry["random"][name]), show.points(lost, *_interval(lost, found))]
        yield show.line([rung, *row])


def _against(
    found: Found, place: Place, name: str, base: str, column: str = "final_accuracy"
) -> Values:
    played = found[place[0]][place[1]]
    return np.array(played[name][column]) - np.array(played[base][column])


def _best(found: Found, place: Place) -> str:
    played = found[place[0]][place[1]]
    return max(runs.HEURISTICS, key=lambda name: np.mean(played[name]["final_accuracy"]))


def _layouts(found: Found) -> NDArray[np.int64]:
    # The same seeds are played everywhere, so their layouts are the same.
    return np.array(found[runs.RUNGS[0]]["random"][runs.FIRST]["layout"], int)


def _interval(values: Values, found: Found) -> tuple[float, float]:
    return intervals.interval(values, groups=_layouts(found))


def _equivalence(values: Values, groups: NDArray[np.int64]) -> str:
    found = comparisons.equivalent(values, MARGIN, groups)
    text = f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"
    return f"{'yes' if found.equivalent else 'no'} ({text})"


def _share(name: str) -> Callable[[Columns], str]:
    return lambda columns: f"{100 * np.mean(columns[name]):.0f} %"


def _round(columns: Columns) -> str:
    middle = show.median(columns, "rounds_to_target")
    return f"{middle:.0f}" if np.isfinite(middle) else "never"


YARDSTICKS: dict[str, Callable[[Columns], str]] = {
    "reach the target": _share("reached_target"),
    "median round": _round,
    "useful pairs, % of bound": _share("share_of_most_useful"),
    "utilization": _share("utilization"),
}
"""Beside accuracy, and how they are shown."""


def _where(place: Place) -> str:
    return f"{place[0]}, {PLACEMENTS[place[1]]}"


# --- The figure ---


SHADES = {
    "ceas": plots.COLOURS["ceas"],
    "ceas:placement=random": plots.COLOURS["uniform"],
    "static-subset": plots.COLOURS["static-subset"],
}
"""Contestants whose lead the figure shows, and their colours."""
APART = 0.14
"""Distance of bars beside each other, in rungs."""


def draw(found: Found, path: Path) -> None:
    """Draws the lead over the fair baseline by scarcity, in both placements."""
    ladder = sorted(runs.RUNGS, key=lambda rung: found[rung]["theta"][0])
    names = [f"{rung}\n{found[rung]['theta'][0]:.1f}" for rung in ladder]
    with style.applied():
        figure = style.figure(4.0)
        axes = figure.subplots(2, 1, sharex=True, sharey=True)
        for panel, (placement, where) in zip(axes, PLACEMENTS.items(), strict=True):
            panel.axhline(0, color="#999999", linewidth=0.8)
            for number, (name, shade) in enumerate(SHADES.items()):
                ends = leads(found, name, runs.BASE)
                shifted = np.arange(len(ladder)) + APART * (number - 1)
                chosen = [ends[rung, placement] for rung in ladder]
                show.bars(panel, shifted, chosen, color=shade, fmt="o", label=name)
            panel.set_title(f"attackers {where}", loc="right", fontsize=9)
        axes[1].set_xticks(range(len(ladder)), names)
        figure.supxlabel("windows until a uniform schedule has tagged a quorum", fontsize=9)
        figure.supylabel("points, with simultaneous 95 % intervals", fontsize=9)
        axes[0].legend(frameon=False, loc="lower left", ncols=3)
        style.head(figure, "Lead in final accuracy over the fair baseline, by scarcity")
        style.save(figure, path)


# --- The page ---


TABLES = {"ladder": tables, "yardsticks": yardsticks, "rivals": rivals, "cone": cone}


def write() -> None:
    """Writes the tables and the figure from `scheduling.json`."""
    found = json.loads(runs.KEPT.read_text(encoding="utf-8"))
    show.fill(PAGE, lambda name: "\n".join(TABLES[name](found)))
    draw(found, PAGE.with_name("figures") / "scheduling.png")


def main() -> None:
    """Plays what is missing, and writes the tables and the figure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/ladder")
    folder = parser.parse_args().folder
    runs.play(folder, range(runs.SEED, runs.SEED + runs.EPISODES))
    # On one line: there are tens of thousands of numbers.
    results.write_text(runs.KEPT, json.dumps(runs.gather(folder)) + "\n")
    write()


if __name__ == "__main__":
    main()
