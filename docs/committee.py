"""Plays the ladder with one hub and with committees, and attacks on a committee.

    python docs/committee.py runs/committee

On every rung, the learning rate of every contestant is tuned for every committee, on seeds of its
own and with attackers at random. The folder keeps all episodes, and an interrupted run goes on from
there. `committee.json` keeps what `docs/consensus.py` needs for the tables and the figure.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import kept
from kept import Columns, Run

from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation import results
from ceas_agents.evaluation.contestants import Contestant
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

    @property
    def label(self) -> str:
        """Returns what the names of its files begin with."""
        return f"{self.rung}, {self.committee}"


def cells() -> Iterator[Cell]:
    """Yields all cells, committee by committee, so that programs are compiled once."""
    committees = COMMITTEES | {ALL_TAGS: {"consensus.tagged_messages": "all"}}
    for committee, settings in committees.items():
        for rung, (name, changes) in HARDWARE.items():
            if committee in COMMITTEES or name == "paper":
                scenario = config.load(name, NETWORKS | changes | settings)
                yield Cell(rung, committee, scenario)


def attack(run: Run) -> Found:
    """Returns what CEAS reaches on `paper` with a committee of four under each attack."""
    cell = next(each for each in cells() if (each.rung, each.committee) == ("paper", "c = 4"))
    contestant = kept.tuned_on(run, cell.label, cell.scenario, FIRST)
    found: Found = {}
    for label in ATTACKS:
        path = run.file(cell.label, f"under {label}")
        if not path.exists():
            name, _, percent = label.partition(TRAPS)
            share = int(percent.removesuffix(" %") or 0) / 100
            changes = {"attack.name": name, "consensus.committee.trap_share": share}
            attacked = config.load(cell.scenario, changes)
            results.write_json(path, _under(run, attacked, contestant))
        found[label] = run.read(cell.label, f"under {label}")
    return found


def _under(run: Run, scenario: Scenario, contestant: Contestant) -> Columns:
    params = evaluate.prepare(scenario, [contestant])[contestant.name]
    played = evaluate.episodes(contestant, params, scenario.episode.rounds, run.seeds)
    return kept.by_column(
        {name: float(rounds[name].mean()) for name in MEANS}
        | {
            "final_accuracy": float(rounds["accuracy"][-1]),
            "rounds_to_exposure": float((rounds["exposed_members"] == 0).sum()),
            "layout": float(rounds["layout"][0]),
        }
        for _, rounds in played
    )


def gather(run: Run) -> Found:
    """Returns what the page shows: theta of every cell, and the columns of every contestant."""
    found: Found = {}
    for cell in cells():
        entry: Found = {"theta": kept.thetas(parameters.build(cell.scenario))}
        entry |= kept.played(run, cell.label, CONTESTANTS)
        found.setdefault(cell.committee, {})[cell.rung] = entry
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Plays what is missing, and writes the summary."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/committee")
    folder = parser.parse_args(arguments).folder
    run = Run(folder, range(SEED, SEED + EPISODES), TRAINING, COLUMNS)
    for cell in cells():
        kept.play(run, cell.label, cell.scenario, CONTESTANTS)
    found = {"ladder": gather(run), "attacks": attack(run)}
    # On one line: there are tens of thousands of numbers.
    results.write_text(KEPT, json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
