"""Key of finite blocks, spread over their pairs, against the sheet and a fine scan."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_gym.physics import key
from ceas_gym.physics.bell import werner

finite_secret_fraction = jax.jit(key.finite_secret_fraction)
BEST_SHARES = np.geomspace(1e-5, 0.95, 20_001)


@pytest.mark.parametrize(
    ("contraction", "block", "fraction"),
    [
        *((0.98, 1e4, 0.266133), (0.98, 1e5, 0.519231), (0.98, 1e6, 0.669882)),
        *((0.95, 1e4, 0.163488), (0.95, 1e5, 0.384505), (0.95, 1e6, 0.513745)),
        *((0.9, 1e4, 0.032101), (0.9, 1e5, 0.200768), (0.9, 1e6, 0.299653)),
        *((0.85, 1e4, 0.0), (0.85, 1e5, 0.054963), (0.85, 1e6, 0.123265)),
    ],
)
def test_finite_secret_fraction_is_nearly_that_of_the_best_share(
    contraction: float, block: float, fraction: float
) -> None:
    # From the reference sheet; a step of the shares costs less than a thousandth of a bit.
    amortised = float(finite_secret_fraction(werner(contraction), block))
    assert fraction - 1e-3 < amortised < fraction + 1e-6


@pytest.mark.parametrize("contraction", [0.86, 0.93, 0.99, 1.0])
def test_shares_that_are_tried_are_as_good_as_a_fine_scan(contraction: float) -> None:
    for block in np.geomspace(2e3, 1e9, 12):
        tested = block * BEST_SHARES
        bits = key.finite_key_bits(block - tested, tested, (1 - contraction) / 2)
        best = float(bits.max()) / block
        amortised = float(finite_secret_fraction(werner(contraction), block))
        assert best - 3e-3 < amortised <= best + 1e-5


def test_finite_secret_fraction_takes_the_larger_error_rate() -> None:
    # Of a pair with phase errors only, or with bit errors only, the other basis shows none.
    phase, bit = jnp.array([0.95, 0.0, 0.0, 0.05]), jnp.array([0.95, 0.0, 0.05, 0.0])
    both = finite_secret_fraction(werner(0.9), 1e5)
    assert finite_secret_fraction(phase, 1e5) == finite_secret_fraction(bit, 1e5)
    assert float(finite_secret_fraction(phase, 1e5)) == pytest.approx(float(both), rel=1e-9)


def test_small_blocks_and_poor_pairs_yield_no_finite_key() -> None:
    assert finite_secret_fraction(werner(jnp.array([0.98, 1.0])), 100).tolist() == [0, 0]
    assert finite_secret_fraction(werner(jnp.array([0.0, 0.7, 0.78])), 1e9).tolist() == [0, 0, 0]
