"""Plays what `partitions.md` says of scheduling in the three partitions.

    python docs/partition_runs.py runs/partitions

In every cell, the learning rate of every contestant is tuned on seeds of its own, with attackers at
random. The folder keeps all episodes, and an interrupted run goes on from there. `partitions.json`
keeps what `docs/partitions.py` needs for its tables.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from ceas_agents.bounds import oracle, team_oracle
from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import scarcity
from ceas_agents.tuning import search
from ceas_gym import config, layouts, parameters
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

NETWORKS: dict[str, object] = {"episode.layouts": 16, "episode.target_accuracy": 0.88}
MATCHED: dict[str, object] = {"network.teams": "matched"}
FOUR: dict[str, object] = {
    "network.nodes": 48,
    "network.team_size": 4,
    "attack.byzantine_nodes": 3,
}
TWO: dict[str, object] = {
    "learning.scheme": "circuit",
    "network.team_size": 2,
    "attack.byzantine_nodes": 6,
}
STARVED: dict[str, object] = {"hardware.node_coherence_spread": 1.0, "network.longest_km": 60.0}
CELLS: dict[str, tuple[str, dict[str, object]]] = {
    "data": ("scarce", {}),
    "features": ("features", {}),
    "circuit": ("circuit", {}),
    "circuit, matched": ("circuit", MATCHED),
    "circuit, four QPUs": ("circuit", FOUR),
    "circuit, network of unequal": ("unequal", TWO),
    "circuit, starved": ("circuit", STARVED),
}
"""Scenarios and what is changed in them: how nodes are matched, QPUs of a team, and scarcity."""
PLACEMENTS = {"random": "at random", "best_links": "on the best links"}
CONTESTANTS = (
    *("ceas", "ceas:teams=blind", "proportional_fair", "static-subset", "oblivious-fair"),
)
BASE = "oblivious-fair"
SEED, EPISODES, TRAINING = 80_000, 48, 8
KEPT = Path(__file__).with_name("partitions.json")
COLUMNS = (
    *("final_accuracy", "mean_accuracy", "rounds_to_target", "reached_target"),
    *("shots", "committed_rounds", "return", "layout"),
)
"""The return is the information that was delivered, as a share of what full memories hold."""
Found = dict[str, Any]


class Cell(NamedTuple):
    """A scenario, whatever the placement of the attackers."""

    label: str
    scenario: Scenario


def cells() -> Iterator[Cell]:
    """Yields all cells."""
    for label, (name, changes) in CELLS.items():
        yield Cell(label, config.load(name, NETWORKS | changes))


def play(folder: Path) -> None:
    """Tunes and plays what the folder lacks, and prints the mean accuracy of each contestant."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        for name in CONTESTANTS:
            if cell.label == "data" and name.endswith("blind"):
                continue
            contestant = _tuned(folder, cell, contestants.get(name))
            for placement in PLACEMENTS:
                path = _file(folder, cell, f"{placement}, {name}")
                if not path.exists():
                    columns = _episodes(cell.scenario, contestant, placement)
                    results.write_json(path, columns)
                    print(path.stem, f"{np.mean(columns['final_accuracy']):.3f}", flush=True)


def gather(folder: Path) -> Found:
    """Returns what the page shows: theta of every cell, and the columns of every contestant."""
    found: Found = {}
    for cell in cells():
        params = parameters.build(cell.scenario)
        thetas = (scarcity.theta_uniform, scarcity.theta_aware)
        entry: Found = {"theta": [scarcity.over_layouts(each, params) for each in thetas]}
        entry["bound"] = _bound(folder, cell, params)
        for placement in PLACEMENTS:
            paths = {name: _file(folder, cell, f"{placement}, {name}") for name in CONTESTANTS}
            entry[placement] = {n: _read(path) for n, path in paths.items() if path.exists()}
        found[cell.label] = entry
    return found


def _bound(folder: Path, cell: Cell, params: Params) -> float:
    # The most information of any schedule, as a return, in the mean over layouts.
    path = _file(folder, cell, "bound")
    if not path.exists():
        if params.network.teams.size == 1:
            keys = [jax.random.key(layout) for layout in range(cell.scenario.episode.layouts)]
            found = [oracle.bound(params, key).information for key in keys]
        else:
            drawn = layouts.every(params)
            found = [team_oracle.as_return(each, team_oracle.bound(each)) for each in drawn]
        results.write_json(path, {"return": found})
    return float(np.mean(_read(path)["return"]))


def _tuned(folder: Path, cell: Cell, contestant: Contestant) -> Contestant:
    path = _file(folder, cell, f"tuned, {contestant.name}")
    if not path.exists():
        plan = search.plan(cell.scenario, [contestant], TRAINING)
        trials = list(search.trials(plan, contestant, lambda *_: None))
        best = search.best(trials, search.start(plan.scenario, contestant))
        results.write_json(path, best.setting)
    return tuned.changed(contestant, _read(path))


def _episodes(scenario: Scenario, contestant: Contestant, placement: str) -> dict[str, list[float]]:
    changes = {"attack.placement": placement, "episode.reward": "information"}
    placed = config.load(scenario, changes)
    params = evaluate.prepare(placed, [contestant])[contestant.name]
    seeds = range(SEED, SEED + EPISODES)
    played = evaluate.episodes(contestant, params, scenario.episode.rounds, seeds)
    target = scenario.episode.target_accuracy
    rows = (evaluate.summary(rounds, target) for _, rounds in played)
    return _by_column({name: row[name] for name in COLUMNS} for row in rows)


def _by_column(rows: Iterable[dict[str, float]]) -> dict[str, list[float]]:
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(round(value, 6))
    return columns


def _file(folder: Path, cell: Cell, what: str) -> Path:
    return folder / f"{cell.label}, {what.replace(':', ' ')}.json"


def _read(path: Path) -> Any:  # noqa: ANN401 - what was written
    return json.loads(path.read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays what is missing, and writes the summary."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/partitions")
    folder = parser.parse_args(arguments).folder
    play(folder)
    # On one line: there are thousands of numbers.
    results.write_text(KEPT, json.dumps(gather(folder)) + "\n")


if __name__ == "__main__":
    main()
