"""Robust rules: golden numbers, symmetries, proved bounds, and what no rule withstands."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.consensus import rules
from ceas_gym.consensus.weights import mass_below, top_share

Floats = NDArray[np.float64]
Rule = Callable[..., jax.Array]

NAMES = (
    *("mean", "median", "trimmed_mean", "geometric_median"),
    *("clip+mean", "clip+nnm+trimmed_mean", "nnm+geometric_median"),
)
ROBUST = [name for name in NAMES if not name.endswith("mean") or "trimmed" in name]
UNCLIPPED = [name for name in NAMES if not name.startswith("clip")]
ROTATING = ["mean", "geometric_median", "clip+mean", "nnm+geometric_median"]
NODES, SIZE, BAD = 9, 4, 2
EQUAL = np.full(NODES, 1 / NODES)


@functools.cache
def compiled(name: str) -> Rule:
    return jax.jit(rules.get(name))


def random_case(seed: int) -> tuple[Floats, Floats]:
    """Updates with outliers, and uneven weights."""
    random = np.random.default_rng(seed)
    updates = random.normal(size=(NODES, SIZE))
    updates[:BAD] += 5 * random.normal(size=SIZE)
    return updates, random.dirichlet(np.full(NODES, 10.0))


def apply(name: str, updates: Floats, weights: Floats, bad: int = BAD) -> Floats:
    return np.asarray(compiled(name)(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(bad)))


# --- Golden numbers of byzfl 0.0.11 ---


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", [0.3420432758, 0.5168306592, 0.3208327099]),
        ("median", [0.2274970738, 0.9331612818, 0.6349881502]),
        ("trimmed_mean", [0.4378611252, 0.7231269518, 0.4927098027]),
        ("geometric_median", [0.4284708313, 0.8388823861, 0.5349151296]),
        ("nnm+trimmed_mean", [0.5102228442, 0.8582422813, 0.4617786970]),
    ],
)
def test_golden_numbers(sheet: Floats, name: str, expected: list[float]) -> None:
    assert apply(name, sheet, np.full(11, 1 / 11), bad=3) == pytest.approx(expected, abs=1e-8)


# --- Symmetries ---


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", NAMES)
def test_permutation_of_the_nodes_changes_nothing(name: str) -> None:
    for seed in range(5):
        updates, weights = random_case(seed)
        order = np.random.default_rng(seed + 100).permutation(NODES)
        moved = apply(name, updates[order], weights[order])
        assert np.abs(moved - apply(name, updates, weights)).max() < 1e-12


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", UNCLIPPED)
def test_translation_moves_along(name: str) -> None:
    updates, weights = random_case(0)
    shift = np.array([3.0, -7.0, 0.5, 11.0])
    moved = apply(name, updates + shift, weights)
    assert np.abs(moved - shift - apply(name, updates, weights)).max() < 1e-10


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("factor", [1e-3, 40.0, -2.0])
def test_scale_moves_along(name: str, factor: float) -> None:
    updates, weights = random_case(1)
    moved = apply(name, factor * updates, weights)
    # Weiszfeld smooths distances below 1e-8, which shows where the median is at an input.
    smoothed = 1e-8 * (1 + 1 / abs(factor)) if "geometric" in name else 1e-12
    assert np.abs(moved / factor - apply(name, updates, weights)).max() < smoothed


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", ROTATING)
def test_rotation_moves_along(name: str) -> None:
    updates, weights = random_case(2)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(SIZE, SIZE)))[0]
    moved = apply(name, updates @ rotation, weights)
    assert np.abs(moved - apply(name, updates, weights) @ rotation).max() < 1e-10


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("step", ["clip", "nnm"])
def test_rotation_commutes_with_each_step(step: str) -> None:
    updates, weights = random_case(3)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(SIZE, SIZE)))[0]
    run = jax.jit(rules.PRE_STEPS[step])
    moved = run(jnp.asarray(updates @ rotation), jnp.asarray(weights), jnp.int32(BAD))
    plain = run(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(BAD))
    assert np.abs(np.asarray(moved) - np.asarray(plain) @ rotation).max() < 1e-12


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", NAMES)
def test_integer_weights_are_replicated_rows(name: str) -> None:
    updates, _ = random_case(4)
    copies = np.array([3, 1, 2, 1, 2, 1, 3, 1, 2])
    # The two heaviest nodes carry six of the sixteen votes.
    weighted = apply(name, updates, copies / 16, bad=2)
    replicated = apply(name, np.repeat(updates, copies, axis=0), np.full(16, 1 / 16), bad=6)
    assert np.abs(weighted - replicated).max() < 1e-8


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", NAMES)
def test_agreement_is_kept_and_weightless_rows_do_not_count(name: str) -> None:
    updates, weights = random_case(5)
    same = np.tile(updates[0], (NODES, 1))
    assert np.abs(apply(name, same, weights) - updates[0]).max() < 1e-9
    weights[3] = 0
    weights /= weights.sum()
    without = apply(name, np.delete(updates, 3, axis=0), np.delete(weights, 3))
    updates[3] = 1e6
    assert np.abs(apply(name, updates, weights) - without).max() < 1e-9


# --- Definitions, slowly ---


@pytest.mark.usefixtures("exact")
def test_mass_below_counts_ties_in_order() -> None:
    values, weights = np.array([2.0, 1.0, 2.0, 0.0, 1.0]), np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    below = mass_below(jnp.asarray(values), jnp.asarray(weights))
    assert below.tolist() == pytest.approx([0.6, 0.15, 0.7, 0.0, 0.35])


@pytest.mark.usefixtures("exact")
def test_trimmed_mean_is_the_mean_of_the_middle_of_the_quantile_function() -> None:
    updates, weights = random_case(6)
    beta = float(top_share(jnp.asarray(weights), jnp.int32(BAD)))
    points = beta + (1 - 2 * beta) * (np.arange(200_000) + 0.5) / 200_000
    expected = []
    for column in updates.T:
        order = column.argsort()
        place = np.searchsorted(weights[order].cumsum(), points)
        expected.append(column[order][place].mean())
    assert apply("trimmed_mean", updates, weights) == pytest.approx(expected, abs=1e-4)


@pytest.mark.usefixtures("exact")
def test_geometric_median_has_the_least_sum_of_distances() -> None:
    updates, weights = random_case(7)
    point = apply("geometric_median", updates, weights)

    def cost(at: Floats) -> float:
        return float(weights @ np.linalg.norm(updates - at, axis=1))

    pulls = weights[:, None] * (updates - point)
    pulls /= np.linalg.norm(updates - point, axis=1)[:, None]
    assert np.linalg.norm(pulls.sum(axis=0)) < 1e-6
    steps = 1e-2 * np.random.default_rng(0).normal(size=(200, SIZE))
    assert min(cost(point + step) for step in steps) > cost(point)


@pytest.mark.usefixtures("exact")
def test_geometric_median_can_be_at_an_input() -> None:
    updates, weights = random_case(7)
    weights[3] = 2.0
    held = apply("geometric_median", updates, weights / weights.sum())
    assert np.abs(held - updates[3]).max() < 1e-7


@pytest.mark.usefixtures("exact")
def test_nnm_averages_the_nearest_mass() -> None:
    updates, weights = random_case(8)
    kept = 1 - np.sort(weights)[-BAD:].sum()
    mixed = rules.nnm(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(BAD))
    for row, found in zip(updates, np.asarray(mixed), strict=True):
        left, total = kept, np.zeros(SIZE)
        for node in np.linalg.norm(updates - row, axis=1).argsort():
            share = min(left, weights[node])
            total, left = total + share * updates[node], left - share
        assert found == pytest.approx(total / kept, abs=1e-12)


@pytest.mark.usefixtures("exact")
def test_clip_shortens_to_the_median_length() -> None:
    updates, weights = random_case(9)
    lengths = np.linalg.norm(updates, axis=1)
    order = lengths.argsort()
    middle = lengths[order][np.searchsorted(weights[order].cumsum(), 0.5)]
    clipped = np.asarray(rules.clip(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(BAD)))
    expected = updates * np.minimum(1, middle / lengths)[:, None]
    assert np.abs(clipped - expected).max() < 1e-12
    assert (lengths > middle * 1.01).sum() >= 2


def test_median_of_two_in_the_middle_lies_between() -> None:
    updates = np.array([[1.0], [2.0], [4.0], [9.0]])
    assert apply("median", updates, np.full(4, 0.25)).tolist() == [3.0]


# --- Breakdown, and values that are too large ---


@pytest.mark.parametrize("name", NAMES)
def test_majority_moves_every_rule_anywhere(name: str) -> None:
    updates, _ = random_case(0)
    for reach in (1e3, 1e5):
        updates[:5] = reach
        moved = apply(name, updates, EQUAL, 4)
        assert moved.min() > 0.3 * reach


@pytest.mark.parametrize("name", ROBUST)
def test_minority_does_not(name: str) -> None:
    updates, _ = random_case(0)
    honest = np.abs(updates[4:]).max()
    for reach in (10.0, 1e4, 1e7):
        updates[:4] = reach
        held = apply(name, updates, EQUAL, 4)
        assert np.abs(held).max() < 10 * honest


def test_single_node_moves_the_mean() -> None:
    updates, _ = random_case(0)
    updates[0] = 1e7
    assert apply("mean", updates, EQUAL).min() > 1e6


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reach", [1e30, -1e30, 3e38])
def test_enormous_values_stay_finite(name: str, reach: float) -> None:
    updates, _ = random_case(0)
    updates[:BAD] = reach
    result = apply(name, updates, EQUAL)
    assert np.isfinite(result).all()
    if name in ROBUST:
        assert np.abs(result).max() < 100


@pytest.mark.parametrize("name", ["median", "clip+nnm+trimmed_mean"])
def test_inputs_are_not_changed(name: str) -> None:
    # Uncompiled, a NumPy array could be written to.
    case: list[Any] = [*random_case(1), np.int32(BAD)]
    before = [array.copy() for array in case]
    rules.get(name)(*case)
    assert all((array == copy).all() for array, copy in zip(case, before, strict=True))
