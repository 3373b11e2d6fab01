"""Agents of what Stable-Baselines3 has trained act as it predicts."""

from typing import Any

import jax
import numpy as np
import pytest
import torch
from gymnasium import spaces
from helpers import drawn, probes
from helpers.compiled import compiled
from helpers.drawn import FORMS
from jax.tree_util import Partial
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.vec_env import VecNormalize

from ceas_agents.policies import checkpoints
from ceas_agents.policies.ceas import ceas
from ceas_agents.training import export
from ceas_agents.training.adapter import GymnasiumVecEnv
from ceas_gym.task import dispatch

KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def params():
    return drawn.params()


@pytest.fixture(scope="module")
def act(params):
    """What a policy does, compiled once for each form."""
    return jax.jit(lambda policy, seen: policy(params, seen, KEY))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", ["nodes", "residual", "flat", "squashed"])
def test_agent_acts_as_its_learner(form, seed, act):
    model, seen = drawn.learner(form, seed), drawn.observation(4, seed)
    expected, _ = model.predict(drawn.shown(form, seen), deterministic=True)
    agent = export.agent(model)
    assert agent.form == form
    found = act(checkpoints.policy(agent), seen)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.ptp(expected) > 0.05


def test_dispatching_agent_chooses_as_its_learner_where_that_is_allowed(act, params):
    chosen = set()
    for seed in range(6):
        seen = drawn.observation(4, seed)
        model: Any = drawn.learner("dispatch", seed)
        shown, _ = model.policy.obs_to_tensor(drawn.shown("dispatch", seen)[None].copy())
        with torch.no_grad():
            values = model.q_net(shown)[0].numpy()
        agent = export.agent(model)
        assert agent.form == "dispatch"
        choice = np.argmax(np.where(compiled(dispatch.mask)(params, seen), values, -np.inf))
        found = act(checkpoints.policy(agent), seen)
        expected = compiled(dispatch.action)(params, seen, np.int32(choice))
        np.testing.assert_allclose(found, expected, atol=1e-5)
        chosen.add(int(choice))
    assert len(chosen) > 1


def test_ppo_chooses_what_it_finds_most_probable(act, params):
    kwargs = {"net_arch": drawn.LAYERS, "activation_fn": torch.nn.ReLU}
    model: Any = PPO("MlpPolicy", drawn.envs("dispatch"), policy_kwargs=kwargs, **drawn.ON_POLICY)
    with torch.no_grad():
        model.policy.action_net.weight.normal_(std=3, generator=torch.Generator().manual_seed(2))
    agent, chosen = export.agent(model), set()
    for seed in range(6):
        seen = drawn.observation(4, seed)
        shown, _ = model.policy.obs_to_tensor(drawn.shown("dispatch", seen)[None].copy())
        with torch.no_grad():
            likely = model.policy.get_distribution(shown).distribution.logits[0].numpy()
        choice = np.argmax(np.where(compiled(dispatch.mask)(params, seen), likely, -np.inf))
        expected = compiled(dispatch.action)(params, seen, np.int32(choice))
        np.testing.assert_allclose(act(checkpoints.policy(agent), seen), expected, atol=1e-5)
        chosen.add(int(choice))
    assert len(chosen) > 1


def test_a_residual_adds_to_ceas(act):
    seen = drawn.observation(4, 0)
    agent = export.agent(drawn.fresh("residual"))
    # Its last layer starts at zero.
    np.testing.assert_allclose(
        act(checkpoints.policy(agent), seen), act(Partial(ceas), seen), atol=1e-6
    )


@pytest.mark.parametrize("form", FORMS)
def test_what_learning_changes_is_exported(form):
    model = drawn.fresh(form)
    before = export.agent(model)
    model.learn(16)
    after = export.agent(model)
    for one, other in zip(before.layers, after.layers, strict=True):
        assert not np.array_equal(one.weight, other.weight)
        assert not np.array_equal(one.bias, other.bias)


def another_learner():
    return A2C("MultiInputPolicy", drawn.envs(), device="cpu")


def another_problem():
    envs = GymnasiumVecEnv(probes.Probe(probes.LADDER["constant"], 2, probes.CONTINUOUS))
    return PPO("MlpPolicy", envs, **drawn.ON_POLICY)


def another_activation():
    kwargs = {"activation_fn": torch.nn.ReLU}
    return PPO("MultiInputPolicy", drawn.envs(), policy_kwargs=kwargs, **drawn.ON_POLICY)


def squashed_ppo():
    kwargs = {"squash_output": True}
    return PPO(
        "MultiInputPolicy",
        drawn.envs(),
        use_sde=True,
        policy_kwargs=kwargs,
        **drawn.ON_POLICY,
    )


def clipped_mean():
    return SAC("MultiInputPolicy", drawn.envs(), use_sde=True, **drawn.OFF_POLICY)


def flat_residual():
    return SAC("MultiInputPolicy", drawn.envs("residual"), **drawn.OFF_POLICY)


def picking_ppo():
    return PPO("MlpPolicy", drawn.envs("dispatch"), **drawn.ON_POLICY)


def other_choices():
    envs = drawn.envs("dispatch")
    envs.action_space = spaces.Discrete(3)
    return DQN("MlpPolicy", envs, **drawn.OFF_POLICY)


def normalized():
    return PPO("MultiInputPolicy", VecNormalize(drawn.envs()), **drawn.ON_POLICY)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (another_learner, "must be one of PPO, SAC, DQN, but is a A2C"),
        (another_problem, "must observe network and nodes"),
        (another_activation, "must have a network of linear layers with Tanh between them"),
        (squashed_ppo, "must clip its actions"),
        (clipped_mean, "must have a network of linear layers with ReLU between them"),
        (flat_residual, "must observe network and nodes"),
        (picking_ppo, "must have a network of linear layers with ReLU between them"),
        (other_choices, "must pick among 15 choices or, for windows, 30"),
        (normalized, "must see observations as they are"),
    ],
)
def test_anything_else_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        export.agent(make())


def test_normalized_rewards_change_nothing():
    envs = VecNormalize(drawn.envs(), norm_obs=False)
    assert export.agent(PPO("MultiInputPolicy", envs, **drawn.ON_POLICY)).form == "flat"
