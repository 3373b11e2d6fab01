"""One update of PPO in JAX changes every weight as that of Stable-Baselines3 does."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from helpers import drawn
from stable_baselines3.common.callbacks import CallbackList

from ceas_agents.policies.node_network import Layer, Seen
from ceas_agents.training.on_device.descent import Trained
from ceas_agents.training.on_device.ppo import network, update
from ceas_agents.training.on_device.ppo.advantage import advantages
from ceas_agents.training.on_device.ppo.network import Choice, Weights
from ceas_agents.training.on_device.ppo.settings import PPO
from ceas_agents.training.on_device.ppo.update import Batch

SETTINGS = PPO(**{name: drawn.ON_POLICY[name] for name in ("n_steps", "batch_size", "n_epochs")})
STEPS, NODES, WINDOWS = 8, 4, 4


def weights_of(policy: Any) -> Weights:
    """The weights of a `NodePolicy`, without those of its common noise."""
    actor, critic = policy.mlp_extractor.actor, policy.mlp_extractor.critic
    layers = [actor.first, actor.second, actor.third, actor.last]
    values = [critic.each[0], critic.each[2], critic.pooled[0], policy.value_net]
    spread = jnp.array(policy.log_std.detach().numpy())
    return Weights(tuple(map(layer, layers)), spread, tuple(map(layer, values)))


def layer(linear: Any) -> Layer:
    weight, bias = (each.detach().numpy() for each in (linear.weight, linear.bias))
    return Layer(jnp.array(weight.T), jnp.array(bias))


def played() -> Any:
    """A learner with random weights, all but without common noise, after it has played."""
    model: Any = drawn.learner("nodes", 0)
    with torch.no_grad():
        model.policy.log_common_std.fill_(-12.0)
    _, callback = model._setup_learn(STEPS, CallbackList([]))
    model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
    return model


def flat(values: Any) -> jax.Array:
    return jnp.asarray(values.reshape(-1, *values.shape[2:]))


def test_update_is_that_of_stable_baselines():
    model = played()
    buffer, before = model.rollout_buffer, weights_of(model.policy)
    last = {name: torch.tensor(values) for name, values in model._last_obs.items()}
    with torch.no_grad():
        value = model.policy.predict_values(last).flatten().numpy()
    ended = np.concatenate([buffer.episode_starts[1:], model._last_episode_starts[None]]) > 0
    given = (buffer.rewards, buffer.values, ended, value, SETTINGS.gamma, SETTINGS.gae_lambda)
    gained = jax.jit(advantages)(*given)
    assert ended.any()
    np.testing.assert_allclose(gained, buffer.advantages, atol=1e-6)

    seen = Seen(
        flat(buffer.observations["nodes"]),
        flat(buffer.observations["network"]),
        None,
        jnp.zeros(STEPS),
    )
    choice = Choice(flat(buffer.actions).reshape(STEPS, WINDOWS, NODES), None)
    batch = Batch(seen, choice, flat(buffer.log_probs), flat(gained), flat(buffer.returns))
    density, _ = jax.jit(network.judge)(before, seen, choice)
    np.testing.assert_allclose(density, batch.log_density, atol=1e-4)

    memory = update.optimizer(SETTINGS).init(before)  # pyright: ignore[reportArgumentType]
    learn = jax.jit(lambda *given: update.learn(SETTINGS, *given))
    ours = learn(Trained(before, memory), batch, jax.random.key(0)).weights
    model.train()
    theirs = weights_of(model.policy)
    for one, other, old in zip(*map(jax.tree.leaves, (ours, theirs, before)), strict=True):
        assert np.abs(np.asarray(other) - old).max() > 1e-4
        np.testing.assert_allclose(one, other, atol=1e-6)
