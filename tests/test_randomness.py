"""Random numbers: JAX's own bits, and binomial numbers against their exact law."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from ceas_gym.jax_utils import randomness

Key = jax.Array
DRAWS = 400_000
LIKELY = 1e-6
"""Least p-value that passes: of thirty tests, one in 30,000 runs of other seeds would fail."""


@pytest.mark.parametrize(
    "draw",
    [
        lambda key: jax.random.bits(key, (3, 5)),
        lambda key: jax.random.bits(key, (7,), "uint8"),
        lambda key: jax.random.uniform(key, (4,)),
        lambda key: jax.random.normal(key, ()),
        lambda key: jax.random.randint(key, (2, 3), 0, 213),
        lambda key: jax.random.permutation(key, 9),
        lambda key: jax.random.key_data(jax.random.split(key, (2, 3))),
        lambda key: jax.random.key_data(jax.random.fold_in(key, 77)),
        lambda key: jax.vmap(lambda each: jax.random.uniform(each, (2,)))(jax.random.split(key, 3)),
    ],
)
@pytest.mark.parametrize("seed", [0, 5, 2**31 - 1])
def test_bits_are_those_of_jax(draw: Callable[[Key], jax.Array], seed: int) -> None:
    key = jax.random.key(seed)
    np.testing.assert_array_equal(draw(randomness.quick(key)), draw(key))


def test_bits_are_those_of_jax_in_64_bits() -> None:
    with jax.enable_x64(True):
        key = jax.random.key(3)
        fast, slow = (jax.random.normal(k, (5,), "float64") for k in (randomness.quick(key), key))
        assert fast.dtype == np.float64
        np.testing.assert_array_equal(fast, slow)


def test_a_key_of_another_kind_is_left_alone() -> None:
    once = randomness.quick(jax.random.key(1))
    assert randomness.quick(once) is once
    other = jax.random.key(1, impl="rbg")
    assert randomness.quick(other) is other


@pytest.mark.parametrize(
    ("trials", "probability"),
    [
        *((1, 0.2), (5, 0.5), (30, 0.1), (1000, 0.0099), (12, 0.9), (100, 0.93)),
        *((25, 0.4), (20, 0.5), (1000, 0.0101), (60_000, 40 / 60_000), (100, 0.5)),
        *((100_000, 0.0058), (150, 0.8), (2**24, 0.3), (2**24, 1e-6)),
    ],
)
def test_binomial_numbers_follow_their_law(trials: int, probability: float, key: Key) -> None:
    """Pearson's test over cells of some 2 % each, for numbers that are counted up and rejected."""
    size = (DRAWS,)
    drawn = jax.jit(randomness.binomial)(
        randomness.quick(key), jnp.full(size, trials), jnp.full(size, probability)
    )
    # The probability is rounded to 32 bits, which a mean of millions would tell.
    law = stats.binom(trials, float(np.float32(probability)))
    edges = np.unique(law.ppf(np.linspace(0.02, 0.98, 49)))
    cells = np.searchsorted(edges, np.asarray(drawn), side="left")
    expected = DRAWS * np.diff([0.0, *law.cdf(edges), 1.0])
    observed = np.bincount(cells, minlength=len(expected))
    kept = expected > 5
    statistic = ((observed - expected)[kept] ** 2 / expected[kept]).sum()
    assert stats.chi2.sf(statistic, max(kept.sum() - 1, 1)) > LIKELY
    assert np.asarray(drawn).min() >= 0
    assert np.asarray(drawn).max() <= trials


@pytest.mark.parametrize(
    ("trials", "probability", "expected"), [(0, 0.3, 0), (9, 0.0, 0), (9, 1.0, 9), (2**24, 0.0, 0)]
)
def test_certain_numbers(trials: int, probability: float, expected: int, key: Key) -> None:
    drawn = randomness.binomial(key, jnp.full(50, trials), jnp.full(50, probability))
    assert (drawn == expected).all()


def test_numbers_are_independent(key: Key) -> None:
    trials, probability = jnp.full((2, DRAWS), 1000), jnp.array([[0.05], [0.2]])
    small, large = np.asarray(jax.jit(randomness.binomial)(key, trials, probability))
    assert abs(np.corrcoef(small, large)[0, 1]) < 5 / np.sqrt(DRAWS)
    assert abs(np.corrcoef(large[:-1], large[1:])[0, 1]) < 5 / np.sqrt(DRAWS)


def test_alone_and_in_a_batch_the_numbers_are_the_same(key: Key) -> None:
    keys = jax.random.split(randomness.quick(key), 8)
    trials, probability = jnp.arange(0, 400, 10), jnp.linspace(0.01, 0.6, 40)
    together = jax.jit(jax.vmap(randomness.binomial, (0, None, None)))(keys, trials, probability)
    one = jax.jit(randomness.binomial)
    alone = [np.asarray(one(each, trials, probability)) for each in keys]
    np.testing.assert_array_equal(together, alone)
