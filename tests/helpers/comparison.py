"""Helpers for tests of whole steps: varied scenarios, random actions, comparison of records."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

Array = Any
"""An array of NumPy or of JAX."""
DOUBLE = (1e-9, 1e-11)
"""Relative and absolute tolerance in double precision, where only the order of sums differs."""
SINGLE = (1e-5, 1e-6)
"""Relative and absolute tolerance in single precision."""


def vary(scenario: Scenario, changes: dict[str, Any]) -> Scenario:
    """Returns the scenario with other values, which are given by dotted name."""
    values = scenario.model_dump()
    for name, value in changes.items():
        *sections, last = name.split(".")
        section = values
        for part in sections:
            section = section[part]
        section[last] = value
    return Scenario.model_validate(values)


def requests(seed: int, *shape: int) -> Array:
    """Returns random actions, of which some are out of range, and some nodes get no channel-time.

    Args:
        seed: Seed of the random numbers, at least 0.
        *shape: Shape of the actions, (..., windows, nodes).

    Returns:
        Requests in [-1.2, 1.2].
    """
    random = np.random.default_rng(seed)
    drawn = random.uniform(-1.2, 1.2, shape)
    left_out = random.random((*shape[:-2], 1, shape[-1])) < 0.15
    return np.where(left_out, -1.0, drawn).astype(np.float32)


def waits_and_fires(seed: int, steps: int, nodes: int) -> Array:
    """Returns random actions of single windows; about one in four fires the barrier.

    Args:
        seed: Seed of the random numbers, at least 0.
        steps: Number of actions.
        nodes: Number of nodes.

    Returns:
        Requests as in `requests`, and in the last column what fires if above 0.
    """
    fires = np.random.default_rng(seed).uniform(-1.5, 0.5, (steps, 1)).astype(np.float32)
    return np.concatenate([requests(seed, steps, 1, nodes)[:, 0], fires], axis=1)


def wide(tree: Any) -> Any:
    """Returns the tree with all its numbers in 64 bits; the shapes stay the same."""

    def widen(leaf: jax.Array) -> jax.Array:
        if jnp.issubdtype(leaf.dtype, jnp.floating):
            return array(leaf, float)
        return array(leaf, int) if jnp.issubdtype(leaf.dtype, jnp.integer) else leaf

    return jax.tree.map(widen, tree)


def precise(params: Params) -> Params:
    """Returns the parameters in 64 bits.

    Their circuit is a new object, because JAX keeps the constants of the old one.
    """
    learning = replace(params.learning, program=replace(params.learning.program))
    return wide(replace(params, learning=learning))


def plain(tree: Any) -> Any:
    """Returns the tree with NumPy arrays of the same shapes; of a random key, its bits."""

    def convert(leaf: Any) -> Array:
        is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

    return jax.tree.map(convert, tree)


def same(left: Any, right: Any, tolerance: tuple[float, float] = (0.0, 0.0)) -> None:
    """Asserts that two trees are equal: floats within a tolerance, everything else exactly.

    Args:
        left: A pytree.
        right: Another pytree, with arrays of the same shapes.
        tolerance: Relative and absolute tolerance, at least 0.
    """
    left, right = (jax.tree_util.tree_leaves_with_path(plain(tree)) for tree in (left, right))
    for (path, one), (_, other) in zip(left, right, strict=True):
        name = jax.tree_util.keystr(path)
        assert one.shape == other.shape, name
        if np.issubdtype(one.dtype, np.floating):
            relative, absolute = tolerance
            np.testing.assert_allclose(one, other, relative, absolute, err_msg=name)
        else:
            np.testing.assert_array_equal(one, other, err_msg=name)
