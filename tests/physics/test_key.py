"""Key and tags against the reference sheet, exact arithmetic and limits."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_gym.physics import bell, key

exactly = functools.partial(pytest.approx, rel=1e-10, abs=1e-12)
# Compiled once for all tests, which is faster than an operation at a time.
werner, binary_entropy = jax.jit(bell.werner), jax.jit(key.binary_entropy)
secret_fraction, finite_key_bits = jax.jit(key.secret_fraction), jax.jit(key.finite_key_bits)
THRESHOLD_ERROR, THRESHOLD_CONTRACTION = 0.1100278644384, 0.7799442711233


@jax.jit
def best_finite_key_bits(block: float, contraction: float) -> jax.Array:
    """The key of a block of pairs under its best split into key bits and test bits."""
    test_bits = block * jnp.geomspace(1e-4, 0.9, 20_000)
    bits = key.finite_key_bits(block - test_bits, test_bits, (1.0 - contraction) / 2.0)
    return bits.max()


# --- The reference sheet ---


@pytest.mark.parametrize(
    ("contraction", "fidelity", "error", "fraction"),
    [
        (0.98, 0.985, 0.01, 0.838413728208),
        (0.95, 0.9625, 0.025, 0.662678137007),
        (0.9, 0.925, 0.05, 0.427206085768),
        (0.85, 0.8875, 0.075, 0.231376911747),
        (0.8, 0.85, 0.1, 0.062008812821),
        (0.78, 0.835, 0.11, 0.000168083671),
    ],
)
def test_secret_fraction_table(
    contraction: float, fidelity: float, error: float, fraction: float
) -> None:
    pair = werner(contraction)
    assert float(bell.fidelity(pair)) == exactly(fidelity)
    assert float(secret_fraction(pair)) == exactly(fraction)
    both = 1.0 - 2.0 * float(binary_entropy(error))
    assert both == exactly(fraction)


def test_secret_fraction_threshold() -> None:
    assert float(binary_entropy(THRESHOLD_ERROR)) == pytest.approx(0.5, abs=1e-12)
    contraction = 1.0 - 2.0 * THRESHOLD_ERROR
    assert contraction == exactly(THRESHOLD_CONTRACTION)
    fidelity = bell.fidelity(werner(THRESHOLD_CONTRACTION))
    assert float(fidelity) == exactly(0.8349582033425)
    assert float(secret_fraction(werner(THRESHOLD_CONTRACTION + 1e-10))) > 0.0
    assert float(secret_fraction(werner(THRESHOLD_CONTRACTION - 1e-10))) == 0.0


@pytest.mark.parametrize(
    ("bright", "fraction", "twirled"),
    [(0.05, 0.544942111387, 0.578315399363), (0.1, 0.244607449295, 0.293281329957)],
)
def test_single_click_pair_has_less_key_than_its_twirl(
    bright: float, fraction: float, twirled: float
) -> None:
    # |11> as an error of the heralded Psi+, turned to Phi+: half Psi+, half Psi-.
    pair = jnp.array([1.0 - bright, bright / 2.0, bright / 2.0, 0.0])
    assert float(secret_fraction(pair)) == exactly(fraction)
    of_twirl = secret_fraction(werner(bell.contraction(pair)))
    assert float(of_twirl) == exactly(twirled)


def test_error_correction_is_paid_in_the_key_basis() -> None:
    # Single click at 0.1: error 0.1 in Z, which is corrected, and 0.05 in X.
    pair = np.array([0.9, 0.05, 0.05, 0.0])
    extra = secret_fraction(pair) - secret_fraction(pair, 1.2)
    assert float(extra) == exactly(0.2 * float(binary_entropy(0.1)))


@pytest.mark.parametrize(
    ("contraction", "fraction"),
    [(0.98, 0.830334), (0.95, 0.645812), (0.9, 0.398566), (0.85, 0.192946)],
)
def test_secret_fraction_with_inefficient_error_correction(
    contraction: float, fraction: float
) -> None:
    answer = secret_fraction(werner(contraction), error_correction=1.1)
    assert float(answer) == pytest.approx(fraction, abs=5e-7)


def test_finite_key_fixed_check() -> None:
    bits = finite_key_bits(100_000, 10_000, error_rate=0.025)
    assert float(bits) == pytest.approx(42241.626179, abs=5e-7)


# Three more digits than the sheet, from a bounded scalar search of scipy's: five of the sheet's
# values come from too coarse a search and are up to 8e-6 low.
@pytest.mark.parametrize(
    ("contraction", "block", "fraction"),
    [
        (0.98, 1e4, 0.266133241),
        (0.98, 1e5, 0.519231829),
        (0.98, 1e6, 0.669890423),
        (0.95, 1e4, 0.163488391),
        (0.95, 1e5, 0.384505356),
        (0.95, 1e6, 0.513746818),
        (0.9, 1e4, 0.032101506),
        (0.9, 1e5, 0.200767913),
        (0.9, 1e6, 0.299653641),
        (0.85, 1e4, 0.0),
        (0.85, 1e5, 0.054962606),
        (0.85, 1e6, 0.123264725),
    ],
)
def test_finite_key_table(contraction: float, block: float, fraction: float) -> None:
    best = float(best_finite_key_bits(block, contraction)) / block
    assert best == pytest.approx(fraction, abs=1e-8)


@pytest.mark.parametrize(
    ("contraction", "block"), [(0.98, 1833.0), (0.95, 2884.0), (0.9, 7012.0), (0.85, 27803.0)]
)
def test_smallest_block_with_a_finite_key(contraction: float, block: float) -> None:
    assert float(best_finite_key_bits(block, contraction)) > 0.0
    assert float(best_finite_key_bits(block - 1.0, contraction)) == 0.0


@pytest.mark.parametrize(
    ("message_bits", "security_bits", "tag", "pairs"),
    [
        (1024, 40, 45, (54, 68, 106, 195, 726)),
        (1024, 64, 68, (82, 103, 160, 294, 1097)),
        (1920, 64, 69, (83, 105, 162, 299, 1113)),
        (8192, 64, 71, (85, 108, 167, 307, 1145)),
        (65536, 64, 74, (89, 112, 174, 320, 1194)),
        (3200, 80, 86, (103, 130, 202, 372, 1387)),
        (1000000, 128, 141, (169, 213, 331, 610, 2274)),
    ],
)
def test_tag_table(message_bits: int, security_bits: int, tag: int, pairs: tuple[int, ...]) -> None:
    assert key.tag_bits(message_bits, security_bits) == tag
    contractions = np.array([0.98, 0.95, 0.9, 0.85, 0.8])
    prices = tag / np.asarray(secret_fraction(werner(contractions)))
    assert tuple(np.ceil(prices)) == pairs


@pytest.mark.parametrize(
    ("tag", "price"),
    [
        (45, 67.9062692535),
        (68, 102.6139179831),
        (69, 104.1229461887),
        (71, 107.1410026000),
        (74, 111.6680872169),
        (86, 129.7764256845),
        (141, 212.7729769944),
    ],
)
def test_exact_price_of_a_tag(tag: int, price: float) -> None:
    fraction = float(secret_fraction(werner(0.95)))
    assert tag / fraction == exactly(price)


# --- Laws and limits ---


def test_binary_entropy_is_symmetric_and_matches_numpy() -> None:
    probability = np.linspace(0.01, 0.99, 99)
    entropy = np.asarray(binary_entropy(probability))
    expected = -probability * np.log2(probability) - (1 - probability) * np.log2(1 - probability)
    np.testing.assert_allclose(entropy, expected, rtol=1e-12)
    np.testing.assert_allclose(entropy, entropy[::-1], rtol=1e-12)
    assert float(binary_entropy(0.5)) == exactly(1.0)


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_binary_entropy_of_a_certain_bit_is_smooth(probability: float) -> None:
    assert float(binary_entropy(probability)) == 0.0
    assert jnp.isfinite(jax.jit(jax.grad(key.binary_entropy))(probability))


def test_unknown_error_is_not_mistaken_for_none() -> None:
    assert np.isnan(binary_entropy(np.nan))
    assert np.isnan(secret_fraction(np.full(4, np.nan)))


def test_gradient_of_the_key_of_a_perfect_pair_is_finite() -> None:
    perfect = werner(1.0)
    assert float(secret_fraction(perfect)) == 1.0
    assert jnp.isfinite(jax.jit(jax.grad(key.secret_fraction))(perfect)).all()


@pytest.mark.parametrize(
    ("pair", "error_x", "error_z"),
    [
        ([0.8, 0.2, 0.0, 0.0], 0.2, 0.2),
        ([0.8, 0.0, 0.2, 0.0], 0.0, 0.2),
        ([0.8, 0.0, 0.0, 0.2], 0.2, 0.0),
    ],
)
def test_each_bell_state_makes_its_errors(
    pair: list[float], error_x: float, error_z: float
) -> None:
    fraction = secret_fraction(np.array(pair), error_correction=1.1)
    entropy_x, entropy_z = float(binary_entropy(error_x)), float(binary_entropy(error_z))
    assert float(fraction) == exactly(max(0.0, 1 - entropy_x - 1.1 * entropy_z))


def test_key_is_never_negative() -> None:
    fractions = secret_fraction(werner(np.linspace(0.0, 0.77, 50)))
    np.testing.assert_array_equal(fractions, 0.0)


@pytest.mark.parametrize("contraction", [1.0, 0.98, 0.85])
def test_hundred_pairs_yield_no_key(contraction: float) -> None:
    assert float(best_finite_key_bits(100.0, contraction)) == 0.0


@pytest.mark.parametrize(("raw", "test"), [(0, 0), (0, 100), (10**6, 0), (10**6, 1), (10**6, 5)])
def test_untested_or_empty_block_yields_no_key(raw: int, test: int) -> None:
    # The margin exceeds 1 here: folded over 1/2, the entropy would promise key.
    assert float(finite_key_bits(raw, test, error_rate=0.0)) == 0.0


def test_finite_key_approaches_the_long_run() -> None:
    bits = float(finite_key_bits(1e15, 1e13, error_rate=0.05))
    fraction = float(secret_fraction(werner(0.9), error_correction=1.1))
    assert bits / 1e15 == pytest.approx(fraction, rel=1e-4)
    assert bits / 1e15 < fraction


def test_finite_key_falls_with_every_demand() -> None:
    block = (10**5, 10**4, 0.025)
    base = finite_key_bits(*block)
    assert finite_key_bits(*block, error_correction=1.2) < base
    assert finite_key_bits(*block, secrecy=1e-12) < base
    stricter = finite_key_bits(*block, correctness=1e-15 / 2**10)
    assert float(base - stricter) == pytest.approx(10.0, rel=1e-9)


def test_integer_blocks_do_not_overflow_in_single_precision() -> None:
    exact = float(finite_key_bits(10**6, 10**5, error_rate=0.025))
    with jax.enable_x64(False):
        bits = finite_key_bits(jnp.array(10**6), jnp.array(10**5), error_rate=0.025)
        assert bits.dtype == jnp.float32
        assert float(bits) == pytest.approx(exact, rel=1e-5)
        assert secret_fraction(werner(0.9)).dtype == jnp.float32


@pytest.mark.parametrize("security_bits", [1, 40, 128])
def test_tag_is_the_shortest_that_is_secure(security_bits: int) -> None:
    def is_secure(message_bits: int, tag: int) -> bool:
        return tag - math.log2(math.ceil(message_bits / tag)) >= security_bits

    for message_bits in (*range(1, 200), 10**4, 10**7):
        tag = key.tag_bits(message_bits, security_bits)
        assert is_secure(message_bits, tag)
        assert not any(is_secure(message_bits, shorter) for shorter in range(1, tag))


@pytest.mark.parametrize(
    ("message_bits", "security_bits", "name"), [(0, 64, "message_bits"), (64, 0, "security_bits")]
)
def test_tag_without_bits_is_refused(message_bits: int, security_bits: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be at least 1, but is 0"):
        key.tag_bits(message_bits, security_bits)


def test_compiled_batch_equals_loop() -> None:
    pairs = np.random.default_rng(5).dirichlet([20.0, 1.0, 1.0, 1.0], size=(2, 4))
    loop = np.array([[secret_fraction(pair, 1.1) for pair in row] for row in pairs])
    batch = jax.jit(jax.vmap(key.secret_fraction, in_axes=(0, None)))(pairs, 1.1)
    np.testing.assert_allclose(batch, loop, rtol=1e-12)
    raw, test = np.array([1e4, 1e5, 1e6]), np.array([2e3, 1e4, 1e5])
    bits = np.stack([finite_key_bits(n, k, 0.03) for n, k in zip(raw, test, strict=True)])
    batch = jax.jit(jax.vmap(key.finite_key_bits, in_axes=(0, 0, None)))(raw, test, 0.03)
    np.testing.assert_allclose(batch, bits, rtol=1e-12)
