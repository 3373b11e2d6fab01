"""The environment as pure functions in JAX: `make_params`, `reset` and `step`.

`ceas_gym` exports them as `make_params`, `reset` and `step`. They work under `jax.jit`, `jax.vmap`
and `jax.lax.scan`. An episode is never reset automatically, and of an action only the shape is
checked: entries outside [-1, 1] are clipped, NaN goes unnoticed, and training continues after
`terminated`.

Where a scenario has several layouts (`episode.layouts`), a policy that uses the parameters must get
those of the episode's own layout, `ceas_gym.layouts.of(params, state)`.
"""

import os
from collections.abc import Mapping
from dataclasses import replace

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Key

from ceas_gym import config, dynamics, parameters
from ceas_gym.jax_utils import randomness
from ceas_gym.scenario import Scenario
from ceas_gym.task import actions
from ceas_gym.types import Metrics, Observation, Params, State

Step = tuple[Observation, State, Float[Array, ""], Bool[Array, ""], Bool[Array, ""], Metrics]
"""Observation, state, reward, terminated, truncated, info."""


def make_params(
    scenario: str | os.PathLike[str] | Scenario,
    overrides: Mapping[str, object] | None = None,
) -> Params:
    """Returns a scenario as arrays and functions, which `reset` and `step` take.

    Scenarios that differ only in numbers share one compiled program; those that differ in the shape
    of an array or in the name of a function do not.

    Args:
        scenario: A shipped name (`ceas-gym list scenarios` shows them), a path to a YAML file, or a
            `Scenario`.
        overrides: Single settings by dotted key, such as `{"attack.name": "none"}`. A setting with
            a unit has it at the end of its name, as `network.window_s` in s.

    Raises:
        ValueError: If there is no such scenario, or a setting is not allowed; it names the setting.

    Example:
        >>> params = make_params("tiny", {"episode.rounds": 5})
        >>> int(params.budget), params.network.windows, params.by_window
        (20, 4, False)
    """
    checked = config.load(scenario, overrides)
    with config.naming(scenario):
        return parameters.build(checked)


def reset(key: Key[Array, ""], params: Params) -> tuple[Observation, State]:
    """Returns the start of an episode: empty memories, a random model, Byzantine nodes placed.

    With the random key of a seed, it is the start that `CEASEnv.reset(seed=seed)` gives.

    Args:
        key: Random key, new or old style (`jax.random.key`, `jax.random.PRNGKey`). It decides the
            start, including the layout.
        params: From `make_params`.

    Returns:
        observation: `nodes`, shape (nodes, 17), and `network`, shape (16,), in [0, 1]; the
            docstring of `CEASEnv` has the meaning and the unit of each feature.
        state: For `step`.

    Example:
        >>> observation, state = reset(jax.random.key(0), make_params("tiny"))
        >>> observation.nodes.shape, observation.network.shape, int(state.round)
        ((4, 17), (16,), 0)
    """
    return _reset(key, params)


def step(key: Key[Array, ""], state: State, action: ArrayLike, params: Params) -> Step:
    """Returns the episode after one more step: a round or, if `params.by_window`, a window.

    All random numbers of the step come from `key`, which replaces the key in the state. After a
    barrier the returned state holds a new key, derived from it; after a window that waits it holds
    the same key, because the windows of a round draw from one key by their number. With
    `key = state.key` in every step, the episode is the one that `CEASEnv` plays after a reset with
    the same seed.

    Args:
        key: Random key of this step.
        state: From `reset` or from the last `step`.
        action: Shape (windows, nodes). An entry a in [-1, 1] asks for the share (a + 1) / 2 of a
            channel for a node in a window. If `params.by_window`, shape (nodes + 1,): the requests
            for one window, and a last entry that fires the barrier at its end if it is above zero.
        params: From `make_params`; the same in all steps of an episode.

    Returns:
        observation: As from `reset`.
        state: After the step.
        reward: As the scenario says, by default the decrease of the validation loss in nats; 0 if
            the barrier did not fire.
        terminated: Whether no further barrier fits into the training budget, or the model has
            diverged.
        truncated: Always False; only an outside time limit cuts an episode short.
        info: A scalar for every name in `ceas_gym.task.metrics.NAMES`. It is for people: `accuracy`
            is computed on the test split, from which no agent may learn.

    Raises:
        ValueError: If the action has another shape.

    Example:
        >>> params = make_params("tiny")
        >>> observation, state = reset(jax.random.key(0), params)
        >>> action = jnp.zeros((4, 4))
        >>> observation, state, reward, terminated, truncated, info = step(
        ...     jax.random.key(1), state, action, params
        ... )
        >>> int(state.round), bool(terminated), bool(info["pairs_generated"] > 0)
        (1, False, True)
    """
    expected, given = actions.shape(params), jnp.shape(action)
    if given != expected:
        raise ValueError(f"action must have shape {expected}, but has {given}")
    return _step(key, state, action, params)


@jax.jit
def _reset(key: Array, params: Params) -> tuple[Observation, State]:
    state, timestep = dynamics.reset(params, _quick(key))
    return timestep.observation, state


@jax.jit
def _step(key: Array, state: State, action: ArrayLike, params: Params) -> Step:
    before = replace(state, key=_quick(key))
    after, timestep = dynamics.step(params, before, jnp.asarray(action))
    return (
        timestep.observation,
        after,
        timestep.reward,
        timestep.terminated,
        jnp.bool_(False),
        timestep.metrics,
    )


def _quick(key: Array) -> Key[Array, ""]:
    # Old-style keys become new-style ones, and either gives the same numbers faster
    # (`jax_utils.randomness.quick`).
    is_new = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return randomness.quick(key if is_new else jax.random.wrap_key_data(key))
