"""Learned schedulers: the same with and without torch, for any order and number of nodes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from ceas_agents import ceas, learned
from ceas_agents.training import adapter, network
from ceas_agents.training.residual import Residual
from ceas_gym import config, dynamics, parameters
from ceas_gym.types import Observation

KEY = jax.random.key(0)
LEARNER = {"n_steps": 4, "batch_size": 8, "n_epochs": 1, "device": "cpu", "seed": 0}


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("tiny"))


@pytest.fixture(scope="module")
def envs():
    return adapter.vec_env("tiny", rows=2, overrides={"episode.rounds": 3}, seed=5)


@pytest.fixture(scope="module")
def shown(envs, params):
    return Residual(envs, params, ceas.ceas)


def agent(envs, seed=0):
    """Returns one whose every weight is drawn, so that none of them can be left out."""
    made = PPO(network.NodePolicy, envs, policy_kwargs={"hidden": 8}, **LEARNER)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for values in made.policy.parameters():
            values.copy_(0.3 * torch.randn(values.shape, generator=generator))
    return made


def drawn(nodes, seed):
    random = np.random.default_rng(seed)
    shapes = ((nodes, 14), (10,))
    return Observation(*(jnp.asarray(random.random(shape), jnp.float32) for shape in shapes))


@pytest.mark.parametrize("seed", range(3))
def test_same_as_the_learners_prediction(envs, seed):
    made, seen = agent(envs, seed), drawn(4, seed)
    expected, _ = made.predict(
        {"nodes": np.asarray(seen.nodes), "network": np.asarray(seen.network)}, deterministic=True
    )
    found = learned.requests(network.weights(made.policy), seen)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found).max() > 0.05


@pytest.mark.parametrize("seed", range(3))
def test_same_as_the_learners_prediction_of_a_residual(shown, params, seed):
    made, seen = agent(shown, seed), drawn(4, seed)
    base = ceas.ceas(params, seen, KEY)
    parts = {"nodes": seen.nodes, "network": seen.network, "base": base}
    expected, _ = made.predict(
        {name: np.asarray(part) for name, part in parts.items()}, deterministic=True
    )
    weights = network.weights(made.policy)
    found = learned.policy(weights, residual=True)(params, seen, KEY)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - base).max() > 0.05


def test_nodes_in_another_order_get_the_same(envs):
    weights, seen = network.weights(agent(envs).policy), drawn(6, 1)
    order = np.random.default_rng(0).permutation(6)
    mixed = learned.requests(weights, Observation(seen.nodes[order], seen.network))
    np.testing.assert_allclose(mixed, learned.requests(weights, seen)[:, order], atol=1e-6)


def test_each_node_sees_the_others(envs):
    weights, seen = network.weights(agent(envs).policy), drawn(6, 1)
    other = Observation(seen.nodes.at[0].set(0.9), seen.network)
    change = learned.requests(weights, other) - learned.requests(weights, seen)
    assert np.abs(change[:, 1:]).max() > 1e-4


def test_one_agent_serves_any_number_of_nodes(envs):
    weights = network.weights(agent(envs).policy)
    for nodes in (1, 4, 30):
        assert learned.requests(weights, drawn(nodes, 0)).shape == (4, nodes)


def test_residual_starts_at_what_it_adds_to(shown, params):
    fresh = PPO(network.NodePolicy, shown, **LEARNER)
    start = dynamics.reset(params, KEY)[1].observation
    found = learned.policy(network.weights(fresh.policy), residual=True)(params, start, KEY)
    np.testing.assert_array_equal(found, ceas.ceas(params, start, KEY))


def test_residual_shows_the_action_of_ceas_in_every_observation(shown, params):
    seen = shown.reset()
    rows = [seen]
    for _ in range(4):
        seen, _, dones, infos = shown.step(np.zeros((2, 4, 4), np.float32))
        rows.append(seen)
        if dones.any():
            rows += [{n: v[None] for n, v in infos[0]["terminal_observation"].items()}]
    assert len(rows) == 6
    plan = jax.jit(ceas.ceas)
    for seen in rows:
        expected = plan(params, Observation(seen["nodes"][0], seen["network"][0]), KEY)
        np.testing.assert_allclose(seen["base"][0], expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["envs", "shown"])
def test_every_weight_is_trained(kind, request):
    made = PPO(network.NodePolicy, request.getfixturevalue(kind), **LEARNER)
    before = {name: value.clone() for name, value in made.policy.named_parameters()}
    made.learn(16)
    after = dict(made.policy.named_parameters())
    # The last layer's zeros hide those before it from the first gradient.
    assert all(not torch.equal(before[name], after[name]) for name in before)
    assert after["log_std"].shape == (4,)


def test_windows_explore_alike_at_all_nodes(envs):
    made = agent(envs)
    with torch.no_grad():
        made.policy.log_std.copy_(torch.arange(4.0))
    seen, _ = made.policy.obs_to_tensor(envs.reset())
    normal: Any = made.policy.get_distribution(seen).distribution
    spread = normal.stddev.reshape(2, 4, 4)
    expected = torch.arange(4.0).exp()[:, None].expand(4, 4)
    torch.testing.assert_close(spread[0], expected)


def test_weights_survive_a_file(envs, tmp_path):
    weights = network.weights(agent(envs).policy)
    learned.save(weights, tmp_path / "agent.npz")
    again = learned.load_weights(tmp_path / "agent.npz")
    for one, other in zip(jax.tree.leaves(weights), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, other)
    assert list(tmp_path.iterdir()) == [tmp_path / "agent.npz"]


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04cut off", None])
def test_file_of_something_else_is_an_error(content, tmp_path):
    path = tmp_path / "agent.npz"
    if content is None:
        np.savez(path, values=np.ones(3))
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match="holds no weights of a scheduler"):
        learned.load_weights(path)
