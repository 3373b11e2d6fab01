"""The search: its formulas in NumPy, mirrored candidates, and optima that are known."""

import math

import jax
import numpy as np
import pytest

from ceas_agents.training.evolution import search
from ceas_agents.training.evolution.search import Search
from ceas_gym.jax_utils.fast_compile import array, once

CANDIDATES = 8


def begun(center, spread=1.0, seed=0):
    size = len(center)
    key = jax.random.key(seed)
    return Search(array(center), array(np.full(size, spread)), key, array(0, np.int32))


def test_candidates_mirror_each_other():
    drawn = np.asarray(search.ask_compiled(begun([1.0, 2.0, 3.0]), CANDIDATES))
    assert drawn.shape == (CANDIDATES, 3)
    np.testing.assert_array_equal(drawn[:4], -drawn[4:])
    assert len(np.unique(drawn)) == drawn.size


def test_a_generation_equals_the_published_formulas():
    """Wierstra et al. (2014), algorithm 6, candidate by candidate."""
    before, random = begun([0.5, -1.0], 0.7), np.random.default_rng(3)
    deviations, scores = random.normal(size=(CANDIDATES, 2)), random.normal(size=CANDIDATES)
    after = search.tell_compiled(before, array(deviations), array(scores))
    order = sorted(range(CANDIDATES), key=lambda each: -scores[each])
    raw = [max(0.0, math.log(CANDIDATES / 2 + 1) - math.log(1 + i)) for i in range(CANDIDATES)]
    rate = (3 + math.log(2)) / (5 * math.sqrt(2))
    for weight, start in enumerate((0.5, -1.0)):
        slope = curvature = 0.0
        for rank, each in enumerate(order):
            utility = raw[rank] / sum(raw) - 1 / CANDIDATES
            slope += utility * deviations[each, weight]
            curvature += utility * (deviations[each, weight] ** 2 - 1)
        assert after.center[weight] == pytest.approx(start + 0.7 * slope, abs=1e-6)
        assert after.spread[weight] == pytest.approx(0.7 * math.exp(rate / 2 * curvature), rel=1e-6)
    assert int(after.generation) == 1


def test_only_the_order_of_scores_counts():
    before, random = begun([0.0, 0.0]), np.random.default_rng(1)
    deviations, scores = array(random.normal(size=(CANDIDATES, 2))), random.normal(size=CANDIDATES)
    one, other = (
        search.tell_compiled(before, deviations, array(values)) for values in (scores, scores**3)
    )
    np.testing.assert_array_equal(one.center, other.center)


@pytest.mark.parametrize("optimum", [(3.0, -2.0, 1.0), (0.0, 0.0, 10.0)])
def test_it_finds_the_optimum_of_a_noisy_bowl(optimum):
    best, noise = array(optimum), 0.1

    def generation(state, key):
        drawn = search.ask(state, 16)
        candidates = state.center + state.spread * drawn
        scores = -((candidates - best) ** 2).sum(axis=1)
        return search.tell(state, drawn, scores + noise * jax.random.normal(key, (16,))), None

    keys = jax.random.split(jax.random.key(1), 150)
    ended, _ = once(lambda state: jax.lax.scan(generation, state, keys))(begun([0.0, 0.0, 0.0]))
    np.testing.assert_allclose(ended.center, optimum, atol=0.3)
    # It has grown more certain.
    assert np.asarray(ended.spread).max() < 0.5
