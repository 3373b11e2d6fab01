"""Every way of weighing, scheduling, authenticating and aggregating works with every other."""

from collections.abc import Mapping
from itertools import product

import numpy as np
import pytest

from ceas_agents import contestants, evaluate
from ceas_gym import config, parameters

SMALL = {
    "attack.name": "sign_flip",
    "episode.rounds": 3,
    "learning.batch_size": 2,
    "learning.layers": 1,
}
FACTORS = {
    "policy": ("ceas", "uniform"),
    "consensus.weights": ("fisher", "uniform"),
    "consensus.lapse": ("drop", "cache", "accept"),
    "consensus.rule": ("mean", "clip+nnm+trimmed_mean"),
}
FULL = {
    "policy": ("ceas", "uniform"),
    "consensus.weights": ("fisher", "inverse_variance", "uniform", "claimed"),
    "consensus.cap": ("share_budget", "certificate"),
    "consensus.lapse": ("drop", "cache", "accept"),
    "consensus.rule": ("median", "krum", "bucketing+centred_clipping", "clip+geometric_median"),
}


def combinations(factors: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    return [dict(zip(factors, levels, strict=True)) for levels in product(*factors.values())]


def play(levels: dict[str, str]) -> dict[str, float]:
    contestant = contestants.get(levels["policy"])
    protocol = {name: level for name, level in levels.items() if name != "policy"}
    # As on the command line: `--set consensus.rule=mean`.
    texts = [f"{name}={level}" for name, level in (SMALL | protocol).items()]
    scenario = config.load("tiny", dict(config.parse_override(text) for text in texts))
    played = evaluate.episodes(contestant, parameters.build(scenario), 3, range(1))
    return evaluate.summary(next(played)[1])


@pytest.mark.parametrize(
    "levels", combinations(FACTORS), ids=lambda levels: "-".join(levels.values())
)
def test_combination_trains(levels: dict[str, str]) -> None:
    row = play(levels)
    assert np.isfinite(list(row.values())).all()
    assert row["committed_rounds"] > 0
    assert row["shots"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("levels", combinations(FULL), ids=lambda levels: "-".join(levels.values()))
def test_rarer_combination_trains(levels: dict[str, str]) -> None:
    row = play(levels)
    assert np.isfinite(list(row.values())).all()
    assert row["committed_rounds"] > 0
