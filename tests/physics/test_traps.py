"""Mistakes that cost a network simulation its credibility, one test for each.

Some are tested where their formulas are:

- key from a small block, or negative key: `tests/physics/test_key.py`;
- a noisy gradient undone by one scalar: `tests/learning/test_pullback.py`, the test
  `test_sheet_gradient_is_not_contracted_by_a_scalar`;
- shot noise omitted: `tests/learning/test_shot_noise.py`, and forgotten where a contraction is
  undone: `tests/physics/test_information.py`.
"""

import functools
import itertools

import jax
import numpy as np
import pennylane as qml
import pytest
from physics import density

from ceas_gym.physics import bell, heralding, key

exactly = functools.partial(pytest.approx, rel=1e-10, abs=1e-12)
# Compiled once for all tests, which is faster than an operation at a time.
werner, to_letters = jax.jit(bell.werner), jax.jit(bell.to_letters)
depolarize, dephase = jax.jit(bell.depolarize), jax.jit(bell.dephase)
purify = jax.jit(bell.purify, static_argnames="protocol")
secret_fraction = jax.jit(key.secret_fraction)


def twirl(pair: jax.Array) -> jax.Array:
    return werner(bell.contraction(pair))


def test_trap_depolarizing_parameter_of_another_library() -> None:
    probability = 0.12
    kraus = qml.DepolarizingChannel.compute_kraus_matrices(probability)
    gates = [density.on(np.asarray(matrix), 1, 2) for matrix in kraus]
    noisy = density.mixture(density.density(np.eye(4)[0]), gates, [1.0] * len(gates))
    # PennyLane shares p among three Paulis, so the contraction is not 1 - p.
    pair = np.asarray(werner(1.0 - 4.0 * probability / 3.0))
    np.testing.assert_allclose(density.density(pair), noisy, atol=1e-14)


def test_trap_coherence_time_of_half_the_memories() -> None:
    aged = depolarize(werner(0.9), 3.0, 3.0, 3.0)
    assert float(bell.contraction(aged)) == exactly(0.9 * np.exp(-2.0))
    one_sided = depolarize(werner(0.9), 3.0, 3.0, np.inf)
    assert float(bell.contraction(one_sided)) == exactly(0.9 * np.exp(-1.0))


def test_trap_dephasing_time_in_a_depolarizing_memory() -> None:
    storage = (werner(0.9), 0.5, 1.0, 1.0)
    lost = 0.9 * np.exp(-1.0)
    np.testing.assert_allclose(to_letters(depolarize(*storage)), lost, rtol=1e-12)
    # A measured T2 takes the coherences only.
    np.testing.assert_allclose(to_letters(dephase(*storage)), [lost, lost, 0.9], rtol=1e-12)


def test_trap_dephased_pair_twirled_on_the_quiet() -> None:
    pair = dephase(werner(0.95), 0.2, 1.0, 1.0)
    assert float(bell.fidelity(twirl(pair))) == exactly(float(bell.fidelity(pair)))
    # The classical correlation outlives the phase; teleportation, key and purification profit.
    assert float(to_letters(pair)[2]) == exactly(0.95)
    assert float(to_letters(twirl(pair))[2]) < 0.8
    assert float(secret_fraction(pair)) > 2.0 * float(secret_fraction(twirl(pair)))
    purified, less = (purify(one, one, "dejmps")[1] for one in (pair, twirl(pair)))
    assert float(bell.fidelity(purified)) > float(bell.fidelity(less)) + 0.05
    # By the other circuit, dephased pairs even lose.
    worse = purify(pair, pair, "bbpssw")[1]
    assert float(bell.fidelity(worse)) < float(bell.fidelity(pair))


def test_trap_single_click_pair_twirled_on_the_quiet() -> None:
    pair = heralding.single_click_pair(0.1, 0.01, 1e-6, 1.0)[1]
    # Here the twirl flatters.
    assert float(secret_fraction(twirl(pair))) > 1.15 * float(secret_fraction(pair)) > 0.0


def test_trap_pair_is_new_when_the_herald_arrives() -> None:
    age = heralding.attempt_period_s(length_km=100.0)
    known = depolarize(werner(0.98), age, 0.01, 0.02)
    assert float(bell.contraction(known)) == exactly(0.98 * np.exp(-0.075))


def test_trap_test_bits_counted_as_key() -> None:
    # Testing more costs nothing here but the pairs, and those do not come back as key.
    raw = 10**5
    bits = [float(key.finite_key_bits(raw, test, 0.0)) for test in (10**4, 10**6, 10**12)]
    assert bits == sorted(bits)
    assert bits[-1] < raw


def test_trap_teleported_cnot_taken_for_depolarizing_noise() -> None:
    contraction = 0.7
    errors = np.asarray(bell.teleported_cnot(werner(contraction)))
    anticommute = np.ones((4, 4))
    for row, column in itertools.product(range(1, 4), repeat=2):
        anticommute[row, column] = 1.0 if row == column else -1.0
    # How much of each Pauli word, control and target in the order I, X, Y, Z, is left.
    left = anticommute @ errors @ anticommute
    noiseless = np.zeros((4, 4), dtype=bool)
    noiseless[np.ix_([0, 3], [0, 1])] = True
    np.testing.assert_allclose(left, np.where(noiseless, 1.0, contraction), atol=1e-14)


def test_trap_heralding_across_a_continent() -> None:
    # The shortest and a typical link of NSFNET, with perfect devices and real fibre.
    transmission = heralding.arm_efficiency(np.array([150.0, 1050.0]), 1.0) ** 2
    np.testing.assert_allclose(transmission, [1e-3, 1e-21], rtol=1e-10)
    # The attenuation of a toy file, 0.01 dB/km, makes it look easy.
    toy = float(heralding.arm_efficiency(1050.0, 1.0, attenuation_db_per_km=0.01)) ** 2
    assert toy > 0.08
