"""A small scenario whose steps are windows, and its first observation."""

import jax
import pytest
from helpers import compiled

from ceas_gym import config, parameters
from ceas_gym.types import Observation, Params

CHANGES = {
    "episode.decision": "window",
    "network.barrier_windows": 1,
    "network.nodes": 6,
    "network.channels": 2,
}


@pytest.fixture(scope="session")
def looped() -> Params:
    """Six nodes, of which one is Byzantine and three are a quorum; two channels."""
    return parameters.build(config.load("tiny", CHANGES))


@pytest.fixture(scope="session")
def start(looped: Params) -> Observation:
    """Nothing is stored yet."""
    return compiled.reset(looped, jax.random.key(0))[1].observation
