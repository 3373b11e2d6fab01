"""Plays the ladder in the closed loop, and writes the tables and the figure of `closed-loop.md`.

    python docs/closed_loop.py runs/closed-loop

Every contestant plays on every rung, in both placements of the attackers. The folder keeps the
episodes, and an interrupted run goes on from there. `closed-loop.json`, beside the page, keeps what
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

from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation import rounds as by_rounds
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.figures import plots, style
from ceas_agents.policies import scarcity
from ceas_agents.policies.rollout import most_steps
from ceas_agents.statistics import comparisons, curves
from ceas_gym import config, parameters
from ceas_gym.types import Params

NETWORKS: dict[str, object] = {"episode.layouts": 16}
"""More layouts than the eight of the shipped scenarios, so that intervals cover other networks."""
RUNGS = (
    *("paper-loop", "short-memory-loop", "scarce-loop", "metro-loop", "unequal-loop"),
    *("drift-loop", "paper-committee-loop"),
)
PLACEMENTS = {"random": "at random", "best_links": "on the best links"}
BASE, FIRST = "oblivious-fair", "ceas"
COMPARED = (
    *(FIRST, "ceas:serve=quorum", "ceas-paced", "ceas-blind", "ceas-open"),
    *("subset-hold", "static-subset", "on-arrival", BASE, "oblivious-fixed"),
)
HEURISTICS = (
    *("adaptive_cutoff", "whittle", "linear_program", "max_weight", "max_rate"),
    *("proportional_fair", "earliest_deadline_first", "freshest_first"),
)
"""Rules of the literature, with the weights of CEAS."""
CONTESTANTS = (*COMPARED, *HEURISTICS)
STEPS_OF_ABLATION = (
    ("a tuned cadence", BASE, "oblivious-fixed"),
    ("choosing nodes", "static-subset", BASE),
    ("waiting until a quorum is ready", "subset-hold", "static-subset"),
    ("planned shares, Fisher weights", "ceas-blind", "subset-hold"),
    ("feedback", "ceas-paced", "ceas-blind"),
    ("adapting the cadence", "ceas:serve=quorum", "ceas-paced"),
    ("choosing how many nodes", FIRST, "ceas:serve=quorum"),
)
"""What is added, who has it, and who is the same without it, in a chain from first to last."""
SEED, EPISODES = 60_000, 40
TIMES_S = np.linspace(0, 360, 91)
"""Times of the curves."""
PAGE = Path(__file__).with_name("closed-loop.md")
KEPT = Path(__file__).with_name("closed-loop.json")
MEAN = "mean_accuracy_over_time"
COLUMNS = (MEAN, "final_accuracy", "time_to_accuracy_s", "reached_target", "rounds", "layout")
Values = NDArray[np.float64]
Found = dict[str, Any]
Place = tuple[str, str]


class Cell(NamedTuple):
    """A rung, the placement of the attackers, and a contestant."""

    rung: str
    placement: str
    name: str

    @property
    def file(self) -> str:
        """Returns the name of the file that keeps its episodes."""
        return f"{self.rung}, {self.placement}, {self.name.replace(':', ' ')}.json"


def cells(rungs: Sequence[str] = RUNGS) -> list[Cell]:
    """Returns who plays where."""
    return [
        Cell(rung, where, name) for rung in rungs for where in PLACEMENTS for name in CONTESTANTS
    ]


def play(folder: Path, rungs: Sequence[str], seeds: Sequence[int]) -> None:
    """Plays what the folder lacks: a file for each cell, with a row and a curve for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells(rungs):
        if (folder / cell.file).exists():
            continue
        scenario = config.load(cell.rung, NETWORKS | {"attack.placement": cell.placement})
        contestant: Contestant = tuned.contestant(cell.rung, contestants.get(cell.name))
        params = evaluate.prepare(scenario, [contestant])[contestant.name]
        kept = episodes(contestant, params, scenario.episode.target_accuracy, seeds)
        results.write_json(folder / cell.file, kept)
        print(cell.file, f"{np.mean([row[MEAN] for row in kept['rows'].values()]):.3f}", flush=True)


def episodes(
    contestant: Contestant, params: Params, target: float, seeds: Sequence[int]
) -> dict[str, Any]:
    """Returns a row for each seed, and the mean of the curves at `TIMES_S`.

    Args:
        contestant: Who plays; its overrides are in the parameters already.
        params: From `evaluate.prepare`.
        target: Accuracy whose time is measured, in [0, 1].
        seeds: Episodes to play.
    """
    budget_s = evaluate.seconds(params)
    rows: dict[str, Any] = {}
    accuracies: list[curves.Curve] = []
    for seed, steps in evaluate.episodes(contestant, params, most_steps(params), seeds):
        rows[str(seed)] = evaluate.summary(steps, target, budget_s=budget_s)
        accuracies.append(by_rounds.accuracy(by_rounds.of_steps(steps), budget_s))
    curve = curves.sampled(accuracies, TIMES_S).mean(axis=0)
    return {"rows": rows, "curve": curve.round(4).tolist()}


def gather(folder: Path) -> Found:
    """Returns what the page shows: theta of each rung, and how each contestant did."""
    found: Found = {}
    for rung in RUNGS:
        params = parameters.build(config.load(rung, NETWORKS))
        thetas = (scarcity.theta_uniform, scarcity.theta_aware)
        found[rung] = {"theta": [scarcity.over_layouts(each, params) for each in thetas]}
        found[rung] |= {placement: {} for placement in PLACEMENTS}
    for cell in cells():
        kept = json.loads((folder / cell.file).read_text(encoding="utf-8"))
        rows = list(kept["rows"].values())
        columns = {name: [round(row[name], 5) for row in rows] for name in COLUMNS}
        found[cell.rung][cell.placement][cell.name] = columns | {"curve": kept["curve"]}
    return found


# --- The tables ---


def places() -> list[Place]:
    """Returns all pairs of a rung and a placement."""
    return [(rung, placement) for rung in RUNGS for placement in PLACEMENTS]


def leads(found: Found, name: str, base: str, column: str = MEAN) -> dict[Place, str]:
    """Returns the differences of two contestants, in points, with simultaneous intervals.

    Args:
        found: From `gather`.
        name: The contestant whose lead it is.
        base: The contestant that it is compared with.
        column: The yardstick, one of `COLUMNS`.
    """
    differences = np.stack([_minus(found, place, name, base, column) for place in places()], axis=1)
    low, high = comparisons.simultaneous(differences, _layouts(found))
    ends = zip(places(), differences.T, low, high, strict=True)
    return {place: show.points(values, *interval) for place, values, *interval in ends}


def ladder(found: Found) -> Iterator[str]:
    """Yields the lines of the table of accuracy over time."""
    return _against(found, [name for name in COMPARED if name != BASE])


def heuristics(found: Found) -> Iterator[str]:
    """Yields the lines of the same table for the rules of the literature."""
    return _against(found, [FIRST, *HEURISTICS])


def _against(found: Found, names: Sequence[str]) -> Iterator[str]:
    yield from _head(["rung, attackers", "theta", BASE, *names])
    ends = {name: leads(found, name, BASE) for name in names}
    for rung, placement in places():
        level = _level(found[rung][placement][BASE])
        theta = "{:.1f} / {:.1f}".format(*found[rung]["theta"])
        row = [ends[name][rung, placement] for name in names]
        yield _line([_where(rung, placement), theta, level, *row])


def ablation(found: Found) -> Iterator[str]:
    """Yields the lines of the table of what each part adds to the one before."""
    yield from _head(["rung, attackers", *(part for part, _, _ in STEPS_OF_ABLATION)])
    ends = [leads(found, name, base) for _, name, base in STEPS_OF_ABLATION]
    for place in places():
        yield _line([_where(*place), *(each[place] for each in ends)])


def speeds(found: Found) -> Iterator[str]:
    """Yields the lines of the table of time to accuracy."""
    names = (
        *(FIRST, "ceas:serve=quorum", "proportional_fair", "subset-hold"),
        *("on-arrival", BASE, "oblivious-fixed"),
    )
    yield from _head(["rung, attackers", *names, f"{FIRST} over {BASE}"])
    for rung, placement in places():
        played = found[rung][placement]
        ratio = _median(played[BASE]) / _median(played[FIRST])
        shown = f"{ratio:.1f} times" if np.isfinite(ratio) and ratio > 0 else "-"
        yield _line([_where(rung, placement), *(_speed(played[name]) for name in names), shown])


def _minus(found: Found, place: Place, name: str, base: str, column: str) -> Values:
    played = found[place[0]][place[1]]
    return np.array(played[name][column]) - np.array(played[base][column])


def _layouts(found: Found) -> NDArray[np.int64]:
    # The same seeds are played everywhere, so their layouts are the same.
    return np.array(found[RUNGS[0]]["random"][FIRST]["layout"], int)


def _level(columns: dict[str, list[float]]) -> str:
    return show.level(columns | {"final_accuracy": columns[MEAN]})


def _median(columns: dict[str, list[float]]) -> float:
    # An episode that never reaches the target counts as last.
    times, reached = np.array(columns["time_to_accuracy_s"]), np.array(columns["reached_target"])
    return float(np.median(np.where(reached > 0, times, np.inf)))


def _speed(columns: dict[str, list[float]]) -> str:
    median, share = _median(columns), 100 * np.mean(columns["reached_target"])
    return f"{f'{median:.0f} s' if np.isfinite(median) else 'never'} ({share:.0f} %)"


def _where(rung: str, placement: str) -> str:
    return f"{rung.removesuffix('-loop')}, {PLACEMENTS[placement]}"


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), "|---|" + "---:|" * (len(names) - 1)]


def _line(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entries)} |"


# --- The figure ---


SHADES = {
    FIRST: plots.COLOURS["ceas"],
    "subset-hold": plots.COLOURS["static-subset"],
    BASE: plots.COLOURS["uniform"],
    "oblivious-fixed": "#999999",
}
"""Contestants whose accuracy the figure shows, and their colours."""


def draw(found: Found, path: Path) -> None:
    """Draws the mean accuracy over time on every rung, with attackers at random."""
    with style.applied():
        figure = style.figure(4.6)
        axes = figure.subplots(2, 4, sharex=True, sharey=True).flat
        for panel, rung in zip(axes, RUNGS, strict=False):
            for name, shade in SHADES.items():
                curve = 100 * np.array(found[rung]["random"][name]["curve"])
                panel.step(TIMES_S, curve, where="post", color=shade, label=name, linewidth=1.2)
            panel.set_title(rung.removesuffix("-loop"), loc="left", fontsize=9)
        for panel in list(axes)[len(RUNGS) :]:
            panel.set_axis_off()
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.axes[-1].legend(handles, labels, frameon=False, loc="center")
        figure.supxlabel("time in s", fontsize=9)
        figure.supylabel("test accuracy in %", fontsize=9)
        style.head(figure, "Accuracy over time in the closed loop, attackers at random")
        style.save(figure, path)


# --- The page ---


TABLES = {"ladder": ladder, "heuristics": heuristics, "ablation": ablation, "speeds": speeds}


def write() -> None:
    """Writes the tables and the figure from `closed-loop.json`."""
    found = json.loads(KEPT.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in TABLES.items():
        start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
        before, _, rest = text.partition(start)
        table = "\n".join(lines(found)).rstrip() + "\n"
        text = before + start + table + end + rest.partition(end)[2]
    results.write_text(PAGE, text)
    draw(found, PAGE.with_name("figures") / "closed-loop.png")


def main() -> None:
    """Plays what is missing; with all rungs, it also writes the tables and the figure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/closed-loop")
    parser.add_argument("--rung", action="append", choices=RUNGS, help="only this rung")
    given = parser.parse_args()
    play(given.folder, given.rung or RUNGS, range(SEED, SEED + EPISODES))
    if not given.rung:
        # On one line: there are tens of thousands of numbers.
        results.write_text(KEPT, json.dumps(gather(given.folder)) + "\n")
        write()


if __name__ == "__main__":
    main()
