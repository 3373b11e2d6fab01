"""The jobs of a sweep: an episode each, grouped by the compilation that cells share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import jax

from ceas_agents.bounds import pair_bounds
from ceas_agents.evaluation import contestants, results
from ceas_agents.evaluation import play as playing
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.executors import jobs
from ceas_agents.executors.jobs import Job, Tell
from ceas_agents.policies.rollout import most_steps
from ceas_agents.sweeps import compilation
from ceas_agents.sweeps.plan import Cell, Plan, resolve
from ceas_gym import config
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

Seeds = Mapping[tuple[str, ...], Sequence[int]]
"""Seeds by the labels of a cell."""


class Member(NamedTuple):
    """A cell among those that share a program, with its resolved settings."""

    labels: tuple[str, ...]
    policy: str
    scenario: Scenario
    """Without the overrides of the policy."""


@dataclass(frozen=True)
class Prepared:
    """A member that can play."""

    contestant: Contestant
    params: Params
    target_accuracy: float

    @cached_property
    def most_useful(self) -> list[float]:
        """Returns the bound on useful pairs of a round in each layout."""
        return pair_bounds.in_each_layout(self.params)


class Loaded(NamedTuple):
    """A program, and what was prepared for it so far."""

    program: compilation.Program
    prepared: dict[int, Prepared]
    """By the place of the member."""


_loaded: dict[str, Loaded] = {}
"""The program that this process played last, by its key."""


def jobs_of(plan: Plan, missing: Seeds, folder: Path) -> list[Job]:
    """Returns a job for each episode, whose result is its row (`evaluation.play.summary`).

    Args:
        plan: The sweep.
        missing: The seeds of each cell that are to be played.
        folder: For the files of the jobs.
    """
    numbers = dict.fromkeys(cell.program for cell in plan.cells if missing.get(cell.labels))
    return [job for number in numbers for job in _of_program(plan, number, missing, folder)]


def _of_program(plan: Plan, number: int, missing: Seeds, folder: Path) -> list[Job]:
    # The program includes cells that are finished, so that a resumed sweep uses the same one.
    cells = [cell for cell in plan.cells if cell.program == number and not cell.refusal]
    members = tuple(_member(plan, cell) for cell in cells)
    group = jobs.key(members)
    return [
        Job(
            folder / f"{group}-{place}-{seed}.json",
            episode,
            (group, members, place, seed),
            ", ".join(cell.labels),
            group,
        )
        for place, cell in enumerate(cells)
        for seed in missing.get(cell.labels, ())
    ]


def whose(job: Job) -> tuple[tuple[str, ...], int]:
    """Returns the labels of the cell, and the seed, that a job plays.

    Args:
        job: From `jobs_of`.
    """
    _, members, place, seed = job.arguments
    return members[place].labels, seed


def _member(plan: Plan, cell: Cell) -> Member:
    contestant, scenario = resolve(plan, cell)
    return Member(cell.labels, contestant.name, scenario)


def episode(
    group: str, members: Sequence[Member], place: int, seed: int, tell: Tell
) -> results.Row:
    """Returns the row of an episode, with accuracies in [0, 1].

    Args:
        group: Key of the members.
        members: All that share the program.
        place: Of the member that plays, in [0, members).
        seed: Of the episode.
        tell: Not needed.
    """
    del tell
    loaded = _program(group, members)
    if place not in loaded.prepared:
        loaded.prepared[place] = _prepared(members[place])
    found = loaded.prepared[place]
    params, budget_s = found.params, playing.seconds(found.params)
    plays, steps = found.contestant, most_steps(params)
    ((_, metrics),) = compilation.episodes(loaded.program, plays, params, steps, [seed])
    return playing.summary(metrics, found.target_accuracy, found.most_useful, budget_s)


def _program(group: str, members: Sequence[Member]) -> Loaded:
    if group not in _loaded:
        # A compiled program of the size of `paper` takes about 80 MB and is not needed again.
        if _loaded:
            jax.clear_caches()
        _loaded.clear()
        # Rules and attacks are known by their names, so one member of each pair is enough.
        pairs = {_names(member): place for place, member in reversed([*enumerate(members)])}
        prepared = {place: _prepared(members[place]) for place in sorted(pairs.values())}
        program = compilation.of([each.params for each in prepared.values()])
        _loaded[group] = Loaded(program, prepared)
    return _loaded[group]


def _names(member: Member) -> tuple[str, str]:
    played = config.load(member.scenario, contestants.get(member.policy).overrides)
    return played.consensus.rule, played.attack.name


def _prepared(member: Member) -> Prepared:
    contestant = contestants.get(member.policy)
    params = playing.prepare(member.scenario, [contestant])[contestant.name]
    return Prepared(contestant, params, member.scenario.episode.target_accuracy)
