"""Evaluation: whole episodes of a contestant, compiled, several seeds at once."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import jax
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array
from numpy.typing import NDArray

from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import base, registry
from ceas_agents.policies.base import Policy
from ceas_agents.policies.rollout import rollout
from ceas_gym import config, parameters
from ceas_gym.consensus import committee_sabotage
from ceas_gym.jax_utils import parallel, randomness
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.registry import asked_by
from ceas_gym.scenario import Scenario
from ceas_gym.types import Metrics, Params, State, TimeStep

ACCELERATED = 64
"""Seeds that an accelerator plays at once; a processor plays one on each of its cores."""
ROUNDING = 1e-6
"""Rounding error of an accuracy in single precision."""
LEAST_PAIRS = 1e-9
"""Pairs of a round that replace a bound of zero, so that the share of no pairs is zero."""
Rounds = dict[str, NDArray[np.float32]]
"""Metrics of an episode by name, and its rewards, each of shape (rounds,)."""
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
    contestant: Contestant, params: Params, rounds: int, seeds: Sequence[int]
) -> Iterator[tuple[int, Rounds]]:
    """Yields each seed with the metrics of its episode, each of shape (rounds,).

    For every contestant, the episode is the one that `CEASEnv.reset(seed=seed)` starts. A few seeds
    are played at a time.

    Args:
        contestant: Who plays; only the policy is used.
        params: From `prepare`.
        rounds: Rounds of an episode; at least 1.
        seeds: Episodes to play.
    """
    cores = parallel.usable_cores()
    together = 1 if jax.default_backend() == "cpu" else ACCELERATED
    for first in range(0, len(seeds), cores * together):
        chunk = seeds[first : first + cores * together]
        # One shape for all calls, so that the last one is not compiled anew.
        calls = [chunk[place : place + together] for place in range(0, len(chunk), together)]
        play = partial(_play, base.as_pytree(contestant.policy), rounds, params)
        played = parallel.side_by_side(play, [_keys(call, together) for call in calls])
        for call, metrics in zip(calls, played, strict=True):
            figures = jax.device_get(metrics)
            for row, seed in enumerate(call):
                yield seed, {name: values[row] for name, values in figures.items()}


def summary(
    rounds: Rounds, target_accuracy: float, most_useful: Sequence[float] = ()
) -> dict[str, float]:
    """Returns one row of `episodes.csv`, without policy and seed.

    Numbers of pairs and shots are sums over the episode, but `pairs_left` are in memory at its end.

    Args:
        rounds: Metrics of the episode, each of shape (rounds,).
        target_accuracy: Target of the scenario, in [0, 1]. `rounds_to_target` counts the rounds
            until it is first reached; if it never is, it counts all rounds and `reached_target` is
            zero.
        most_useful: Upper bound on the mean useful pairs of a round in each layout (`pair_bounds`).
            `share_of_most_useful` is relative to it; without bounds, it is NaN.
    """
    reached = rounds["accuracy"] >= target_accuracy - ROUNDING
    first = int(reached.argmax()) + 1 if reached.any() else len(reached)
    counted = ("pairs_generated", *FATES)
    fates = {name: float(rounds[name].sum(dtype=np.float64)) for name in counted}
    layout = int(rounds["layout"][0])
    most = most_useful[layout] if most_useful else np.nan
    useful = fates["pairs_spent"] - fates["pairs_wasted"] + fates["pairs_keyed"]
    return {
        "final_accuracy": float(rounds["accuracy"][-1]),
        "mean_accuracy": float(rounds["accuracy"].mean()),
        "rounds_to_target": float(first),
        "reached_target": float(reached.any()),
        "return": float(rounds["reward"].sum()),
        "utilization": float(rounds["utilization"][-1]),
        **fates,
        "pairs_left": float(rounds["pairs_stored"][-1]),
        "shots": float(rounds["shots"].sum()),
        "accepted_nodes": float(rounds["accepted_nodes"].mean()),
        "committed_rounds": float(rounds["committed"].sum()),
        "layout": float(layout),
        "share_of_most_useful": useful / (max(most, LEAST_PAIRS) * len(reached)),
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


def episode(policy: Policy, rounds: int, params: Params, key: Array) -> Metrics:
    """Returns the metrics of a whole episode, each of shape (rounds,), and the rewards; for `jit`.

    Args:
        policy: Who plays.
        rounds: Rounds of the episode; at least 1.
        params: The scenario.
        key: Random key that decides everything random in the episode.
    """
    return rollout(policy, rounds, params, key, _metrics)


def _metrics(before: State, after: State, timestep: TimeStep) -> Metrics:
    del before, after
    return {**timestep.metrics, "reward": timestep.reward}


def _built(scenario: Scenario, contestant: Contestant) -> Params:
    overrides = contestant.overrides
    if overrides.get("consensus.committee.members") == 1:
        # A contestant that trusts a single hub has no members who could lie.
        parts = scenario.attack.name.split("+")
        others = [part for part in parts if part not in committee_sabotage.SABOTAGE]
        overrides = overrides | {"attack.name": "+".join(others) or "none"}
    params = parameters.build(config.load(scenario, overrides))
    with asked_by(f"policy {contestant.name}"):
        registry.check(contestant.policy, params)
    return params


def _keys(seeds: Sequence[int], rows: int) -> Array:
    filled = [*seeds, *[seeds[-1]] * (rows - len(seeds))]
    return randomness.keys(filled)


@partial(often, static_argnums=1)
def _play(policy: Partial, rounds: int, params: Params, keys: Array) -> Metrics:
    return parallel.each(partial(episode, policy, rounds, params), keys)
