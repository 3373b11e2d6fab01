"""Updates of any scale: a rule scales exactly with them, down to what is nearly nothing."""

from typing import Any

import jax
import numpy as np
import pytest
from consensus.rule_cases import (
    COMPOSED,
    NODES,
    ROBUST,
    SIZE,
    WIDTHS,
    Floats,
    exponents,
    most_tolerated,
    random_case,
    result,
    weightings,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ceas_gym.consensus import rules

few = settings(derandomize=True, deadline=None, max_examples=30)
quarters = arrays(np.int64, (NODES, SIZE), elements=st.integers(-400, 400)).map(lambda n: n / 4)


@pytest.mark.parametrize("name", [*rules.RULES, *COMPOSED])
@few
@given(updates=quarters, weights=weightings(), power=st.integers(-90, 90))
def test_powers_of_two_move_along_to_the_last_bit(
    name: str, updates: Floats, weights: Floats, power: int
) -> None:
    weights = np.where(weights < 1e-6, 0, weights)  # Else a small node's share might be too small.
    byzantine = most_tolerated(weights, rules.votes_needed(name))
    for width in WIDTHS:
        plain = result(name, updates, weights, byzantine, width)
        scaled = result(name, updates * 2.0**power, weights, byzantine, width)
        assert (scaled == plain * 2.0**power).all()


@pytest.mark.parametrize("name", [*rules.RULES, *COMPOSED])
@few
@given(seed=st.integers(0, 1000), exponent=exponents)
def test_powers_of_ten_move_along_to_rounding(name: str, seed: int, exponent: int) -> None:
    # Without ties, which rounding would decide.
    updates, weights = random_case(seed)
    byzantine = most_tolerated(weights, rules.votes_needed(name))
    for width in WIDTHS:
        plain = result(name, updates, weights, byzantine, width)
        scaled = result(name, updates * 10.0**exponent, weights, byzantine, width)
        # Where the geometric median converges slowly, rounding adds up.
        margin = (1e4 if "geometric" in name else 100) * np.finfo(width).eps
        assert np.abs(scaled / 10.0**exponent - plain).max() < margin


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scale", [1.0, 1e-7, 1e-8, 1e-12, 1e-20, 1e-30, 1e20])
def test_geometric_median_of_a_majority_that_agrees(width: Any, scale: float) -> None:
    updates, equal = np.zeros((NODES, SIZE)), np.full(NODES, 1 / NODES)
    updates[:5], updates[5:] = scale, -10 * scale
    found = result("geometric_median", updates, equal, 4, width)
    assert (found == width(scale)).all()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e-20, 1e-30])
def test_geometric_median_on_any_scale_has_the_least_sum_of_distances(
    width: Any, scale: float
) -> None:
    updates, weights = random_case(7)
    point = result("geometric_median", updates * scale, weights, 2, width) / scale
    pulls = weights[:, None] * (updates - point)
    pulls /= np.linalg.norm(updates - point, axis=1)[:, None]
    assert np.linalg.norm(pulls.sum(axis=0)) < 100 * np.finfo(width).eps


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", [*ROBUST, *COMPOSED])
def test_outliers_hide_no_differences_between_the_others(name: str, width: Any) -> None:
    # What is far away is as good as farther away: it only gives directions.
    updates, weights = random_case(3)
    near, far = updates.copy(), updates.copy()
    near[:2], far[:2] = 1e25, 1e35
    results = [result(name, each, weights, 2, width) for each in (near, far)]
    assert np.abs(results[0] - results[1]).max() < 100 * np.finfo(width).eps


# --- Rules of the user's ---


def longest(updates: jax.Array, weights: jax.Array, byzantine: jax.Array) -> jax.Array:
    del weights, byzantine
    return abs(updates).max(axis=0)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e6])
def test_a_rule_of_the_user_gets_bounded_updates_on_their_own_scale(
    width: Any, scale: float
) -> None:
    updates, weights = random_case(0)
    updates *= scale
    updates[0, 0], updates[1, 1] = 3e38, np.nan
    found = result(f"{__name__}:longest", updates, weights, 2, width)
    honest = np.abs(updates[2:]).max()
    bound = 2.0 ** (52 if width is np.float32 else 410)
    assert found[2:] == pytest.approx(np.abs(updates[:, 2:]).max(axis=0), rel=1e-6)
    assert honest * bound / 4 <= found[0] <= honest * bound or found[0] == width(3e38)
