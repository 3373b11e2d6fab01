"""Bootstrap intervals of the mean."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ceas_agents.statistics import resampling
from ceas_agents.statistics.intervals import interquartile_mean, interval, intervals

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


@pytest.mark.parametrize("statistic", [np.mean, interquartile_mean])
def test_it_is_the_bootstrap_of_scipy(statistic) -> None:
    columns = np.stack([VALUES, VALUES**2], axis=1)
    ends = stats.bootstrap(
        (columns,),
        statistic,
        n_resamples=resampling.RESAMPLES,
        batch=resampling.BATCH,
        axis=0,
        method="percentile",
        rng=np.random.default_rng(resampling.SEED),
    ).confidence_interval
    np.testing.assert_allclose(intervals(columns, statistic), ends, rtol=1e-12)


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


# --- networks -----------------------------------------------------------------------------------


def clustered(networks, seeds, between, samples=300):
    """Normal values of mean zero, with what all seeds of a network share."""
    random = np.random.default_rng(4)
    shared = between * random.normal(size=(samples, networks, 1))
    values = shared + random.normal(size=(samples, networks, seeds))
    return values.reshape(samples, -1), np.repeat(np.arange(networks), seeds)


@pytest.mark.parametrize("between", [0, 2])
def test_intervals_over_networks_cover_as_those_of_so_many_values(between) -> None:
    """Eight percentiles cover about 88 %; the seeds alone would pretend to know far more."""
    samples, groups = clustered(8, 3, between)
    covered = [low <= 0 <= high for low, high in (interval(x, groups=groups) for x in samples)]
    assert np.mean(covered) == pytest.approx(0.88, abs=0.06)
    low, high = intervals(samples.T)
    alone = ((low <= 0) & (high >= 0)).mean()
    assert alone < 0.75 if between else alone > 0.9


@pytest.mark.parametrize("groups", [np.full(30, 5), np.arange(30), np.arange(30)[::-1]])
def test_one_network_or_one_seed_of_each_is_the_plain_bootstrap(groups) -> None:
    plain = np.array(interval(VALUES))
    found = np.array(interval(VALUES, groups=groups))
    exact = np.array_equal(groups, np.sort(groups))
    # In another order other luck befalls them.
    np.testing.assert_allclose(found, plain, rtol=1e-12 if exact else 2e-3)


def test_any_statistic_has_an_interval_over_networks_of_any_size() -> None:
    def mean(values, axis):
        return values.mean(axis=axis)

    columns, groups = np.stack([VALUES, VALUES**2], axis=1), np.minimum(np.arange(30) % 7, 5)
    expected = intervals(columns, groups=groups)
    np.testing.assert_allclose(intervals(columns, mean, groups), expected, rtol=1e-12)


def test_the_standard_error_is_that_of_clusters() -> None:
    """By its definition: squared sums of what a cluster's seeds are off the mean."""
    groups = np.minimum(np.arange(30) % 7, 5)
    sums = [(VALUES - VALUES.mean())[groups == one].sum() for one in range(6)]
    expected = np.sqrt(np.sum(np.square(sums)) * 6 / 5) / 30
    found = resampling.estimates(VALUES[:, None], groups)
    assert found.error == pytest.approx(expected)
    assert found.mean == pytest.approx(VALUES.mean())
    assert resampling.estimates(VALUES[:, None]).error == pytest.approx(stats.sem(VALUES))


def test_resampled_errors_are_those_of_the_resampled_values() -> None:
    found = resampling.resampled(VALUES[:, None])
    (first, *_) = resampling.draws(np.arange(30))
    drawn = VALUES[first]
    np.testing.assert_allclose(found.mean[: len(drawn), 0], drawn.mean(axis=1))
    np.testing.assert_allclose(found.error[: len(drawn), 0], stats.sem(drawn, axis=1))


def test_resamples_of_networks_of_any_size_are_all_there() -> None:
    """Each resample by itself: all seeds of every network that it has drawn."""
    sizes = np.array([3, 2, 2])
    clusters = np.repeat(np.arange(3), sizes)
    drawn = np.random.default_rng(resampling.SEED).integers(0, 3, (resampling.RESAMPLES, 3))
    expected = [
        tuple(seed for one in row for seed in np.flatnonzero(clusters == one)) for row in drawn
    ]
    batches = list(resampling.draws(clusters))
    assert max(map(len, batches)) <= resampling.BATCH
    assert sorted(tuple(row) for rows in batches for row in rows.tolist()) == sorted(expected)


def test_groups_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="30 seeds need as many groups"):
        interval(VALUES, groups=np.arange(29))
