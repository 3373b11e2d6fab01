"""The tables and figures of `scheduling.md`: the ladder of scarcity, played and written down.

`play` plays every contestant on every rung, and keeps the accuracies in a folder, from which a
second call goes on. `write` makes the page's tables and its figure of them.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_agents import canvas, contestants, evaluate, plots, results, scarcity, statistics
from ceas_gym import config, parameters

RUNGS = ("paper", "short-memory", "scarce", "metro", "unequal")
EXTRA = {
    "paper, 3 channels": ("paper", {"network.channels": 3}),
    "paper, 7 times the key": ("paper", {"consensus.key.security_bits": 256}),
}
"""Beside the ladder: what was asked for by name."""
PLACEMENTS = ("random", "best_links")
CONTESTANTS = (
    *("ceas", "ceas:placement=best", "ceas:placement=random", "static-subset", "oblivious-fair"),
    *("focused", "proportional_fair", "freshest_first", "earliest_deadline_first", "max_weight"),
)
BASE, FIRST = "oblivious-fair", "ceas"
HEURISTICS = CONTESTANTS[3:]
SEED, EPISODES, TARGET = 30_000, 40, 0.85
PAGE = Path(__file__).with_name("scheduling.md")
KEPT = Path(__file__).with_name("scheduling.json")
SHADES = {
    "ceas": plots.COLOURS["ceas"],
    "ceas:placement=random": plots.COLOURS["uniform"],
    "static-subset": plots.COLOURS["static-subset"],
}
"""Whose lead the figure shows."""
Values = NDArray[np.float64]


class Cell(NamedTuple):
    """A rung and where the attackers sit."""

    name: str
    scenario: str
    changes: dict[str, object]
    placement: str


def cells() -> list[Cell]:
    """Returns all cells, the ladder first, from plenty to starvation."""
    rungs = {name: (name, {}) for name in RUNGS} | EXTRA
    return [
        Cell(name, scenario, changes | {"attack.placement": placement}, placement)
        for name, (scenario, changes) in rungs.items()
        for placement in PLACEMENTS
    ]


def play(folder: Path, seeds: range) -> None:
    """Plays what is missing in the folder; a file of accuracies for each cell and contestant."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        scenario = config.load(cell.scenario, cell.changes)
        for name in CONTESTANTS:
            path = folder / f"{cell.name}, {cell.placement}, {name.replace(':', ' ')}.json"
            if path.exists():
                continue
            contestant = contestants.get(name)
            params = evaluate.prepare(scenario, [contestant])[name]
            played = evaluate.episodes(contestant, params, scenario.episode.rounds, seeds)
            rows = {str(seed): rounds["accuracy"].tolist() for seed, rounds in played}
            results.write_json(path, rows)
            print(path.stem, f"{np.mean([row[-1] for row in rows.values()]):.3f}", flush=True)


def gather(folder: Path) -> dict[str, object]:
    """Returns what the page is made of: theta of every rung, and accuracies of every contestant."""
    found: dict[str, object] = {}
    for cell in cells():
        params = parameters.build(config.load(cell.scenario, cell.changes))
        theta = [float(scarcity.theta_uniform(params)), float(scarcity.theta_aware(params))]
        entry = found.setdefault(cell.name, {"theta": theta})
        curves = {}
        for name in CONTESTANTS:
            path = folder / f"{cell.name}, {cell.placement}, {name.replace(':', ' ')}.json"
            curves[name] = list(json.loads(path.read_text(encoding="utf-8")).values())
        entry[cell.placement] = {name: _figures(np.array(curve)) for name, curve in curves.items()}
    return found


def _figures(curve: Values) -> dict[str, list[float]]:
    # By seed: accuracy at the end and over rounds, and the first round of the target, or none.
    reached = curve >= TARGET
    first = np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, 0)
    return {
        "final": np.round(curve[:, -1], 6).tolist(),
        "mean": np.round(curve.mean(axis=1), 6).tolist(),
        "first": first.tolist(),
    }


def tables(found: dict[str, dict[str, object]]) -> Iterator[str]:
    """Yields the page's tables, a line each."""
    for placement in PLACEMENTS:
        yield f"Attackers {'at random' if placement == 'random' else 'on the best links'}:"
        yield ""
        yield "| rung | theta | " + " | ".join(CONTESTANTS) + " |"
        yield "|---|---:|" + "---:|" * len(CONTESTANTS)
        for rung, entry in found.items():
            uniform, aware = entry["theta"]
            base = np.array(entry[placement][BASE]["final"])
            row = [_against(np.array(entry[placement][n]["final"]), base, n) for n in CONTESTANTS]
            yield f"| {rung} | {uniform:.1f} / {aware:.1f} | " + " | ".join(row) + " |"
        yield ""


def _against(values: Values, base: Values, name: str) -> str:
    if name == BASE:
        low, high = statistics.interval(values)
        return f"{100 * values.mean():.1f} ({100 * low:.1f} to {100 * high:.1f})"
    differences = values - base
    low, high = statistics.interval(differences)
    text = f"{100 * differences.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
    return f"**{text}**" if low > 0 or high < 0 else text


def yardsticks(found: dict[str, dict[str, object]]) -> Iterator[str]:
    """Yields CEAS beside the fair baseline by the other yardsticks."""
    yield (
        "| rung, attackers | over rounds, minus fair | reaches 85 %, fair | median round, fair "
        "| best heuristic, and CEAS minus it |"
    )
    yield "|---|---:|---:|---:|---|"
    for rung, entry in found.items():
        for placement in PLACEMENTS:
            yield _yardstick(rung, placement, entry[placement])


def _yardstick(rung: str, placement: str, played: dict[str, dict[str, list[float]]]) -> str:
    ours, fair = played[FIRST], played[BASE]
    difference = np.array(ours["mean"]) - np.array(fair["mean"])
    low, high = statistics.interval(difference)
    best = max(HEURISTICS, key=lambda name: np.mean(played[name]["final"]))
    behind = np.array(ours["final"]) - np.array(played[best]["final"])
    ends = statistics.interval(behind)
    cells = [
        f"{rung}, {placement}",
        f"{100 * difference.mean():+.1f} ({100 * low:+.1f} to {100 * high:+.1f})",
        f"{_reached(ours)}, {_reached(fair)}",
        f"{_round(ours)}, {_round(fair)}",
        f"{best}: {100 * behind.mean():+.1f} ({100 * ends[0]:+.1f} to {100 * ends[1]:+.1f})",
    ]
    return f"| {' | '.join(cells)} |"


def _reached(figures: dict[str, list[float]]) -> str:
    return f"{100 * np.mean(np.array(figures['first']) > 0):.0f} %"


def _round(figures: dict[str, list[float]]) -> str:
    # Who never gets there counts as last.
    firsts = np.array(figures["first"], float)
    middle = np.median(np.where(firsts > 0, firsts, np.inf))
    return f"{middle:.0f}" if np.isfinite(middle) else "never"


def draw(found: dict[str, dict[str, object]], path: Path) -> None:
    """Draws the lead over the fair baseline by scarcity, in both placements."""
    with canvas.style():
        figure = canvas.figure(3.6)
        axes = figure.subplots(1, 2, sharey=True)
        for panel, placement in zip(axes, PLACEMENTS, strict=True):
            for name, shade in SHADES.items():
                _curve(panel, found, placement, name, shade)
            panel.axhline(0, color="#999999", linewidth=0.8)
            panel.set(xscale="log")
            panel.set_xticks([2, 5, 10], ["2", "5", "10"])
            panel.minorticks_off()
            where = "at random" if placement == "random" else "on the best links"
            panel.set_title(f"attackers {where}", loc="right", fontsize=9)
        figure.supxlabel("windows until a uniform schedule has tagged a quorum", fontsize=9)
        axes[0].set_ylabel("points of final accuracy\nover the fair baseline")
        axes[0].legend(frameon=False, loc="upper left")
        canvas.head(
            figure,
            "What scheduling is worth, by scarcity",
            f"mean and 95 % interval, {EPISODES} seeds",
        )
        canvas.save(figure, path)


def _curve(panel: object, found: dict, placement: str, name: str, shade: str) -> None:
    points = []
    for rung in RUNGS:
        entry = found[rung]
        final = np.array(entry[placement][name]["final"])
        difference = 100 * (final - np.array(entry[placement][BASE]["final"]))
        low, high = statistics.interval(difference)
        points.append((entry["theta"][0], difference.mean(), low, high))
    theta, middle, low, high = np.array(sorted(points)).T
    panel.errorbar(
        theta, middle, [middle - low, high - middle], color=shade, marker="o", capsize=2, label=name
    )


def main() -> None:
    """Plays, or writes the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    play(folder, range(SEED, SEED + EPISODES))
    # On one line: there are ten thousands of numbers.
    results.write_text(KEPT, json.dumps(gather(folder)) + "\n")
    write()


def write() -> None:
    """Writes tables and figure from what is kept."""
    found = json.loads(KEPT.read_text(encoding="utf-8"))
    parts = {"ladder": tables(found), "yardsticks": yardsticks(found)}
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in parts.items():
        start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
        before, _, rest = text.partition(start)
        text = before + start + "\n".join(lines).rstrip() + "\n" + end + rest.partition(end)[2]
    results.write_text(PAGE, text)
    draw(found, PAGE.with_name("figures") / "scheduling.png")


if __name__ == "__main__":
    main()
