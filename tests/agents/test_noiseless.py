"""Training without noise and attack, and the targets that are set from it."""

from functools import cache

import numpy as np
import pytest
from helpers import noiseless
from helpers.compiled import compiled
from reference.learning import full_gradient, score

from ceas_gym import config, layouts, parameters
from ceas_gym.jax_utils import randomness
from ceas_gym.learning import model, setup
from ceas_gym.scenario import LearningSettings, Scenario


@cache
def ceiling(settings: LearningSettings, rounds: int, qpus: int) -> float:
    """Teams make no difference where all are honest."""
    return noiseless.accuracy(setup.build(settings, teams=4, qpus=qpus), rounds)


def of(scenario: Scenario) -> float:
    rounds = int(parameters.build(scenario).rounds)
    qpus = scenario.network.team_size
    each = [ceiling(one.learning, rounds, qpus) for one in layouts.scenarios(scenario)]
    return noiseless.target(float(np.mean(each)))


@pytest.mark.parametrize("name", config.shipped())
def test_a_shipped_target_is_five_points_below_noiseless_training(name):
    scenario = config.load(name)
    assert scenario.episode.target_accuracy == of(scenario)


def test_so_is_the_default():
    assert Scenario().episode.target_accuracy == of(Scenario())


def test_it_is_descent_along_the_exact_gradient():
    """Against the independent reference, in steps that are large enough to matter."""
    settings, seeds = config.load("tiny", {"learning.learning_rate": 2.0}).learning, (3, 4)
    learning = setup.build(settings, teams=4)
    finals = []
    for seed in seeds:
        parameters = np.asarray(compiled(model.start)(learning, randomness.key(seed)).parameters)
        for _ in range(2):
            parameters = parameters - 2.0 * full_gradient(learning, parameters)
        finals.append(score(learning, parameters).accuracy)
    found = noiseless.accuracy(learning, 2, seeds)
    assert found == pytest.approx(np.mean(finals), abs=1e-6)
    assert found != pytest.approx(noiseless.accuracy(learning, 0, seeds), abs=1e-3)


@pytest.mark.parametrize(
    ("reached", "target"), [(0.9199, 0.86), (0.92, 0.87), (1.0, 0.95), (0.049, 0.0)]
)
def test_a_target_is_a_whole_per_cent(reached, target):
    assert noiseless.target(np.float32(reached).item()) == target
