"""Plays CEAS with several gates of trust on trial seeds, and writes the tables of `trust.md`.

    python docs/trust.py runs/trust

The folder keeps the episodes, and an interrupted run goes on from there. `trust.json`, beside the
page, keeps what the tables are made of.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import show
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key
from numpy.typing import NDArray
from show import PLACEMENTS, Values
from telling import ACCURACY, LOSS, LOWEST, Validated, features, judged, separation

from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation import rounds as by_rounds
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import steering
from ceas_agents.policies.closed_loop import trust
from ceas_agents.policies.rollout import most_steps
from ceas_agents.statistics import curves
from ceas_gym import config
from ceas_gym.task.observations import PLACE
from ceas_gym.types import Observation, Params

RUNGS = ("unequal-loop", "drift-loop")
NETWORKS: dict[str, object] = {
    "episode.layouts": 64,
    "network.layout_seed": 7000,
    "learning.data_seed": 7000,
}
"""Networks and data splits that no evaluation and no training uses."""
SEED, EPISODES = 3_000_000, 96
SPARE = 2.0
"""Nodes that are served beyond a quorum."""
TIMES_S = (30, 45, 90, 120, 180)
"""Times at which the placements are told apart."""
PAGE = Path(__file__).with_name("trust.md")
KEPT = Path(__file__).with_name("trust.json")
Found = dict[str, Any]


class Gate(NamedTuple):
    """When trust is lost: from when it may be, what is watched, and beyond which value."""

    early: float
    """Share of the time."""
    watched: str
    """`accuracy` or `rise`: the validation accuracy, or how far its loss is above the lowest."""
    limit: float
    """Accuracy below which, or share of the loss of guessing above which, trust is lost."""

    def __str__(self) -> str:
        """Returns it in words."""
        if self == NEVER:
            return "never"
        side = "below" if self.watched == "accuracy" else "above"
        return f"from {self.early:.2f}, {self.watched} {side} {self.limit:.1f}"


NEVER = Gate(2.0, "accuracy", 0.0)
ALWAYS = Gate(0.0, "accuracy", 1.1)
GATES = (
    *(NEVER, ALWAYS),
    *(Gate(0.06, "accuracy", 0.3), Gate(0.12, "accuracy", 0.4)),
    *(Gate(0.2, "accuracy", 0.4), Gate(0.33, "accuracy", 0.5)),
    *(Gate(trust.EARLY, "rise", trust.RISE), Gate(0.06, "rise", 0.9), Gate(0.0, "rise", 1.0)),
)
"""Among them, trust that is never lost, and trust that is lost at once."""


class Cell(NamedTuple):
    """A rung, the placement of the attackers, and a gate."""

    rung: str
    placement: str
    gate: Gate

    @property
    def file(self) -> str:
        """Returns the name of the file that keeps its episodes."""
        return f"{self.rung}, {self.placement}, {self.gate}.json"


def cells() -> list[Cell]:
    """Returns what is played."""
    return [Cell(rung, where, gate) for rung in RUNGS for where in PLACEMENTS for gate in GATES]


def gated(
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
    early: float,
    limit: float,
    half: float,
    *,
    by_rise: bool,
) -> Float[Array, " nodes_and_1"]:
    """Returns the action of CEAS, in [-1, 1], that loses its trust at a gate.

    Args:
        params: The scenario.
        observation: What the hub knows.
        key: Not used.
        early: Of the gate.
        limit: Of the gate.
        half: As for `steering.serve`.
        by_rise: Whether the gate watches the rise of the loss.
    """
    del key
    progress, accuracy = (
        observation.network[PLACE[name]] for name in ("progress", "validation_accuracy")
    )
    poor, risen = accuracy < limit, trust.relapsed(observation, early, limit)
    badly = jnp.where(by_rise, risen, (progress > early) & poor)
    trusts = trust.trusted(params, observation, badly).all()
    passed_over = (1 - trusts) * trust.most_passed_over(params)
    return steering.serve(params, observation, SPARE, half, passed_over)


def contestant(cell: Cell) -> Contestant:
    """Returns CEAS at the rate and with the G0 that were tuned for the rung, and with the gate."""
    ceas = tuned.contestant(cell.rung, contestants.get("ceas"))
    half = ceas.policy.keywords["half"]  # pyright: ignore[reportFunctionMemberAccess]
    gate = cell.gate
    by_rise = gate.watched == "rise"
    # One program plays all gates, so that their episodes are equal until trust is lost.
    policy = Partial(gated, early=gate.early, limit=gate.limit, half=half, by_rise=by_rise)
    return Contestant(str(cell.gate), policy, ceas.overrides)


def play(folder: Path, seeds: Sequence[int]) -> None:
    """Plays what the folder lacks: a file for each cell, with a row for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        if (folder / cell.file).exists():
            continue
        scenario = config.load(cell.rung, NETWORKS | {"attack.placement": cell.placement})
        chosen = contestant(cell)
        params = evaluate.prepare(scenario, [chosen])[chosen.name]
        played = evaluate.episodes(chosen, params, most_steps(params), seeds)
        rows = [_row(steps, evaluate.seconds(params)) for _, steps in played]
        results.write_json(folder / cell.file, rows)
        print(cell.file, f"{np.mean([row['mean'] for row in rows]):.3f}", flush=True)


def _row(steps: by_rounds.Steps, budget_s: float) -> Found:
    rounds = by_rounds.of_steps(steps)
    done = by_rounds.barriers(rounds)
    names = ("time_s", "validation_accuracy", "validation_loss")
    start = (0.0, float(steps["validation_accuracy_before"][0]), 0.0)
    after = np.stack([done[name] for name in names], axis=1).round(4).tolist()
    mean = curves.mean(by_rounds.accuracy(rounds, budget_s))
    return {"layout": int(steps["layout"][0]), "mean": round(mean, 6), "history": [start, *after]}


def gather(folder: Path) -> list[Found]:
    """Returns what the page shows: an entry for each cell, and features where trust is kept."""
    return [_gathered(cell, json.loads((folder / cell.file).read_text())) for cell in cells()]


def _gathered(cell: Cell, rows: list[Found]) -> Found:
    columns = {name: [row[name] for row in rows] for name in ("layout", "mean")}
    seen = {
        f"seen until {time} s": _seen([row["history"] for row in rows], time)
        for time in TIMES_S
        if cell.gate == NEVER
    }
    return {"rung": cell.rung, "placement": cell.placement, "gate": cell.gate} | columns | seen


def _seen(histories: list[Validated], time: float) -> list[list[float]]:
    return [np.round(features(each, time), 3).tolist() for each in histories]


# --- The tables ---


def read(found: list[Found]) -> dict[Cell, Found]:
    """Returns the entries by cell."""
    return {Cell(each["rung"], each["placement"], Gate(*each["gate"])): each for each in found}


def gates(played: dict[Cell, Found]) -> Iterator[str]:
    """Yields the lines of the table of gates: levels, and differences from trust never lost."""
    places = [(rung, where) for rung in RUNGS for where in PLACEMENTS]
    layouts = np.array(played[Cell(*places[0], NEVER)]["layout"])
    level = {cell: np.array(each["mean"]) for cell, each in played.items()}
    rows = [
        [str(gate), *(_against(level, Cell(*place, gate), layouts) for place in places)]
        for gate in GATES
    ]
    head = [f"{rung.removesuffix('-loop')}, {PLACEMENTS[where]}" for rung, where in places]
    return show.table(["trust is lost", *head], rows)


def _against(level: dict[Cell, Values], cell: Cell, layouts: NDArray[np.int64]) -> str:
    kept = cell._replace(gate=NEVER)
    if cell == kept:
        return f"{100 * level[cell].mean():.1f}"
    [lead] = show.leads([level[cell] - level[kept]], layouts)
    return show.points(*lead)


def telling(played: dict[Cell, Found]) -> Iterator[str]:
    """Yields the lines of the table of how well the placements can be told apart."""
    rows = (
        [rung.removesuffix("-loop"), f"{time} s", *_told(played, rung, time)]
        for rung in RUNGS
        for time in TIMES_S
    )
    head = ["rung", "after", "by the accuracy", "by the rise", "by all that was validated"]
    return show.table(head, rows, 2)


def _told(played: dict[Cell, Found], rung: str, time: float) -> list[str]:
    kept = [played[Cell(rung, where, NEVER)] for where in PLACEMENTS]
    sides = [np.array(each[f"seen until {time} s"]) for each in kept]
    is_random = np.repeat([True, False], [len(side) for side in sides])
    seen = np.concatenate(sides)
    scores = (seen[:, ACCURACY], seen[:, LOSS] - seen[:, LOWEST], judged(seen, is_random))
    return [f"{separation(each, is_random):.2f}" for each in scores]


TABLES = {"gates": gates, "telling": telling}


def write() -> None:
    """Writes the tables from `trust.json`."""
    played = read(json.loads(KEPT.read_text(encoding="utf-8")))
    show.fill(PAGE, lambda name: "\n".join(TABLES[name](played)))


def main() -> None:
    """Plays what is missing, and writes the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/trust")
    given = parser.parse_args()
    play(given.folder, range(SEED, SEED + EPISODES))
    # On one line: there are thousands of numbers.
    results.write_text(KEPT, json.dumps(gather(given.folder)) + "\n")
    write()


if __name__ == "__main__":
    main()
