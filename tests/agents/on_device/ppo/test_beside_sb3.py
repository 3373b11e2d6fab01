"""PPO in JAX learns as fast as that of Stable-Baselines3, on the same environment and settings."""

import numpy as np
import pytest
import torch
from scipy import stats

from ceas_agents.training import curve, plan, train

SEEDS = range(30, 38)
SETTINGS = {
    "scenario": "tiny",
    # Links so long that it pays to choose nodes.
    "set": {
        "network.nodes": 8,
        "network.longest_km": 80.0,
        "episode.rounds": 10,
        "episode.reward": "information",
    },
    "reward_scale": 20.0,
    "steps": 5120,
    "rows": 8,
    "validation": plan.Validation(every=2560, episodes=10),
    "hyperparameters": {
        "n_steps": 32,
        "batch_size": 128,
        "n_epochs": 4,
        "gamma": 0.9,
        "learning_rate": 1e-3,
    },
}
SHAPE = {"hidden": 16, "log_std_init": -1.0}
# The noise that is common to similar nodes, which only Stable-Baselines3's policy has, is all but
# switched off.
NETWORKS = {"jax.ppo": SHAPE, "sb3.ppo": {**SHAPE, "common_std": 1e-3}}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def curves(learner, folder):
    """Returns of the validations, shape (seeds, validations)."""
    found = []
    for seed in SEEDS:
        network = NETWORKS[learner]
        settings = plan.Settings(learner=learner, network=network, seed=seed, **SETTINGS)
        scenario = plan.config.load("tiny", settings.set)
        train.train(plan.Plan("agent", settings, scenario), folder / f"{learner}-{seed}")
        rows = curve.read(folder / f"{learner}-{seed}")
        found.append([row["validation_return"] for row in rows])
    return np.array(found)


@pytest.mark.slow
def test_learning_curves_agree_within_their_intervals(tmp_path):
    ours, theirs = (curves(learner, tmp_path) for learner in NETWORKS)
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], atol=1e-6)
    assert ours[:, -1].mean() > 1.15 * ours[:, 0].mean()
    difference = ours.mean(axis=0) - theirs.mean(axis=0)
    variance = (ours.var(axis=0, ddof=1) + theirs.var(axis=0, ddof=1)) / len(SEEDS)
    # Simultaneous over the validations after the first one, by Bonferroni's bound.
    points = ours.shape[1] - 1
    quantile = stats.t.ppf(1 - 0.05 / (2 * points), 2 * len(SEEDS) - 2)
    assert (np.abs(difference) <= quantile * np.sqrt(variance)).all()
