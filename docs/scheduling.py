"""Plays the ladder of scarcity, and writes the tables and the figure of `scheduling.md`.

    python docs/scheduling.py runs/ladder

Every contestant plays on every rung, in both placements of the attackers. The folder keeps the
episodes, and an interrupted run goes on from there. `scheduling.json`, beside the page, keeps what
the tables are made of.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import show
from numpy.typing import NDArray

from ceas_agents.bounds import pair_bounds
from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.figures import plots, style
from ceas_agents.policies import scarcity
from ceas_agents.statistics import comparisons, intervals
from ceas_gym import config, parameters

NETWORKS: dict[str, object] = {"episode.layouts": 32, "episode.target_accuracy": 0.88}
"""More layouts than the eight of the shipped scenarios, so that intervals cover other networks."""
RUNGS = ("paper", "short-memory", "scarce", "metro", "unequal")
EXTRA: dict[str, tuple[str, dict[str, object]]] = {
    "paper, 3 channels": ("paper", {"network.channels": 3}),
    "paper, 7 times the key": ("paper", {"consensus.key.security_bits": 256}),
}
"""Variations of `paper`, played beside the ladder."""
PLACEMENTS = {"random": "at random", "best_links": "on the best links"}
CONTESTANTS = (
    *("ceas", "ceas:placement=best", "ceas:placement=random", "static-subset", "oblivious-fair"),
    *("focused", "proportional_fair", "freshest_first", "earliest_deadline_first", "max_weight"),
)
BASE, FIRST = "oblivious-fair", "ceas"
HEURISTICS = CONTESTANTS[3:]
WHOLE: dict[str, object] = {"learning.estimator": "all"}
"""Shots are spread over all angles, and all are trained, not only those of the light cone."""
UNCONED = {f"{name}, all angles": name for name in (FIRST, BASE)}
"""Contestants with all angles; they play with attackers at random only."""
SEED, EPISODES = 50_000, 64
MARGIN = 0.02
"""Largest difference, two points, that counts as equivalent. Fixed before anything was played."""
PAGE = Path(__file__).with_name("scheduling.md")
KEPT = Path(__file__).with_name("scheduling.json")
USEFUL = "share_of_most_useful"
COLUMNS = (
    "final_accuracy",
    "mean_accuracy",
    "rounds_to_target",
    "reached_target",
    USEFUL,
    "utilization",
)
Values = NDArray[np.float64]
Found = dict[str, Any]


class Cell(NamedTuple):
    """A rung, and the placement of the attackers."""

    name: str
    scenario: str
    changes: dict[str, object]
    placement: str


def cells() -> list[Cell]:
    """Returns all cells: first those of the ladder, from plenty to scarcity."""
    rungs = {name: (name, {}) for name in RUNGS} | EXTRA
    return [
        Cell(name, scenario, NETWORKS | changes | {"attack.placement": placement}, placement)
        for name, (scenario, changes) in rungs.items()
        for placement in PLACEMENTS
    ]


def playing(cell: Cell) -> dict[str, Contestant]:
    """Returns the contestants of a cell, each with the rate that was tuned on the scenario."""
    everyone = {name: name for name in CONTESTANTS}
    if cell.placement == "random":
        everyone |= UNCONED
    found = {
        label: tuned.contestant(cell.scenario, contestants.get(name))
        for label, name in everyone.items()
    }
    for label in UNCONED.keys() & found.keys():
        found[label] = found[label]._replace(overrides=found[label].overrides | WHOLE)
    return found


def play(folder: Path, seeds: Sequence[int]) -> None:
    """Plays what the folder lacks: a file for each cell and contestant, a row for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        scenario = config.load(cell.scenario, cell.changes)
        target = scenario.episode.target_accuracy
        for label, contestant in playing(cell).items():
            path = _file(folder, cell, label)
            if path.exists():
                continue
            params = evaluate.prepare(scenario, [contestant])[contestant.name]
            played = evaluate.episodes(contestant, params, scenario.episode.rounds, seeds)
            most = pair_bounds.in_each_layout(params)
            rows = {str(seed): evaluate.summary(rounds, target, most) for seed, rounds in played}
            results.write_json(path, rows)
            mean = np.mean([row["final_accuracy"] for row in rows.values()])
            print(path.stem, f"{mean:.3f}", flush=True)


def gather(folder: Path) -> Found:
    """Returns what the page shows: theta of every rung, and the columns of every contestant."""
    found: Found = {}
    for cell in cells():
        params = parameters.build(config.load(cell.scenario, cell.changes))
        thetas = (scarcity.theta_uniform, scarcity.theta_aware)
        theta = [scarcity.over_layouts(each, params) for each in thetas]
        entry = found.setdefault(cell.name, {"theta": theta})
        entry[cell.placement] = {label: _columns(folder, cell, label) for label in playing(cell)}
    return found


def _file(folder: Path, cell: Cell, label: str) -> Path:
    return folder / f"{cell.name}, {cell.placement}, {label.replace(':', ' ')}.json"


def _columns(folder: Path, cell: Cell, label: str) -> dict[str, list[float]]:
    rows = list(json.loads(_file(folder, cell, label).read_text(encoding="utf-8")).values())
    return {name: [round(row[name], 6) for row in rows] for name in (*COLUMNS, "layout")}


# --- The tables ---


def tables(found: Found) -> Iterator[str]:
    """Yields the lines of the ladder's tables."""
    for placement, where in PLACEMENTS.items():
        yield f"Attackers {where}:"
        yield ""
        yield "| rung | theta | " + " | ".join(CONTESTANTS) + " |"
        yield "|---|---:|" + "---:|" * len(CONTESTANTS)
        ends = {name: leads(found, name, BASE) for name in CONTESTANTS if name != BASE}
        for rung, entry in found.items():
            uniform, aware = entry["theta"]
            row = [
                show.level(entry[placement][name])
                if name == BASE
                else show.points(*ends[name][rung, placement])
                for name in CONTESTANTS
            ]
            yield f"| {rung} | {uniform:.1f} / {aware:.1f} | " + " | ".join(row) + " |"
        yield ""


def leads(
    found: Found, name: str, base: str, column: str = "final_accuracy"
) -> dict[tuple[str, str], tuple[Values, float, float]]:
    """Returns the differences of two contestants in all cells, with simultaneous intervals.

    Args:
        found: From `gather`.
        name: The contestant whose lead it is.
        base: The contestant that it is compared with.
        column: The yardstick, one of `COLUMNS`.
    """
    places = [(rung, placement) for rung in found for placement in PLACEMENTS]
    differences = np.stack([_against(found, place, name, base, column) for place in places], axis=1)
    low, high = comparisons.simultaneous(differences, _layouts(found))
    ends = zip(differences.T, low, high, strict=True)
    return dict(zip(places, ends, strict=True))


def yardsticks(found: Found) -> Iterator[str]:
    """Yields the lines that compare CEAS with the fair baseline by the other yardsticks."""
    yield (
        "| rung, attackers | accuracy over rounds, CEAS minus fair | reach the target: CEAS, fair "
        "| median round: CEAS, fair | useful pairs, % of bound: CEAS, fair "
        "| utilization: CEAS, fair |"
    )
    yield "|---|---:|---:|---:|---:|---:|"
    over_rounds = leads(found, FIRST, BASE, "mean_accuracy")
    for (rung, placement), lead in over_rounds.items():
        ours, fair = (found[rung][placement][name] for name in (FIRST, BASE))
        columns = [
            show.points(*lead),
            *(f"{show(ours)}, {show(fair)}" for show in (_reached, _round)),
            *(f"{_share(ours, name)}, {_share(fair, name)}" for name in (USEFUL, "utilization")),
        ]
        yield f"| {rung}, {PLACEMENTS[placement]} | {' | '.join(columns)} |"


def rivals(found: Found) -> Iterator[str]:
    """Yields the lines that compare CEAS with the best heuristic, and test it against fair."""
    yield (
        "| rung, attackers | best heuristic | CEAS minus that heuristic "
        "| CEAS minus fair within 2 points? |"
    )
    yield "|---|---|---:|---|"
    places = [(rung, placement) for rung in found for placement in PLACEMENTS]
    best = {place: _best(found, place) for place in places}
    behind = np.stack([_against(found, place, FIRST, best[place]) for place in places], axis=1)
    low, high = comparisons.simultaneous(behind, _layouts(found))
    for column, (rung, placement) in enumerate(places):
        lead = show.points(behind[:, column], low[column], high[column])
        fair = _against(found, (rung, placement), FIRST, BASE)
        shown = _equivalence(fair, _layouts(found))
        where = f"{rung}, {PLACEMENTS[placement]}"
        yield f"| {where} | {best[rung, placement]} | {lead} | {shown} |"


def cone(found: Found) -> Iterator[str]:
    """Yields the accuracy with the angles of the light cone, and what all angles change."""
    yield (
        "| rung | ceas | ceas with all angles: difference "
        "| oblivious-fair | oblivious-fair with all angles: difference |"
    )
    yield "|---|---:|---:|---:|---:|"
    for rung, entry in found.items():
        row: list[str] = []
        for label, name in UNCONED.items():
            lost = _against(found, (rung, "random"), label, name)
            row += [show.level(entry["random"][name]), show.points(lost, *_interval(lost, found))]
        yield f"| {rung} | {' | '.join(row)} |"


def _against(
    found: Found, place: tuple[str, str], name: str, base: str, column: str = "final_accuracy"
) -> Values:
    played = found[place[0]][place[1]]
    return np.array(played[name][column]) - np.array(played[base][column])


def _best(found: Found, place: tuple[str, str]) -> str:
    played = found[place[0]][place[1]]
    return max(HEURISTICS, key=lambda name: np.mean(played[name]["final_accuracy"]))


def _layouts(found: Found) -> NDArray[np.int64]:
    # The same seeds are played everywhere, so their layouts are the same.
    return np.array(found[RUNGS[0]]["random"][FIRST]["layout"], int)


def _interval(values: Values, found: Found) -> tuple[float, float]:
    return intervals.interval(values, groups=_layouts(found))


def _equivalence(values: Values, groups: NDArray[np.int64]) -> str:
    found = comparisons.equivalent(values, MARGIN, groups)
    text = f"{100 * found.low:+.1f} to {100 * found.high:+.1f}"
    return f"{'yes' if found.equivalent else 'no'} ({text})"


def _share(columns: dict[str, list[float]], name: str) -> str:
    return f"{100 * np.mean(columns[name]):.0f} %"


def _reached(columns: dict[str, list[float]]) -> str:
    return _share(columns, "reached_target")


def _round(columns: dict[str, list[float]]) -> str:
    # An episode that never reaches the target counts as last.
    rounds, reached = np.array(columns["rounds_to_target"]), np.array(columns["reached_target"])
    middle = np.median(np.where(reached > 0, rounds, np.inf))
    return f"{middle:.0f}" if np.isfinite(middle) else "never"


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
    ladder = sorted(RUNGS, key=lambda rung: found[rung]["theta"][0])
    names = [f"{rung}\n{found[rung]['theta'][0]:.1f}" for rung in ladder]
    with style.applied():
        figure = style.figure(4.0)
        axes = figure.subplots(2, 1, sharex=True, sharey=True)
        for panel, (placement, where) in zip(axes, PLACEMENTS.items(), strict=True):
            panel.axhline(0, color="#999999", linewidth=0.8)
            for number, (name, shade) in enumerate(SHADES.items()):
                ends = leads(found, name, BASE)
                places = np.arange(len(ladder)) + APART * (number - 1)
                _bars(panel, places, [ends[rung, placement] for rung in ladder], name, shade)
            panel.set_title(f"attackers {where}", loc="right", fontsize=9)
        axes[1].set_xticks(range(len(ladder)), names)
        figure.supxlabel("windows until a uniform schedule has tagged a quorum", fontsize=9)
        figure.supylabel("points, with simultaneous 95 % intervals", fontsize=9)
        axes[0].legend(frameon=False, loc="lower left", ncols=3)
        style.head(figure, "Lead in final accuracy over the fair baseline, by scarcity")
        style.save(figure, path)


def _bars(
    panel: Any,  # noqa: ANN401 - Matplotlib's
    places: Values,
    ends: Sequence[tuple[Values, float, float]],
    name: str,
    shade: str,
) -> None:
    middle, low, high = 100 * np.array([(values.mean(), low, high) for values, low, high in ends]).T
    bars = [middle - low, high - middle]
    panel.errorbar(places, middle, bars, color=shade, fmt="o", capsize=2, label=name)


# --- The page ---


TABLES = {"ladder": tables, "yardsticks": yardsticks, "rivals": rivals, "cone": cone}


def write() -> None:
    """Writes the tables and the figure from `scheduling.json`."""
    found = json.loads(KEPT.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in TABLES.items():
        start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
        before, _, rest = text.partition(start)
        table = "\n".join(lines(found)).rstrip() + "\n"
        text = before + start + table + end + rest.partition(end)[2]
    results.write_text(PAGE, text)
    draw(found, PAGE.with_name("figures") / "scheduling.png")


def main() -> None:
    """Plays what is missing, and writes the tables and the figure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/ladder")
    folder = parser.parse_args().folder
    play(folder, range(SEED, SEED + EPISODES))
    # On one line: there are tens of thousands of numbers.
    results.write_text(KEPT, json.dumps(gather(folder)) + "\n")
    write()


if __name__ == "__main__":
    main()
