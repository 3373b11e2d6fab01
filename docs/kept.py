"""Tunes contestants on scenarios, plays them, and keeps the episodes in a folder.

Whatever the folder holds is not played again, so an interrupted run goes on from there.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from show import PLACEMENTS

from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import scarcity
from ceas_agents.tuning import search
from ceas_gym import config
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

Columns = dict[str, list[float]]


class Run(NamedTuple):
    """Where and how contestants are tuned and played."""

    folder: Path
    seeds: range
    training: int
    """Episodes by which they are tuned."""
    columns: Sequence[str]
    """What is kept of an episode, as `evaluation.play.summary` names it."""
    reward: str | None = None
    """Of the episodes; by default that of the scenario."""

    def file(self, cell: str, what: str) -> Path:
        """Returns the file of the folder that keeps something of a cell."""
        return self.folder / f"{cell}, {what.replace(':', ' ')}.json"

    def read(self, cell: str, what: str) -> Any:  # noqa: ANN401 - what was written
        """Returns what the folder keeps."""
        return json.loads(self.file(cell, what).read_text(encoding="utf-8"))


def thetas(params: Params) -> list[float]:
    """Returns the means over layouts of both scarcities, theta: uniform, and aware of links."""
    both = (scarcity.theta_uniform, scarcity.theta_aware)
    return [scarcity.over_layouts(each, params) for each in both]


def play(run: Run, cell: str, scenario: Scenario, names: Iterable[str]) -> None:
    """Plays what the folder lacks, and prints the mean accuracy of each contestant."""
    run.folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        contestant = tuned_on(run, cell, scenario, name)
        for placement in PLACEMENTS:
            path = run.file(cell, f"{placement}, {name}")
            if not path.exists():
                columns = _episodes(run, scenario, contestant, placement)
                results.write_json(path, columns)
                print(path.stem, f"{np.mean(columns['final_accuracy']):.3f}", flush=True)


def played(run: Run, cell: str, names: Sequence[str]) -> dict[str, dict[str, Columns]]:
    """Returns what the folder keeps, by placement of the attackers and by contestant."""
    return {
        placement: {name: run.read(cell, f"{placement}, {name}") for name in names}
        for placement in PLACEMENTS
    }


def tuned_on(run: Run, cell: str, scenario: Scenario, name: str) -> Contestant:
    """Returns the contestant of that name, tuned on the scenario unless it has been before."""
    contestant = contestants.get(name)
    path = run.file(cell, f"tuned, {contestant.name}")
    if not path.exists():
        plan = search.plan(scenario, [contestant], run.training)
        trials = list(search.trials(plan, contestant, lambda *_: None))
        best = search.best(trials, search.start(plan.scenario, contestant))
        results.write_json(path, best.setting)
    return tuned.changed(contestant, run.read(cell, f"tuned, {contestant.name}"))


def by_column(rows: Iterable[dict[str, float]]) -> Columns:
    """Returns rows as columns, rounded to six digits."""
    columns: Columns = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(round(value, 6))
    return columns


def _episodes(run: Run, scenario: Scenario, contestant: Contestant, placement: str) -> Columns:
    changes = {"attack.placement": placement}
    if run.reward is not None:
        changes["episode.reward"] = run.reward
    placed = config.load(scenario, changes)
    params = evaluate.prepare(placed, [contestant])[contestant.name]
    played = evaluate.episodes(contestant, params, scenario.episode.rounds, run.seeds)
    target = scenario.episode.target_accuracy
    rows = (evaluate.summary(rounds, target) for _, rounds in played)
    return by_column({name: row[name] for name in run.columns} for row in rows)
