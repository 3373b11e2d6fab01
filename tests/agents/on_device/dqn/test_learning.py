"""DQN in JAX: masks hold while it learns, seeds train as each alone, and it finds an optimum."""

from pathlib import Path

import jax
import numpy as np
import pytest
from helpers import device_probes, drawn

from ceas_agents.bounds import optimal_rounds
from ceas_agents.evaluation import play
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import checkpoints
from ceas_agents.training import plan, train
from ceas_agents.training.on_device import loop, scheduling
from ceas_agents.training.on_device.dqn.learner import Setup
from ceas_agents.training.on_device.dqn.settings import DQN, Network
from ceas_gym import parameters

BY_WINDOW = {
    "episode.decision": "window",
    "network.barrier_windows": 1,
    "episode.layouts": 2,
    "episode.budget_s": 3.0,
}
CONFIGURATION = Path(__file__).parents[4] / "configs" / "agents" / "dqn-micro.yaml"
FIRST_SEED, EPISODES = 10**6, 1000
"""Episodes that neither training nor validation has seen."""


def test_masks_hold_while_windows_are_learned():
    params, rows, updates = drawn.params(BY_WINDOW), 4, 30
    dqn = DQN(learning_starts=40, train_freq=2, batch_size=8, exploration_fraction=0.5)
    steps = rows * updates * dqn.train_freq
    setup = Setup(scheduling.ENVIRONMENTS["dispatch"], dqn, Network(net_arch=(8,)), steps)
    # One seed, because that needs one program only.
    seeds = np.array([2**30], np.uint32)
    found = loop.of_seeds_compiled(setup, params, rows, seeds, updates)
    learner, reports = jax.tree.map(lambda each: each[0], found)
    memory = learner.replay.steps
    # What is seen after a step is what the next step is chosen from.
    allowed, chosen = np.asarray(memory.following.allowed)[:-1], np.asarray(memory.choice)[1:]
    assert chosen.shape == (updates * dqn.train_freq - 1, rows)
    assert not allowed.all()
    assert np.take_along_axis(allowed, chosen[..., None], axis=-1).all()
    assert np.isfinite(reports.episodes.earned).any()
    assert np.isnan(reports.explained_variance).all()


def test_several_seeds_train_as_each_alone():
    dqn = DQN(learning_starts=8, train_freq=2, batch_size=8, learning_rate=0.01)
    setup = Setup(device_probes.choices("both"), dqn, Network(net_arch=(4,)), 64)
    seeds = np.array([5, 100], np.uint32)
    together, _ = loop.of_seeds_compiled(setup, None, 4, seeds, 6)
    for place, seed in enumerate(seeds):
        alone, keys = loop.begin_compiled(setup, None, 4, seed), set()
        for _ in range(6):
            alone, _ = loop.learn_compiled(setup, None, alone, 1)
            keys.add(tuple(jax.random.key_data(alone.key).tolist()))
        assert len(keys) == 6
        for one, other in zip(
            jax.tree.leaves(together.trained.weights),
            jax.tree.leaves(alone.trained.weights),
            strict=True,
        ):
            np.testing.assert_allclose(one[place], other, atol=1e-5)


def share_of_optimum(made, path):
    """The mean return on unseen episodes over the exact optimum, after a training."""
    train.train(made, path)
    params, rounds = parameters.build(made.scenario), made.scenario.episode.rounds
    agent = checkpoints.load(path / train.BEST)
    contestant = Contestant("agent", checkpoints.policy(agent), {})
    seeds = range(FIRST_SEED, FIRST_SEED + EPISODES)
    played = play.episodes(contestant, params, rounds, seeds)
    mean = np.mean([steps["reward"].sum() for _, steps in played])
    return mean / optimal_rounds.solve(optimal_rounds.game(params), rounds).value


@pytest.mark.slow
@pytest.mark.parametrize("steps", [25_000, None], ids=["short", "whole"])
def test_the_optimum_of_micro_is_all_but_reached(steps, tmp_path):
    """Most single choices stay below 90 % of it."""
    made = plan.load(CONFIGURATION, steps=steps)
    assert share_of_optimum(made, tmp_path / "run") > 0.98
