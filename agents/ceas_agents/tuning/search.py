"""The search of `ceas-gym tune`: every contestant has as many trials, on the same seeds.

1. Where a step is a window, a contestant with a cadence has a trial of its untuned one and of every
   power of two windows up to `network.most_windows`.
2. At the best cadence, if there is one: seven rates, the scenario's own times each of
   `proposals.FACTORS`. Where a step is a window, they and the rate of the first trials are
   `proposals.FASTER` times as high.
3. At the best of these: two other values of each of the policy's own numbers (`proposals.OWN`).
4. The trials that are left vary the best one so far: the cadence by a factor of two, with a rate in
   proportion, and the rate by the square root of two, up and down, then by the roots of these
   factors, and so on.

The score of an episode is the accuracy on the *validation* split: its mean over time where time is
the budget, which is where a step is a window or `episode.budget_s` is set, else that after the last
round. The best trial has the highest mean score; of equal ones, it is the trial nearest to the
defaults of scenario and policy. The search uses neither the accuracy on the test split, which
evaluations report, nor the seeds of evaluations: it has seeds of its own, from `SEED` on.

A rate is a number in an array, so that one compiled program plays all trials of a contestant; so is
a cadence, unless the contestant plays open loop. Options that are words, such as `placement` of
`ceas`, are not tuned: each value makes a contestant by itself.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_agents.evaluation import play, tuned
from ceas_agents.evaluation import rounds as by_rounds
from ceas_agents.evaluation.contestants import CADENCE, Contestant, fitting
from ceas_agents.evaluation.rounds import Steps
from ceas_agents.evaluation.tuned import RATE
from ceas_agents.policies.rollout import most_steps
from ceas_agents.policies.versions import Decision
from ceas_agents.statistics import curves
from ceas_agents.tuning.proposals import (
    FACTORS,
    FASTER,
    FINER,
    Setting,
    by_round,
    by_window,
    times,
)
from ceas_gym import config
from ceas_gym.registry import asked_by
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

TRIALS, BY_WINDOW = len(FACTORS) + 2, 2 * len(FACTORS) + 3
"""Trials of every contestant where a step is a round, and where it is a window."""
SEED = 900_000
"""The first seed. No evaluation or test uses it or one of the 89,999 seeds after it, and no method
was designed on them."""
DECIMALS = 6
"""Decimals to which scores are compared, because accuracies are in single precision."""
VARIANTS: dict[Decision, tuple[str, ...]] = {
    "round": ("ceas:placement=best", "ceas:placement=random"),
    "window": ("ceas:serve=quorum",),
}
"""Words that CEAS may be given, which are contestants by themselves: what it supposes of the
coalition where a step is a round, and whom it serves where a step is a window."""
VALIDATION = "validation_accuracy"
Tell = Callable[[float], None]
"""Is told the share of a trial that is done, in [0, 1]."""
Play = Callable[[int, Setting], NDArray[np.float64]]
"""Returns the scores of a trial, in [0, 1] and of shape (seeds,), from its number and setting."""


class Plan(NamedTuple):
    """A checked tuning."""

    scenario: Scenario
    """Without the overrides of contestants."""
    contestants: list[Contestant]
    seeds: range

    @property
    def by_window(self) -> bool:
        """Returns whether a step is a window, so that cadences are tuned."""
        return self.scenario.episode.decision == "window"

    @property
    def over_time(self) -> bool:
        """Returns whether time is the budget, so that the mean over time is the score."""
        return self.by_window or self.scenario.episode.budget_s is not None

    @property
    def measure(self) -> str:
        """Returns what the score is, in words."""
        return "mean over time" if self.over_time else "after the last round"

    @property
    def trials(self) -> int:
        """Returns the number of trials that every contestant has."""
        return BY_WINDOW if self.by_window else TRIALS


class Trial(NamedTuple):
    """A contestant's episodes with one setting."""

    contestant: str
    setting: Setting
    scores: NDArray[np.float64]
    """Score of each seed, an accuracy in [0, 1]; shape (seeds,)."""


def plan(scenario: Scenario, contestants: list[Contestant], episodes: int) -> Plan:
    """Returns the plan of a tuning, after checking scenario, contestants and learning rates.

    Args:
        scenario: Resolved settings; the factors on its own learning rate are in [0.088, 11.3], or
            up to 45.3 where a step is a window.
        contestants: Who is tuned.
        episodes: Seeds of each trial; at least 1.

    Raises:
        ValueError: If a contestant can't play the scenario, or a rate would be out of bounds.
    """
    rate, highest = scenario.learning.learning_rate, max(FACTORS) * FINER
    if scenario.episode.decision == "window":
        highest *= FASTER
    with asked_by("the grid of rates"):
        for factor in (min(FACTORS) / FINER, highest):
            config.load(scenario, {RATE: times(rate, factor)})
    play.prepare(scenario, contestants)
    return Plan(scenario, contestants, range(SEED, SEED + episodes))


def trials(plan: Plan, contestant: Contestant, play: Play) -> Iterator[Trial]:
    """Yields the trials of a contestant as they finish, as many as `Plan.trials`.

    Args:
        plan: The tuning.
        contestant: One of its contestants.
        play: Plays a trial (`scores`), or knows its scores.

    Yields:
        Trials, whose scores are in [0, 1] and of shape (seeds,).
    """
    begin = start(plan.scenario, contestant)
    played: list[Trial] = []
    for setting in _proposed(plan, begin, lambda: best(played, begin).setting):
        is_new = all(trial.setting != setting for trial in played)
        if is_new and _can_play(plan, contestant, setting):
            scores = play(len(played), setting)
            played.append(Trial(contestant.name, setting, scores))
            yield played[-1]
        if len(played) == plan.trials:
            return


def everyone(decision: Decision) -> list[str]:
    """Returns the names of the contestants that are tuned by default: all that can play.

    Args:
        decision: What a step is.
    """
    return [*fitting(decision), *VARIANTS[decision]]


def start(scenario: Scenario, contestant: Contestant) -> Setting:
    """Returns the untuned setting: the scenario's learning rate and the policy's defaults.

    Args:
        scenario: Whose learning rate is used, in [1e-6, 1000], and whose `network.windows` is the
            cadence of a contestant whose policy has no other default.
        contestant: Whose policy is used.

    Example:
        >>> from ceas_agents.evaluation import contestants
        >>> start(config.load("tiny"), contestants.get("focused"))
        {'learning.learning_rate': 0.1, 'share': 0.6666666666666666}
    """
    decision = scenario.episode.decision
    cadence = tuned.cadence(contestant) if contestant.has_cadence else 0.0
    known: Setting = {
        RATE: scenario.learning.learning_rate,
        CADENCE: int(cadence) or scenario.network.windows,
        **tuned.own(contestant, decision),
    }
    return {key: known[key] for key in tuned.keys_of(contestant, decision)}


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
        setting, factors = trial.setting, [name for name in start if name in (RATE, CADENCE)]
        steps = sum(abs(math.log(setting[name] / start[name])) for name in factors)
        others = sum(abs(setting[name] - start[name]) for name in start if name not in factors)
        distance = round(steps + others, DECIMALS)
        return -round(float(trial.scores.mean()), DECIMALS), distance, trial.setting[RATE]

    return min(played, key=order)


def score(plan: Plan, params: Params, steps: Steps) -> float:
    """Returns the score of an episode, a validation accuracy in [0, 1].

    Args:
        plan: The tuning: with time as the budget it is the mean over time, else the last one.
        params: What was played.
        steps: Metrics of the episode, each of shape (steps,).
    """
    if not plan.over_time:
        return float(steps[VALIDATION][-1])
    rounds = by_rounds.of_steps(steps)
    return curves.mean(by_rounds.accuracy(rounds, play.seconds(params), VALIDATION))


def scores(plan: Plan, contestant: Contestant, setting: Setting, tell: Tell) -> NDArray[np.float64]:
    """Returns the scores of a trial, which is played: accuracies in [0, 1], shape (seeds,).

    Args:
        plan: The tuning.
        contestant: One of its contestants.
        setting: What is tried.
        tell: Is told of the progress.
    """
    changed = tuned.changed(contestant, setting)
    params = play.prepare(plan.scenario, [changed])[contestant.name]
    found: list[float] = []
    for _, metrics in play.episodes(changed, params, most_steps(params), plan.seeds):
        found.append(score(plan, params, metrics))
        tell(len(found) / len(plan.seeds))
    return np.array(found)


def _proposed(plan: Plan, begin: Setting, best: Callable[[], Setting]) -> Iterator[Setting]:
    if plan.by_window:
        return by_window(begin, plan.scenario.network.most_windows, best)
    return by_round(begin, best)


def _can_play(plan: Plan, contestant: Contestant, setting: Setting) -> bool:
    # A cadence may be too long for the budget, or too short for the agreement of a committee.
    if CADENCE not in setting:
        return True
    try:
        params = play.prepare(plan.scenario, [tuned.changed(contestant, setting)])[contestant.name]
    except ValueError:
        return False
    longest = min(
        plan.scenario.network.most_windows, int(params.budget - params.network.barrier_windows)
    )
    return setting[CADENCE] <= longest
