"""The lower confidence bound of test pairs: its definition, and how often it exceeds the truth."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import rel_entr
from scipy.stats import binom

from ceas_gym.network import verification

bound = jax.jit(verification.lower_bound)
DOUBT = float(np.log(20))


def tail(made: int, passed: int) -> float:
    """The bound by scipy's root of the divergence."""
    share = passed / made

    def excess(q: float) -> float:
        return made * (rel_entr(share, q) + rel_entr(1 - share, 1 - q)) - DOUBT

    least: Any = brentq(excess, 1e-12, share, xtol=1e-15) if passed else 0.0
    return float(least)


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("made", [1, 7, 60, 1000])
def test_bound_is_the_root_of_the_divergence(made: int) -> None:
    passed = np.unique(np.linspace(0, made, 9).astype(int))
    got = bound(jnp.asarray(passed, float), jnp.full(len(passed), float(made)), DOUBT)
    assert got.tolist() == pytest.approx([tail(made, one) for one in passed], abs=1e-9)


def test_bound_stays_exact_in_single_precision_for_many_tests() -> None:
    made = 10**8
    for passed in (made, 9 * 10**7):
        got = float(bound(jnp.float32(passed), jnp.float32(made), DOUBT))
        assert got == pytest.approx(tail(made, passed), abs=1e-7)


def test_bound_of_no_test_is_zero() -> None:
    assert bound(jnp.zeros(1), jnp.zeros(1), DOUBT).tolist() == [0]


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("made", [5, 40, 300])
@pytest.mark.parametrize("truth", [0.55, 0.8, 0.95, 0.999])
def test_bound_exceeds_the_truth_as_seldom_as_it_claims(made: int, truth: float) -> None:
    passed = np.arange(made + 1)
    above = np.asarray(bound(jnp.asarray(passed, float), jnp.full(made + 1, float(made)), DOUBT))
    wrong = binom.pmf(passed[above > truth], made, truth).sum()
    assert wrong <= 0.05


@pytest.mark.usefixtures("exact")
def test_bound_holds_for_tests_that_are_half_forgotten() -> None:
    # Three rounds of 30 tests, of falling quality, enumerated; the mean is weighted as they are.
    weights, chances, made = np.exp([-2 / 3, -1 / 3, 0.0]), np.array([0.95, 0.9, 0.8]), 30
    counts = np.indices((made + 1,) * 3).reshape(3, -1)
    likely = binom.pmf(counts, made, chances[:, None]).prod(axis=0)
    total = np.full(counts.shape[1], made * weights.sum())
    above = np.asarray(bound(jnp.asarray(weights @ counts), jnp.asarray(total), DOUBT))
    truth = weights @ chances / weights.sum()
    assert likely[above > truth].sum() <= 0.05
    assert likely.sum() == pytest.approx(1)
