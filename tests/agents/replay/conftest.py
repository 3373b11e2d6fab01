"""Two short runs of `ceas-gym evaluate`, and the episodes that are recorded of them."""

from pathlib import Path
from typing import NamedTuple

import pytest

from ceas_agents.evaluation import contestants, play
from ceas_agents.evaluation import run as evaluation
from ceas_agents.replay import record, runs
from ceas_agents.replay.record import Episode
from ceas_agents.replay.runs import Run
from ceas_gym import config
from ceas_gym.types import Params

WINDOWS = {
    "episode.decision": "window",
    "episode.budget_s": 40.0,
    "network.barrier_windows": 2,
}
"""The four nodes of `tiny`; a barrier takes two windows."""
ROUNDS = {
    "episode.rounds": 5,
    "episode.layouts": 2,
    "network.oldest_windows": 12,
    "consensus.committee.members": 4,
    "consensus.committee.byzantine": 1,
    "consensus.committee.trap_share": 0.3,
    "attack.name": "sign_flip+false_data",
}
"""Two layouts and a committee; a barrier takes no time."""


class Played(NamedTuple):
    run: Run
    params: dict[str, Params]
    episodes: dict[str, Episode]


def evaluated(folder: Path, changes: dict[str, object], names: list[str], seeds: range) -> Played:
    """Returns a run that is played and read back, with its last seed recorded."""
    scenario = config.load("tiny", changes)
    chosen = [contestants.get(name) for name in names]
    evaluation.evaluate(scenario, chosen, play.prepare(scenario, chosen), seeds, folder)
    run = runs.read(folder)
    again = [runs.contestant(run, name) for name in names]
    params = play.prepare(run.scenario, again)
    episodes = {each.name: record.episode(each, params[each.name], seeds[-1]) for each in again}
    return Played(run, params, episodes)


@pytest.fixture(scope="session")
def by_window(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Two policies that decide window by window, one of them with an option; seeds 3 and 4."""
    names = ["proportional_fair", "uniform:cadence=5"]
    return evaluated(tmp_path_factory.mktemp("windows"), WINDOWS, names, range(3, 5))


@pytest.fixture(scope="session")
def by_round(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """A policy that decides round by round, with a committee; seed 7, in the second layout."""
    return evaluated(tmp_path_factory.mktemp("rounds"), ROUNDS, ["uniform"], range(7, 8))
