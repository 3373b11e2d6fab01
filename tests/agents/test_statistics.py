"""Bootstrap intervals of the mean."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_agents.statistics import interval, intervals

VALUES = np.random.default_rng(3).normal(0.7, 0.05, 30)
ROWS = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=6)


def test_many_values_have_the_interval_of_the_normal_approximation() -> None:
    values = np.random.default_rng(1).normal(size=2000)
    half = 1.96 * values.std() / np.sqrt(len(values))
    low, high = interval(values)
    # The ends are percentiles of 9999 means: their standard error is about half / 80.
    assert low == pytest.approx(values.mean() - half, abs=4 * half / 80)
    assert high == pytest.approx(values.mean() + half, abs=4 * half / 80)


@pytest.mark.parametrize(("seeds", "coverage"), [(5, 0.84), (10, 0.90), (20, 0.93)])
def test_the_stated_coverage_is_right(seeds: int, coverage: float) -> None:
    samples = np.random.default_rng(2).normal(size=(seeds, 1000))
    low, high = intervals(samples)
    error = np.sqrt(coverage * (1 - coverage) / 1000)
    assert ((low <= 0) & (high >= 0)).mean() == pytest.approx(coverage, abs=4 * error)


def test_the_same_values_give_the_same_interval() -> None:
    assert interval(VALUES) == interval(list(VALUES))


def test_columns_are_treated_like_rows_of_their_own() -> None:
    columns = np.stack([VALUES, VALUES**2, np.full(30, 0.1)], axis=1)
    low, high = intervals(columns)
    alone = np.array([interval(column) for column in columns.T])
    np.testing.assert_allclose(alone, np.stack([low, high], axis=1), rtol=1e-12)


def test_a_shift_of_the_values_shifts_the_interval() -> None:
    low, high = interval(VALUES)
    np.testing.assert_allclose(interval(VALUES + 0.25), (low + 0.25, high + 0.25), rtol=1e-12)


@pytest.mark.parametrize("count", [1, 3, 10])
def test_equal_values_are_returned_without_width(count: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert interval([0.1] * count) == (0.1, 0.1)


# The first call imports SciPy.
@settings(deadline=None)
@given(ROWS)
def test_the_interval_lies_between_the_values(values: list[float]) -> None:
    low, high = interval(values)
    rounding = 1e-12
    assert min(values) - rounding <= low <= high <= max(values) + rounding


@pytest.mark.parametrize(
    "values", [[], [float("nan")], [0.5, float("nan")], [0.5, float("inf")], [[0.5, 0.6]]]
)
def test_what_has_no_interval_is_refused_in_one_line(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite numbers") as error:
        interval(values)
    assert "\n" not in str(error.value)
