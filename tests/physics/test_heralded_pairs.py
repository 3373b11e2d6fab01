"""Which pair a herald announces, against the states of qubits and photons, and limits."""

import functools
import itertools
import math
import sys
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from physics import density

from ceas_gym.physics import bell, heralding, key

exactly = functools.partial(pytest.approx, rel=1e-10)
Scheme = Callable[..., tuple[jax.Array, jax.Array]]
# Compiled once for all tests, which is faster than an operation at a time.
single_click_pair = jax.jit(heralding.single_click_pair)
double_click_pair = jax.jit(heralding.double_click_pair)
SCHEMES = pytest.mark.parametrize(
    "scheme", [single_click_pair, double_click_pair], ids=["single", "double"]
)
CHANCES = st.floats(0.0, 1.0)

# --- Qubits and photons, which share nothing with the library ---

Mode = tuple[Hashable, ...]
Photon = dict[Mode, float]
"""One photon: its amplitude in each mode. A mode of a detector is ("seen", detector, time)."""


def photon(node: int, line: int, efficiency: float, visibility: float) -> Photon:
    """A photon of one of two nodes after its fibre and a beam splitter, on one of several lines.

    The other node's photon comes partly at another time, which makes it distinguishable. Detectors
    2 * line and 2 * line + 1 stand behind the beam splitter of a line.
    """
    modes: Photon = {}
    times = [1.0] if node == 0 else [visibility**0.5, (1.0 - visibility) ** 0.5]
    for time, amplitude in enumerate(times):
        out = amplitude * (efficiency / 2.0) ** 0.5
        modes["seen", 2 * line, time] = out
        modes["seen", 2 * line + 1, time] = -out if node else out
        modes["lost", node, line, time] = amplitude * (1.0 - efficiency) ** 0.5
    return modes


def occupations(photons: Iterable[Photon]) -> dict[tuple[Mode, ...], float]:
    """Amplitude of each occupation of the modes; an occupation lists the mode of each photon."""
    amplitudes: dict[tuple[Mode, ...], float] = defaultdict(float)
    for modes in itertools.product(*(one.items() for one in photons)):
        occupation = tuple(sorted((mode for mode, _ in modes), key=repr))
        amplitudes[occupation] += math.prod(amplitude for _, amplitude in modes)
    # Creating a photon for the second time in one mode brings a factor sqrt 2.
    return {
        occupation: amplitude
        * math.prod(math.factorial(occupation.count(m)) ** 0.5 for m in {*occupation})
        for occupation, amplitude in amplitudes.items()
    }


def heralded(
    emissions: dict[int, tuple[float, list[Photon]]], clicks: tuple[int, ...], dark: float
) -> density.Matrix:
    """The qubits, not normalised, when exactly these detectors click, one behind each line.

    `emissions` gives for each basis state of the qubits its amplitude and its photons.
    """
    qubits: dict[tuple[Mode, ...], density.Matrix] = defaultdict(lambda: np.zeros(4, complex))
    for basis, (weight, photons) in emissions.items():
        for occupation, amplitude in occupations(photons).items():
            qubits[occupation][basis] += weight * amplitude
    state = np.zeros((4, 4), complex)
    for occupation, vector in qubits.items():
        lit = {mode[1] for mode in occupation if mode[0] == "seen"}
        chance = (1.0 - dark) ** len(clicks) * dark ** len(set(clicks) - lit)
        state += chance * (lit <= set(clicks)) * np.outer(vector, vector.conj())
    return state


def quadruple(
    emissions: dict[int, tuple[float, list[Photon]]], lines: int, dark: float
) -> np.ndarray:
    """Joint probabilities of success and of each Bell state after the correction."""
    weights = np.zeros(4)
    for sides in itertools.product((0, 1), repeat=lines):
        clicks = tuple(2 * line + side for line, side in enumerate(sides))
        # The photons' signs tell Psi- from Psi+; then X turns the Psi states into Phi states.
        correction = density.X @ np.linalg.matrix_power(density.Z, sum(sides) % 2)
        state = density.after(density.on(correction, 1, 2), heralded(emissions, clicks, dark))
        weights += np.einsum(
            "ki,ij,kj->k", density.BELL_STATES.conj(), state, density.BELL_STATES
        ).real
    return weights


def single_click_emissions(
    bright: float, efficiency: float, visibility: float
) -> dict[int, tuple[float, list[Photon]]]:
    """A bright qubit is in its state 1 and sends a photon."""
    sent = [photon(node, 0, efficiency, visibility) for node in (0, 1)]
    emissions = {}
    for bits in density.BITS:
        amplitude = math.prod((bright if bit else 1.0 - bright) ** 0.5 for bit in bits)
        photons = [one for one, bit in zip(sent, bits, strict=True) if bit]
        emissions[2 * bits[0] + bits[1]] = (amplitude, photons)
    return emissions


def double_click_emissions(
    efficiency_a: float, efficiency_b: float, visibility: float
) -> dict[int, tuple[float, list[Photon]]]:
    """A qubit's state names the line of its photon."""
    return {
        2 * a + b: (
            0.5,
            [photon(0, a, efficiency_a, visibility), photon(1, b, efficiency_b, visibility)],
        )
        for a, b in density.BITS
    }


NOISE = pytest.mark.parametrize(
    ("dark", "visibility"), [(0.0, 1.0), (0.03, 1.0), (0.0, 0.6), (0.2, 0.4), (0.1, 0.0)]
)


@NOISE
@pytest.mark.parametrize(("bright", "efficiency"), [(0.3, 0.4), (0.5, 1.0), (0.05, 0.01)])
def test_single_click_equals_photon_states(
    dark: float, visibility: float, bright: float, efficiency: float
) -> None:
    weights = quadruple(single_click_emissions(bright, efficiency, visibility), 1, dark)
    probability, pair = single_click_pair(bright, efficiency, dark, visibility)
    assert float(probability) == exactly(weights.sum())
    np.testing.assert_allclose(pair, weights / weights.sum(), atol=1e-13)


@NOISE
@pytest.mark.parametrize(("efficiency_a", "efficiency_b"), [(0.5, 0.3), (1.0, 1.0), (0.01, 0.2)])
def test_double_click_equals_photon_states(
    dark: float, visibility: float, efficiency_a: float, efficiency_b: float
) -> None:
    weights = quadruple(double_click_emissions(efficiency_a, efficiency_b, visibility), 2, dark)
    probability, pair = double_click_pair(efficiency_a, efficiency_b, dark, visibility)
    assert float(probability) == exactly(weights.sum())
    np.testing.assert_allclose(pair, weights / weights.sum(), atol=1e-13)


# --- The reference sheet ---


@pytest.mark.parametrize(("bright", "fraction"), [(0.05, 0.544942111387), (0.1, 0.244607449295)])
def test_weak_single_click_errs_in_z_twice_as_often_as_in_x(bright: float, fraction: float) -> None:
    _, pair = single_click_pair(bright, 1e-13, 0.0, 1.0)
    error_z, error_x = float(pair[1] + pair[2]), float(pair[1] + pair[3])
    assert (error_z, error_x) == (exactly(bright), exactly(bright / 2.0))
    assert float(key.secret_fraction(pair)) == exactly(fraction)


# --- Limits ---


@pytest.mark.parametrize("visibility", [1.0, 0.9, 0.0])
def test_double_click_without_dark_counts_is_dephased(visibility: float) -> None:
    _, pair = double_click_pair(0.3, 0.2, 0.0, visibility)
    expected = [(1.0 + visibility) / 2.0, 0.0, 0.0, (1.0 - visibility) / 2.0]
    np.testing.assert_allclose(pair, expected, atol=1e-15)


def test_dark_counts_alone() -> None:
    _, pair = double_click_pair(0.0, 0.0, 0.01, 0.9)
    np.testing.assert_allclose(pair, 0.25)
    bright = 0.3
    _, pair = single_click_pair(bright, 0.0, 0.01, 0.9)
    # A click that says nothing leaves the qubits as they were prepared.
    opposite, equal = bright * (1.0 - bright), (bright**2 + (1.0 - bright) ** 2) / 2.0
    np.testing.assert_allclose(pair, [opposite, equal, equal, opposite])


@SCHEMES
@settings(deadline=None)
@given(chances=st.tuples(CHANCES, CHANCES, CHANCES, CHANCES))
@example(chances=(sys.float_info.min, 0.5, sys.float_info.min, 0.0))
def test_probabilities_are_probabilities(
    scheme: Scheme, chances: tuple[float, float, float, float]
) -> None:
    probability, pair = scheme(*chances)
    assert 0.0 <= float(probability) <= 1.0 + 1e-12
    assert float(pair.sum()) == exactly(1.0)
    assert (pair >= 0.0).all()


@SCHEMES
def test_pair_that_is_never_heralded_has_neither_fidelity_nor_key(scheme: Scheme) -> None:
    probability, pair = scheme(0.0, 0.0, 0.0, 0.9)
    assert float(probability) == float(bell.fidelity(pair)) == 0.0
    np.testing.assert_allclose(pair, [0.0, 1 / 3, 1 / 3, 1 / 3])
    assert float(key.secret_fraction(pair)) == 0.0


@SCHEMES
@pytest.mark.parametrize(
    "chances", [(0.0, 0.0, 0.0, 0.0), (0.3, 0.0, 0.0, 0.0), (0.3, 0.2, 0.1, 0.0)]
)
def test_gradients_are_finite(scheme: Scheme, chances: tuple[float, ...]) -> None:
    slopes = jax.jit(jax.jacobian(scheme, argnums=(0, 1, 2, 3)))(*chances)
    assert all(jnp.isfinite(slope).all() for slope in jax.tree.leaves(slopes))


@SCHEMES
def test_compiled_batch_equals_broadcast_equals_loop(scheme: Scheme) -> None:
    rows = np.random.default_rng(3).uniform(size=(6, 4))
    loop = [np.stack(answers) for answers in zip(*(scheme(*row) for row in rows), strict=True)]
    for batch in (jax.jit(jax.vmap(scheme))(*rows.T), scheme(*rows.T)):
        for answers, expected in zip(batch, loop, strict=True):
            np.testing.assert_allclose(answers, expected, rtol=1e-12)


def test_single_precision_stays_single() -> None:
    def answers() -> tuple[jax.Array, ...]:
        single, double = heralding.single_click_pair, heralding.double_click_pair
        return *single(0.1, 1, 0, 1), *double(1, 1, 0, 1)

    with jax.enable_x64(False):
        assert {answer.dtype for answer in jax.eval_shape(answers)} == {jnp.dtype("float32")}
