"""Whole episodes in one program: the one loop that evaluation, claims and documents share."""

from collections.abc import Callable
from typing import TypeVar

import jax
from jaxtyping import Array, Key

from ceas_agents.policies.base import Policy
from ceas_gym import dynamics, layouts
from ceas_gym.jax_utils import randomness
from ceas_gym.types import Observation, Params, State, TimeStep

POLICY_STREAM = 0x501C
"""Folded into an episode's key to make the policy's own random stream."""
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
        rounds: How many to play, whether the episode has ended or not.
        params: The scenario.
        key: Decides everything that is random in the episode.
        record: Makes of the state before a round, the state after it and what the step returned,
            what is kept.

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
