"""Robust rules by their definitions, slowly."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from consensus.rule_cases import BAD, NODES, SIZE, Floats, random_case
from numpy.typing import NDArray

from ceas_gym.consensus import rules
from ceas_gym.consensus.ranks import mass_below
from ceas_gym.consensus.weights import top_share

pytestmark = pytest.mark.usefixtures("exact")
EQUAL = np.full(NODES, 1 / NODES)


def apply(name: str, updates: Floats, weights: Floats, bad: int = BAD) -> Floats:
    rule = jax.jit(rules.get(name))
    return np.asarray(rule(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(bad)))


def first_mass(order: NDArray[np.int64], weights: Floats, mass: Any) -> Floats:
    """Returns what of each weight is met first in that order, up to a mass."""
    shares = np.zeros_like(weights)
    for node in order:
        shares[node] = min(mass, weights[node])
        mass -= shares[node]
    return shares


def krum_scores(updates: Floats, weights: Floats, bad: int) -> Floats:
    kept = 1 - np.sort(weights)[-bad:].sum()
    squares = [np.linalg.norm(updates - update, axis=1) ** 2 for update in updates]
    return np.array([first_mass(row.argsort(), weights, kept) @ row for row in squares])


def lower_median(values: Floats, weights: Floats) -> float:
    order = values.argsort()
    return values[order][np.searchsorted(weights[order].cumsum(), 0.5)]


def test_mass_below_counts_ties_in_order() -> None:
    values, weights = np.array([2.0, 1.0, 2.0, 0.0, 1.0]), np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    below = mass_below(jnp.asarray(values), jnp.asarray(weights))
    assert below.tolist() == pytest.approx([0.6, 0.15, 0.7, 0.0, 0.35])


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


def test_geometric_median_can_be_at_an_input() -> None:
    updates, weights = random_case(7)
    weights[3] = 2.0
    held = apply("geometric_median", updates, weights / weights.sum())
    assert np.abs(held - updates[3]).max() < 1e-7


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


def test_krum_is_the_update_with_the_nearest_neighbours() -> None:
    for seed in range(4):
        updates, weights = random_case(seed)
        expected = updates[krum_scores(updates, weights, BAD).argmin()]
        assert (apply("krum", updates, weights) == expected).all()


def test_krum_of_equal_nodes_sums_over_all_but_the_farthest() -> None:
    # Over n - f - 1 others. There are inputs on which the original's n - f - 2 choose otherwise.
    differs = 0
    for seed in range(20):
        updates = np.random.default_rng(seed).normal(size=(NODES, SIZE))
        squares = np.sort(((updates[:, None] - updates) ** 2).sum(axis=-1), axis=1)
        chosen = squares[:, 1 : NODES - BAD].sum(axis=1).argmin()
        differs += chosen != squares[:, 1 : NODES - BAD - 1].sum(axis=1).argmin()
        assert (apply("krum", updates, EQUAL) == updates[chosen]).all()
    assert differs > 0


def test_multi_krum_is_the_mean_of_the_mass_of_least_score() -> None:
    for seed in range(4):
        updates, weights = random_case(seed)
        kept = 1 - np.sort(weights)[-BAD:].sum()
        share = first_mass(krum_scores(updates, weights, BAD).argsort(), weights, kept)
        expected = share @ updates / kept
        assert apply("multi_krum", updates, weights) == pytest.approx(expected, abs=1e-12)


def test_centred_clipping_starts_at_the_median() -> None:
    updates, weights = random_case(10)
    point = np.array([lower_median(column, weights) for column in updates.T])
    radius = lower_median(np.linalg.norm(updates - point, axis=1), weights)
    for _ in range(5):
        gaps = updates - point
        lengths = np.linalg.norm(gaps, axis=1, keepdims=True)
        point = point + weights @ (gaps * np.minimum(1, radius / lengths))
    assert apply("centred_clipping", updates, weights) == pytest.approx(point, abs=1e-12)


def test_centred_clipping_of_a_majority_that_agrees() -> None:
    updates, _ = random_case(10)
    updates[:5] = updates[0]
    assert np.abs(apply("centred_clipping", updates, EQUAL) - updates[0]).max() < 1e-12


def test_bucketing_averages_neighbours_in_weight() -> None:
    updates, weights = random_case(11)
    order = (-weights).argsort()
    expected = updates.copy()
    for pair in (order[:2], order[2:4], order[4:6], order[6:8]):
        expected[pair] = weights[pair] @ updates[pair] / weights[pair].sum()
    found = rules.bucketing(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(BAD))
    assert np.abs(np.asarray(found) - expected).max() < 1e-12


@pytest.mark.parametrize("rule", ["trimmed_mean", "krum", "multi_krum", "nnm+trimmed_mean"])
def test_bucketing_of_equal_nodes_is_the_rule_of_the_buckets(rule: str) -> None:
    updates = np.random.default_rng(12).normal(size=(10, SIZE))
    buckets = updates.reshape(5, 2, SIZE).mean(axis=1)
    expected = apply(rule, buckets, np.full(5, 0.2), bad=2)
    found = apply(f"bucketing+{rule}", updates, np.full(10, 0.1), bad=2)
    assert np.abs(found - expected).max() < 1e-12


def test_bucketing_halves_the_spread_of_independent_noise() -> None:
    noise = np.random.default_rng(13).normal(size=(4000, 10, SIZE))
    step = jax.jit(jax.vmap(rules.bucketing, in_axes=(0, None, None)))
    mixed = np.asarray(step(jnp.asarray(noise), jnp.full(10, 0.1), jnp.int32(2)))
    assert mixed.var() == pytest.approx(0.5, rel=0.02)
