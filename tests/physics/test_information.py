"""Fisher information and shot noise against the reference sheet and exact enumeration."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from ceas_gym.physics import information

exactly = functools.partial(pytest.approx, rel=1e-10)
# Compiled once for all tests, which is faster than an operation at a time.
qfi_factor = jax.jit(information.depolarized_qfi_factor)
weigh = jax.jit(information.inverse_variance_weights)
shift_variance = jax.jit(information.parameter_shift_variance)


def variance(weights: ArrayLike, inverse_variances: NDArray[np.float64]) -> float:
    """Variance of a weighted mean of independent estimates."""
    return float((np.asarray(weights) ** 2 / inverse_variances).sum())


def collective_spin(qubits: int) -> NDArray[np.float64]:
    """Half the sum of all Z, which is diagonal."""
    spins = [np.array([0.5, -0.5])] * qubits
    return np.diag(functools.reduce(lambda a, b: np.add.outer(a, b).ravel(), spins))


def quantum_fisher_information(
    state: NDArray[np.complex128], generator: NDArray[np.float64]
) -> float:
    """From the spectrum of a density matrix, 2 |<i| d rho |j>|^2 / (p_i + p_j) summed."""
    levels, vectors = np.linalg.eigh(state)
    slope = vectors.conj().T @ (1j * (state @ generator - generator @ state)) @ vectors
    return float((2.0 * np.abs(slope) ** 2 / np.add.outer(levels, levels)).sum())


# --- The reference sheet ---


@pytest.mark.parametrize(
    ("qubits", "contraction", "fisher"),
    [
        (2, 0.9, 3.410526315789),
        (2, 0.7, 2.305882352941),
        (3, 0.9, 7.881081081081),
        (3, 0.7, 5.690322580645),
        (4, 0.9, 14.202739726027),
        (4, 0.7, 10.630508474576),
    ],
)
def test_depolarized_ghz_table(qubits: int, contraction: float, fisher: float) -> None:
    factor = qfi_factor(contraction, 2**qubits)
    assert qubits**2 * float(factor) == exactly(fisher)


@pytest.mark.parametrize(
    ("contractions", "shots", "best", "uniform", "ratio", "by_shots"),
    [
        (
            (1, 0.9, 0.8, 0.5), (100, 100, 100, 100),
            3.703703703704e-03, 4.873167438272e-03, 0.760019792182, 4.873167438272e-03,
        ),
        (
            (0.95, 0.95, 0.6, 0.6), (200, 100, 200, 100),
            2.640264026403e-03, 3.642947830102e-03, 0.724760317616, 3.238175848979e-03,
        ),
        (
            (0.9,) * 8, (50,) * 8,
            3.086419753086e-03, 3.086419753086e-03, 1.000000000000, 3.086419753086e-03,
        ),
        (
            (1, 0.8, 0.6, 0.4, 0.2), (100, 200, 300, 400, 500),
            2.380952380952e-03, 3.707870370370e-03, 0.642134741273, 7.220370370370e-03,
        ),
    ],
)  # fmt: skip
def test_aggregation_table(
    contractions: tuple[float, ...],
    shots: tuple[int, ...],
    best: float,
    uniform: float,
    ratio: float,
    by_shots: float,
) -> None:
    precision = np.array(shots) * np.array(contractions) ** 2
    fisher, even = weigh(precision), weigh(np.ones(len(shots)))
    assert variance(fisher, precision) == exactly(best)
    assert variance(even, precision) == exactly(uniform)
    measured = variance(fisher, precision) / variance(even, precision)
    assert measured == exactly(ratio)
    federated = weigh(np.array(shots, dtype=float))
    assert variance(federated, precision) == exactly(by_shots)


def test_aggregation_with_the_exact_variance_of_a_sign() -> None:
    contractions = np.array([1.0, 0.9, 0.8, 0.5])
    precision = 100.0 * contractions**2 / (1.0 - contractions**2 * 0.6**2)
    best = variance(weigh(precision), precision)
    uniform = variance(np.full(4, 0.25), precision)
    assert best == exactly(0.0026231242714)
    assert uniform == exactly(0.0039731674383)
    assert best / uniform == exactly(0.6602098482183)


@pytest.mark.parametrize(
    ("angle", "contraction", "shots", "gradient", "expected"),
    [
        (0.7, 1.0, 100, -0.644217687238, 2.924917857251e-03),
        (0.7, 0.8, 100, -0.644217687238, 5.737417857251e-03),
        (1.3, 0.9, 256, -0.963558185417, 5.978975088869e-04),
    ],
)
def test_parameter_shift_table(
    angle: float, contraction: float, shots: int, gradient: float, expected: float
) -> None:
    plus, minus = np.cos(angle + np.pi / 2), np.cos(angle - np.pi / 2)
    assert (plus - minus) / 2 == exactly(gradient)
    answer = shift_variance(plus, minus, contraction, shots)
    assert float(answer) == exactly(expected)


# --- Independent calculations ---


@pytest.mark.parametrize("qubits", [1, 2, 3])
@pytest.mark.parametrize("contraction", [1e-3, 0.4, 0.95])
def test_factor_holds_for_every_pure_probe(qubits: int, contraction: float) -> None:
    dimension, rng = 2**qubits, np.random.default_rng(qubits)
    probe = rng.normal(size=dimension) + 1j * rng.normal(size=dimension)
    probe /= np.linalg.norm(probe)
    generator = collective_spin(qubits)
    weights = np.abs(probe) ** 2
    pure = 4.0 * (weights @ np.diag(generator) ** 2 - (weights @ np.diag(generator)) ** 2)
    state = contraction * np.outer(probe, probe.conj())
    state += (1.0 - contraction) / dimension * np.eye(dimension)
    factor = float(qfi_factor(contraction, dimension))
    assert pure * factor == pytest.approx(quantum_fisher_information(state, generator), rel=1e-9)


@pytest.mark.parametrize(("plus", "minus"), [(0.6, -0.3), (0.0, 0.0), (1.0, -1.0)])
def test_parameter_shift_variance_equals_enumeration(plus: float, minus: float) -> None:
    contraction, shots = 0.8, 12
    counts = np.arange(shots + 1)
    value = (2.0 * counts / shots - 1.0) / contraction
    chances = [stats.binom.pmf(counts, shots, (1.0 + contraction * f) / 2.0) for f in (plus, minus)]
    gradient, weights = np.subtract.outer(value, value) / 2.0, np.outer(*chances)
    mean = (weights * gradient).sum()
    assert mean == pytest.approx((plus - minus) / 2.0, abs=1e-12)
    answer = shift_variance(plus, minus, contraction, shots)
    assert float(answer) == pytest.approx((weights * (gradient - mean) ** 2).sum(), rel=1e-9)


# --- Laws and limits ---


def test_factor_of_a_qubit_is_the_squared_contraction() -> None:
    contraction = np.linspace(0.0, 1.0, 21)
    factor = qfi_factor(contraction, 2)
    np.testing.assert_allclose(factor, contraction**2, rtol=1e-12)


def test_factor_ends_without_nan() -> None:
    ends = qfi_factor(np.array([0.0, 1.0]), 16)
    np.testing.assert_array_equal(ends, [0.0, 1.0])
    slope = jax.jit(jax.grad(information.depolarized_qfi_factor))(0.0, 16)
    assert float(slope) == 0.0


def test_larger_probe_keeps_more() -> None:
    factor = qfi_factor(0.7, 2.0 ** np.arange(1, 10))
    assert (np.diff(factor) > 0.0).all()
    assert float(factor[-1]) < 0.7


def test_weights_are_normalised_and_best() -> None:
    precision = np.random.default_rng(1).uniform(0.1, 3.0, size=6)
    weights = weigh(precision)
    assert float(weights.sum()) == exactly(1.0)
    assert variance(weights, precision) == exactly(1.0 / precision.sum())
    for nudge in 1e-3 * (np.eye(6) - 1.0 / 6.0):
        assert variance(weights + nudge, precision) > variance(weights, precision)


def test_weights_without_information_are_zero() -> None:
    rows = np.array([[0.0, 0.0, 0.0], [0.0, 2.0, 6.0]])
    expected = [[0.0, 0.0, 0.0], [0.0, 0.25, 0.75]]
    np.testing.assert_array_equal(weigh(rows), expected)
    slopes = jax.jit(jax.jacobian(information.inverse_variance_weights))(jnp.zeros(3))
    assert jnp.isfinite(slopes).all()


@pytest.mark.parametrize(("contraction", "shots"), [(0.0, 100), (0.5, 0)])
def test_no_signal_or_no_shot_has_infinite_variance(contraction: float, shots: int) -> None:
    assert float(shift_variance(0.3, -0.3, contraction, shots)) == np.inf


def test_undoing_a_contraction_costs_precision() -> None:
    # Trap: a contraction of 0.5 is no bias once undone, but needs more than four times the shots.
    clear = shift_variance(0.5, -0.5, 1.0, 100)
    assert shift_variance(0.5, -0.5, 0.5, 400) > clear


def test_compiled_batch_equals_loop() -> None:
    rows = np.random.default_rng(2).uniform(0.1, 1.0, size=(5, 4))
    loop = np.stack([shift_variance(*row) for row in rows])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(information.parameter_shift_variance))(*rows.T), loop, rtol=1e-12
    )
    loop = np.stack([weigh(row) for row in rows])
    np.testing.assert_allclose(
        jax.jit(jax.vmap(information.inverse_variance_weights))(rows), loop, rtol=1e-12
    )
    np.testing.assert_allclose(weigh(rows), loop, rtol=1e-12)


def test_single_precision_stays_single() -> None:
    def answers() -> tuple[jax.Array, ...]:
        return (
            information.depolarized_qfi_factor(1, 4),
            information.inverse_variance_weights(jnp.ones(3)),
            information.parameter_shift_variance(0, 1, 1, 100),
        )

    with jax.enable_x64(False):
        assert {answer.dtype for answer in jax.eval_shape(answers)} == {jnp.dtype("float32")}
