"""Swaps, teleported qubits and teleported gates against the sheet and density matrices."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from physics import density

from ceas_gym.physics import bell

exactly = functools.partial(pytest.approx, rel=1e-10, abs=1e-12)
# Compiled once for all tests, which is faster than an operation at a time.
werner, teleport, swap = jax.jit(bell.werner), jax.jit(bell.teleport), jax.jit(bell.swap)
teleported_cnot = jax.jit(bell.teleported_cnot)
NOISE = pytest.mark.parametrize(
    ("gate_contraction", "readout"), [(1.0, 1.0), (0.93, 1.0), (1.0, 0.97), (0.8, 0.9), (0.93, 0.5)]
)
CHANCES = st.floats(0.0, 1.0)

# --- Density matrices ---


@NOISE
def test_teleported_qubit_equals_density_matrix(gate_contraction: float, readout: float) -> None:
    letters = [density.X, density.Y, density.Z]
    for pair in density.random_pairs(4):
        expected = np.zeros((3, 3))
        for row, sent in enumerate(letters):
            data = (density.IDENTITY + sent) / 2.0
            received = density.teleported(data, pair, gate_contraction, readout)
            expected[row] = [np.trace(letter @ received).real for letter in letters]
        factors = teleport(pair, gate_contraction, readout)
        # A diagonal map: no Pauli leaks into another.
        np.testing.assert_allclose(np.diag(factors), expected, atol=1e-13)


@NOISE
def test_swapped_pair_equals_density_matrix(gate_contraction: float, readout: float) -> None:
    pairs = density.random_pairs(12).reshape(6, 2, 4)
    for one, other in pairs:
        pair = np.asarray(swap(one, other, gate_contraction, readout))
        expected = density.swapped(one, other, gate_contraction, readout)
        # The whole matrix: the state stays Bell-diagonal.
        np.testing.assert_allclose(density.density(pair), expected, atol=1e-13)


def test_teleported_cnot_equals_choi_state() -> None:
    for pair in density.random_pairs(6):
        errors = np.asarray(teleported_cnot(pair))
        expected = np.zeros((16, 16), dtype=complex)
        for row, column in itertools.product(range(4), repeat=2):
            vector = density.choi_of_cnot(density.PAULIS[row], density.PAULIS[column])
            expected += errors[row, column] * np.outer(vector, vector.conj())
        # The whole Choi state: the channel is this Pauli channel and nothing else.
        np.testing.assert_allclose(expected, density.teleported_cnot(pair), atol=1e-13)


# --- The reference sheet ---


@pytest.mark.parametrize(
    ("one", "other", "gate", "readout", "phi_plus", "psi_minus", "others"),
    [
        (0.9, 0.8, 1.0, 1.0, 0.79, 0.07, 0.07),
        (0.95, 0.95, 0.98, 1.0, 0.9133375, 0.0288875, 0.0288875),
        (0.9, 0.85, 0.97, 0.99, 0.791770705, 0.064561705, 0.071833795),
        (0.93, 0.88, 0.96, 0.985, 0.8158548544, 0.0537607744, 0.0651921856),
    ],
)
def test_swap_table(
    one: float,
    other: float,
    gate: float,
    readout: float,
    phi_plus: float,
    psi_minus: float,
    others: float,
) -> None:
    pair = swap(werner(one), werner(other), gate, readout)
    np.testing.assert_allclose(pair, [phi_plus, psi_minus, others, others], rtol=1e-10)
    twirled = gate * one * other * (4.0 * readout**2 - 1.0) / 3.0
    assert float(bell.contraction(pair)) == exactly(twirled)


@pytest.mark.parametrize(
    ("contraction", "gate", "readout", "x_and_z", "y", "process_fidelity", "mean_fidelity"),
    [
        (0.9, 1.0, 1.0, 0.9, 0.9, 0.925, 0.95),
        (0.78, 1.0, 1.0, 0.78, 0.78, 0.835, 0.89),
        (0.5, 1.0, 1.0, 0.5, 0.5, 0.625, 0.75),
        (0.9, 0.98, 1.0, 0.882, 0.882, 0.9115, 0.941),
        (0.9, 0.98, 0.99, 0.86436, 0.8470728, 0.8939482, 0.9292988),
    ],
)
def test_teleportation_table(
    contraction: float,
    gate: float,
    readout: float,
    x_and_z: float,
    y: float,
    process_fidelity: float,
    mean_fidelity: float,
) -> None:
    factors = teleport(werner(contraction), gate, readout)
    np.testing.assert_allclose(factors, [x_and_z, y, x_and_z], rtol=1e-12)
    process = float(bell.fidelity(bell.from_letters(factors)))
    assert process == exactly(process_fidelity)
    assert (2.0 * process + 1.0) / 3.0 == exactly(mean_fidelity)


@pytest.mark.parametrize(
    ("contraction", "none", "each", "mean_fidelity"),
    [(0.9, 0.925, 0.025, 0.94), (0.7, 0.775, 0.075, 0.82), (0.3, 0.475, 0.175, 0.58)],
)
def test_teleported_cnot_table(
    contraction: float, none: float, each: float, mean_fidelity: float
) -> None:
    errors = teleported_cnot(werner(contraction))
    expected = np.zeros((4, 4))
    expected[np.ix_([0, 3], [0, 1])] = [[none, each], [each, each]]
    np.testing.assert_allclose(errors, expected, atol=1e-12)
    assert (4.0 * float(errors[0, 0]) + 1.0) / 5.0 == exactly(mean_fidelity)


# --- Laws ---


@settings(deadline=None)
@given(seed=st.integers(0, 2**31 - 1), gate_contraction=CHANCES, readout=CHANCES)
def test_operations_conserve_probability(
    seed: int, gate_contraction: float, readout: float
) -> None:
    # Concentrated quadruples too, whose small entries could come out negative.
    shape = np.array([1.0, 0.1, 0.1, 0.1])
    one, other = np.random.default_rng(seed).dirichlet(shape, size=2)
    pair, errors = swap(one, other, gate_contraction, readout), teleported_cnot(one)
    for probabilities in (pair, errors):
        assert float(probabilities.sum()) == exactly(1.0)
        assert (probabilities >= 0.0).all()


@settings(deadline=None)
@given(seed=st.integers(0, 2**31 - 1), gate_contraction=CHANCES, readout=CHANCES)
def test_swap_multiplies_letters(seed: int, gate_contraction: float, readout: float) -> None:
    one, other = density.random_pairs(2, seed=seed)
    letters = teleport(swap(one, other, gate_contraction, readout))
    # To swap is to teleport one half of a pair through another pair.
    expected = teleport(one) * teleport(other, gate_contraction, readout)
    np.testing.assert_allclose(letters, expected, atol=1e-14)


def test_order_of_swaps_does_not_matter() -> None:
    one, two, three = density.random_pairs(3)
    noise = (0.95, 0.98)
    left, right = swap(swap(one, two, *noise), three, *noise), swap(two, three, *noise)
    np.testing.assert_allclose(left, swap(one, right, *noise), rtol=1e-12)
    np.testing.assert_allclose(swap(one, two, *noise), swap(two, one, *noise), rtol=1e-12)


def test_chain_of_werner_links() -> None:
    contractions, gate = [0.98, 0.95, 0.9, 0.97], 0.99
    chain = functools.reduce(lambda a, b: swap(a, b, gate), map(werner, contractions))
    np.testing.assert_allclose(chain, werner(gate**3 * np.prod(contractions)), rtol=1e-12)


def test_perfect_pair_changes_nothing_and_mixed_pair_all() -> None:
    np.testing.assert_array_equal(teleport(werner(1.0)), np.ones(3))
    np.testing.assert_allclose(teleport(werner(0.0)), np.zeros(3), atol=1e-16)
    pairs = density.random_pairs(5)
    np.testing.assert_array_equal(swap(pairs, werner(1.0)), pairs)
    np.testing.assert_allclose(swap(pairs, werner(0.0)), 0.25, rtol=1e-14)
    np.testing.assert_allclose(swap(pairs, pairs[::-1], 0.0), 0.25, rtol=1e-14)
    np.testing.assert_array_equal(teleported_cnot(werner(1.0))[0, 0], 1.0)


def test_readout_by_a_coin_leaves_no_letter() -> None:
    np.testing.assert_allclose(swap(werner(1.0), werner(1.0), 1.0, 0.5), 0.25)
    assert jnp.abs(teleport(werner(1.0), 1.0, 0.5)).max() == 0.0
