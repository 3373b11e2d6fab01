"""Whole episodes in one compiled program: the loop that evaluation, claims and documents share."""

from collections.abc import Callable
from typing import TypeVar

import jax
from jaxtyping import Array, Key

from ceas_agents.policies.base import Policy
from ceas_gym import dynamics, layouts
from ceas_gym.jax_utils import randomness
from ceas_gym.types import Observation, Params, State, TimeStep

POLICY_STREAM = 0x501C
"""Folded into an episode's random key to make the policy's own random stream."""
T = TypeVar("T")
Carry = tuple[State, Observation]


def rollout(
    policy: Policy,
    rounds: int,
    params: Params,
    key: Key[Array, ""],
    record: Callable[[State, State, TimeStep], T],
) -> T:
    """Returns a record of each round of an episode, rounds as the first axis; for use in `jit`.

    Args:
        policy: Who plays; it is called with the parameters of the episode's layout.
        rounds: Rounds to play, at least 0, whether the episode has ended or not.
        params: The scenario.
        key: Random key that decides everything random in the episode.
        record: Returns what is kept of a round, from the state before it, the state after it and
            the `TimeStep` that the step returned.

    Returns:
        What `record` returns, each array with a first axis of shape (rounds,).

    Example:
        >>> from ceas_agents import load
        >>> from ceas_gym import config, parameters
        >>> params = parameters.build(config.load("tiny"))
        >>> def play(key):
        ...     return rollout(load("uniform"), 3, params, key, lambda *step: step[2].reward)
        >>> jax.jit(play)(jax.random.key(0)).shape
        (3,)
    """
    state, timestep = dynamics.reset(params, key)
    own = layouts.of(params, state)

    def one(carry: Carry, policy_key: Array) -> tuple[Carry, T]:
        before, observation = carry
        after, timestep = dynamics.step(own, before, policy(own, observation, policy_key))
        return (after, timestep.observation), record(before, after, timestep)

    policy_key = jax.random.fold_in(randomness.quick(key), POLICY_STREAM)
    keys = jax.random.split(policy_key, rounds)
    return jax.lax.scan(one, (state, timestep.observation), keys)[1]
