"""Who plays rounds: the scanned core, the environments, and the slow reference of the tests."""

import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import ceas_gym
from ceas_agents.bench.timing import Contender
from ceas_gym import dynamics
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.jax_utils import parallel
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params, State

ROUNDS = 40
"""That a call of the scanned core plays."""
REFERENCE = Path(ceas_gym.__file__).parents[1] / "tests" / "reference"
"""Only a checkout has it."""


def start(params: Params) -> State:
    """Returns the state in which an episode begins."""
    return jax.jit(dynamics.reset)(params, jax.random.key(0))[0]


def requests(params: Params, *rounds: int) -> Array:
    """Returns random actions, each asking for half of a channel at most."""
    shape = (*rounds, params.network.windows, params.network.nodes)
    return jax.random.uniform(jax.random.key(1), shape, minval=-1.0, maxval=0.0)


def scanned(params: Params, rounds: int = ROUNDS) -> Contender:
    """Returns the compiled core: whole episodes without anything in between."""
    state, given = start(params), requests(params, rounds)
    play = _compiled(_play, params, state, given)
    return Contender("scanned core", lambda: play(params, state, given), rounds)


def smallest(operations: int = 200) -> Contender:
    """Returns a chain of operations on four numbers: what starting one of them costs.

    A sum and what is done with it cannot be fused, so that a line below is two operations.
    """

    def turn(numbers: Array, nothing: None) -> tuple[Array, None]:
        for _ in range(operations // 2):
            numbers = numbers / (numbers * numbers).sum()
        return numbers, nothing

    def play(numbers: Array) -> Array:
        return jax.lax.scan(turn, numbers, None, length=ROUNDS)[0]

    numbers = jnp.arange(1.0, 5.0)
    call = _compiled(play, numbers)
    return Contender("smallest operation", lambda: call(numbers), operations * ROUNDS)


def operations(params: Params) -> int:
    """Returns how many operations a compiled round starts, without those inside its small loops."""
    state, given = start(params), requests(params, 1)
    text = _compiled(_play, params, state, given).as_text()
    # XLA makes no loop of a single round, so that all of it is in the main program.
    main = text[text.index("ENTRY") :]
    return len(re.findall(r" (?:fusion|dot|call|copy|sort|while|conditional)\(", main))


def batched(params: Params, rows: int, rounds: int = 4) -> Contender:
    """Returns the core for a batch, as `CEASVectorEnv` plays it, without the way to NumPy."""

    def play(params: Params, states: State, given: Array) -> Any:  # noqa: ANN401
        return parallel.each(lambda state: _play(params, state, given), states)

    keys = jax.random.split(jax.random.key(0), rows)
    reset = jax.jit(
        lambda params, keys: parallel.each(lambda k: dynamics.reset(params, k)[0], keys)
    )
    states, given = reset(params, keys), requests(params, rounds)
    call = _compiled(play, params, states, given)
    return Contender(f"core, {rows} at once", lambda: call(params, states, given), rows * rounds)


def single(scenario: Scenario, rounds: int = ROUNDS) -> Contender:
    """Returns `CEASEnv`, stepped as a user does."""
    env = CEASEnv(scenario)
    env.reset(seed=0)
    actions = np.asarray(requests(env.params, rounds))

    def call() -> None:
        for action in actions:
            if env.step(action)[2]:
                env.reset()

    return Contender("CEASEnv", call, rounds)


def vectorized(scenario: Scenario, rows: int) -> Contender:
    """Returns `CEASVectorEnv`, stepped as a user does; longer for small batches."""
    envs = CEASVectorEnv(rows, scenario)
    envs.reset(seed=0)
    rounds = max(1, ROUNDS // rows)
    actions = np.asarray(requests(envs.params, rounds, rows))

    def call() -> None:
        for action in actions:
            envs.step(action)

    return Contender(f"CEASVectorEnv, {rows} rows", call, rounds * rows)


def slow_reference(scenario: Scenario, params: Params) -> Contender | None:
    """Returns the tests' reference in NumPy, a node, a pair and a density matrix at a time."""
    if not REFERENCE.is_dir():
        return None
    sys.path.insert(0, str(REFERENCE.parent))
    try:
        reference: Any = importlib.import_module("reference")
    finally:
        sys.path.remove(str(REFERENCE.parent))
    numbers: Any = jax.tree.map(_plain, params)
    state = jax.tree.map(_plain, start(params))
    action = np.asarray(requests(params))
    luck = _luck(params)
    return Contender(
        "NumPy reference of the tests",
        lambda: reference.step(scenario, numbers, state, action, luck())[0].scores,
    )


def _luck(params: Params) -> Callable[[], Any]:
    # What the reference asks to be drawn for it.
    random, network, learning = np.random.default_rng(0), params.network, params.learning
    nodes, batch_size = network.nodes, learning.batch_size

    def binomial(tried: Any, chance: Any) -> Any:  # noqa: ANN401
        return random.binomial(np.asarray(tried), np.asarray(chance, float))

    return lambda: SimpleNamespace(
        herald=binomial,
        purify=binomial,
        verify=binomial,
        drawn=random.random(nodes),
        samples=random.integers(0, len(learning.training.labels), (nodes, batch_size)),
        luck_of_slopes=random.random((nodes, batch_size, learning.program.observables)),
        normals=random.normal(size=(nodes, learning.program.angles)),
        moves=random.random(network.routes.edges),
        guesses=random.random((2, nodes)),
        shocks=random.normal(size=network.memories.decay_rate.shape[-1]),
    )


def _plain(leaf: Array) -> Any:  # noqa: ANN401
    is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def _play(params: Params, state: State, given: Array) -> Any:  # noqa: ANN401
    def one(state: State, action: Array) -> tuple[State, Any]:
        state, timestep = dynamics.step(params, state, action)
        return state, replace(timestep, schedule=None, stored_at_barrier=None)

    return jax.lax.scan(one, state, given)


def _compiled(function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
    return often(function).lower(*arguments).compile()
