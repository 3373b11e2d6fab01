"""Observations: columns computed anew from the state, in a network whose memories drift."""

from typing import Any

import jax
import numpy as np
import pytest
from helpers import compiled
from helpers.comparison import plain, requests, vary

from ceas_gym import parameters
from ceas_gym.scenario import Scenario
from ceas_gym.task import observations
from ceas_gym.types import Params, State

Played = tuple[Params, State, Any]
ROUNDS, INTERVAL = 4, 3
"""More rounds, of 0.3 s, than from one calibration to the next."""
DRIFTING = {
    "network.conditions.coherence": "drifting",
    "network.conditions.calibration_s": 0.3 * INTERVAL,
    "episode.rounds": 9,
}


@pytest.fixture(scope="module")
def played(scenario: Scenario) -> Played:
    """Parameters, state and observation in NumPy after some rounds."""
    params = parameters.build(vary(scenario, DRIFTING))
    state, timestep = compiled.reset(params, jax.random.key(4))
    shape = (params.network.windows, len(params.network.routes.vertex))
    for action in requests(2, ROUNDS, *shape):
        state, timestep = compiled.step(params, state, action)
    return plain(params), plain(state), plain(timestep.observation)


def column(features: Any, name: str) -> int:
    return [feature.name for feature in features].index(name)


def test_rate_is_the_logarithm_of_the_pairs_of_a_whole_channel(played: Played) -> None:
    params, _, seen = played
    network = params.network
    tried = np.floor(network.generation.attempts_per_window) * network.generation.modes
    pairs = (tried * network.generation.success_probability)[:, 0]
    found = seen.nodes[:, column(observations.NODE_FEATURES, "rate")]
    np.testing.assert_allclose(found, np.log10(1 + pairs) / 5, rtol=1e-5)


def test_stored_contraction_is_the_mean_over_the_stored_pairs(played: Played) -> None:
    params, state, seen = played
    stored = state.memory.pairs.sum(axis=1)
    partly = (stored > 0) & (stored < params.network.memories.per_link)
    assert partly.any()
    estimated = state.memory.contraction[-1].mean(axis=0)
    mean = (state.memory.pairs * estimated).sum(axis=1) / np.maximum(stored, 1)
    found = seen.nodes[:, column(observations.NODE_FEATURES, "stored_contraction")]
    np.testing.assert_allclose(found, mean, rtol=1e-5, atol=1e-7)


def test_calibration_is_the_share_of_the_interval_that_is_over(played: Played) -> None:
    _, state, seen = played
    assert state.round > INTERVAL
    found = seen.network[column(observations.NETWORK_FEATURES, "calibration")]
    assert found == pytest.approx((state.round % INTERVAL) / INTERVAL)
