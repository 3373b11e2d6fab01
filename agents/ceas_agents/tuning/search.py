"""The search of `ceas-gym tune`: the same number of trials for everybody, on the same seeds.

1. The scenario's own learning rate times each of `FACTORS`.
2. At the best of these, two more: a contestant whose policy has a number of its own tries that
   (`OWN`), and one that has none tries the rate a finer step to either side.

The best trial has the highest mean accuracy on the *validation* split after the last round; of
equal ones, the one nearest to what the scenario and the policy have by themselves. The accuracy on
the test split, which is what evaluations report, is never looked at, and neither are their seeds:
tuning has `SEED` and those after it for its own.

A rate is a number in an array, so that all trials of a contestant are played by one compiled
program. What a policy believes, such as `placement` of `ceas`, is not tuned: these are contestants
of their own.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_agents.evaluation import play, tuned
from ceas_agents.evaluation.contestants import CONTESTANTS, Contestant
from ceas_agents.evaluation.tuned import RATE
from ceas_gym import config
from ceas_gym.registry import asked_by
from ceas_gym.scenario import Scenario

FACTORS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""As far up as down, so that no direction is preferred."""
FINER = 2**0.5
OWN = {"share": (1 / 2, 5 / 6)}
"""What is tried of a policy's own number, beside its default."""
TRIALS = len(FACTORS) + 2
SEED = 900_000
"""The first seed. No evaluation or test has it or one of the 89,999 that follow it, and no method
was designed on them."""
DECIMALS = 6
"""To which scores are compared: accuracies are fractions in 32 bits."""
EVERYONE = (*CONTESTANTS, "ceas:placement=best", "ceas:placement=random")
"""Who is tuned unless somebody is named."""
Setting = dict[str, float]
Heard = Callable[[Contestant, Setting], None]
"""Called after every episode."""


class Plan(NamedTuple):
    """A checked tuning."""

    scenario: Scenario
    """Before what contestants change."""
    contestants: list[Contestant]
    seeds: range


class Trial(NamedTuple):
    """A contestant's episodes with one setting."""

    contestant: str
    setting: Setting
    scores: NDArray[np.float64]
    """Validation accuracy after the last round, of each seed: shape (seeds,)."""


def plan(scenario: Scenario, contestants: list[Contestant], episodes: int) -> Plan:
    """Returns the plan of a tuning, with everything checked that could be wrong.

    Args:
        scenario: Resolved settings; rates are multiples of its own.
        contestants: Who is tuned.
        episodes: Seeds of each trial.

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
    """Yields a contestant's trials as they finish: the grid, then what is beside its best.

    Args:
        plan: The tuning.
        contestant: One of it.
        heard: Called after every episode.
    """
    begin = start(plan.scenario, contestant)
    played: list[Trial] = []
    for setting in grid(begin):
        played.append(_trial(plan, contestant, setting, heard))
        yield played[-1]
    for setting in beside(best(played, begin).setting):
        yield _trial(plan, contestant, setting, heard)


def start(scenario: Scenario, contestant: Contestant) -> Setting:
    """Returns what a contestant plays with untuned: the scenario's rate and its own defaults.

    Example:
        >>> from ceas_agents.evaluation import contestants
        >>> start(config.load("tiny"), contestants.get("focused"))
        {'learning.learning_rate': 0.1, 'share': 0.6666666666666666}
    """
    return {RATE: scenario.learning.learning_rate, **tuned.own(contestant)}


def grid(start: Setting) -> list[Setting]:
    """Returns the settings that come first: the same rates for all contestants.

    Example:
        >>> [setting["learning.learning_rate"] for setting in grid({"learning.learning_rate": 0.1})]
        [0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8]
    """
    return [start | {RATE: _times(start[RATE], factor)} for factor in FACTORS]


def beside(best: Setting) -> list[Setting]:
    """Returns the two settings that come next: of the policy's own number, or of the rate.

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
    """Returns the trial of the highest mean score; of equal ones, the nearest to the start.

    Args:
        played: Of one contestant; at least one.
        start: Its setting when untuned.

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
    # As people write it: the grid needs no more digits.
    return rate if factor == 1 else float(f"{rate * factor:.3g}")
