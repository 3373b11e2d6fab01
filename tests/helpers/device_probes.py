"""The ladder of `probes`, as environments for a learner on the device."""

from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ceas_agents.policies.choice_network import Shown
from ceas_agents.policies.node_network import Seen
from ceas_agents.training.on_device.environment import Environment, Outcome
from helpers import probes
from helpers.probes import Rung

FORBIDDEN = 9.0
"""The reward of a choice that is not allowed."""


class State(NamedTuple):
    """Steps played, the sign of the episode, and the random key."""

    steps: Array
    sign: Array
    key: Array


def reset(rung: Rung, params: None, key: Array) -> tuple[State, Array]:
    """Returns the start of an episode, and its observation, shape ()."""
    del params
    sign_key, length_key = jax.random.split(key)
    sign = jnp.where(jax.random.bernoulli(sign_key), 1.0, -1.0)
    state = State(jnp.zeros((), int), sign, length_key)
    return state, _observed(rung, state)


def step(rung: Rung, of_two: bool, params: None, state: State, action: Array) -> Outcome:
    """Returns what an action earns: the last entry of two, -1 or 1, or the only one."""
    del params
    asked = action[-1] if of_two else action[0, 0]
    reward = rung.reward(_observed(rung, state)[None], asked[None])[0]  # pyright: ignore
    after = state._replace(steps=state.steps + 1)
    ended, never = after.steps >= rung.length, jnp.bool_(False)
    over, cut = (never, ended) if rung.is_cut else (ended, never)
    return Outcome(after, _observed(rung, after), jnp.asarray(reward, float), over, cut, {})


def observe(params: None, state: State, observation: Array) -> Seen:
    """Returns a network of one node, with the observation as its only feature."""
    del params, state
    return seen(observation)


def seen(observation: Array | float) -> Seen:
    """Returns what the network sees of an observation in [-1, 1]."""
    shown = jnp.asarray(observation, float).reshape(1, 1)
    return Seen(shown, jnp.zeros(1), None, jnp.zeros(()))


@cache
def environment(name: str, *, of_two: bool) -> Environment:
    """Returns a rung, whose action is one of two (to fire or not) or a number in [-1, 1]."""
    rung = probes.LADDER[name]
    return Environment(partial(reset, rung), partial(step, rung, of_two), observe, rung.is_cut)


@cache
def choices(name: str) -> Environment:
    """Returns a rung of three choices: -1, 1 and, never allowed, the one that earns most."""
    rung = probes.LADDER[name]
    return Environment(partial(reset, rung), partial(_choose, rung), _shown, rung.is_cut)


def shown(observation: Array | float) -> Shown:
    """Returns what is known before a choice, of an observation in [-1, 1]."""
    return Shown(jnp.asarray(observation, float).reshape(1), jnp.array([True, True, False]))


def _shown(params: None, state: State, observation: Array) -> Shown:
    del params, state
    return shown(observation)


def _choose(rung: Rung, params: None, state: State, choice: Array) -> Outcome:
    outcome = step(rung, True, params, state, (2.0 * choice - 1)[None])
    return outcome._replace(reward=jnp.where(choice == 2, FORBIDDEN, outcome.reward))


def _observed(rung: Rung, state: State) -> Array:
    # The functions of the ladder are NumPy's, for arrays of rows: their cases, by steps and sign.
    cases = [
        rung.observe(np.array([steps]), np.array([sign]))[0]
        for steps in range(rung.length + 1)
        for sign in (-1.0, 1.0)
    ]
    place = 2 * state.steps + (state.sign > 0)
    return jnp.asarray(cases, float)[place]
