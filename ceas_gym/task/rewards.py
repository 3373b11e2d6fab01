"""Rewards by name: functions of the parameters and the states before and after a round.

Each returns a scalar, of shape (). A user's own reward has the same arguments in the same order.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.learning import learners, pullback
from ceas_gym.network import teams
from ceas_gym.physics import information as physics
from ceas_gym.registry import resolve
from ceas_gym.types import Params, State

Reward = Callable[[Params, State, State], Array]
SHORTEST = 1e-30
"""Product of the lengths of two vectors below which their angle is undefined."""


def loss_decrease(params: Params, before: State, after: State) -> Float[Array, ""]:
    """Returns by how much the round lowered the validation loss, in nats.

    The rewards of an episode add up to the decrease over the whole episode, so the return does not
    depend on the path.

    Source:
        Potential-based rewards: Ng, Harada and Russell, ICML 1999.
    """
    del params
    return before.scores.validation_loss - after.scores.validation_loss


def validation_accuracy(params: Params, before: State, after: State) -> Float[Array, ""]:
    """Returns the validation accuracy, in [0, 1], times the share of the budget that is paid for.

    That is the time since the last barrier. So the return of an episode is its mean accuracy over
    time; where all rounds last equally long, it is the mean over rounds.
    """
    begun = before.clock - before.gathered.window
    return after.scores.validation_accuracy / (params.budget / (after.clock - begun))


def alignment(params: Params, before: State, after: State) -> Float[Array, ""]:
    """Returns how well the round's step points along the steepest descent, in [-1, 1].

    It is the cosine of the angle between the step of the parameters and the negative exact gradient
    of the training loss, which no hub could know. It is zero in a round that is not committed. It
    measures the effect of a schedule with much less noise than the change of the loss does.
    """
    taken = after.model.parameters - before.model.parameters
    pulled = pullback.pull(params.learning.program, before.model.parameters)
    uphill = learners.full_gradient(params.learning, pulled, params.learning.training)
    lengths = jnp.linalg.norm(taken) * jnp.linalg.norm(uphill)
    return -(taken @ uphill) / jnp.maximum(lengths, SHORTEST)


def information(params: Params, before: State, after: State) -> Float[Array, ""]:
    """Returns the Fisher information that was delivered, whatever the updates did to the model.

    It is the mean over teams, in shots of perfect signal, divided by the most that the memories can
    hold and by the number of rounds, `Params.rounds`. So the return of an episode is in [0, 1] if a
    step is a round. If it is a window, more barriers than that may fire.

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994), evaluated for a depolarized pure state.
    """
    del before
    return delivered(params, after.report.shots, after.report.signal)


def delivered(
    params: Params, shots: Int[Array, " teams"], signal: Float[Array, " teams"]
) -> Float[Array, ""]:
    """Returns the reward `information` of a round, from what it delivered.

    Args:
        params: The scenario: qubits, memories and number of rounds.
        shots: Shots of each team; at least 0.
        signal: Contraction of each team's register as one number, in [0, 1].

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994), evaluated for a depolarized pure state.
    """
    factor = physics.depolarized_qfi_factor(signal, 2**params.network.qubits)
    most = teams.most_shots(params.network)
    return (shots * factor).mean() / (most * params.rounds)


REWARDS: dict[str, Reward] = {
    "loss_decrease": loss_decrease,
    "validation_accuracy": validation_accuracy,
    "alignment": alignment,
    "information": information,
}


def get(name: str) -> Reward:
    """Returns the reward of that name, or the user's own `module:function`.

    Args:
        name: Of a function (params, state before, state after), which returns a scalar, of
            shape ().

    Raises:
        ValueError: If the name is unknown.
    """
    return resolve("reward", name, REWARDS)
