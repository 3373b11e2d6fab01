"""Weights from information of any size, and noise of any size: only their ratios count."""

from typing import Any

import jax
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.consensus import setup, weights
from ceas_gym.scenario import ConsensusSettings

Floats = NDArray[np.float64]
INFORMATION = np.array([5.0, 3.0, 4.0, 8.0, 1.0, 0.5, 7.0])
EVERYONE = np.ones(7, bool)
WIDTHS = pytest.mark.parametrize("width", [np.float32, np.float64])
CAPS = ["certificate", "share_budget", "none"]


def compiled(name: str) -> Any:
    hub = setup.build(ConsensusSettings.model_validate({"cap": name}), 1)
    return jax.jit(lambda raw, variances: hub.cap(hub, raw, EVERYONE, variances))


CAPPED = {name: compiled(name) for name in CAPS}
certificate = jax.jit(weights.certificate)


def capped(name: str, raw: Floats, variances: Floats, width: Any) -> Floats:
    with jax.enable_x64(width is np.float64):
        return np.asarray(CAPPED[name](raw.astype(width), variances.astype(width)), np.float64)


@WIDTHS
@pytest.mark.parametrize("name", CAPS)
@pytest.mark.parametrize("scale", [1e-35, 1e-30, 1e-20, 1e-10, 1e10, 1e20, 1e30])
def test_information_of_any_size_gives_the_same_weights(
    name: str, width: Any, scale: float
) -> None:
    plain = capped(name, INFORMATION, 1 / INFORMATION, width)
    scaled = capped(name, scale * INFORMATION, 1 / INFORMATION, width)
    assert scaled == pytest.approx(plain, rel=1e-4)
    assert scaled.sum() == pytest.approx(1)


@WIDTHS
@pytest.mark.parametrize("scale", [1e-35, 1e-30, 1e-20, 1e20, 1e30])
def test_noise_of_any_size_gives_the_same_weights(width: Any, scale: float) -> None:
    plain = capped("certificate", INFORMATION, 1 / INFORMATION, width)
    scaled = capped("certificate", INFORMATION, scale / INFORMATION, width)
    assert scaled == pytest.approx(plain, rel=1e-4)


@WIDTHS
@pytest.mark.parametrize("name", CAPS)
@pytest.mark.parametrize("least", [1e-18, 1e-20, 1e-30, 1e-36])
def test_who_knows_next_to_nothing_changes_nobody_elses_weight(
    name: str, width: Any, least: float
) -> None:
    # A noise of 1e9 times a weight of 1e-15 is no more than a millionth of the rest.
    found = []
    for known in (1e-15, least):
        raw = INFORMATION.copy()
        raw[4] = known
        found.append(capped(name, raw, 1 / np.maximum(raw, 1e-9), width))
    assert found[1] == pytest.approx(found[0], rel=1e-4, abs=1e-9)


@WIDTHS
@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e20])
def test_certificate_of_noise_of_any_size(width: Any, scale: float) -> None:
    shares, variances = INFORMATION / INFORMATION.sum(), scale / INFORMATION
    expected = np.sqrt(2 * 0.3 / 0.4 * shares @ variances) + np.sqrt(shares**2 @ variances)
    with jax.enable_x64(width is np.float64):
        found = certificate(shares.astype(width), width(0.3), variances.astype(width))
    assert float(found) == pytest.approx(expected, rel=1e-5)
