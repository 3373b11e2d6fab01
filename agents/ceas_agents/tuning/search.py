"""The search of `ceas-gym tune`: every contestant has as many trials, on the same seeds.

1. The scenario's own learning rate times each of `FACTORS`.
2. At the best of these rates, two more trials: if the contestant's policy has a numeric option, two
   other values of it (`OWN`), else a finer step of the rate in either direction.

The best trial has the highest mean accuracy on the *validation* split after the last round; of
equal ones, the trial nearest to the defaults of scenario and policy. The search uses neither the
accuracy on the test split, which evaluations report, nor the seeds of evaluations: it has seeds of
its own, from `SEED` on.

A rate is a number in an array, so that one compiled program plays all trials of a contestant.
Options that are words, such as `placement` of `ceas`, are not tuned: each value makes a contestant
by itself.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_agents.evaluation import play, tuned
from ceas_agents.evaluation.contestants import Contestant, fitting
from ceas_agents.evaluation.tuned import RATE
from ceas_agents.policies.versions import Decision
from ceas_gym import config
from ceas_gym.registry import asked_by
from ceas_gym.scenario import Scenario

FACTORS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Symmetric on a logarithmic scale, so that no direction is preferred."""
FINER = 2**0.5
"""Factor of the finer step."""
OWN = {"share": (1 / 2, 5 / 6)}
"""Values of a policy's numeric option that are tried besides its default."""
TRIALS = len(FACTORS) + 2
SEED = 900_000
"""The first seed. No evaluation or test uses it or one of the 89,999 seeds after it, and no method
was designed on them."""
DECIMALS = 6
"""Decimals to which scores are compared, because accuracies are in single precision."""
BELIEFS = {"round": ("ceas:placement=best", "ceas:placement=random"), "window": ()}
"""What else is tuned by default: CEAS with other assumptions."""
Setting = dict[str, float]
"""The learning rate by its dotted key, and options of the policy by their names."""
Heard = Callable[[Contestant, Setting], None]
"""Called after every episode, to show the progress."""


class Plan(NamedTuple):
    """A checked tuning."""

    scenario: Scenario
    """Without the overrides of contestants."""
    contestants: list[Contestant]
    seeds: range


class Trial(NamedTuple):
    """A contestant's episodes with one setting."""

    contestant: str
    setting: Setting
    scores: NDArray[np.float64]
    """Validation accuracy of each seed after the last round, in [0, 1]; shape (seeds,)."""


def plan(scenario: Scenario, contestants: list[Contestant], episodes: int) -> Plan:
    """Returns the plan of a tuning, after checking scenario, contestants and learning rates.

    Args:
        scenario: Resolved settings; the factors on its own learning rate are in [0.088, 11.3].
        contestants: Who is tuned.
        episodes: Seeds of each trial; at least 1.

    Raises:
        ValueError: If a contestant can't play the scenario, or a rate would be out of bounds.
    """
    rate = scenario.learning.learning_rate
    with asked_by("the grid of rates"):
        for factor in (min(FACTORS) / FINER, max(FACTORS) * FINER):
            config.load(scenario, {RATE: _times(rate, factor)})
    play.prepare(scenario, contestants)
    return Plan(scenario, contestants, range(SEED, SEED + episodes))


def trials(plan: Plan, contestant: Contestant, heard: Heard) -> Iterator[Trial]:
    """Yields the trials of a contestant as they finish: `grid`, then `beside` the best of these.

    Args:
        plan: The tuning.
        contestant: One of its contestants.
        heard: Called after every episode.

    Yields:
        Trials, whose scores are in [0, 1] and of shape (seeds,).
    """
    begin = start(plan.scenario, contestant)
    played: list[Trial] = []
    for setting in grid(begin):
        played.append(_trial(plan, contestant, setting, heard))
        yield played[-1]
    for setting in beside(best(played, begin).setting):
        yield _trial(plan, contestant, setting, heard)


def everyone(decision: Decision) -> list[str]:
    """Returns the names of the contestants that are tuned by default.

    Args:
        decision: What a step is.
    """
    return [*fitting(decision), *BELIEFS[decision]]


def start(scenario: Scenario, contestant: Contestant) -> Setting:
    """Returns the untuned setting: the scenario's learning rate and the policy's defaults.

    Args:
        scenario: Whose learning rate is used, in [1e-6, 1000].
        contestant: Whose policy is used.

    Example:
        >>> from ceas_agents.evaluation import contestants
        >>> start(config.load("tiny"), contestants.get("focused"))
        {'learning.learning_rate': 0.1, 'share': 0.6666666666666666}
    """
    own = tuned.own(contestant, scenario.episode.decision)
    return {RATE: scenario.learning.learning_rate, **own}


def grid(start: Setting) -> list[Setting]:
    """Returns the settings of the first trials: the same learning rates for all contestants.

    Args:
        start: The untuned setting, whose learning rate is multiplied by factors in [1/8, 8].

    Example:
        >>> [setting["learning.learning_rate"] for setting in grid({"learning.learning_rate": 0.1})]
        [0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8]
    """
    return [start | {RATE: _times(start[RATE], factor)} for factor in FACTORS]


def beside(best: Setting) -> list[Setting]:
    """Returns the settings of the last two trials, which vary the best of the first ones.

    Args:
        best: Setting of the best trial so far. The policy's numeric option, `share` in [0, 1], is
            varied if it has one, else the learning rate.

    Example:
        >>> beside({"learning.learning_rate": 0.2})
        [{'learning.learning_rate': 0.141}, {'learning.learning_rate': 0.283}]
        >>> beside({"learning.learning_rate": 0.2, "share": 0.7})[0]
        {'learning.learning_rate': 0.2, 'share': 0.5}
    """
    own = [{name: value} for name in best if name in OWN for value in OWN[name]]
    rates = [{RATE: _times(best[RATE], factor)} for factor in (1 / FINER, FINER)]
    return [best | change for change in own or rates]


def best(played: Sequence[Trial], start: Setting) -> Trial:
    """Returns the trial with the highest mean score; of equal ones, the nearest to the start.

    Args:
        played: Trials of one contestant, at least one, with scores in [0, 1].
        start: The untuned setting of the contestant.

    Example:
        >>> rates = {0.05: 0.8, 0.1: 0.7, 0.2: 0.8, 0.4: 0.8}
        >>> played = [Trial("ceas", {RATE: rate}, np.array([s])) for rate, s in rates.items()]
        >>> best(played, {RATE: 0.1}).setting
        {'learning.learning_rate': 0.05}
    """

    def order(trial: Trial) -> tuple[float, ...]:
        steps = abs(math.log(trial.setting[RATE] / start[RATE]))
        others = sum(abs(trial.setting[name] - start[name]) for name in start if name != RATE)
        distance = round(steps + others, DECIMALS)
        return -round(float(trial.scores.mean()), DECIMALS), distance, trial.setting[RATE]

    return min(played, key=order)


def _trial(plan: Plan, contestant: Contestant, setting: Setting, heard: Heard) -> Trial:
    changed = tuned.changed(contestant, setting)
    params = play.prepare(plan.scenario, [changed])[contestant.name]
    scores: list[float] = []
    rounds = plan.scenario.episode.rounds
    for _, metrics in play.episodes(changed, params, rounds, plan.seeds):
        scores.append(float(metrics["validation_accuracy"][-1]))
        heard(contestant, setting)
    return Trial(contestant.name, setting, np.array(scores))


def _times(rate: float, factor: float) -> float:
    # Three digits, as one would write a rate; the grid needs no more.
    return rate if factor == 1 else float(f"{rate * factor:.3g}")
