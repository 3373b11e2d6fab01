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

import kept
import numpy as np
import show
from numpy.typing import NDArray
from show import PLACEMENTS, Values

from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation import rounds as by_rounds
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.figures import plots, style
from ceas_agents.policies.rollout import most_steps
from ceas_agents.statistics import curves
from ceas_gym import config, parameters
from ceas_gym.types import Params

NETWORKS: dict[str, object] = {"episode.layouts": 16}
"""More layouts than the eight of the shipped scenarios, so that intervals cover other networks."""
RUNGS = (
    *("paper-loop", "short-memory-loop", "scarce-loop", "metro-loop", "unequal-loop"),
    *("drift-loop", "paper-committee-loop"),
)
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
        keep(folder / cell.file, contestant, params, scenario.episode.target_accuracy, seeds)


def keep(
    path: Path, contestant: Contestant, params: Params, target: float, seeds: Sequence[int]
) -> None:
    """Plays, and writes a row for each seed and the mean of the curves at `TIMES_S`.

    Args:
        path: Where it is written.
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
    results.write_json(path, {"rows": rows, "curve": curve.round(4).tolist()})
    print(path.name, f"{np.mean([row[MEAN] for row in rows.values()]):.3f}", flush=True)


def gather(folder: Path) -> Found:
    """Returns what the page shows: theta of each rung, and how each contestant did."""
    found: Found = {}
    for rung in RUNGS:
        params = parameters.build(config.load(rung, NETWORKS))
        found[rung] = {"theta": kept.thetas(params)}
        found[rung] |= {placement: {} for placement in PLACEMENTS}
    for cell in cells():
        found[cell.rung][cell.placement][cell.name] = columns(folder / cell.file, COLUMNS)
    return found


def columns(path: Path, names: Sequence[str]) -> Found:
    """Returns the columns of a file of episodes that have these names, and the curve."""
    read = json.loads(path.read_text(encoding="utf-8"))
    rows = read["rows"].values()
    return {name: [round(row[name], 5) for row in rows] for name in names} | {
        "curve": read["curve"]
    }


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
    differences = [_minus(found, place, name, base, column) for place in places()]
    ends = zip(places(), show.leads(differences, _layouts(found)), strict=True)
    return {place: show.points(*lead) for place, lead in ends}


def ladder(found: Found) -> Iterator[str]:
    """Yields the lines of the table of accuracy over time."""
    return _against(found, [name for name in COMPARED if name != BASE])


def heuristics(found: Found) -> Iterator[str]:
    """Yields the lines of the same table for the rules of the literature."""
    return _against(found, [FIRST, *HEURISTICS])


def _against(found: Found, names: Sequence[str]) -> Iterator[str]:
    return show.table(["rung, attackers", "theta", BASE, *names], _rows(found, names))


def _rows(found: Found, names: Sequence[str]) -> Iterator[list[str]]:
    ends = {name: leads(found, name, BASE) for name in names}
    for rung, placement in places():
        level = _level(found[rung][placement][BASE])
        theta = "{:.1f} / {:.1f}".format(*found[rung]["theta"])
        row = [ends[name][rung, placement] for name in names]
        yield [_where(rung, placement), theta, level, *row]


def ablation(found: Found) -> Iterator[str]:
    """Yields the lines of the table of what each part adds to the one before."""
    head = ["rung, attackers", *(part for part, _, _ in STEPS_OF_ABLATION)]
    ends = [leads(found, name, base) for _, name, base in STEPS_OF_ABLATION]
    rows = ([_where(*place), *(each[place] for each in ends)] for place in places())
    return show.table(head, rows)


def speeds(found: Found) -> Iterator[str]:
    """Yields the lines of the table of time to accuracy."""
    names = (
        *(FIRST, "ceas:serve=quorum", "proportional_fair", "subset-hold"),
        *("on-arrival", BASE, "oblivious-fixed"),
    )
    rows = [
        [
            _where(rung, placement),
            *(show.speed(found[rung][placement][name]) for name in names),
            _ratio(found[rung][placement]),
        ]
        for rung, placement in places()
    ]
    return show.table(["rung, attackers", *names, f"{FIRST} over {BASE}"], rows)


def _minus(found: Found, place: Place, name: str, base: str, column: str) -> Values:
    played = found[place[0]][place[1]]
    return np.array(played[name][column]) - np.array(played[base][column])


def _layouts(found: Found) -> NDArray[np.int64]:
    # The same seeds are played everywhere, so their layouts are the same.
    return np.array(found[RUNGS[0]]["random"][FIRST]["layout"], int)


def _level(columns: dict[str, list[float]]) -> str:
    return show.level(columns | {"final_accuracy": columns[MEAN]})


def _ratio(played: Found) -> str:
    slow, fast = (show.median(played[name], "time_to_accuracy_s") for name in (BASE, FIRST))
    ratio = slow / fast
    return f"{ratio:.1f} times" if np.isfinite(ratio) and ratio > 0 else "-"


def _where(rung: str, placement: str) -> str:
    return f"{rung.removesuffix('-loop')}, {PLACEMENTS[placement]}"


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
    show.fill(PAGE, lambda name: "\n".join(TABLES[name](found)))
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
