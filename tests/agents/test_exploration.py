"""How schedulers explore: with the density they say, and together for nodes that look alike."""

from typing import Any, cast

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal
from stable_baselines3 import PPO

from ceas_agents.training import adapter, network
from ceas_gym.task.observations import NETWORK_FEATURES, NODE_FEATURES

NODES, WINDOWS, FEATURES = 4, 4, len(NODE_FEATURES)


@pytest.fixture(scope="module")
def policy():
    envs = adapter.vec_env("tiny", rows=2, overrides={"episode.rounds": 3})
    settings: Any = {"n_steps": 4, "batch_size": 8, "device": "cpu", "seed": 0}
    return PPO(network.NodePolicy, envs, policy_kwargs={"hidden": 8}, **settings).policy


def seen(alike=False):
    random = torch.Generator().manual_seed(0)
    nodes = torch.rand((2, NODES, FEATURES), generator=random)
    if alike:
        nodes[:, 1] = nodes[:, 0]
    return {"nodes": nodes, "network": torch.rand((2, len(NETWORK_FEATURES)), generator=random)}


def covariance(policy, nodes):
    """The definition: what varies alone, and the features in units of their spread."""
    much = (nodes - nodes.mean(0)) / np.maximum(nodes.std(0, ddof=1), network.LEAST_SPREAD)
    common = (much * np.exp(policy.log_common_std.detach().numpy())) @ (
        much * np.exp(policy.log_common_std.detach().numpy())
    ).T
    alone = np.exp(2 * policy.log_std.detach().numpy()).repeat(NODES)
    return np.tile(common, (WINDOWS, WINDOWS)) + np.diag(alone)


def test_density_is_that_of_the_whole_covariance(policy):
    with torch.no_grad():
        policy.log_std.copy_(torch.linspace(-2, -0.5, WINDOWS))
        policy.log_common_std.copy_(torch.linspace(-3, -1, FEATURES))
        distribution = policy.get_distribution(seen())
        actions = distribution.sample()
        found, mean = distribution.log_prob(actions), distribution.mode()
    for row in range(2):
        expected = covariance(policy, seen()["nodes"][row].numpy().astype(float))
        law: Any = multivariate_normal(mean=mean[row].numpy(), cov=cast("Any", expected))
        assert float(found[row]) == pytest.approx(law.logpdf(actions[row].numpy()), rel=1e-4)
        assert float(distribution.entropy()[row]) == pytest.approx(law.entropy(), rel=1e-4)


def test_actions_vary_as_the_covariance_says(policy):
    torch.manual_seed(0)
    with torch.no_grad():
        distribution = policy.get_distribution(seen())
        drawn = torch.stack([distribution.sample()[0] for _ in range(20_000)]).numpy()
    expected = covariance(policy, seen()["nodes"][0].numpy().astype(float))
    # Of a product of two normals, at most the variances' product twice.
    error = np.sqrt(2 * np.outer(np.diag(expected), np.diag(expected)) / len(drawn))
    assert np.abs((np.cov(drawn.T) - expected) / error).max() < 5


def test_nodes_that_look_alike_are_explored_together(policy):
    with torch.no_grad():
        policy.log_std.fill_(-5)
        policy.log_common_std.fill_(0)
        distribution = policy.get_distribution(seen(alike=True))
        noise = (distribution.sample() - distribution.mode()).reshape(2, WINDOWS, NODES)
    torch.testing.assert_close(noise[..., 0], noise[..., 1], atol=0.05, rtol=0)
    torch.testing.assert_close(noise[:, 0], noise[:, 1], atol=0.05, rtol=0)
    assert float((noise[..., 0] - noise[..., 2]).abs().min()) > 0.1
