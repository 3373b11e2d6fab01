"""Every way of weighing, scheduling, authenticating and aggregating works with every other."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product
from typing import Any

import jax
import numpy as np
import pytest

from ceas_agents.evaluation import contestants
from ceas_gym import config, dynamics, parameters

QUICK = {"xla_backend_optimization_level": 0}
"""What is compiled here runs for three rounds only."""
reset, step = (jax.jit(stage, compiler_options=QUICK) for stage in (dynamics.reset, dynamics.step))
SMALL = {
    "attack.name": "sign_flip",
    "episode.rounds": 3,
    "learning.batch_size": 2,
    "learning.layers": 1,
}
FACTORS = {
    "policy": ("ceas", "uniform"),
    "consensus.weights": ("fisher", "uniform"),
    "consensus.unauthenticated_updates": ("drop", "accept"),
    "consensus.rule": ("mean", "clip+nnm+trimmed_mean"),
}
FULL = {
    "policy": ("ceas", "uniform"),
    "consensus.weights": ("fisher", "inverse_variance", "uniform", "claimed"),
    "consensus.cap": ("share_budget", "certificate"),
    "consensus.unauthenticated_updates": ("drop", "cache", "accept"),
    "consensus.rule": ("median", "krum", "nnm+centred_clipping", "clip+geometric_median"),
}


def combinations(factors: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    return [dict(zip(factors, levels, strict=True)) for levels in product(*factors.values())]


def play(levels: dict[str, str]) -> dict[str, float]:
    """Returns the metrics of the last of three rounds."""
    protocol = {name: level for name, level in levels.items() if name != "policy"}
    # As on the command line: `--set consensus.rule=mean`.
    texts = [f"{name}={level}" for name, level in (SMALL | protocol).items()]
    params = parameters.build(config.load("tiny", dict(map(config.parse_override, texts))))
    policy, key = act(levels["policy"]), jax.random.key(0)
    state, timestep = reset(params, key)
    for _ in range(3):
        state, timestep = step(params, state, policy(params, timestep.observation, key))
    return {name: float(value) for name, value in timestep.metrics.items()}


@cache
def act(name: str) -> Callable[..., jax.Array]:
    return jax.jit(contestants.get(name).policy, compiler_options=QUICK)


def half() -> Iterator[Any]:
    """Yields all combinations, half of the protocols as slow ones: the others have every pair."""
    for levels in combinations(FACTORS):
        second = [levels[name] == FACTORS[name][1] for name in FACTORS if name != "policy"]
        marks = pytest.mark.slow if sum(second) % 2 == 0 else ()
        yield pytest.param(levels, id="-".join(levels.values()), marks=marks)


@pytest.mark.parametrize("levels", list(half()))
def test_combination_trains(levels: dict[str, str]) -> None:
    row = play(levels)
    assert np.isfinite(list(row.values())).all()
    assert row["committed"]
    assert row["shots"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("levels", combinations(FULL), ids=lambda levels: "-".join(levels.values()))
def test_rarer_combination_trains(levels: dict[str, str]) -> None:
    # So many compiled programs at a time would be more than a process may map.
    jax.clear_caches()
    row = play(levels)
    assert np.isfinite(list(row.values())).all()
    assert row["committed"]
