"""What the scheduler is rewarded for: functions (params, state before, state after) by name."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.learning import learners, pullback
from ceas_gym.physics import information as physics
from ceas_gym.registry import resolve
from ceas_gym.types import Params, State

Reward = Callable[[Params, State, State], Array]
SHORTEST = 1e-30
"""Product of lengths below which there is no direction."""


def loss_decrease(params: Params, before: State, after: State) -> Float[Array, ""]:
    """Returns by how much the round lowered the validation loss, in nats.

    The rewards of an episode add up to the whole decrease, so the return is a potential's
    difference and can't be gamed by the path.
    """
    del params
    return before.scores.validation_loss - after.scores.validation_loss


def validation_accuracy(params: Params, before: State, after: State) -> Float[Array, ""]:
    """Returns the validation accuracy over the number of rounds: the return is its mean."""
    del before
    return after.scores.validation_accuracy / params.rounds


def alignment(params: Params, before: State, after: State) -> Float[Array, ""]:
    """Returns how well the round's step pointed downhill, between -1 and 1.

    It is the cosine of the step of the parameters with the noiseless descent of the training loss,
    which no hub could know, and zero in a round that is not acted on. It says what a schedule did
    to an update with much less noise than the loss does afterwards.
    """
    taken = after.model.parameters - before.model.parameters
    pulled = pullback.pull(params.learning.program, before.model.parameters)
    uphill = learners.full_gradient(params.learning, pulled, params.learning.training)
    lengths = jnp.linalg.norm(taken) * jnp.linalg.norm(uphill)
    return -(taken @ uphill) / jnp.maximum(lengths, SHORTEST)


def information(params: Params, before: State, after: State) -> Float[Array, ""]:
    """Returns the Fisher information delivered, without looking at the learning.

    The mean over the nodes, in shots of perfect signal, over the most that the memories allow and
    over the number of rounds: the return is in [0, 1].
    """
    del before
    return delivered(params, after.report.shots, after.report.signal)


def delivered(
    params: Params, shots: Int[Array, " nodes"], signal: Float[Array, " nodes"]
) -> Float[Array, ""]:
    """Returns the reward `information` of a round that delivered so many shots of such a signal."""
    factor = physics.depolarized_qfi_factor(signal, 2**params.network.qubits)
    most = params.network.memories.per_link / params.network.qubits
    return (shots * factor).mean() / (most * params.rounds)


REWARDS: dict[str, Reward] = {
    "loss_decrease": loss_decrease,
    "validation_accuracy": validation_accuracy,
    "alignment": alignment,
    "information": information,
}


def get(name: str) -> Reward:
    """Returns the reward of that name, or the user's own `module:function`.

    Raises:
        ValueError: If the name is unknown.
    """
    return resolve("reward", name, REWARDS)
