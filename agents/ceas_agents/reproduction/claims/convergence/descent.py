"""Gradient descent of the neural network in the simulator, with the bound of Theorem 1."""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key

from ceas_agents.policies.rollout import rollout
from ceas_agents.reproduction.claims.convergence import theorem
from ceas_gym.consensus.rules.weighted import summable
from ceas_gym.consensus.weights import top_share
from ceas_gym.jax_utils.fast_compile import often, once
from ceas_gym.learning import learners, pullback
from ceas_gym.types import Params, State, TimeStep


class Track(NamedTuple):
    """The quantities of Theorem 1 in the rounds of an episode."""

    loss: Float[Array, "*seeds rounds"]
    """Training loss before the round, in nats."""
    gradient: Float[Array, "*seeds rounds"]
    """Squared length of the exact gradient before the round."""
    error: Float[Array, "*seeds rounds"]
    """Squared error of the update, as an estimate of the gradient."""
    limit: Float[Array, "*seeds rounds"]
    """Delta^2, which bounds the expected squared error."""
    acts: Float[Array, "*seeds rounds"]
    """1 where the round was committed, else 0."""


def track(policy: Partial, rounds: int, params: Params, key: Key[Array, ""]) -> Track:
    """Returns losses, gradients, errors and bounds of an episode's rounds; for use in `jit`.

    Args:
        policy: Who schedules.
        rounds: Rounds to play; at least 1.
        params: The scenario; the bound holds only under the theorem's protocol.
        key: Random key of the episode.

    Returns:
        Arrays of shape (rounds,).
    """
    learning, tolerated = params.learning, params.consensus.tolerated

    def record(before: State, after: State, timestep: TimeStep) -> Track:
        assert timestep.round is not None
        pulled = pullback.pull(learning.program, before.model.parameters)
        exact = learners.full_gradient(learning, pulled, learning.training)
        mean, variances = theorem.moments(learning, pulled, timestep.round.delivery)
        weight = summable(after.report.weights)
        biases = jnp.where(weight[:, None] > 0, mean - exact, 0)
        beta = top_share(weight, tolerated)
        return Track(
            loss=theorem.loss(learning, before.model.parameters),
            gradient=(exact**2).sum(),
            error=timestep.metrics["gradient_error"] ** 2,
            limit=theorem.squared_error(weight, ~before.byzantine, beta, variances, biases),
            acts=timestep.metrics["committed"],
        )

    return rollout(policy, rounds, params, key, record)


COMPILED = {
    False: partial(often, static_argnums=1)(track),
    True: partial(once, static_argnums=1)(track),
}
"""`track`, by whether it runs so rarely that compilation takes most of the time."""
