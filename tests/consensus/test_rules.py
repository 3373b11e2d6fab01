"""Robust rules: golden numbers, and what moves along with the updates and weights."""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from consensus.rule_cases import BAD, NODES, SIZE, Floats, random_case

from ceas_gym.consensus import rules
from ceas_gym.consensus.rules import location

Rule = Callable[..., jax.Array]

NAMES = (
    *("mean", "median", "trimmed_mean", "geometric_median"),
    *("centred_clipping", "krum", "multi_krum"),
    *("clip+mean", "clip+nnm+trimmed_mean", "nnm+geometric_median"),
    *("bucketing+trimmed_mean", "bucketing+krum"),
)
UNCLIPPED = [name for name in NAMES if not name.startswith("clip")]
UNPAIRED = [name for name in NAMES if not name.startswith("bucketing")]
BY_COORDINATE = ["median", "trimmed_mean", "centred_clipping"]
ROTATING = [name for name in NAMES if name.split("+")[-1] not in BY_COORDINATE]


@functools.cache
def compiled(name: str) -> Rule:
    return jax.jit(rules.get(name))


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
        ("krum", [1.1414709848, 1.2463000877, 0.6349881502]),
        ("multi_krum", [0.6947271030, 1.0601898162, 0.5750811957]),
        ("nnm+trimmed_mean", [0.5102228442, 0.8582422813, 0.4617786970]),
    ],
)
def test_golden_numbers(sheet: Floats, name: str, expected: list[float]) -> None:
    assert apply(name, sheet, np.full(11, 1 / 11), bad=3) == pytest.approx(expected, abs=1e-8)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (1, [0.0737077355, 0.1158197857, 0.0637228262]),
        (5, [0.2750000950, 0.4816420255, 0.2737711472]),
    ],
)
def test_golden_numbers_of_clipping_about_zero(
    sheet: Floats, steps: int, expected: list[float]
) -> None:
    found = location.centre(
        jnp.asarray(sheet), jnp.full(11, 1 / 11), jnp.zeros(3), jnp.float64(0.5), steps
    )
    assert np.asarray(found) == pytest.approx(expected, abs=1e-8)


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
@pytest.mark.parametrize("factor", [1e-30, 1e-3, 40.0, -2.0])
def test_scale_moves_along(name: str, factor: float) -> None:
    updates, weights = random_case(1)
    moved = apply(name, factor * updates, weights)
    assert np.abs(moved / factor - apply(name, updates, weights)).max() < 1e-12


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", ROTATING)
def test_rotation_moves_along(name: str) -> None:
    updates, weights = random_case(2)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(SIZE, SIZE)))[0]
    moved = apply(name, updates @ rotation, weights)
    assert np.abs(moved - apply(name, updates, weights) @ rotation).max() < 1e-10


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", BY_COORDINATE)
def test_rules_by_coordinate_do_not_rotate(name: str) -> None:
    updates, weights = random_case(2)
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(SIZE, SIZE)))[0]
    moved = apply(name, updates @ rotation, weights)
    assert np.abs(moved - apply(name, updates, weights) @ rotation).max() > 1e-3


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("step", ["clip", "nnm", "bucketing"])
def test_rotation_commutes_with_each_step(step: str) -> None:
    updates, weights = random_case(3)
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(SIZE, SIZE)))[0]
    run = jax.jit(rules.PRE_STEPS[step])
    moved = run(jnp.asarray(updates @ rotation), jnp.asarray(weights), jnp.int32(BAD))
    plain = run(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(BAD))
    assert np.abs(np.asarray(moved) - np.asarray(plain) @ rotation).max() < 1e-12


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", UNPAIRED)
def test_integer_weights_are_replicated_rows(name: str) -> None:
    updates, _ = random_case(4)
    copies = np.array([3, 1, 2, 1, 2, 1, 3, 1, 2])
    # The two heaviest nodes carry six of the sixteen votes.
    weighted = apply(name, updates, copies / 16, bad=2)
    replicated = apply(name, np.repeat(updates, copies, axis=0), np.full(16, 1 / 16), bad=6)
    assert np.abs(weighted - replicated).max() < 1e-8


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", NAMES)
def test_agreement_is_kept(name: str) -> None:
    updates, weights = random_case(5)
    same = np.tile(updates[0], (NODES, 1))
    assert np.abs(apply(name, same, weights) - updates[0]).max() < 1e-9


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("name", NAMES)
def test_weightless_rows_do_not_count(name: str) -> None:
    updates, weights = random_case(5)
    weights[3] = 0
    weights /= weights.sum()
    without = apply(name, np.delete(updates, 3, axis=0), np.delete(weights, 3))
    for filler in (1e6, 1e30, 1e308, np.inf, np.nan):
        updates[3] = filler
        assert np.abs(apply(name, updates, weights) - without).max() < 1e-9
    # Nor is the row chosen that all others are nearest to.
    updates[3] = np.delete(updates, 3, axis=0).mean(axis=0)
    assert np.abs(apply(name, updates, weights) - without).max() < 1e-9


# --- The order of nodes with equal weights, in bucketing ---


@pytest.mark.usefixtures("exact")
def test_equal_votes_are_paired_in_order() -> None:
    updates, equal = random_case(6)[0], np.full(NODES, 1 / NODES)
    plain = apply("bucketing+trimmed_mean", updates, equal)
    pairs_moved = apply("bucketing+trimmed_mean", updates[[3, 2, 6, 7, 0, 1, 5, 4, 8]], equal)
    assert np.abs(pairs_moved - plain).max() < 1e-12
    pairs_broken = apply("bucketing+trimmed_mean", updates[[0, 2, 1, 3, 4, 5, 6, 7, 8]], equal)
    assert np.abs(pairs_broken - plain).max() > 1e-3
