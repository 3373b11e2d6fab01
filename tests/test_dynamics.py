"""The whole step: against the slow reference, pairs conserved, pure, and ending when it should."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from ceas_gym import actions, dynamics, metrics, observations, parameters
from ceas_gym.learning import learners
from ceas_gym.network import barrier, generation, storage
from ceas_gym.scenario import Scenario
from ceas_gym.types import Network, Params, State

Step = Callable[..., Any]
Array = NDArray[Any]
ROUNDS, SHAPE = 3, (3, 6)

DOUBLE = {"rtol": 1e-9, "atol": 1e-11}
"""Both sides in 64 bits: only the order of sums differs."""
SINGLE = {"rtol": 1e-5, "atol": 1e-6}
"""Figures in 32 bits."""
SEEN = ("pairs_spent", "pairs_keyed", "pairs_blocked", "committed", "byzantine_weight")
"""What must have happened in an episode that is to prove anything."""

GOOD_LINKS = {
    "network.lengths_km": (1.0, 3.0, 6.0, 8.0, 10.0, 12.0),
    "network.channels": 4,
    "network.memories_per_link": 60,
}
VARIANTS: dict[str, dict[str, Any]] = {
    "tiny": {},
    "default": {**GOOD_LINKS, "attack.name": "white_box"},
    "mean": {
        **GOOD_LINKS,
        "consensus.rule": "mean",
        "consensus.key.lifetime_rounds": None,
        "attack.name": "none",
    },
    "median": {
        "consensus.rule": "median",
        "consensus.lapse": "cache",
        "consensus.cache_age_rounds": 1,
        "attack.name": "sign_flip",
    },
    "even_median": {**GOOD_LINKS, "consensus.rule": "clip+median", "consensus.weights": "uniform"},
    "trimmed": {
        **GOOD_LINKS,
        "consensus.rule": "trimmed_mean",
        "consensus.weights": "inverse_variance",
        "attack.name": "alie",
        "attack.strength": 1.5,
    },
    "geometric": {
        **GOOD_LINKS,
        "attack.byzantine_nodes": 2,
        "attack.name": "alie",
        "consensus.rule": "geometric_median",
        "consensus.tolerated_nodes": 2,
    },
    "mixing": {
        "consensus.rule": "nnm+mean",
        "attack.name": "white_box",
        "network.cutoff_fidelity": None,
        "network.spend_order": "oldest_first",
    },
    "accept": {
        "consensus.lapse": "accept",
        "consensus.rule": "nnm+trimmed_mean",
        "attack.name": "scaled_sign_flip",
    },
    "three_classes": {
        "learning.classes": (0, 1, 2),
        "learning.partition": "dirichlet",
        "attack.name": "label_flip",
    },
}


# --- helpers ---


def vary(scenario: Scenario, changes: dict[str, Any]) -> Scenario:
    """The scenario with other values, by dotted name."""
    values = scenario.model_dump()
    for name, value in changes.items():
        *sections, last = name.split(".")
        section = values
        for part in sections:
            section = section[part]
        section[last] = value
    return Scenario.model_validate(values)


def wide(tree: Any) -> Any:
    """All numbers in 64 bits."""

    def widen(leaf: jax.Array) -> jax.Array:
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            return leaf.astype(jnp.float64)
        return leaf.astype(jnp.int64) if jnp.issubdtype(leaf.dtype, jnp.integer) else leaf

    return jax.tree.map(widen, tree)


def plain(tree: Any) -> Any:
    """Everything in NumPy; a random key as its bits."""

    def convert(leaf: Any) -> Array:
        is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

    return jax.tree.map(convert, tree)


def requests(seed: int, shape: tuple[int, ...]) -> Array:
    """Random actions, some out of range, with some nodes left out of a round."""
    random = np.random.default_rng(seed)
    drawn = random.uniform(-1.2, 1.2, shape)
    return np.where(random.random((*shape[:-2], 1, shape[-1])) < 0.15, -1.0, drawn)


def draw(params: Params, state: State, action: Array) -> reference.Luck:
    """The luck of the next round, from the keys that the step will use."""
    _, herald_key, learning_key = jax.random.split(state.key, 3)
    sample_key, shot_key = jax.random.split(learning_key)
    schedule = actions.decode(params.network, jnp.asarray(action))
    shape = (params.network.lifetime.shape[0], params.learning.program.angles)
    return reference.Luck(
        heralded=np.asarray(generation.herald(params.network, schedule, herald_key)),
        samples=np.asarray(learners.draw(params.learning, sample_key)),
        normals=np.asarray(jax.random.normal(shot_key, shape, params.learning.logit_scale.dtype)),
    )


def same(left: Any, right: Any, **tolerance: float) -> None:
    """Asserts equal trees: exactly in whatever is not a float, and to a tolerance in floats."""
    left, right = (jax.tree_util.tree_leaves_with_path(plain(tree)) for tree in (left, right))
    for (path, one), (_, other) in zip(left, right, strict=True):
        name = jax.tree_util.keystr(path)
        assert one.shape == other.shape, name
        if np.issubdtype(one.dtype, np.floating) and tolerance:
            np.testing.assert_allclose(one, other, **tolerance, err_msg=name)
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)


@jax.jit
def fates(network: Network, state: State, action: Array) -> tuple[Any, ...]:
    """The network's half of the next round."""
    herald_key = jax.random.split(state.key, 3)[1]
    heralded = generation.herald(network, actions.decode(network, action), herald_key)
    memory, ledger = storage.store(network, state.memory, heralded)
    return heralded, *barrier.spend(network, memory, ledger)


# --- the reference ---


def exact(params: Params) -> Params:
    """The parameters in 64 bits; a new program, since JAX keeps constants of the old one in 32."""
    learning = replace(params.learning, program=replace(params.learning.program))
    return wide(replace(params, learning=learning))


def compare(scenario: Scenario, params: Params) -> dict[str, float]:
    """Runs both sides with the same luck and asserts that they agree; returns summed figures."""
    fast = wide(dynamics.reset(params, jax.random.key(1))[0])
    slow, numbers, seen = plain(fast), plain(params), dict.fromkeys(metrics.NAMES, 0.0)
    same(fast.scores, reference.score(numbers.learning, slow.model.parameters), **DOUBLE)
    for action in requests(1, (ROUNDS, *SHAPE)):
        luck = draw(params, fast, action)
        fast, timestep = dynamics.step(params, fast, jnp.asarray(action))
        slow, figures, schedule = reference.step(scenario, numbers, slow, action, luck)
        same(replace(fast, key=slow.key), slow, **DOUBLE)
        same(timestep.schedule, schedule, **DOUBLE)
        same(timestep.metrics, figures, **SINGLE)
        tried = generation.attempts(params.network, timestep.schedule)
        same(tried, reference.attempts(numbers.network, schedule))
        seen = {name: seen[name] + figures[name] for name in seen}
    print({k: round(float(v), 2) for k, v in seen.items() if "acc" not in k}, slow.report.weights)
    return seen


@pytest.mark.parametrize("name", VARIANTS)
def test_step_equals_the_reference(scenario: Scenario, name: str) -> None:
    varied = vary(scenario, VARIANTS[name])
    with jax.enable_x64(True):
        seen = compare(varied, exact(parameters.build(varied)))
    assert all(seen[figure] > 0 for figure in SEEN), seen
