"""Quadruples and letters against the reference sheet, density matrices and each other."""

import functools

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from physics import density

from ceas_gym.physics import bell

exactly = functools.partial(pytest.approx, rel=1e-10, abs=1e-12)
# Compiled once for all tests, which is faster than an operation at a time.
werner, teleport = jax.jit(bell.werner), jax.jit(bell.teleport)
to_letters, from_letters = jax.jit(bell.to_letters), jax.jit(bell.from_letters)
post_select = jax.jit(bell.post_select)
QUADRUPLES = arrays.arrays(float, 4, elements=st.floats(0, 1)).filter(lambda x: x.sum() > 1e-3)


@pytest.mark.parametrize(
    ("contraction", "fidelity"),
    [(1 / np.sqrt(2.0), 0.780330085890), (0.779944271123, 0.834958203342), (1 / 3, 0.5)],
)
def test_werner_fidelity_and_contraction(contraction: float, fidelity: float) -> None:
    pair = werner(contraction)
    error = (1.0 - fidelity) / 3.0
    np.testing.assert_allclose(pair, [fidelity, error, error, error], atol=1e-12)
    assert float(bell.fidelity(pair)) == exactly(fidelity)
    assert float(bell.contraction(pair)) == exactly(contraction)


def test_letters_are_the_correlations_of_the_pair() -> None:
    for pair in density.random_pairs(10):
        state = density.density(pair)
        # The Bell state Phi+ has the correlations +1, -1 and +1 in X, Y and Z.
        expected = [
            sign * np.trace(np.kron(letter, letter) @ state).real
            for letter, sign in [(density.X, 1.0), (density.Y, -1.0), (density.Z, 1.0)]
        ]
        np.testing.assert_allclose(to_letters(pair), expected, atol=1e-14)


@pytest.mark.parametrize(("entry", "error"), [(0, "I"), (1, "Y"), (2, "X"), (3, "Z")])
def test_each_bell_state_turns_what_its_error_anticommutes_with(entry: int, error: str) -> None:
    pair = np.eye(4)[entry]
    letters = [1.0 if error in ("I", letter) else -1.0 for letter in "XYZ"]
    np.testing.assert_array_equal(to_letters(pair), letters)
    np.testing.assert_array_equal(from_letters(np.array(letters)), pair)


@settings(deadline=None)
@given(quadruple=QUADRUPLES)
def test_letters_hold_all_of_a_pair(quadruple: np.ndarray) -> None:
    pair = quadruple / quadruple.sum()
    letters = teleport(pair)
    assert (np.abs(letters) <= 1.0 + 1e-12).all()
    back = np.asarray(from_letters(letters))
    np.testing.assert_allclose(back, pair, atol=1e-15)
    assert back.sum() == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(to_letters(back), letters, atol=1e-15)


def test_equal_letters_are_a_werner_pair() -> None:
    contraction = np.linspace(-1 / 3, 1.0, 9)
    letters = np.repeat(contraction[:, None], 3, axis=1)
    np.testing.assert_allclose(from_letters(letters), werner(contraction), atol=1e-15)


@settings(deadline=None)
@given(quadruple=QUADRUPLES)
def test_kept_pair_has_the_proportions_of_its_weights(quadruple: np.ndarray) -> None:
    probability, pair = post_select(quadruple / 4.0)
    assert 0.0 <= float(probability) <= 1.0
    assert float(pair.sum()) == exactly(1.0)
    np.testing.assert_allclose(probability * pair, quadruple / 4.0, atol=1e-15)


def test_pair_that_is_never_kept_is_worth_nothing() -> None:
    probability, pair = post_select(np.array([[0.0] * 4, [0.1, 0.0, 0.0, 0.1]]))
    np.testing.assert_allclose(probability, [0.0, 0.2])
    np.testing.assert_allclose(pair, [[0.0, 1 / 3, 1 / 3, 1 / 3], [0.5, 0.0, 0.0, 0.5]])
