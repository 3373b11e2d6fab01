"""Plays the ladder with one hub and with committees, and attacks on a committee.

    python docs/committee.py runs/committee

On every rung, the learning rate of every contestant is tuned for every committee, on seeds of its
own and with attackers at random. The folder keeps all episodes, and an interrupted run goes on from
there. `committee.json` keeps what `docs/consensus.py` needs for the tables and the figure.
"""

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import scarcity
from ceas_agents.tuning import search
from ceas_gym import config, parameters
from ceas_gym.scenario import Scenario

NETWORKS: dict[str, object] = {"episode.layouts": 32, "episode.target_accuracy": 0.88}
HARDWARE: dict[str, tuple[str, dict[str, object]]] = {
    "paper, 40 modes": ("paper", {"hardware.modes": 40}),
    "paper, 20 modes": ("paper", {"hardware.modes": 20}),
    **{name: (name, {}) for name in ("paper", "short-memory", "scarce", "metro", "unequal")},
}
"""The ladder, and above it `paper` with better hardware, so that committees have plenty too."""
LINKS: dict[str, object] = {"consensus.committee.link_interfaces": 4}
"""Enough for the key of the members on all rungs."""
COMMITTEES: dict[str, dict[str, object]] = {
    "c = 1": {},
    "c = 4": {"consensus.committee.members": 4, "consensus.committee.byzantine": 1, **LINKS},
    "c = 7": {"consensus.committee.members": 7, "consensus.committee.byzantine": 2, **LINKS},
}
ALL_TAGS = "c = 1, all tags"
"""A single hub whose messages all have tags: what the tags change without a committee."""
PLACEMENTS = {"random": "at random", "best_links": "on the best links"}
CONTESTANTS = ("ceas", "static-subset", "proportional_fair", "oblivious-fair")
FIRST, BASE = "ceas", "oblivious-fair"
MEMBERS_LIE = "leader_stall+equivocation+withheld_confirmation"
TRAPS = ", traps of "
"""What follows the name of an attack where some per cent of the shots are traps."""
ATTACKS = (
    *("white_box", "white_box+leader_stall", "white_box+equivocation"),
    *("white_box+withheld_confirmation", "white_box+false_data"),
    f"white_box{TRAPS}5 %",
    f"white_box+false_data{TRAPS}2 %",
    f"white_box+false_data{TRAPS}5 %",
    *("ceas_adversary", f"ceas_adversary+{MEMBERS_LIE}"),
    f"ceas_adversary+{MEMBERS_LIE}+false_data",
    f"ceas_adversary+{MEMBERS_LIE}+false_data{TRAPS}5 %",
)
"""Attacks by nodes, and by the Byzantine member of four."""
MEANS = ("pairs_generated", "shots", "member_pairs", "committed")
SEED, EPISODES, TRAINING = 70_000, 64, 8
KEPT = Path(__file__).with_name("committee.json")
COLUMNS = ("final_accuracy", "mean_accuracy", "committed_rounds", "layout")
Found = dict[str, Any]


class Cell(NamedTuple):
    """A rung with a committee, whatever the placement of the attackers."""

    rung: str
    committee: str
    scenario: Scenario


def cells() -> Iterator[Cell]:
    """Yields all cells, committee by committee, so that programs are compiled once."""
    committees = COMMITTEES | {ALL_TAGS: {"consensus.tagged_messages": "all"}}
    for committee, settings in committees.items():
        for rung, (name, changes) in HARDWARE.items():
            if committee in COMMITTEES or name == "paper":
                scenario = config.load(name, NETWORKS | changes | settings)
                yield Cell(rung, committee, scenario)


def play(folder: Path) -> None:
    """Tunes and plays what the folder lacks, and prints the mean accuracy of each contestant."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        for name in CONTESTANTS:
            contestant = _tuned(folder, cell, contestants.get(name))
            for placement in PLACEMENTS:
                path = _file(folder, cell, f"{placement}, {name}")
                if not path.exists():
                    columns = _episodes(cell.scenario, contestant, placement)
                    results.write_json(path, columns)
                    print(path.stem, f"{np.mean(columns['final_accuracy']):.3f}", flush=True)


def attack(folder: Path) -> Found:
    """Returns what CEAS reaches on `paper` with a committee of four under each attack."""
    cell = next(each for each in cells() if (each.rung, each.committee) == ("paper", "c = 4"))
    contestant = _tuned(folder, cell, contestants.get(FIRST))
    found: Found = {}
    for label in ATTACKS:
        path = _file(folder, cell, f"under {label}")
        if not path.exists():
            name, _, percent = label.partition(TRAPS)
            share = int(percent.removesuffix(" %") or 0) / 100
            changes = {"attack.name": name, "consensus.committee.trap_share": share}
            results.write_json(path, _under(config.load(cell.scenario, changes), contestant))
        found[label] = _read(path)
    return found


def _under(scenario: Scenario, contestant: Contestant) -> dict[str, list[float]]:
    params = evaluate.prepare(scenario, [contestant])[contestant.name]
    seeds = range(SEED, SEED + EPISODES)
    played = evaluate.episodes(contestant, params, scenario.episode.rounds, seeds)
    return _by_column(
        {name: float(rounds[name].mean()) for name in MEANS}
        | {
            "final_accuracy": float(rounds["accuracy"][-1]),
            "rounds_to_exposure": float((rounds["exposed_members"] == 0).sum()),
            "layout": float(rounds["layout"][0]),
        }
        for _, rounds in played
    )


def gather(folder: Path) -> Found:
    """Returns what the page shows: theta of every cell, and the columns of every contestant."""
    found: Found = {}
    for cell in cells():
        params = parameters.build(cell.scenario)
        thetas = (scarcity.theta_uniform, scarcity.theta_aware)
        entry: Found = {"theta": [scarcity.over_layouts(each, params) for each in thetas]}
        for placement in PLACEMENTS:
            entry[placement] = {
                name: _read(_file(folder, cell, f"{placement}, {name}")) for name in CONTESTANTS
            }
        found.setdefault(cell.committee, {})[cell.rung] = entry
    return found


def _tuned(folder: Path, cell: Cell, contestant: Contestant) -> Contestant:
    path = _file(folder, cell, f"tuned, {contestant.name}")
    if not path.exists():
        plan = search.plan(cell.scenario, [contestant], TRAINING)
        trials = list(search.trials(plan, contestant, lambda *_: None))
        best = search.best(trials, search.start(plan.scenario, contestant))
        results.write_json(path, best.setting)
    return tuned.changed(contestant, _read(path))


def _episodes(scenario: Scenario, contestant: Contestant, placement: str) -> dict[str, list[float]]:
    placed = config.load(scenario, {"attack.placement": placement})
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
    return folder / f"{cell.rung}, {cell.committee}, {what.replace(':', ' ')}.json"


def _read(path: Path) -> Any:  # noqa: ANN401 - what was written
    return json.loads(path.read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays what is missing, and writes the summary."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/committee")
    folder = parser.parse_args(arguments).folder
    play(folder)
    found = {"ladder": gather(folder), "attacks": attack(folder)}
    # On one line: there are tens of thousands of numbers.
    results.write_text(KEPT, json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
