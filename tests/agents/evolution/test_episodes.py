"""Candidates are judged by the episodes that the environment plays."""

import numpy as np
import pytest

from ceas_agents.evaluation import play
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import checkpoints
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.networks import Features, columns
from ceas_agents.policies.rollout import most_steps
from ceas_agents.training.evolution import episodes, weights
from ceas_gym import config, parameters
from ceas_gym.jax_utils import randomness

SETTINGS = {"episode.decision": "window", "episode.reward": "validation_accuracy"}
SEEN = Features((), ("progress", "validation_accuracy"))
WIDTHS = (3, 3)
SEEDS = (11, 12)


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("tiny", SETTINGS))


@pytest.fixture(scope="module")
def candidates():
    drawn = np.random.default_rng(0).normal(scale=9, size=(2, weights.size(WIDTHS)))
    return weights.layers(drawn.astype(np.float32), WIDTHS)


@pytest.fixture(scope="module")
def agents(candidates):
    each = [[tuple(part[row] for part in layer) for layer in candidates] for row in range(2)]
    layers = [tuple(type(candidates[0])(*layer) for layer in one) for one in each]
    return [Agent("steered", one, SEEN) for one in layers]


@pytest.fixture(scope="module")
def played(params, candidates):
    keys, steps = randomness.keys(SEEDS), most_steps(params)
    return episodes.on_all_cores(steps, columns(SEEN), params, candidates, keys)


def test_they_earn_what_an_evaluation_says(params, agents, played):
    for row, agent in enumerate(agents):
        contestant = Contestant("agent", checkpoints.policy(agent), {})
        told = play.episodes(contestant, params, most_steps(params), SEEDS)
        for place, (_, steps) in enumerate(told):
            assert played.steps[row, place] == len(steps["reward"])
            assert played.earned[row, place] == pytest.approx(steps["reward"].sum(), abs=1e-5)
            assert played.metrics["accuracy"][row, place] == steps["accuracy"][-1]
    # The two candidates differ, and so do the episodes.
    assert len(np.unique(played.earned)) > 2
