"""The update of PPO: the clipped loss, over minibatches and epochs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key, PyTree

from ceas_agents.policies.node_network import Seen
from ceas_agents.training.on_device import descent
from ceas_agents.training.on_device.descent import Trained
from ceas_agents.training.on_device.ppo import network
from ceas_agents.training.on_device.ppo.network import Choice, Weights
from ceas_agents.training.on_device.ppo.settings import PPO

TINY = 1e-8
"""Added to the standard deviation of advantages before they are divided by it."""


class Batch(NamedTuple):
    """Steps to learn from, in any order, as the first axis."""

    seen: Seen
    choice: Choice
    log_density: Float[Array, " steps"]
    """Of the choice, when it was drawn."""
    advantage: Float[Array, " steps"]
    target: Float[Array, " steps"]
    """What the critic should have expected."""


def optimizer(settings: PPO) -> optax.GradientTransformation:
    """Returns Adam after a limit on the length of the whole gradient.

    Args:
        settings: Learning rate and limit.

    Source:
        Epsilon as in Stable-Baselines3's PPO.
    """
    return descent.optimizer(settings.learning_rate, settings.max_grad_norm, 1e-5)


def loss(settings: PPO, weights: Weights, batch: Batch) -> Float[Array, ""]:
    """Returns the loss of a minibatch.

    With ratio r of the densities and advantage A, its mean is that of
    -min(r A, clip(r, 1 - eps, 1 + eps) A) + vf_coef (V - target)^2 - ent_coef entropy.

    Args:
        settings: The coefficients.
        weights: At which the loss is taken.
        batch: Shape (batch_size,).

    Source:
        Schulman et al., Proximal policy optimization, arXiv:1707.06347.
    """
    density, entropy = network.judge(weights, batch.seen, batch.choice)
    gain = clipped(settings, density - batch.log_density, _scaled(settings, batch.advantage))
    error = (network.value(weights, batch.seen) - batch.target) ** 2
    return -gain.mean() + settings.vf_coef * error.mean() - settings.ent_coef * entropy.mean()


def clipped(
    settings: PPO, log_ratio: Float[Array, " steps"], advantage: Float[Array, " steps"]
) -> Float[Array, " steps"]:
    """Returns the gain that PPO maximises, which rewards no ratio beyond the range.

    Args:
        settings: The range.
        log_ratio: Logarithm of new density over old.
        advantage: Of each step.
    """
    ratio, least = jnp.exp(log_ratio), 1 - settings.clip_range
    within = jnp.clip(ratio, least, 1 + settings.clip_range)
    return jnp.minimum(ratio * advantage, within * advantage)


def learn(
    settings: PPO, trained: Trained[Weights], batch: Batch, key: Key[Array, ""]
) -> Trained[Weights]:
    """Returns the weights after `n_epochs` through all steps, in minibatches of random order.

    Args:
        settings: Of PPO.
        trained: Before the update.
        batch: All steps since the last one, shape (rows * n_steps,).
        key: Random key of the order.
    """
    step = optimizer(settings)
    size = batch.advantage.shape[0]

    def one(trained: Trained[Weights], chosen: Array) -> tuple[Trained[Weights], None]:
        some = jax.tree.map(lambda each: each[chosen], batch)
        slope: PyTree = jax.grad(loss, argnums=1)(settings, trained.weights, some)
        return descent.descend(step, trained, slope), None

    def epoch(trained: Trained[Weights], key: Array) -> tuple[Trained[Weights], None]:
        order = jax.random.permutation(key, size).reshape(-1, settings.batch_size)
        return jax.lax.scan(one, trained, order)

    return jax.lax.scan(epoch, trained, jax.random.split(key, settings.n_epochs))[0]


def _scaled(settings: PPO, advantage: Array) -> Array:
    if not settings.normalize_advantage or settings.batch_size == 1:
        return advantage
    return (advantage - advantage.mean()) / (advantage.std(ddof=1) + TINY)
