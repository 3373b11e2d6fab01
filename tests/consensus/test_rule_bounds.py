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
CASES = 4000


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
    return updates[fine], weights[fine], bad[fine], is_bad[fine]


def ratios(name: str, kappa: Callable[[Floats, Floats], Floats], seed: int) -> Floats:
    """Returns squared error over kappa times the honest spread, for each case."""
    updates, weights, bad, is_bad = bounded_cases(seed)
    assert len(updates) > 1000
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


def test_lemma_c_geometric_median() -> None:
    found = ratios("geometric_median", lambda _, bad: 4 * (1 + bad / (1 - 2 * bad)) ** 2, seed=3)
    assert 0.02 < found.max() <= 1
