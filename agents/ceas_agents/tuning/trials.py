"""The jobs of a tuning: the trials of a contestant, one after the other, each kept in a file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ceas_agents.evaluation import contestants
from ceas_agents.executors import jobs
from ceas_agents.executors.jobs import Job, Tell
from ceas_agents.tuning import proposals, search
from ceas_agents.tuning.search import Plan, Setting, Trial
from ceas_gym.scenario import Scenario

Found = dict[str, Any]
"""A trial as JSON: `setting` and `scores`."""


def jobs_of(plan: Plan, folder: Path) -> list[Job]:
    """Returns a job for each contestant.

    Args:
        plan: The tuning.
        folder: For the files of the jobs and of trials.
    """
    return [_job(plan, contestant.name, folder) for contestant in plan.contestants]


def played(plan: Plan, job: Job) -> list[Trial]:
    """Returns the trials of a contestant that are finished, in order.

    Args:
        plan: The tuning.
        job: From `jobs_of`, performed or not.
    """
    return [
        Trial(job.name, found["setting"], np.array(found["scores"]))
        for found in _kept(plan, job.path)
    ]


def _job(plan: Plan, name: str, folder: Path) -> Job:
    decisive = (plan.scenario, name, plan.seeds, proposals.FACTORS, proposals.OWN)
    path = folder / f"{jobs.key(*decisive)}.json"
    arguments = (plan.scenario, name, len(plan.seeds), path)
    return Job(path, search_all, arguments, name, size=plan.trials * len(plan.seeds))


def search_all(scenario: Scenario, name: str, episodes: int, path: Path, tell: Tell) -> int:
    """Returns the number of trials of a contestant, each of which is in a file of its own.

    Args:
        scenario: Resolved settings.
        name: Of the contestant.
        episodes: Of each trial; at least 1.
        path: File of the whole job, whose name those of the trials begin with.
        tell: Is told of the progress.
    """
    contestant = contestants.get(name)
    plan = search.plan(scenario, [contestant], episodes)

    def play(number: int, setting: Setting) -> NDArray[np.float64]:
        job = Job(_file(path, number), play_one, (plan, setting))
        jobs.perform(job, lambda share: tell((number + share) / plan.trials))
        return np.array(jobs.result(job)["scores"])

    return sum(1 for _ in search.trials(plan, contestant, play))


def play_one(plan: Plan, setting: Setting, tell: Tell) -> Found:
    """Returns the setting and the scores of a trial.

    Args:
        plan: The tuning of one contestant.
        setting: What is tried.
        tell: Is told of the progress.
    """
    (contestant,) = plan.contestants
    return {
        "setting": setting,
        "scores": search.scores(plan, contestant, setting, tell).tolist(),
    }


def _kept(plan: Plan, path: Path) -> Iterator[Found]:
    for number in range(plan.trials):
        found = jobs.found(Job(_file(path, number), play_one))
        if found is None:
            return
        yield found


def _file(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}-{number}.json")
