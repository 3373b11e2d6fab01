"""Proved bounds of the rules, over random and adversarial weighted cases."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.consensus import rules

pytestmark = pytest.mark.usefixtures("exact")
Floats = NDArray[np.float64]
NODES, SIZE = 9, 4
CASES = 23_000


def heaviest_share(weights: Floats, bad: NDArray[np.int64]) -> Floats:
    shares = np.sort(weights, axis=1)[:, ::-1].cumsum(axis=1)
    return shares[np.arange(len(bad)), bad - 1]


def bounded_cases(seed: int) -> tuple[Floats, Floats, NDArray[np.int64], NDArray[np.bool_]]:
    """Updates, weights, number of bad nodes and who they are; half of the cases adversarial."""
    random = np.random.default_rng(seed)
    weights = random.dirichlet(np.full(NODES, 2.0), CASES)
    bad = random.integers(1, 5, CASES)
    # Either the heaviest nodes are bad, or any: their weight is at most beta in both cases.
    score = np.where(random.random((CASES, 1)) < 0.7, weights, random.random((CASES, NODES)))
    is_bad = (-score).argsort(axis=1).argsort(axis=1) < bad[:, None]
    honest = random.standard_t(2.5, (CASES, NODES, SIZE)) * random.choice([0, 1], (CASES, NODES, 1))
    reach = random.choice([0.5, 2.0, 1e3], (CASES, 1, 1))
    attack = reach * random.choice([-1.0, 1.0], (CASES, 1, SIZE))
    updates = np.where(is_bad[:, :, None], attack, honest)
    fine = heaviest_share(weights, bad) < 0.48
    assert fine.sum() > 10_000
    return updates[fine], weights[fine], bad[fine], is_bad[fine]


def ratios(name: str, kappa: Callable[[Floats, Floats], Floats], seed: int) -> Floats:
    """Returns squared error over kappa times the honest spread, for each case."""
    updates, weights, bad, is_bad = bounded_cases(seed)
    run = jax.jit(jax.vmap(rules.get(name)))
    found = np.asarray(run(jnp.asarray(updates), jnp.asarray(weights), jnp.asarray(bad)))
    centre, spread, bad_weight = honest_figures(updates, weights, is_bad)
    beta = heaviest_share(weights, bad)
    error = ((found - centre) ** 2).sum(axis=1)
    real = spread > 1e-9
    return error[real] / (kappa(beta, bad_weight) * spread)[real]


def honest_figures(
    updates: Floats, weights: Floats, is_bad: NDArray[np.bool_]
) -> tuple[Floats, Floats, Floats]:
    """Weighted mean and spread of the honest updates, and the weight of the others."""
    share = np.where(is_bad, 0, weights)
    share = share / share.sum(axis=1, keepdims=True)
    centre = np.einsum("cn,cnd->cd", share, updates)
    spread = np.einsum("cn,cnd->c", share, (updates - centre[:, None]) ** 2)
    return centre, spread, np.where(is_bad, weights, 0).sum(axis=1)


def test_lemma_a_trimmed_mean() -> None:
    found = ratios("trimmed_mean", lambda beta, bad: (2 * beta - bad) / (1 - 2 * beta), seed=0)
    assert found.max() <= 1 + 1e-9
    assert found.max() > 0.6


@pytest.mark.parametrize(("nodes", "bad"), [(50, 10), (50, 15), (50, 20), (5, 2)])
def test_lemma_a_is_tight(nodes: int, bad: int) -> None:
    # The bad nodes far out on one side, as many honest ones at -1, and all others at zero.
    updates = np.zeros((nodes, 1))
    updates[:bad], updates[bad : 2 * bad] = 1e9, -1.0
    result = jax.jit(rules.trimmed_mean)(
        jnp.asarray(updates), jnp.full(nodes, 1 / nodes), jnp.int32(bad)
    )
    honest = updates[bad:, 0]
    ratio = (float(result[0]) - honest.mean()) ** 2 / honest.var()
    assert ratio == pytest.approx(bad / (nodes - 2 * bad), rel=1e-6)


def test_lemma_b_nearest_neighbour_mixing() -> None:
    updates, weights, bad, is_bad = bounded_cases(1)
    step = jax.jit(jax.vmap(rules.nnm))
    mixed = np.asarray(step(jnp.asarray(updates), jnp.asarray(weights), jnp.asarray(bad)))
    centre, spread, bad_weight = honest_figures(updates, weights, is_bad)
    share = np.where(is_bad, 0, weights) / (1 - bad_weight)[:, None]
    after = np.einsum("cn,cnd->c", share, (mixed - centre[:, None]) ** 2)
    real, beta = spread > 1e-9, heaviest_share(weights, bad)
    found = after[real] / (8 * beta / (1 - beta) * spread)[real]
    assert found.max() <= 1
    assert found.max() > 0.05


def test_lemma_b_mixing_before_the_trimmed_mean() -> None:
    def kappa(beta: Floats, bad: Floats) -> Floats:
        return 8 * beta / (1 - beta) * (1 + (2 * beta - bad) / (1 - 2 * beta))

    found = ratios("nnm+trimmed_mean", kappa, seed=2)
    assert 0.005 < found.max() <= 1


@pytest.mark.parametrize("name", ["geometric_median", "median"])
def test_lemma_c_medians(name: str) -> None:
    # In one dimension the geometric median is the median: the bound holds for each coordinate.
    found = ratios(name, lambda _, bad: 4 * (1 + bad / (1 - 2 * bad)) ** 2, seed=3)
    assert 0.02 < found.max() <= 1


def test_lemma_d_clipping_first() -> None:
    updates, weights, bad, is_bad = bounded_cases(4)
    run = jax.jit(jax.vmap(rules.get("clip+trimmed_mean")))
    found = np.asarray(run(jnp.asarray(updates), jnp.asarray(weights), jnp.asarray(bad)))
    lengths = np.linalg.norm(updates, axis=2)
    radius = median_length(lengths, weights)[:, None]
    clipped = updates * np.minimum(1, radius / np.maximum(lengths, 1e-30))[:, :, None]
    centre, spread, bad_weight = honest_figures(updates, weights, is_bad)
    assert (honest_figures(clipped, weights, is_bad)[1] <= spread + 1e-12).all()
    share = np.where(is_bad, 0, weights) / (1 - bad_weight)[:, None]
    beta = heaviest_share(weights, bad)
    bias = (share * np.maximum(lengths - radius, 0)).sum(axis=1)
    bound = np.sqrt((2 * beta - bad_weight) / (1 - 2 * beta) * spread) + bias
    error, real = np.linalg.norm(found - centre, axis=1), bound > 1e-9
    assert 0.3 < (error[real] / bound[real]).max() <= 1 + 1e-9


def median_length(lengths: Floats, weights: Floats) -> Floats:
    order = lengths.argsort(axis=1)
    below = np.take_along_axis(weights, order, axis=1).cumsum(axis=1)
    place = (below < 0.5).sum(axis=1, keepdims=True)
    return np.take_along_axis(np.take_along_axis(lengths, order, axis=1), place, axis=1)[:, 0]


def test_krum() -> None:
    def kappa(beta: Floats, bad: Floats) -> Floats:
        return (np.sqrt(2 * (1 - beta)) + np.sqrt(1 - bad)) ** 2 / (1 - beta - bad)

    found = ratios("krum", kappa, seed=5)
    assert 0.05 < found.max() <= 1


@pytest.mark.parametrize("name", sorted(rules.RULES))
def test_no_bound_holds_once_the_bad_weigh_more_than_half(name: str) -> None:
    # Three of nine nodes, at 0.51 of the weight, where the hub reckons with two.
    updates, weights = np.zeros((NODES, 1)), np.array([*[0.17] * 3, *[0.49 / 6] * 6])
    run = jax.jit(rules.get(name))
    updates[3:] = np.linspace(-1, 1, 6)[:, None]
    for reach in (1e3, 1e6, 1e9):
        updates[:3] = reach
        found = run(jnp.asarray(updates), jnp.asarray(weights), jnp.int32(2))
        assert float(found[0]) > 0.3 * reach
