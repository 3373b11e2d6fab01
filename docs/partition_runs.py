"""Plays what `partitions.md` says of scheduling in the three partitions.

    python docs/partition_runs.py runs/partitions

In every cell, the learning rate of every contestant is tuned on seeds of its own, with attackers at
random. The folder keeps all episodes, and an interrupted run goes on from there. `partitions.json`
keeps what `docs/partitions.py` needs for its tables.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import kept
import numpy as np
from kept import Run

from ceas_agents.bounds import oracle, team_oracle
from ceas_agents.evaluation import results
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


def contestants_of(cell: Cell) -> list[str]:
    """Returns who plays in a cell: only teams can be formed blindly."""
    return [n for n in CONTESTANTS if cell.label != "data" or not n.endswith("blind")]


def gather(run: Run) -> Found:
    """Returns what the page shows: theta of every cell, and the columns of every contestant."""
    found: Found = {}
    for cell in cells():
        params = parameters.build(cell.scenario)
        entry: Found = {"theta": kept.thetas(params), "bound": _bound(run, cell, params)}
        found[cell.label] = entry | kept.played(run, cell.label, contestants_of(cell))
    return found


def _bound(run: Run, cell: Cell, params: Params) -> float:
    # The most information of any schedule, as a return, in the mean over layouts.
    path = run.file(cell.label, "bound")
    if not path.exists():
        if params.network.teams.size == 1:
            keys = [jax.random.key(layout) for layout in range(cell.scenario.episode.layouts)]
            found = [oracle.bound(params, key).information for key in keys]
        else:
            drawn = layouts.every(params)
            found = [team_oracle.as_return(each, team_oracle.bound(each)) for each in drawn]
        results.write_json(path, {"return": found})
    return float(np.mean(run.read(cell.label, "bound")["return"]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays what is missing, and writes the summary."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/partitions")
    folder = parser.parse_args(arguments).folder
    run = Run(folder, range(SEED, SEED + EPISODES), TRAINING, COLUMNS, reward="information")
    for cell in cells():
        kept.play(run, cell.label, cell.scenario, contestants_of(cell))
    # On one line: there are thousands of numbers.
    results.write_text(KEPT, json.dumps(gather(run)) + "\n")


if __name__ == "__main__":
    main()
