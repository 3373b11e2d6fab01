"""Runs of `ceas-gym evaluate`, read back from their folders."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import rounds as by_rounds
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.evaluation.rounds import Rounds, Steps
from ceas_agents.policies import options
from ceas_gym import config
from ceas_gym.config import sources
from ceas_gym.registry import nearest
from ceas_gym.scenario import Scenario

TABLE = "rounds.csv"
TOLERANCE = 1e-4
"""Relative difference up to which a metric counts as the same: compilers round differently."""


class Run(NamedTuple):
    """What a folder of `ceas-gym evaluate` holds."""

    folder: Path
    scenario: Scenario
    overrides: dict[str, dict[str, Any]]
    """What each contestant changes of the scenario."""
    options: dict[str, dict[str, Any]]
    """What each contestant's policy has its options set to."""
    rows: dict[str, dict[int, Rounds]]
    """The table of rounds, by contestant and seed."""


def read(folder: Path) -> Run:
    """Returns the run that a folder holds, whether it was finished or not.

    Args:
        folder: As `ceas-gym evaluate` leaves it.

    Raises:
        ValueError: If it is no such folder.
    """
    if not all((folder / name).is_file() for name in (results.RECORD, results.SCENARIO, TABLE)):
        raise ValueError(
            f"{folder} is not the folder of a run; play one first: ceas-gym evaluate SCENARIO "
            "--policy NAME --policy NAME --out FOLDER"
        )
    with sources.prefixing(lambda: f"{folder} is not as ceas-gym evaluate leaves it"):
        try:
            record = json.loads((folder / results.RECORD).read_text(encoding="utf-8"))
            changes, chosen = dict(record["contestants"]), dict(record["options"])
            rows = _rows(folder / TABLE)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{error} in {results.RECORD} or {TABLE}") from error
    return Run(folder, config.load(folder / results.SCENARIO), changes, chosen, rows)


def contestant(run: Run, name: str) -> Contestant:
    """Returns a contestant as it played the run, with the settings that were tuned for it.

    Args:
        run: From `read`.
        name: Of one of its contestants.

    Raises:
        ValueError: If its policy can't be found any more.
    """
    known = contestants.get(name)
    own = options.given(known.policy)
    others = {key: value for key, value in run.options.get(name, {}).items() if key not in own}
    return tuned.changed(known, others)._replace(overrides=run.overrides[name])


def chosen(run: Run, names: list[str], seed: int | None) -> tuple[list[str], int]:
    """Returns the contestants to show, and the seed: by default the first two, and their first.

    Args:
        run: From `read`.
        names: Contestants that are asked for; none for the default.
        seed: The seed that is asked for; None for the default.

    Raises:
        ValueError: If the run has no episode of them with this seed.
    """
    if not run.rows:
        raise ValueError(f"{run.folder} has no episodes: it was interrupted before the first ended")
    for name in names:
        if name not in run.rows:
            raise ValueError(f"{run.folder} has no episodes of {name!r}; {nearest(name, run.rows)}")
    asked = list(dict.fromkeys(names)) or list(run.rows)[:2]
    shared = [each for each in run.rows[asked[0]] if all(each in run.rows[name] for name in asked)]
    if seed is None and shared:
        return asked, shared[0]
    if seed is None or seed not in shared:
        raise ValueError(
            f"{run.folder} has no episodes of {' and '.join(asked)} {_with(seed, shared)}"
        )
    return asked, seed


def difference(rows: Rounds, steps: Steps) -> str:
    """Returns in what a replayed episode first differs from the rows of the run; empty if nowhere.

    Args:
        rows: The metrics of the run's rounds.
        steps: The metrics of the replayed episode.
    """
    again = by_rounds.of_steps(steps)
    for number in range(min(len(rows["time_s"]), len(again["time_s"]))):
        for name in sorted(rows.keys() & again.keys()):
            before, now = rows[name][number], again[name][number]
            if not np.isclose(now, before, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
                return f"from round {number + 1} on ({name} was {before:g}, and is {now:g} now)"
    if len(rows["time_s"]) != len(again["time_s"]):
        return f"in its length ({len(rows['time_s'])} rounds, and {len(again['time_s'])} now)"
    return ""


def _with(seed: int | None, shared: list[int]) -> str:
    if not shared:
        return "with the same seed"
    span = f"{shared[0]} to {shared[-1]}" if len(shared) > 1 else str(shared[0])
    return f"with seed {seed}, but with {span}"


def _rows(path: Path) -> dict[str, dict[int, Rounds]]:
    found = dict[str, dict[int, list[Mapping[str, float]]]]()
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            policy, seed = row.pop("policy"), int(row.pop("seed"))
            numbers = {name: float(value) for name, value in row.items() if name != "round"}
            found.setdefault(policy, {}).setdefault(seed, []).append(numbers)
    return {
        policy: {seed: _columns(rows) for seed, rows in seeds.items()}
        for policy, seeds in found.items()
    }


def _columns(rows: list[Mapping[str, float]]) -> Rounds:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
