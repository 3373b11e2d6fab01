"""A short training improves an agent, and several seeds train as each of them alone."""

import jax
import numpy as np
import pytest
from helpers import device_probes, drawn

from ceas_agents.evaluation import play
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import checkpoints
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.rollout import most_steps
from ceas_agents.training.on_device import loop, scheduling
from ceas_agents.training.on_device.ppo.learner import Setup
from ceas_agents.training.on_device.ppo.settings import PPO, Network

BY_WINDOW = {
    "episode.decision": "window",
    "network.barrier_windows": 1,
    "episode.layouts": 2,
    "episode.reward": "validation_accuracy",
}
SEEDS = range(2**29, 2**29 + 6)


@pytest.fixture(scope="module")
def params():
    return drawn.params({**BY_WINDOW, "episode.rounds": 20})


@pytest.fixture(scope="module")
def agents(params):
    """Before and after four updates."""
    ppo = PPO(n_steps=64, batch_size=128, n_epochs=4, learning_rate=1e-3)
    environment, shape = scheduling.ENVIRONMENTS["nodes"], Network(hidden=16, log_std_init=-1)
    setup = Setup(environment, ppo, shape, fires=True)
    first = loop.begin_compiled(setup, params, 8, np.uint32(2**30))
    # A copy, because the memory of the learner is used again.
    before = jax.tree.map(np.array, setup.layers(first))
    last, _ = loop.learn_compiled(setup, params, first, 4)
    return [Agent("nodes", layers) for layers in (before, setup.layers(last))]


def mean_return(agent, params):
    contestant = Contestant("agent", checkpoints.policy(agent), {})
    played = play.episodes(contestant, params, most_steps(params), SEEDS)
    return np.mean([steps["reward"].sum() for _, steps in played])


def test_a_short_training_of_windows_improves_the_agent(agents, params):
    before, after = (mean_return(agent, params) for agent in agents)
    # The mean validation accuracy over time, of which an untrained model has about a half.
    assert before < 0.45
    assert after > 0.55


def test_several_seeds_train_as_each_alone():
    ppo = PPO(n_steps=8, batch_size=16, n_epochs=2)
    environment = device_probes.environment("both", of_two=True)
    setup = Setup(environment, ppo, Network(hidden=4), fires=True)
    seeds = np.array([5, 100], np.uint32)
    together, reports = loop.of_seeds_compiled(setup, None, 4, seeds, 3)
    assert reports.explained_variance.shape == (2, 3)
    for place, seed in enumerate(seeds):
        alone = loop.begin_compiled(setup, None, 4, seed)
        keys = set()
        for _ in range(3):
            alone, _ = loop.learn_compiled(setup, None, alone, 1)
            keys.add(tuple(jax.random.key_data(alone.key).tolist()))
        assert len(keys) == 3
        jax.tree.map(
            lambda one, other, place=place: np.testing.assert_allclose(
                one[place], other, atol=1e-5
            ),
            together.trained.weights,
            alone.trained.weights,
        )
