"""Plays the ladder of scarcity for `scheduling.py`.

Every contestant plays on every rung, in both placements of the attackers. The folder keeps the
episodes, and an interrupted run goes on from there.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import kept
import numpy as np
from kept import Columns
from show import PLACEMENTS

from ceas_agents.bounds import pair_bounds
from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation.contestants import Contestant
from ceas_gym import config, parameters

NETWORKS: dict[str, object] = {"episode.layouts": 32, "episode.target_accuracy": 0.88}
"""More layouts than the eight of the shipped scenarios, so that intervals cover other networks."""
RUNGS = ("paper", "short-memory", "scarce", "metro", "unequal")
EXTRA: dict[str, tuple[str, dict[str, object]]] = {
    "paper, 3 channels": ("paper", {"network.channels": 3}),
    "paper, 7 times the key": ("paper", {"consensus.key.security_bits": 256}),
}
"""Variations of `paper`, played beside the ladder."""
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
KEPT = Path(__file__).with_name("scheduling.json")
COLUMNS = (
    "final_accuracy",
    "mean_accuracy",
    "rounds_to_target",
    "reached_target",
    "share_of_most_useful",
    "utilization",
)
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
        entry = found.setdefault(cell.name, {"theta": kept.thetas(params)})
        entry[cell.placement] = {label: _columns(folder, cell, label) for label in playing(cell)}
    return found


def _file(folder: Path, cell: Cell, label: str) -> Path:
    return folder / f"{cell.name}, {cell.placement}, {label.replace(':', ' ')}.json"


def _columns(folder: Path, cell: Cell, label: str) -> Columns:
    rows = list(json.loads(_file(folder, cell, label).read_text(encoding="utf-8")).values())
    return {name: [round(row[name], 6) for row in rows] for name in (*COLUMNS, "layout")}
