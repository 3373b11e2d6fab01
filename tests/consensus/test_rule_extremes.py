"""What robust rules withstand, what none does, and values that are too large or not numbers."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.consensus import rules

Floats = NDArray[np.float64]
Rule = Callable[..., jax.Array]

ROBUST = (
    *("median", "trimmed_mean", "geometric_median", "centred_clipping", "krum", "multi_krum"),
    *("clip+nnm+trimmed_mean", "nnm+geometric_median", "bucketing+trimmed_mean", "bucketing+krum"),
)
NAMES = (*ROBUST, "mean", "clip+mean")
NODES, SIZE = 9, 4
EQUAL = np.full(NODES, 1 / NODES)
NODES_OF_MANY = 50


@functools.cache
def compiled(name: str) -> Rule:
    return jax.jit(rules.get(name))


def apply(name: str, updates: Floats, weights: Floats, bad: int) -> Floats:
    return np.asarray(compiled(name)(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(bad)))


def honest_updates() -> Floats:
    return np.random.default_rng(0).normal(size=(NODES, SIZE))


def most_bad(name: str, nodes: int = NODES) -> int:
    return (nodes - 1) // (4 if "bucketing" in name else 2)


@pytest.mark.parametrize("name", NAMES)
def test_majority_moves_every_rule_anywhere(name: str) -> None:
    updates = honest_updates()
    for reach in (1e3, 1e5):
        updates[:5] = reach
        assert apply(name, updates, EQUAL, most_bad(name)).min() > 0.3 * reach


@pytest.mark.parametrize("name", [name for name in NAMES if "bucketing" not in name])
def test_majority_of_the_weight_moves_every_rule_anywhere(name: str) -> None:
    # Three nodes of nine, where the hub reckons with two.
    updates, weights = honest_updates(), np.full(NODES, 0.46 / 6)
    weights[:3] = 0.18
    for reach in (1e3, 1e5):
        updates[:3] = reach
        assert apply(name, updates, weights, 2).min() > 0.3 * reach


@pytest.mark.parametrize("name", ROBUST)
def test_minority_does_not(name: str) -> None:
    updates, bad = honest_updates(), most_bad(name)
    honest = np.abs(updates).max()
    for reach in (10.0, 1e4, 1e7, 1e14):
        # Every second node: in as many buckets as possible.
        updates[: 2 * bad : 2] = reach
        held = apply(name, updates, EQUAL, bad)
        assert np.abs(held).max() < 10 * honest


@pytest.mark.parametrize("name", ROBUST)
@pytest.mark.parametrize("reach", [pytest.param(1e7, marks=pytest.mark.slow), 1e30])
def test_rounding_leaves_no_trace_of_the_boundless(name: str, reach: float) -> None:
    # In 32 bits, for many weights: what is trimmed must be trimmed to the last bit.
    random, cases = np.random.default_rng(1), 60
    weights = -np.sort(-random.dirichlet(np.full(NODES_OF_MANY, 20.0), cases), axis=1)
    weights[::2] = 1 / NODES_OF_MANY
    bad = random.integers(1, min(most_bad(name, NODES_OF_MANY), 20), cases)
    is_bad = np.arange(NODES_OF_MANY) < bad[:, None]
    honest = random.normal(size=(cases, NODES_OF_MANY, SIZE))
    updates = np.where(is_bad[:, :, None], reach, honest).astype(np.float32)
    run = jax.jit(jax.vmap(rules.get(name)))
    found = run(jnp.asarray(updates), jnp.asarray(weights, jnp.float32), jnp.asarray(bad))
    assert np.abs(np.asarray(found)).max() < 4


def test_single_node_moves_the_mean() -> None:
    updates = honest_updates()
    updates[0] = 1e7
    assert apply("mean", updates, EQUAL, 2).min() > 1e6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "pair", [(1e30, 1e30), (-1e30, -1e30), (3e38, 3e38), (3e38, -3e38), (np.inf, -np.inf)]
)
def test_enormous_values_stay_finite(name: str, pair: tuple[float, float]) -> None:
    updates = honest_updates()
    updates[0], updates[1] = pair
    result = apply(name, updates, EQUAL, 2)
    assert np.isfinite(result).all()
    if name in ROBUST:
        assert np.abs(result).max() < 10


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", NAMES)
def test_enormous_values_of_64_bits_stay_finite(name: str) -> None:
    updates = honest_updates()
    updates[0], updates[1] = 1e308, -1e308
    result = np.asarray(rules.get(name)(jnp.asarray(updates), jnp.asarray(EQUAL), jnp.int32(2)))
    assert np.isfinite(result).all()
    if name in ROBUST:
        assert np.abs(result).max() < 10


@pytest.mark.parametrize("name", NAMES)
def test_rows_that_are_not_numbers_count_as_zero(name: str) -> None:
    updates = honest_updates()
    updates[0] = np.nan
    zeroed = updates.copy()
    zeroed[0] = 0
    assert (apply(name, updates, EQUAL, 2) == apply(name, zeroed, EQUAL, 2)).all()


@pytest.mark.parametrize("name", NAMES)
def test_without_any_weight_there_is_no_update(name: str) -> None:
    result = apply(name, honest_updates(), np.zeros(NODES), 2)
    assert np.isfinite(result).all()


@pytest.mark.parametrize("name", NAMES)
def test_inputs_are_not_changed(name: str) -> None:
    # Uncompiled, a NumPy array could be written to.
    case: list[Any] = [honest_updates(), EQUAL.copy(), np.int32(2)]
    before = [array.copy() for array in case]
    rules.get(name)(*case)
    assert all((array == copy).all() for array, copy in zip(case, before, strict=True))
