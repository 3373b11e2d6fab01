"""ALIE, min-max, min-sum and mimic: formulas in NumPy, a search for gamma, eigenvectors."""

from collections.abc import Callable

import numpy as np
import pytest
from helpers.attack_rounds import (
    BAD,
    BAD_ONES,
    Floats,
    honest_figures,
    round_of,
    sent,
    view_of,
)
from scipy.stats import norm

from ceas_gym.consensus import attacks

pytestmark = pytest.mark.usefixtures("exact")

# --- A little is enough ---


@pytest.mark.parametrize("strength", [0.25, 1.5, -1.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_shifts_by_deviations(strength: float, seed: int) -> None:
    mean, deviation = honest_figures(seed)
    found = sent("alie", seed, strength)[:BAD]
    assert np.abs(found - (mean - strength * deviation)).max() < 1e-12
    signed = sent("signed_alie", seed, strength)[:BAD]
    for k in range(len(mean)):
        towards = -1 if mean[k] > 0 else 1
        assert signed[:, k] == pytest.approx(mean[k] + towards * strength * deviation[k], abs=1e-12)


def test_signs_matter_in_the_second_seed() -> None:
    assert set(np.sign(honest_figures(1)[0])) == {-1, 1}


@pytest.mark.parametrize(
    ("nodes", "bad", "quantile"), [(50, 10, 0.25), (50, 15, 0.48), (50, 20, 0.84), (50, 1, 0.0)]
)
@pytest.mark.parametrize("name", ["alie", "signed_alie"])
def test_default_shift(name: str, nodes: int, bad: int, quantile: float) -> None:
    updates = np.random.default_rng(0).normal(size=(nodes, 2))
    view = view_of(updates, np.arange(nodes) < bad)
    shift = np.abs(np.asarray(attacks.ATTACKS[name](view) - view.mean) / np.asarray(view.deviation))
    supporters = nodes // 2 + 1 - bad
    expected = max(0.0, norm.ppf((nodes - bad - supporters) / (nodes - bad)))
    assert shift == pytest.approx(np.full(2, expected), abs=1e-10)
    assert expected == pytest.approx(quantile, abs=5e-3)


# --- Min-max and min-sum ---


def furthest(vector: Floats, honest: Floats) -> tuple[float, float]:
    """Greatest distance squared from an honest update, and how much that may be."""
    apart = max(float(((x - y) ** 2).sum()) for x in honest for y in honest)
    return max(float(((vector - x) ** 2).sum()) for x in honest), apart


def summed(vector: Floats, honest: Floats) -> tuple[float, float]:
    """Sum of the distances squared from the honest updates, and how much that may be."""
    apart = max(sum(float(((x - y) ** 2).sum()) for y in honest) for x in honest)
    return sum(float(((vector - x) ** 2).sum()) for x in honest), apart


BOUNDS: dict[str, Callable[[Floats, Floats], tuple[float, float]]] = {
    "min_max": furthest,
    "min_sum": summed,
}


def bisect(name: str, honest: Floats, mean: Floats, deviation: Floats) -> float:
    """Largest gamma within the bound, from the least to the most that it can be."""
    low, high = 0.0, 1e3
    for _ in range(100):
        middle = (low + high) / 2
        reached, allowed = BOUNDS[name](mean - middle * deviation, honest)
        low, high = (middle, high) if reached <= allowed else (low, middle)
    return low


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("strength", [None, 0.25])
def test_shift_is_the_one_a_search_finds(name: str, seed: int, strength: float | None) -> None:
    mean, deviation = honest_figures(seed)
    honest = np.asarray(round_of(seed).received.updates)[BAD:8]
    gamma = (strength or 1.0) * bisect(name, honest, mean, deviation)
    assert gamma > 0
    found = sent(name, seed, strength)[:BAD]
    assert np.abs(found - (mean - gamma * deviation)).max() < 1e-10


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_shift_scales_with_the_updates(name: str, scale: float) -> None:
    updates = np.random.default_rng(3).normal(size=(9, 4))
    plain = attacks.ATTACKS[name](view_of(updates, BAD_ONES))
    scaled = attacks.ATTACKS[name](view_of(scale * updates, BAD_ONES))
    assert np.asarray(scaled) == pytest.approx(scale * np.asarray(plain), rel=1e-12)


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize("honest", [1, 3])
def test_nobody_to_hide_among(name: str, honest: int) -> None:
    # One honest node, or several that agree: there is no spread, and no shift.
    updates = np.tile([1.0, -2.0], (5, 1))
    found = attacks.ATTACKS[name](view_of(updates, np.arange(5) < 5 - honest))
    assert np.asarray(found) == pytest.approx(updates[0], abs=1e-12)


# --- Mimic ---


def furthest_out(honest: Floats, mean: Floats) -> int:
    """Place of the update that is furthest from the mean along the principal direction."""
    around = honest - mean
    _, directions = np.linalg.eigh(around.T @ around)
    return int(np.argmax(np.abs(around @ directions[:, -1])))


@pytest.mark.parametrize("seed", range(20))
def test_copies_the_node_furthest_out(seed: int) -> None:
    random = np.random.default_rng(seed)
    updates = random.normal(size=6) + random.normal(size=(12, 6)) * np.array([3, 2, 1, 1, 1, 0.5])
    votes = random.dirichlet(np.full(12, 40.0))
    bad = np.arange(12) >= 9
    mean = votes[:9] @ updates[:9] / votes[:9].sum()
    found = np.asarray(attacks.mimic(view_of(updates, bad, votes)))
    assert (found == updates[furthest_out(updates[:9], mean)]).all()


def test_direction_of_most_spread_beats_the_furthest_node() -> None:
    # One node is further out than any other, and at right angles to where the others spread.
    updates = np.array([[0.0, 5.0], *([[3.0, -0.5], [-3.1, -0.5]] * 5), [9.0, 9.0]])
    found = attacks.mimic(view_of(updates, np.arange(12) == 11))
    assert found.tolist() == [-3.1, -0.5]


@pytest.mark.parametrize("seed", range(5))
def test_does_not_depend_on_order_and_rotation(seed: int) -> None:
    random = np.random.default_rng(seed)
    updates, bad = random.normal(size=(9, 4)), BAD_ONES
    chosen = np.asarray(attacks.mimic(view_of(updates, bad)))
    order, (turn, _) = random.permutation(9), np.linalg.qr(random.normal(size=(4, 4)))
    shuffled = np.asarray(attacks.mimic(view_of(updates[order] @ turn, bad[order])))
    assert shuffled == pytest.approx(chosen @ turn, abs=1e-12)


# --- Golden numbers ---


# By byzfl (ALIE) and by scipy's brentq and eigh from the definitions, in plain NumPy.
@pytest.mark.parametrize(
    ("name", "strength", "row"),
    [
        ("ipm", 0.5, [-0.0245316970, -0.0512033426, -0.0042843511]),
        ("alie", -1.5, [1.1233229605, 1.6219612570, 1.1535367308]),
        ("signed_alie", 1.5, [-1.0251961725, -1.4171478868, -1.1363993266]),
        ("min_max", np.nan, [-0.7192876682, -0.9844362026, -0.8103557259]),
        ("min_sum", np.nan, [-0.7873759343, -1.0807479687, -0.8829256060]),
        ("mimic", np.nan, [1.1414709848, 1.2463000877, 0.6349881502]),
    ],
)
def test_golden_rows(sheet: Floats, name: str, strength: float, row: list[float]) -> None:
    view = view_of(sheet, np.arange(11) >= 8, strength=strength)
    assert np.asarray(attacks.ATTACKS[name](view)) == pytest.approx(row, abs=1e-8)
