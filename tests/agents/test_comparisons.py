"""Several comparisons at once, and equivalence: against laws, and how often they are wrong."""

import numpy as np
import pytest
from scipy import stats

from ceas_agents.statistics import resampling
from ceas_agents.statistics.comparisons import equivalent, simultaneous

RANDOM_STATE = 7


def normal(samples, seeds, columns=1, correlation=0.0):
    """Normal values of mean zero, whose columns share a part."""
    random = np.random.default_rng(RANDOM_STATE)
    shared = np.sqrt(correlation) * random.normal(size=(samples, seeds, 1))
    return shared + np.sqrt(1 - correlation) * random.normal(size=(samples, seeds, columns))


def factor(values, **options):
    """Half widths in standard errors."""
    low, high = simultaneous(values, **options)
    return (high - low) / 2 / stats.sem(values, axis=0)


# --- several at once ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seeds", "columns", "correlation"),
    [(6, 3, 0.0), pytest.param(12, 6, 0.5, marks=pytest.mark.slow), (24, 8, 0.9)],
)
def test_one_family_in_twenty_is_wrong(seeds, columns, correlation):
    samples = normal(300, seeds, columns, correlation)
    wrong = [not ((low <= 0) & (high >= 0)).all() for low, high in map(simultaneous, samples)]
    # Never more than chance allows; with few seeds it errs on the safe side.
    assert 0.003 <= np.mean(wrong) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)


def test_uncorrected_intervals_would_be_wrong_more_often():
    samples = normal(50, 12, 10)
    wrong = [
        not all(low <= 0 <= high for low, high in (simultaneous(one[:, None]) for one in rows.T))
        for rows in samples
    ]
    assert np.mean(wrong) > 0.2


def test_one_column_is_the_symmetric_bootstrap_t():
    values = normal(1, 30)[0, :, 0]
    (rows, *others) = resampling.draws(np.arange(30))
    drawn = values[np.concatenate([rows, *others])]
    t = (drawn.mean(axis=1) - values.mean()) / stats.sem(drawn, axis=1)
    half = np.quantile(np.abs(t), 0.95) * stats.sem(values)
    low, high = simultaneous(values[:, None])
    assert low[0] == pytest.approx(values.mean() - half)
    assert high[0] == pytest.approx(values.mean() + half)


@pytest.mark.parametrize("columns", [1, 4, 16])
def test_independent_columns_are_as_sidak_has_it(columns):
    (values,) = normal(1, 1000, columns)
    each = 0.95 ** (1 / columns)
    expected = stats.norm.ppf((1 + each) / 2)
    np.testing.assert_allclose(factor(values), expected, rtol=0.03)


def test_columns_that_say_the_same_cost_nothing():
    (values,) = normal(1, 1000)
    np.testing.assert_allclose(factor(values * np.arange(1, 6)), 1.96, rtol=0.03)


def test_a_column_without_spread_takes_no_part():
    (values,) = normal(1, 12, 3)
    wide = np.column_stack([np.full(12, 0.1), values, np.zeros(12)])
    for alone, among in zip(simultaneous(values), simultaneous(wide), strict=True):
        np.testing.assert_array_equal(among[1:-1], alone)
        assert (among[0], among[-1]) == (0.1, 0)


def test_a_column_in_which_one_seed_differs_decides_nothing():
    (values,) = normal(1, 20, 1)
    lonely = np.zeros(20)
    lonely[3] = 1
    among = factor(np.column_stack([values, lonely]))
    low, high = simultaneous(np.column_stack([values, lonely]))
    assert low[1] < 0 < high[1]
    assert among[0] < 1.5 * factor(values)[0]


def test_a_single_seed_has_no_width():
    low, high = simultaneous(np.array([[0.1, 0.2]]))
    np.testing.assert_array_equal(low, high)


def test_intervals_of_networks_hold_for_others():
    random = np.random.default_rng(RANDOM_STATE)
    groups = np.repeat(np.arange(8), 3)
    wrong = []
    for _ in range(200):
        values = (random.normal(size=(8, 4)) * 2)[groups] + random.normal(size=(24, 4))
        low, high = simultaneous(values, groups)
        wrong.append(not ((low <= 0) & (high >= 0)).all())
    assert np.mean(wrong) <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 200)


@pytest.mark.parametrize("values", [np.zeros((0, 2)), np.zeros(3), np.array([[np.nan, 1.0]])])
def test_what_has_no_interval_is_refused(values):
    with pytest.raises(ValueError, match="finite numbers"):
        simultaneous(values)


# --- equivalence --------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [5, 10, 20])
@pytest.mark.parametrize("spread", [0.2, 1.0])
def test_a_difference_of_the_margin_passes_once_in_twenty(seeds, spread):
    samples = 1 + spread * normal(800, seeds)[..., 0]
    passed = np.mean([equivalent(values, margin=1).equivalent for values in samples])
    assert passed <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 800)
    if spread < 1:
        assert passed > 0.01


def test_no_difference_passes_if_there_are_seeds_enough():
    few, many = normal(50, 5)[..., 0], normal(50, 60)[..., 0]
    assert np.mean([equivalent(values, margin=0.5).equivalent for values in few]) < 0.2
    assert np.mean([equivalent(values, margin=0.5).equivalent for values in many]) > 0.9


def test_its_interval_is_the_one_of_ninety_per_cent():
    (values,) = normal(1, 20)
    low, high = simultaneous(values, confidence=0.9)
    found = equivalent(values[:, 0], margin=10)
    assert found == (True, low[0], high[0])
    t = stats.t.ppf(0.95, 19) * stats.sem(values[:, 0])
    assert found.high - found.low == pytest.approx(2 * t, rel=0.15)


def test_networks_count_for_equivalence_too():
    (values,) = normal(1, 24)
    shared = np.repeat(np.linspace(-1, 1, 8), 3) + 0.1 * values[:, 0]
    groups = np.repeat(np.arange(8), 3)
    assert equivalent(shared, 0.35).equivalent
    assert not equivalent(shared, 0.35, groups).equivalent


@pytest.mark.parametrize(
    ("values", "margin"), [([0.0], 1.0), ([], 1.0), ([0.0, 0.1], 0.0), ([0.0, 0.1], -1.0)]
)
def test_what_shows_nothing_is_refused(values, margin):
    with pytest.raises(ValueError, match="two seeds or more and a margin above 0"):
        equivalent(np.array(values), margin)
