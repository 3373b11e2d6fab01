"""Whole episodes in one compiled program: the loops that evaluation, claims and documents share."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int, Key

from ceas_agents.policies.base import Policy
from ceas_gym import dynamics, layouts
from ceas_gym.jax_utils import randomness
from ceas_gym.types import Observation, Params, State, TimeStep

POLICY_STREAM = 0x501C
"""Folded into an episode's random key to make the policy's own random stream."""
T = TypeVar("T")
Carry = tuple[State, Observation]
Loop = tuple[Int[Array, ""], Carry, Bool[Array, ""], Any]
"""Number of steps, what the next one needs, whether the episode is over, and the record."""
Record = Callable[[State, State, TimeStep], T]
"""Returns what is kept of a step, from the state before it, the state after it and the `TimeStep`
that the step returned."""


def rollout(
    policy: Policy, steps: int, params: Params, key: Key[Array, ""], record: Record[T]
) -> T:
    """Returns a record of each step of an episode, steps as the first axis; for use in `jit`.

    Args:
        policy: Who plays; it is called with the parameters of the episode's layout.
        steps: Steps to play, at least 0, whether the episode has ended or not.
        params: The scenario.
        key: Random key that decides everything random in the episode.
        record: Returns what is kept of a step.

    Returns:
        What `record` returns, each array with a first axis of shape (steps,).

    Example:
        >>> from ceas_agents import load
        >>> from ceas_gym import config, parameters
        >>> params = parameters.build(config.load("tiny"))
        >>> def play(key):
        ...     return rollout(load("uniform"), 3, params, key, lambda *step: step[2].reward)
        >>> jax.jit(play)(jax.random.key(0)).shape
        (3,)
    """
    start, one = _player(policy, params, key, record)

    def step(carry: Carry, policy_key: Array) -> tuple[Carry, T]:
        return one(carry, policy_key)[:2]

    return jax.lax.scan(step, start, _policy_keys(key, steps))[1]


def until_the_end(
    policy: Policy, most_steps: int, params: Params, key: Key[Array, ""], record: Record[T]
) -> tuple[T, Int[Array, ""]]:
    """Returns a record of each step until the episode ends, and the number of steps; for `jit`.

    Steps after the end take no time, because the program stops. Where several episodes are played
    as rows of one program, it stops when the last one has ended.

    Args:
        policy: As for `rollout`.
        most_steps: The most steps that are played, at least 1 (`most_steps`).
        params: The scenario.
        key: As for `rollout`.
        record: As for `rollout`.

    Returns:
        What `record` returns, each array with a first axis of shape (most_steps,), with zeros after
        the end of the episode, and the number of steps in [1, most_steps].
    """
    start, one = _player(policy, params, key, record)
    keys = _policy_keys(key, most_steps)
    like = jax.eval_shape(one, start, keys[0])[1]
    nothing = jax.tree.map(lambda each: jnp.zeros((most_steps, *each.shape), each.dtype), like)

    def goes_on(loop: Loop) -> Bool[Array, ""]:
        number, _, over, _ = loop
        return (number < most_steps) & ~over

    def step(loop: Loop) -> Loop:
        number, carry, _, kept = loop
        carry, new, over = one(carry, keys[number])
        kept = jax.tree.map(lambda rows, row: rows.at[number].set(row), kept, new)
        return number + 1, carry, over, kept

    begin = (jnp.int32(0), start, jnp.bool_(False), nothing)
    played, _, _, kept = jax.lax.while_loop(goes_on, step, begin)
    return kept, played


def most_steps(params: Params) -> int:
    """Returns the most steps that an episode may have; not for use in `jit`.

    Where a step is a window, these are all windows in which waiting leaves time for a barrier; an
    episode has fewer, because each barrier takes time.

    Args:
        params: The scenario.

    Example:
        >>> from ceas_gym import config, parameters
        >>> most_steps(parameters.build(config.load("tiny", {"episode.rounds": 7})))
        7
    """
    budget, barrier = int(params.budget), int(params.network.barrier_windows)
    if params.by_window:
        return max(budget - barrier, 1)
    return max(budget // (params.network.windows + barrier), 1)


def _player(
    policy: Policy, params: Params, key: Key[Array, ""], record: Record[T]
) -> tuple[Carry, Callable[[Carry, Array], tuple[Carry, T, Bool[Array, ""]]]]:
    # What an episode starts with, and the function that plays one step of it.
    state, timestep = dynamics.reset(params, key)
    own = layouts.of(params, state)

    def one(carry: Carry, policy_key: Array) -> tuple[Carry, T, Bool[Array, ""]]:
        before, observation = carry
        after, timestep = dynamics.step(own, before, policy(own, observation, policy_key))
        kept = record(before, after, timestep)
        return (after, timestep.observation), kept, timestep.terminated

    return (state, timestep.observation), one


def _policy_keys(key: Key[Array, ""], steps: int) -> Key[Array, " steps"]:
    return jax.random.split(jax.random.fold_in(randomness.quick(key), POLICY_STREAM), steps)
