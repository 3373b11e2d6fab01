"""Heralded generation against the reference sheet, a count of all clicks, and limits."""

import functools
import itertools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_gym.physics import heralding

exactly = functools.partial(pytest.approx, rel=1e-10)
Scheme = Callable[..., tuple[jax.Array, jax.Array]]
# Compiled once for all tests, which is faster than an operation at a time.
single_click, double_click = jax.jit(heralding.single_click), jax.jit(heralding.double_click)
SCHEMES = pytest.mark.parametrize("scheme", [single_click, double_click], ids=["single", "double"])
ION_EFFICIENCY, NV_EFFICIENCY = 0.107850702625, 0.000495530255304

# --- The reference sheet ---


@pytest.mark.parametrize(
    ("bright", "efficiency", "dark", "visibility", "probability", "fidelity"),
    [
        (0.1, 0.2, 0.0, 1.0, 3.960000000000e-02, 0.909090909091),
        (0.1, 0.01, 0.0, 1.0, 1.999000000000e-03, 0.900450225113),
        (0.1, 0.2, 0.0, 0.9, 3.958000000000e-02, 0.886212717658),
        (0.1, 0.05, 0.0001, 0.85, 1.017011288700e-02, 0.852009069374),
        (0.05, 0.001, 1e-06, 0.9, 1.019970730078e-04, 0.908430666368),
    ],
)
def test_single_click_table(
    bright: float,
    efficiency: float,
    dark: float,
    visibility: float,
    probability: float,
    fidelity: float,
) -> None:
    answer = single_click(bright, efficiency, dark, visibility)
    assert float(answer[0]) == exactly(probability)
    assert float(answer[1]) == exactly(fidelity)


@pytest.mark.parametrize(
    ("efficiency_a", "efficiency_b", "dark", "visibility", "probability", "fidelity"),
    [
        (0.2, 0.2, 0.0, 0.9, 2.000000000000e-02, 0.950000000000),
        (0.1, 0.3, 0.001, 0.8, 1.567811666952e-02, 0.870213093716),
        (ION_EFFICIENCY, ION_EFFICIENCY, 1.4e-05, 0.89, 5.821266801846e-03, 0.944331659226),
        (NV_EFFICIENCY, NV_EFFICIENCY, 1.5e-07, 0.9, 1.230723757640e-07, 0.948308997520),
    ],
)
def test_double_click_table(
    efficiency_a: float,
    efficiency_b: float,
    dark: float,
    visibility: float,
    probability: float,
    fidelity: float,
) -> None:
    answer = double_click(efficiency_a, efficiency_b, dark, visibility)
    assert float(answer[0]) == exactly(probability)
    assert float(answer[1]) == exactly(fidelity)


@pytest.mark.parametrize(
    ("device_efficiency", "efficiency"), [(0.111, ION_EFFICIENCY), (5.1e-4, NV_EFFICIENCY)]
)
def test_arm_of_the_hardware_files(device_efficiency: float, efficiency: float) -> None:
    arm = heralding.arm_efficiency(1.0, device_efficiency, attenuation_db_per_km=0.25)
    assert float(arm) == exactly(efficiency)


@pytest.mark.parametrize(
    ("length_km", "efficiency", "period", "single", "single_rate", "double", "double_rate"),
    [
        (10, 0.2382984704173, 5e-05, 0.02382984704173, 476.5969408, 0.02839308050161, 567.86161),
        (25, 0.1687023975571, 1.25e-4, 0.01687023975571, 134.961918, 0.01423024947076, 113.8419958),
        (50, 0.09486832980505, 2.5e-4, 0.009486832980505, 37.94733192, 0.0045, 18.0),
        (100, 0.03, 5e-4, 0.003, 6.0, 4.5e-4, 0.9),
        (150, 0.009486832980505, 7.5e-4, 9.486832980505e-4, 1.264911064, 4.5e-5, 0.06),
        (300, 3e-4, 0.0015, 3e-5, 0.02, 4.5e-8, 3e-5),
    ],
)
def test_link_budget_table(
    length_km: float,
    efficiency: float,
    period: float,
    single: float,
    single_rate: float,
    double: float,
    double_rate: float,
) -> None:
    bright = 0.05
    arm = heralding.arm_efficiency(length_km, 0.3)
    attempt = float(heralding.attempt_period_s(length_km))
    assert float(arm) == exactly(efficiency)
    assert attempt == exactly(period)
    # The sheet's ideal single click is the leading order, short of the doubly bright event.
    leading = float(single_click(bright, arm, 0.0, 1.0)[0]) + (bright * efficiency) ** 2
    assert leading == exactly(single)
    assert leading / attempt == pytest.approx(single_rate, rel=1e-9)
    ideal = float(double_click(arm, arm, 0.0, 1.0)[0])
    assert ideal == exactly(double)
    assert ideal / attempt == pytest.approx(double_rate, rel=1e-9)


@pytest.mark.parametrize(
    ("length_km", "single", "double"),
    [
        (10, 0.955617789450, 0.999978822014),
        (25, 0.953916693141, 0.999968435574),
        (50, 0.952068278068, 0.999940758541),
        (100, 0.950111791448, 0.999804044808),
        (150, 0.948326752099, 0.999372004919),
        (300, 0.893600817995, 0.980460057074),
    ],
)
def test_link_budget_fidelity_with_dark_counts(
    length_km: float, single: float, double: float
) -> None:
    arm = heralding.arm_efficiency(length_km, 0.3)
    assert float(single_click(0.05, arm, 1e-6, 1.0)[1]) == exactly(single)
    assert float(double_click(arm, arm, 1e-6, 1.0)[1]) == exactly(double)


# --- A count of all clicks, which shares nothing with the library ---


def heralded(photons: list[tuple[float, set[int]]], dark: float, groups: list[set[int]]) -> float:
    """Probability that exactly one detector of every group clicks.

    `photons` lists which detectors the photons can reach, each set with its probability.
    """
    detectors = sorted(set.union(*groups))
    total = 0.0
    for (chance, lit), darks in itertools.product(
        photons, itertools.product((False, True), repeat=len(detectors))
    ):
        clicks = lit | {d for d, is_dark in zip(detectors, darks, strict=True) if is_dark}
        weight = chance * math.prod(dark if is_dark else 1.0 - dark for is_dark in darks)
        total += weight * all(len(clicks & group) == 1 for group in groups)
    return total


def interference(visibility: float, one: int, other: int) -> list[tuple[float, set[int]]]:
    """Two photons on one beam splitter: bunched in either output, or one in each."""
    bunched = (1.0 + visibility) / 4.0
    return [(bunched, {one}), (bunched, {other}), ((1.0 - visibility) / 2.0, {one, other})]


def survivals(efficiency_a: float, efficiency_b: float) -> list[tuple[float, bool, bool]]:
    """Which of two photons arrive."""
    chances_a = ((efficiency_a, True), (1.0 - efficiency_a, False))
    chances_b = ((efficiency_b, True), (1.0 - efficiency_b, False))
    return [(p * q, a, b) for (p, a), (q, b) in itertools.product(chances_a, chances_b)]


CLICKS = pytest.mark.parametrize(
    ("dark", "visibility"), [(0.0, 1.0), (0.03, 1.0), (0.0, 0.6), (0.2, 0.4)]
)


@CLICKS
def test_single_click_counts_all_clicks(dark: float, visibility: float) -> None:
    bright, efficiency, photons = 0.3, 0.4, []
    # The photons' number has no coherence with the qubits: either emission is a coin.
    for chance, from_a, from_b in survivals(bright * efficiency, bright * efficiency):
        if from_a and from_b:
            photons += [(chance * p, lit) for p, lit in interference(visibility, 0, 1)]
        elif from_a or from_b:
            photons += [(chance / 2.0, {0}), (chance / 2.0, {1})]
        else:
            photons += [(chance, set())]
    probability, _ = single_click(bright, efficiency, dark, visibility)
    assert float(probability) == exactly(heralded(photons, dark, [{0, 1}]))


@CLICKS
def test_double_click_counts_all_clicks(dark: float, visibility: float) -> None:
    efficiency_a, efficiency_b, photons = 0.5, 0.3, []
    detectors = {0: (0, 1), 1: (2, 3)}
    for mode_a, mode_b in itertools.product((0, 1), repeat=2):
        for chance, from_a, from_b in survivals(efficiency_a, efficiency_b):
            if from_a and from_b and mode_a == mode_b:
                lights = interference(visibility, *detectors[mode_a])
            else:
                outputs_a = [{d} for d in detectors[mode_a]] if from_a else [set()]
                outputs_b = [{d} for d in detectors[mode_b]] if from_b else [set()]
                even = 1.0 / (len(outputs_a) * len(outputs_b))
                lights = [(even, a | b) for a, b in itertools.product(outputs_a, outputs_b)]
            photons += [(chance * p / 4.0, lit) for p, lit in lights]
    probability, _ = double_click(efficiency_a, efficiency_b, dark, visibility)
    assert float(probability) == exactly(heralded(photons, dark, [{0, 1}, {2, 3}]))


# --- Limits ---


def test_ideal_single_click() -> None:
    bright, efficiency = np.linspace(0.05, 0.95, 9)[:, None], np.linspace(0.1, 1.0, 9)[None]
    probability, fidelity = single_click(bright, efficiency, 0.0, 1.0)
    expected = 2.0 * bright * efficiency - bright**2 * efficiency**2
    np.testing.assert_allclose(probability, expected, rtol=1e-12)
    np.testing.assert_allclose(fidelity, (1.0 - bright) / (1.0 - bright * efficiency / 2.0))


def test_double_click_without_dark_counts() -> None:
    efficiency_a, efficiency_b = np.linspace(0.1, 1.0, 5)[:, None], np.linspace(0.2, 0.9, 6)[None]
    probability, fidelity = double_click(efficiency_a, efficiency_b, 0.0, 0.7)
    np.testing.assert_allclose(probability, efficiency_a * efficiency_b / 2.0, rtol=1e-12)
    np.testing.assert_allclose(fidelity, 0.85, rtol=1e-12)


def test_dark_counts_alone_herald_a_mixed_pair() -> None:
    probability, fidelity = double_click(0.0, 0.0, 0.01, 0.9)
    assert float(probability) == exactly(4.0 * 0.01**2 * 0.99**2)
    assert float(fidelity) == exactly(0.25)


@SCHEMES
def test_nothing_heralded_is_no_nan(scheme: Scheme) -> None:
    assert [float(answer) for answer in scheme(0.0, 0.0, 0.0, 0.9)] == [0.0, 0.0]
    slopes = jax.jit(jax.jacobian(scheme, argnums=(0, 1, 2)))(0.0, 0.0, 0.0, 0.9)
    assert all(jnp.isfinite(slope) for slope in jax.tree.leaves(slopes))


@pytest.mark.parametrize(("efficiency", "is_faster"), [(0.19, True), (0.21, False)])
def test_single_click_is_faster_below_four_times_the_bright_population(
    efficiency: float, is_faster: bool
) -> None:
    bright = 0.05
    single, _ = single_click(bright, efficiency, 0.0, 1.0)
    double, _ = double_click(efficiency, efficiency, 0.0, 1.0)
    # The rule is of leading order: it forgets that two photons are one click.
    forgotten = (bright * efficiency) ** 2
    assert (float(single) + forgotten > float(double)) == is_faster


def test_link_loss_scales_one_arm_by_half_the_length() -> None:
    arms = heralding.arm_efficiency(jnp.array([0.0, 50.0, 100.0]), 0.4)
    np.testing.assert_allclose(arms, 0.4 * 10.0 ** np.array([0.0, -0.5, -1.0]), rtol=1e-12)
    np.testing.assert_allclose(heralding.arm_efficiency(80.0, 0.4, 0.0), 0.4)


def test_attempt_period_adds_overhead_to_the_flight() -> None:
    period = heralding.attempt_period_s(21.4, fibre_speed_km_per_s=214_000.0, overhead_s=5.5e-6)
    assert float(period) == exactly(105.5e-6)


@SCHEMES
def test_compiled_batch_equals_loop(scheme: Scheme) -> None:
    rows = np.random.default_rng(3).uniform(size=(6, 4))
    loop = np.array([scheme(*row) for row in rows]).T
    np.testing.assert_allclose(jax.jit(jax.vmap(scheme))(*rows.T), loop, rtol=1e-13)
    np.testing.assert_allclose(scheme(*rows.T), loop, rtol=1e-13)
    assert ((loop >= 0.0) & (loop <= 1.0)).all()


def test_single_precision_stays_single() -> None:
    def answers() -> tuple[jax.Array, ...]:
        arm, period = heralding.arm_efficiency(10, 1), heralding.attempt_period_s(10)
        single = heralding.single_click(0.1, arm, 0, 1)
        return arm, period, *single, *heralding.double_click(1, 1, 0, 1)

    with jax.enable_x64(False):
        assert {answer.dtype for answer in jax.eval_shape(answers)} == {jnp.dtype("float32")}
