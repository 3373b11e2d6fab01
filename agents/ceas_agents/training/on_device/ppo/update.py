"""The update of PPO: the clipped loss, over minibatches and epochs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from ceas_agents.policies.node_network import Seen
from ceas_agents.training.on_device import descent
from ceas_agents.training.on_device.descent import Trained
from ceas_agents.training.on_device.ppo import network
from ceas_agents.training.on_device.ppo.network import Choice, Weights
from ceas_agents.training.on_device.ppo.settings import PPO

TINY = 1e-8
"""Added to the standard deviation of advantages before they are divided by it."""
LEAST, MOST = 8, 64
"""Steps of a part of a minibatch: with fifty nodes, what is kept of one for the gradient fits the
cache of a core."""


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
        batch: Shape (steps,), with advantages from `scaled`.

    Source:
        Schulman et al., Proximal policy optimization, arXiv:1707.06347.
    """
    density, entropy = network.judge(weights, batch.seen, batch.choice)
    gain = clipped(settings, density - batch.log_density, batch.advantage)
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


def scaled(settings: PPO, batch: Batch) -> Batch:
    """Returns the minibatch, with advantages of mean 0 and standard deviation 1 if PPO is to.

    Args:
        settings: Says whether.
        batch: Shape (batch_size,).
    """
    advantage = batch.advantage
    if not settings.normalize_advantage or advantage.size == 1:
        return batch
    scaled = (advantage - advantage.mean()) / (advantage.std(ddof=1) + TINY)
    return batch._replace(advantage=scaled)


def slope(settings: PPO, weights: Weights, batch: Batch) -> Weights:
    """Returns the gradient of the loss of a minibatch.

    A core of a processor computes the mean of the gradients of its parts, one after the other; an
    accelerator computes all steps at once.

    Args:
        settings: Of PPO.
        weights: At which the gradient is taken.
        batch: Shape (batch_size,).
    """
    size = batch.advantage.shape[0]
    part = part_of(size) if jax.default_backend() == "cpu" else size
    parts = jax.tree.map(
        lambda each: each.reshape(size // part, part, *each.shape[1:]), scaled(settings, batch)
    )

    def add(total: Weights, some: Batch) -> tuple[Weights, None]:
        found: Weights = jax.grad(loss, argnums=1)(settings, weights, some)
        return jax.tree.map(jnp.add, total, found), None

    total, _ = jax.lax.scan(add, jax.tree.map(jnp.zeros_like, weights), parts)
    return jax.tree.map(lambda each: each * (part / size), total)


def part_of(size: int) -> int:
    """Returns the steps of each part of a minibatch: all parts are equal.

    Args:
        size: Of the minibatch, at least 1. One that no number from 8 to 64 divides is one part.

    Example:
        >>> part_of(512), part_of(1000), part_of(67)
        (64, 50, 67)
    """
    return next((part for part in range(MOST, LEAST - 1, -1) if size % part == 0), size)


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
        return descent.descend(step, trained, slope(settings, trained.weights, some)), None

    def epoch(trained: Trained[Weights], key: Array) -> tuple[Trained[Weights], None]:
        order = jax.random.permutation(key, size).reshape(-1, settings.batch_size)
        return jax.lax.scan(one, trained, order)

    return jax.lax.scan(epoch, trained, jax.random.split(key, settings.n_epochs))[0]
