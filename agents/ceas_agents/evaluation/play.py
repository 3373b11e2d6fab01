"""Evaluation: whole episodes of a contestant, compiled, several seeds at once."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import jax
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Int

from ceas_agents.evaluation import rounds as by_rounds
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.evaluation.rounds import Steps
from ceas_agents.policies import base, registry
from ceas_agents.policies.base import Policy
from ceas_agents.policies.rollout import until_the_end
from ceas_agents.statistics import curves
from ceas_gym import config, parameters
from ceas_gym.consensus import committee_sabotage
from ceas_gym.jax_utils import parallel, randomness
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.registry import asked_by
from ceas_gym.scenario import Scenario
from ceas_gym.types import Metrics, Params, State, TimeStep

ACCELERATED = 64
"""Seeds that an accelerator plays at once; a processor plays one on each of its cores."""
LEAST_PAIRS = 1e-9
"""Pairs of a round that replace a bound of zero, so that the share of no pairs is zero."""
FATES = (
    *("pairs_spent", "pairs_wasted", "pairs_keyed", "pairs_expired", "pairs_blocked"),
    *("pairs_sacrificed", "pairs_tested"),
)


def prepare(scenario: Scenario, contestants: list[Contestant]) -> dict[str, Params]:
    """Returns the parameters under which each contestant plays, by its name.

    Args:
        scenario: Resolved settings.
        contestants: Who plays; their overrides are applied to the scenario.

    Raises:
        ValueError: If the scenario is wrong, also under a contestant's overrides, or if a learned
            contestant does not fit it.
    """
    return {contestant.name: _built(scenario, contestant) for contestant in contestants}


def episodes(
    contestant: Contestant, params: Params, steps: int, seeds: Sequence[int]
) -> Iterator[tuple[int, Steps]]:
    """Yields each seed with the metrics of its episode, each of shape (steps,): the steps it had.

    For every contestant, the episode is the one that `CEASEnv.reset(seed=seed)` starts. A few seeds
    are played at a time.

    Args:
        contestant: Who plays; only the policy is used.
        params: From `prepare`.
        steps: The most steps of an episode, at least 1; `policies.rollout.most_steps` returns those
            of a whole episode.
        seeds: Episodes to play.
    """
    cores = parallel.usable_cores()
    together = 1 if jax.default_backend() == "cpu" else ACCELERATED
    for first in range(0, len(seeds), cores * together):
        chunk = seeds[first : first + cores * together]
        # One shape for all calls, so that the last one is not compiled anew.
        calls = [chunk[place : place + together] for place in range(0, len(chunk), together)]
        play = partial(_play, base.as_pytree(contestant.policy), steps, params)
        played = parallel.side_by_side(play, [_keys(call, together) for call in calls])
        for call, found in zip(calls, played, strict=True):
            figures, lengths = jax.device_get(found)
            for row, seed in enumerate(call):
                yield seed, cut({name: each[row] for name, each in figures.items()}, lengths[row])


def cut(figures: Steps, length: int) -> Steps:
    """Returns the metrics of the steps that an episode had, each of shape (length,).

    Args:
        figures: From `episode`, as arrays of NumPy.
        length: Number of steps that were played.
    """
    return {name: values[:length] for name, values in figures.items()}


def seconds(params: Params) -> float:
    """Returns the time that training has, in s.

    Args:
        params: From `prepare`.
    """
    return float(params.budget * params.network.window_s)


def summary(
    steps: Steps,
    target_accuracy: float,
    most_useful: Sequence[float] = (),
    budget_s: float | None = None,
) -> dict[str, float]:
    """Returns one row of `episodes.csv`, without policy and seed.

    `rounds` is the number of barriers, and what is said of rounds is over barriers: accuracies are
    those after a barrier, and `accepted_nodes` is a mean over them. Numbers of pairs and shots are
    sums over the episode, but `pairs_left` are in memory at its end.

    Args:
        steps: Metrics of the episode, each of shape (steps,).
        target_accuracy: Target of the scenario, in [0, 1]. `rounds_to_target` counts the rounds
            until it is first reached, and `time_to_accuracy_s` is the time in s at the end of that
            round. If it never is, they are all rounds and the whole budget, and `reached_target` is
            zero.
        most_useful: Upper bound on the mean useful pairs of a round in each layout (`pair_bounds`).
            `share_of_most_useful` is relative to it; without bounds, it is NaN.
        budget_s: Time that training has, in s; by default the time of all steps. Over it,
            `mean_accuracy_over_time` is the mean of `evaluation.rounds.accuracy`.
    """
    whole = float(steps["time_s"][-1]) if budget_s is None else budget_s
    rounds = by_rounds.of_steps(steps)
    done, first = by_rounds.barriers(rounds), by_rounds.reached(rounds, target_accuracy)[:1]
    number, accuracy = len(done["fired"]), float(rounds["accuracy"][-1])
    counted = ("pairs_generated", *FATES)
    fates = {name: float(rounds[name].sum()) for name in counted}
    layout = int(rounds["layout"][0])
    most = most_useful[layout] if most_useful else np.nan
    useful = fates["pairs_spent"] - fates["pairs_wasted"] + fates["pairs_keyed"]
    return {
        "final_accuracy": accuracy,
        "mean_accuracy": float(done["accuracy"].mean()) if number else accuracy,
        "mean_accuracy_over_time": curves.mean(by_rounds.accuracy(rounds, whole)),
        "rounds_to_target": float(first[0] + 1) if len(first) else float(number),
        "time_to_accuracy_s": float(done["time_s"][first[0]]) if len(first) else whole,
        "reached_target": float(len(first)),
        "return": float(rounds["reward"].sum()),
        "utilization": float(rounds["utilization"][-1]),
        **fates,
        "pairs_left": float(rounds["pairs_stored"][-1]),
        "member_pairs": float(rounds["member_pairs"].sum()),
        "shots": float(rounds["shots"].sum()),
        "accepted_nodes": float(done["accepted_nodes"].sum()) / max(number, 1),
        "rounds": float(number),
        "committed_rounds": float(rounds["committed"].sum()),
        "exposed_members": float(rounds["exposed_members"][-1]),
        "layout": float(layout),
        "share_of_most_useful": useful / (max(most, LEAST_PAIRS) * max(number, 1)),
    }


def fates(row: Mapping[str, float]) -> dict[str, float]:
    """Returns what became of an episode's pairs, as shares in [0, 1] that add up to one.

    All of them are zero if no pair was generated.

    Args:
        row: From `summary`, or means of such rows.
    """
    total = max(row["pairs_generated"], 1.0)
    keyed, spent, wasted = row["pairs_keyed"], row["pairs_spent"], row["pairs_wasted"]
    parts = {
        "spent usefully": spent - wasted,
        "keyed": keyed,
        "spent for nothing": wasted,
        "expired": row["pairs_expired"],
        "blocked": row["pairs_blocked"],
        "sacrificed": row["pairs_sacrificed"],
        "tested": row["pairs_tested"],
        "left at the end": row["pairs_left"],
    }
    return {name: pairs / total for name, pairs in parts.items()}


def episode(
    policy: Policy, steps: int, params: Params, key: Array
) -> tuple[Metrics, Int[Array, ""]]:
    """Returns the metrics of an episode, and its number of steps; for `jit`.

    Args:
        policy: Who plays.
        steps: The most steps of the episode; at least 1.
        params: The scenario.
        key: Random key that decides everything random in the episode.

    Returns:
        The metrics of each step, its reward, and the accuracies before it, each of shape (steps,),
        with zeros after the end of the episode, and the number of steps that were played.
    """
    return until_the_end(policy, steps, params, key, metrics)


def metrics(before: State, after: State, timestep: TimeStep) -> Metrics:
    """Returns what is kept of a step: its metrics, its reward, and the accuracies before it.

    Args:
        before: State before the step.
        after: State after it, which is not used.
        timestep: What the step returned.

    Returns:
        Scalars, of shape (), by the names in `evaluation.rounds.NAMES`.
    """
    del after
    seen = {by_rounds.BEFORE.format(n): getattr(before.scores, n) for n in by_rounds.ACCURACIES}
    return {**timestep.metrics, "reward": timestep.reward, **seen}


def _built(scenario: Scenario, contestant: Contestant) -> Params:
    overrides = _with_time(scenario, contestant)
    if overrides.get("consensus.committee.members") == 1:
        # A contestant that trusts a single hub has no members who could lie.
        parts = scenario.attack.name.split("+")
        others = [part for part in parts if part not in committee_sabotage.SABOTAGE]
        overrides = overrides | {"attack.name": "+".join(others) or "none"}
    params = parameters.build(config.load(scenario, overrides))
    with asked_by(f"policy {contestant.name}"):
        registry.check(contestant.policy, params)
    return params


def _with_time(scenario: Scenario, contestant: Contestant) -> dict[str, object]:
    # What plays rounds in place of windows has the same budget, and barriers that take as long.
    if not contestant.is_open_loop or scenario.episode.decision == "round":
        return contestant.overrides
    params = parameters.build(scenario)
    time = {
        "network.barrier_windows": int(params.network.barrier_windows),
        "episode.budget_s": int(params.budget) * scenario.network.window_s,
    }
    return time | contestant.overrides


def _keys(seeds: Sequence[int], rows: int) -> Array:
    filled = [*seeds, *[seeds[-1]] * (rows - len(seeds))]
    return randomness.keys(filled)


@partial(often, static_argnums=1)
def _play(
    policy: Partial, steps: int, params: Params, keys: Array
) -> tuple[Metrics, Int[Array, " seeds"]]:
    return parallel.each(partial(episode, policy, steps, params), keys)
