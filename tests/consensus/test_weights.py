"""Weights: by name, capped exactly, and certified."""

import inspect
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.consensus import rules, setup, weights
from ceas_gym.scenario import ConsensusSettings

pytestmark = pytest.mark.usefixtures("exact")
Floats = NDArray[np.float64]
NODES = 12
cap, cap_many = jax.jit(weights.cap), jax.jit(jax.vmap(weights.cap))
top_share, budget = jax.jit(weights.top_share), jax.jit(weights.budget)
certificate = jax.jit(weights.certificate)


# --- Share of the heaviest ---


@pytest.mark.parametrize("count", [0, 1, 3, 12])
def test_top_share_is_the_most_that_so_many_can_carry(count: int) -> None:
    values = np.random.default_rng(0).dirichlet(np.ones(NODES))
    most = max(sum(group) for group in combinations(values.tolist(), count))
    assert float(top_share(jnp.asarray(values), jnp.int32(count))) == pytest.approx(most)


def test_top_share_of_equal_votes_counts_no_tie_twice() -> None:
    equal = jnp.full(NODES, 1 / NODES)
    assert float(top_share(equal, jnp.int32(5))) == pytest.approx(5 / 12)


# --- Cap ---


def shares_above(level: Floats, values: Floats, bad: NDArray[np.int64]) -> Floats:
    cut = np.minimum(values, level[:, None])
    top = -np.sort(-cut, axis=1)
    heaviest = np.where(np.arange(values.shape[1]) < bad[:, None], top, 0).sum(axis=1)
    return heaviest / cut.sum(axis=1)


def bisected(values: Floats, bad: NDArray[np.int64], limit: Floats) -> Floats:
    """Weights cut at the greatest level at which the heaviest keep within the limit."""
    low, high = np.zeros(len(values)), values.max(axis=1)
    high = np.where(shares_above(high, values, bad) <= limit, 2 * high, high)
    for _ in range(200):
        middle = (low + high) / 2
        fits = shares_above(middle, values, bad) <= limit
        low, high = np.where(fits, middle, low), np.where(fits, high, middle)
    cut = np.minimum(values, low[:, None])
    return cut / cut.sum(axis=1, keepdims=True)


def cap_cases(count: int) -> tuple[Floats, NDArray[np.int64], Floats]:
    """Uneven weights, numbers of bad nodes, and limits above equal votes."""
    random = np.random.default_rng(1)
    values = random.lognormal(0, random.choice([0.1, 1.0, 3.0], (count, 1)), (count, NODES))
    bad = random.integers(1, 6, count)
    limit = bad / NODES + random.uniform(0.001, 0.3, count)
    return values, bad, limit


def test_capped_weights_are_those_of_a_bisection() -> None:
    values, bad, limit = cap_cases(3000)
    everyone = jnp.ones(values.shape, bool)
    found = np.asarray(
        cap_many(jnp.asarray(values), everyone, jnp.asarray(bad), jnp.asarray(limit))
    )
    assert np.abs(found - bisected(values, bad, limit)).max() < 1e-10
    # Some are cut, and some are not.
    as_they_are = np.abs(found - values / values.sum(axis=1, keepdims=True)).max(axis=1) < 1e-12
    assert 100 < as_they_are.sum() < 2900


def test_heaviest_keep_within_the_limit_and_the_order_stays() -> None:
    values, bad, limit = cap_cases(3000)
    counted = np.random.default_rng(2).random(values.shape) < 0.8
    counted[:, :6] = True
    limit = np.maximum(limit, bad / counted.sum(axis=1))
    found = np.asarray(
        cap_many(jnp.asarray(values), jnp.asarray(counted), jnp.asarray(bad), jnp.asarray(limit))
    )
    assert (found[~counted] == 0).all()
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-12
    top = np.where(np.arange(NODES) < bad[:, None], -np.sort(-found, axis=1), 0).sum(axis=1)
    assert (top <= limit + 1e-9).all()
    for row, votes, members in zip(values, found, counted, strict=True):
        order = row[members].argsort()
        assert (np.diff(votes[members][order]) >= 0).all()


@pytest.mark.parametrize("limit", [0.25, 0.2, 0.01])
def test_limit_of_equal_votes_and_below_gives_equal_votes(limit: float) -> None:
    values = np.random.default_rng(3).lognormal(0, 2, NODES)
    found = cap(jnp.asarray(values), jnp.ones(NODES, bool), jnp.int32(3), limit)
    assert np.abs(np.asarray(found) - 1 / NODES).max() < 1e-12


def test_votes_approach_equality_with_the_limit() -> None:
    values = jnp.asarray(np.random.default_rng(4).lognormal(0, 2, NODES))
    gaps = []
    for extra in (0.2, 0.02, 0.002):
        found = cap(values, jnp.ones(NODES, bool), jnp.int32(3), 0.25 + extra)
        gaps.append(float(jnp.abs(found - 1 / NODES).max()))
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 0.01


def test_no_cap_without_bad_nodes_and_scale_does_not_matter() -> None:
    values = np.random.default_rng(5).lognormal(0, 2, NODES)
    everyone = jnp.ones(NODES, bool)
    found = cap(jnp.asarray(values), everyone, jnp.int32(0), 0.0)
    assert np.asarray(found) == pytest.approx(values / values.sum(), abs=1e-12)
    for factor in (1e-6, 1e6):
        scaled = cap(jnp.asarray(factor * values), everyone, jnp.int32(3), 0.3)
        plain = cap(jnp.asarray(values), everyone, jnp.int32(3), 0.3)
        assert np.asarray(scaled) == pytest.approx(np.asarray(plain), abs=1e-12)


def test_counted_node_without_weight_gets_the_least() -> None:
    counted = jnp.array([True, True, True, False])
    found = cap(jnp.array([0.0, 2.0, 6.0, 9.0]), counted, jnp.int32(0), 0.5)
    assert found.tolist() == pytest.approx([0.2, 0.2, 0.6, 0.0])
    nothing = cap(jnp.zeros(4), counted, jnp.int32(1), 0.4)
    assert nothing.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0.0])
    nobody = cap(jnp.ones(4), jnp.zeros(4, bool), jnp.int32(1), 0.4)
    assert nobody.tolist() == [0.0] * 4


# --- Budget ---


@pytest.mark.parametrize(
    ("voters", "tolerated", "expected"),
    [
        # A fifth and less: 1.25 times the share of equal votes.
        (10, 1, 0.125),
        (10, 2, 0.25),
        # More than a fifth: equal votes.
        (9, 2, 2 / 9),
        (10, 3, 0.3),
        # More than the largest share: equal votes all the same, which no quorum will accept.
        (4, 2, 0.5),
        (10, 0, 0.0),
        (0, 2, 2.0),
    ],
)
def test_budget(voters: int, tolerated: int, expected: float) -> None:
    counted = jnp.arange(NODES) < voters
    found = budget(counted, jnp.int32(tolerated), 1.25, 0.45)
    assert float(found) == pytest.approx(expected)


def test_budget_never_exceeds_the_largest_share() -> None:
    assert float(budget(jnp.ones(NODES, bool), jnp.int32(2), 9.0, 0.45)) == pytest.approx(0.45)


# --- Certificate ---


def test_certificate_formula() -> None:
    random = np.random.default_rng(6)
    share_of, variances = random.dirichlet(np.ones(NODES)), random.exponential(size=NODES)
    for beta in (0.0, 0.1, 0.3, 0.49):
        kappa = 2 * beta / (1 - 2 * beta)
        expected = np.sqrt(kappa * share_of @ variances) + np.sqrt(share_of**2 @ variances)
        found = certificate(jnp.asarray(share_of), beta, jnp.asarray(variances))
        assert float(found) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.7, 1.0])
def test_certificate_is_infinite_from_one_half_on(share: float) -> None:
    assert float(certificate(jnp.full(2, 0.5), share, jnp.ones(2))) == np.inf


def test_certificate_is_infinite_when_nobody_has_any_weight() -> None:
    assert float(certificate(jnp.zeros(2), 0.0, jnp.ones(2))) == np.inf


def test_certificate_grows_with_the_share_and_ignores_who_does_not_count() -> None:
    votes, variances = jnp.array([0.5, 0.5, 0.0]), jnp.array([1.0, 2.0, jnp.inf])
    found = [float(certificate(votes, beta, variances)) for beta in np.linspace(0, 0.49, 9)]
    assert np.isfinite(found).all()
    assert (np.diff(found) > 0).all()


def test_certificate_bounds_the_error_of_the_trimmed_mean() -> None:
    # Honest noise of uneven variance around zero; the heaviest nodes say whatever hurts most.
    random = np.random.default_rng(7)
    votes = np.sort(random.dirichlet(np.full(NODES, 4.0)))[::-1]
    variances = random.uniform(0.5, 3.0, NODES)
    deviation = np.sqrt(variances / 3)[:, None]
    bad = 3
    share = float(votes[:bad].sum())
    bound = float(certificate(jnp.asarray(votes), share, jnp.asarray(variances)))
    run = jax.jit(jax.vmap(rules.trimmed_mean, in_axes=(0, None, None)))
    for reach in (0.3, 1.0, 1e3):
        updates = random.normal(size=(2000, NODES, 3)) * deviation
        updates[:, :bad] = reach
        errors = (np.asarray(run(updates, jnp.asarray(votes), jnp.int32(bad))) ** 2).sum(axis=1)
        assert 0.05 * bound < np.sqrt(errors.mean()) <= bound


# --- Weightings ---


INFORMATION = np.array([0.0, 1.0, 10.0, 500.0])
COUNTED = np.array([True, True, False, True])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fisher", [0.0, 1.0, 0.0, 500.0]),
        ("inverse_variance", [0.0, 100 / 101, 0.0, 500 * 100 / 600]),
        ("uniform", [1.0, 1.0, 0.0, 1.0]),
        # What is claimed comes as information, where claims are trusted.
        ("claimed", [0.0, 1.0, 0.0, 500.0]),
    ],
)
def test_weightings_by_name(name: str, expected: list[float]) -> None:
    weighting = setup.build(ConsensusSettings(weights=name), 1).weighting
    found = weighting(jnp.asarray(INFORMATION), jnp.asarray(COUNTED), jnp.asarray(100.0))
    assert found.tolist() == pytest.approx(expected)


def test_inverse_variance_weights_attain_the_bound_of_gauss_and_markov() -> None:
    information = jnp.asarray(np.random.default_rng(8).exponential(50, NODES))
    everyone = jnp.ones(NODES, bool)
    raw = weights.inverse_variance(information, everyone, jnp.asarray(30.0))
    votes = np.asarray(cap(raw, everyone, jnp.int32(0), 1.0))
    variances = 1 / np.asarray(information) + 1 / 30
    assert votes**2 @ variances == pytest.approx(1 / (1 / variances).sum(), rel=1e-12)


def by_square(information: jax.Array, counted: jax.Array, batch_floor: jax.Array) -> jax.Array:
    del batch_floor
    return jnp.where(counted, information**2, 0)


def test_weighting_of_the_user_and_unknown_ones() -> None:
    settings = ConsensusSettings(weights=f"{__name__}:by_square")
    assert setup.build(settings, 1).weighting is by_square
    with pytest.raises(ValueError, match="weights 'fischer' is unknown; did you mean fisher"):
        setup.build(ConsensusSettings(weights="fischer"), 1)


@pytest.mark.parametrize("name", sorted(weights.WEIGHTINGS))
def test_nothing_that_a_node_says_can_enter_a_weight(name: str) -> None:
    parameters = list(inspect.signature(weights.WEIGHTINGS[name]).parameters)
    assert parameters == ["information", "counted", "batch_floor"]


def test_without_a_cap_weights_are_as_they_are() -> None:
    consensus = setup.build(ConsensusSettings(cap="none"), 3)
    found = consensus.cap(consensus, jnp.asarray(INFORMATION), jnp.asarray(COUNTED), jnp.ones(4))
    # Who counts without any has the least of the others.
    assert found.tolist() == pytest.approx([1 / 502, 1 / 502, 0.0, 500 / 502])
