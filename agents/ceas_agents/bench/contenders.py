"""What is timed: the scanned core, the environments, and the slow reference of the tests."""

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
"""Rounds that a call of the scanned core plays."""
REFERENCE = Path(ceas_gym.__file__).parents[1] / "tests" / "reference"
"""Folder of the slow reference, which only a checkout has."""


def start(params: Params) -> State:
    """Returns the state at the start of an episode.

    Args:
        params: The scenario.
    """
    return jax.jit(dynamics.reset)(params, jax.random.key(0))[0]


def requests(params: Params, *rounds: int) -> Array:
    """Returns random actions, uniform in [-1, 0]: each request is for half of a channel at most.

    Args:
        params: The scenario.
        rounds: Sizes of the first axes, of which there may be none.

    Returns:
        An array of shape (*rounds, windows, nodes).
    """
    shape = (*rounds, params.network.windows, params.network.nodes)
    return jax.random.uniform(jax.random.key(1), shape, minval=-1.0, maxval=0.0)


def scanned(params: Params, rounds: int = ROUNDS) -> Contender:
    """Returns the compiled core, which plays all rounds in one program.

    Args:
        params: The scenario.
        rounds: Length of a call, in rounds; at least 1.
    """
    return playing(params, start(params), requests(params, rounds), rounds)


def playing(params: Params, state: State, given: Array, rounds: int) -> Contender:
    """Returns the compiled core, which plays these actions in one program.

    Args:
        params: The scenario.
        state: From which it plays.
        given: An action for each step, in [-1, 1], as `dynamics.step` takes them.
        rounds: Rounds that they are; at least 1.
    """
    play = _compiled(_play, params, state, given)
    return Contender("scanned core", lambda: play(params, state, given), rounds)


def smallest(operations: int = 200) -> Contender:
    """Returns a chain of operations on four numbers, which shows the cost of starting one.

    A sum and the division by it cannot be fused, so each turn of the inner loop is two operations.

    Args:
        operations: Number of operations that count as one round; even, at least 2.
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
    """Returns how many operations, at least 1, a compiled round has outside its small loops.

    Args:
        params: The scenario.
    """
    state, given = start(params), requests(params, 1)
    text = _compiled(_play, params, state, given).as_text()
    # XLA unrolls the loop over a single round, so all of it is in the main program.
    main = text[text.index("ENTRY") :]
    return len(re.findall(r" (?:fusion|dot|call|copy|sort|while|conditional)\(", main))


def batched(params: Params, rows: int, rounds: int = 4) -> Contender:
    """Returns the core for a batch, as `CEASVectorEnv` plays it, without conversion to NumPy.

    Args:
        params: The scenario.
        rows: Environments of the batch; at least 1.
        rounds: Length of a call, in rounds; at least 1.
    """

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
    """Returns `CEASEnv`, stepped as a user does.

    Args:
        scenario: Resolved settings.
        rounds: Length of a call, in rounds; at least 1.
    """
    env = CEASEnv(scenario)
    env.reset(seed=0)
    actions = np.asarray(requests(env.params, rounds))

    def call() -> None:
        for action in actions:
            if env.step(action)[2]:
                env.reset()

    return Contender("CEASEnv", call, rounds)


def vectorized(scenario: Scenario, rows: int) -> Contender:
    """Returns `CEASVectorEnv`, stepped as a user does; small batches play more rounds.

    Args:
        scenario: Resolved settings.
        rows: Environments of the batch; at least 1. Actions have the shape (rows, windows, nodes).
    """
    envs = CEASVectorEnv(rows, scenario)
    envs.reset(seed=0)
    rounds = max(1, ROUNDS // rows)
    actions = np.asarray(requests(envs.params, rounds, rows))

    def call() -> None:
        for action in actions:
            envs.step(action)

    return Contender(f"CEASVectorEnv, {rows} rows", call, rounds * rows)


def slow_reference(scenario: Scenario, params: Params) -> Contender | None:
    """Returns the tests' reference in NumPy, or None where the tests are not installed.

    It computes node by node, pair by pair and density matrix by density matrix.

    Args:
        scenario: Resolved settings.
        params: The same scenario as arrays.
    """
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
    # The random numbers that the reference takes as an argument.
    random, network, learning = np.random.default_rng(0), params.network, params.learning
    nodes, batch_size = network.nodes, learning.batch_size

    def binomial(tried: Any, chance: Any) -> Any:  # noqa: ANN401
        return random.binomial(np.asarray(tried), np.asarray(chance, float))

    def draws() -> Any:  # noqa: ANN401
        return SimpleNamespace(
            samples=random.integers(0, len(learning.training.labels), (nodes, batch_size)),
            luck_of_slopes=random.random((nodes, batch_size, learning.program.observables)),
            normals=random.normal(size=(nodes, learning.program.angles)),
        )

    return lambda: SimpleNamespace(
        herald=binomial,
        purify=binomial,
        verify=binomial,
        drawn=random.random(nodes),
        trap=lambda _, number, chance: binomial(number, chance),
        true=draws(),
        false=draws(),
        rests=random.random(nodes),
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
        return state, replace(timestep, round=None)

    return jax.lax.scan(one, state, given)


def _compiled(function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
    return often(function).lower(*arguments).compile()
