"""The update of double DQN: targets, loss, and the step down its gradient."""

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key, PyTree

from ceas_agents.policies import choice_network
from ceas_agents.policies.node_network import Layers
from ceas_agents.training.on_device import descent
from ceas_agents.training.on_device.descent import Trained
from ceas_agents.training.on_device.dqn import replay
from ceas_agents.training.on_device.dqn.replay import Replay, Steps
from ceas_agents.training.on_device.dqn.settings import DQN


def optimizer(settings: DQN) -> optax.GradientTransformation:
    """Returns Adam after a limit on the length of the whole gradient.

    Args:
        settings: Learning rate and limit.

    Source:
        Epsilon as in PyTorch, where Stable-Baselines3's DQN leaves it as it is.
    """
    return descent.optimizer(settings.learning_rate, settings.max_grad_norm, 1e-8)


def targets(settings: DQN, layers: Layers, target: Layers, batch: Steps) -> Float[Array, " batch"]:
    """Returns what the choices should have been valued at.

    It is r + gamma Q_target(s', a'), where a' is the allowed choice that the trained network values
    most, and r alone after the last step of an episode.

    Args:
        settings: The discount.
        layers: Of the trained network.
        target: Of the target network.
        batch: Shape (batch,).

    Source:
        van Hasselt, Guez and Silver, Deep reinforcement learning with double Q-learning, AAAI 2016,
        arXiv:1509.06461.
    """
    features, allowed = batch.following
    best = choice_network.best(choice_network.values(layers, features), allowed)
    later = _of(choice_network.values(target, features), best)
    return batch.reward + jnp.where(batch.terminated, 0, settings.gamma * later)


def loss(layers: Layers, batch: Steps, wanted: Float[Array, " batch"]) -> Float[Array, ""]:
    """Returns the mean of Huber's loss: half the squared error, and linear beyond an error of 1.

    Args:
        layers: Of the trained network.
        batch: Shape (batch,).
        wanted: From `targets`.

    Source:
        Mnih et al., Nature 518, 529 (2015), who clip the error.
    """
    found = _of(choice_network.values(layers, batch.features), batch.choice)
    return optax.huber_loss(found, wanted).mean()


def improve(
    settings: DQN, trained: Trained[Layers], target: Layers, batch: Steps
) -> Trained[Layers]:
    """Returns the trained network after one step down the gradient of a batch.

    Args:
        settings: Of DQN.
        trained: Before the step.
        target: Of the target network.
        batch: Shape (batch,).
    """
    wanted = targets(settings, trained.weights, target, batch)
    slope: PyTree = jax.grad(loss)(trained.weights, batch, wanted)
    return descent.descend(optimizer(settings), trained, slope)


def learn(
    settings: DQN, trained: Trained[Layers], target: Layers, memory: Replay, key: Key[Array, ""]
) -> Trained[Layers]:
    """Returns the trained network after `gradient_steps` batches.

    Args:
        settings: Of DQN.
        trained: Before the update.
        target: Of the target network.
        memory: What the batches are drawn from.
        key: Random key of the batches.
    """

    def one(trained: Trained[Layers], key: Array) -> tuple[Trained[Layers], None]:
        batch = replay.draw(memory, settings.batch_size, key)
        return improve(settings, trained, target, batch), None

    return jax.lax.scan(one, trained, jax.random.split(key, settings.gradient_steps))[0]


def _of(values: Array, choice: Array) -> Array:
    return jnp.take_along_axis(values, choice[..., None], axis=-1)[..., 0]
