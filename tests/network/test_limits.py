"""Whole attempts in a window, and what a round may hold."""

from fractions import Fraction
from typing import Any

import jax
import numpy as np
import pytest
from network import built

from ceas_gym.network import generation, limits
from ceas_gym.types import Network

attempts = jax.jit(generation.attempts)
EXACT = [
    *((0.002, 0.002, 1), (0.1, 0.001, 100), (0.3, 0.1, 3), (0.7, 0.1, 7), (1.1, 0.1, 11)),
    *((0.006, 0.003, 2), (1.0, 1e-6, 10**6), (3600, 0.0009, 4_000_000), (1e-9, 1e-9, 1)),
]
"""Window and overhead in s, and how many attempts of this length fit."""
RARE = {"scheme": "explicit", "success_probability": 1e-6, "initial_fidelity": 0.9, "modes": 1}
FOREVER = {"lifetime_s": None}
"""Of key, which would have too many ages in rounds as short as some are here."""


def build(nodes: int = 1, window_s: float = 1.0, **hardware: Any) -> Network:
    """Returns a star without length."""
    lengths = (0.0,) * nodes
    return built.build(RARE | hardware, FOREVER, nodes=nodes, lengths_km=lengths, window_s=window_s)


def made(network: Network, *shares: float) -> list[int]:
    """Returns the attempts of each node in a window with these shares of a channel."""
    schedule = np.array([shares], np.asarray(network.generation.attempts_per_window).dtype)
    return np.asarray(attempts(network, schedule))[0, :, 0].tolist()


# --- Whole attempts ---


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(("window_s", "overhead_s", "number"), EXACT)
def test_a_whole_number_of_attempts_is_made(
    window_s: float, overhead_s: float, number: int, wide: bool
) -> None:
    with jax.enable_x64(wide):
        assert made(build(window_s=window_s, attempt_overhead_s=overhead_s), 1.0) == [number]


@pytest.mark.parametrize("wide", [False, True])
def test_one_attempt_less_fits_into_a_window_that_is_a_little_shorter(wide: bool) -> None:
    for number in (1, 3, 100, 99_999, 10**7):
        with jax.enable_x64(wide):
            for short in (1e-7, 1e-8):
                network = build(window_s=0.1 * (1 - short), attempt_overhead_s=0.1 / number)
                assert made(network, 1.0) == [number - 1]


def test_flight_and_overhead_of_an_attempt_may_fill_the_window_exactly() -> None:
    hardware = RARE | {"attempt_overhead_s": 2e-4, "fibre_speed_km_per_s": 2e5}
    network = built.build(hardware, FOREVER, nodes=2, lengths_km=(60.0, 20.0), window_s=0.003)
    assert made(network, 1.0, 1.0) == [6, 10]


def test_whole_attempts_are_those_of_exact_arithmetic() -> None:
    random = np.random.default_rng(0)
    overheads = random.integers(1, 10**6, 400)
    windows = overheads * random.integers(1, 10**4, 400) + random.integers(-1, 2, 400)
    fitting = (windows / 1e9) / (overheads / 1e9)
    for dtype in ("float32", "float64"):
        got = np.floor(limits.whole_attempts(fitting[None], np.dtype(dtype)))[0]
        exact = [int(Fraction(int(w), int(o))) for w, o in zip(windows, overheads, strict=True)]
        assert got.tolist() == exact


@pytest.mark.parametrize("wide", [False, True])
def test_a_share_of_a_whole_number_is_made_though_the_action_is_rounded(wide: bool) -> None:
    """All shares k/m, as an action of 32 bits asks for them, of windows in which they are whole."""
    with jax.enable_x64(wide):
        for number in (3, 60, 360):
            network = build(720, window_s=0.1, attempt_overhead_s=0.1 / number)
            parts = [Fraction(k, m) for m in range(1, 40) for k in range(m + 1)]
            parts = [part for part in parts if (part * number).denominator == 1][:720]
            asked = np.array([2 * float(part) - 1 for part in parts], np.float32)
            shares = np.zeros(720, np.float32)
            shares[: len(parts)] = (asked + 1) / 2
            whole = [int(part * number) for part in parts]
            assert made(network, *shares.tolist())[: len(parts)] == whole


def test_no_share_makes_no_attempt_and_part_of_an_attempt_is_none() -> None:
    network = build(4, window_s=1.0, attempt_overhead_s=1e-7)
    assert made(network, 0.0, 0.5, 5e-8, 1e-7) == [0, 5_000_000, 0, 1]
    short = build(3, window_s=0.3, attempt_overhead_s=0.1)
    assert made(short, 0.333, 0.66, 0.9999) == [0, 1, 2]


# --- What a round may hold ---


def star(nodes: int, **settings: Any) -> dict[str, Any]:
    return {"nodes": nodes, "lengths_km": (0.0,) * nodes, "channels": nodes} | settings


LIMITED = {"attempt_overhead_s": 2.0**-10, "modes": 2**10}
"""A million attempts a second, more or less: 2^20."""


@pytest.mark.parametrize(
    ("settings", "hardware", "message"),
    [
        (star(1, window_s=17.0), {}, "17825792 attempts in a window, more than the 16777216"),
        (star(1, windows=2000), {}, "2097152000 attempts in a round, more than the 1073741824"),
        (
            star(4, windows=2),
            {"success_probability": 1.0},
            "make 8388608 pairs in a round on average, more than the 8323072",
        ),
        (
            star(4, windows=64),
            {"success_probability": 1.0, "modes": 10_000, "attempt_overhead_s": 1e-3},
            "make 2560000000 pairs in a round on average, more than the 8323072",
        ),
        (
            star(9, memories_per_link=10**6),
            {},
            "memories_per_link = 1000000 makes 9000000 memories of 9 nodes, more than the 8388608",
        ),
        (star(1000, windows=9000), {}, "windows = 9000 on 1000 routes of 1 hops"),
    ],
)
def test_a_round_that_can_not_be_counted_is_refused(
    settings: dict[str, Any], hardware: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        built.build(RARE | LIMITED | hardware, **settings)
    assert "network." in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_round_just_below_the_limits_is_not() -> None:
    for settings, success in (
        (star(1, window_s=16.0, windows=64), 1e-6),
        (star(4, windows=2), 0.99),
        (star(8, memories_per_link=10**6), 1e-6),
        (star(4, windows=2, channels=3), 1.0),
    ):
        network = built.build(RARE | LIMITED | {"success_probability": success}, **settings)
        assert network.routes.vertex.shape == (settings["nodes"],)


def test_a_route_makes_no_more_pairs_than_its_slowest_link() -> None:
    hardware = RARE | LIMITED | {"success_probability": 1.0, "fibre_speed_km_per_s": 2e5}
    near, far = 0.0, 2e5 / 2**10
    for second, refused in ((near, True), (far, False)):
        graph = built.chains(*[[near, second]] * 4)
        settings = {"graph": graph, "channels": 4, "windows": 2, "memories_per_link": 100}
        if refused:
            with pytest.raises(ValueError, match="8388608 pairs in a round"):
                built.build(hardware, **settings)
        else:
            built.build(hardware, **settings)
    graph = built.chains(*[[0.0, 0.0]] * 8)
    with pytest.raises(ValueError, match="makes 9600000 memories of 8 nodes"):
        built.build(hardware, graph=graph, memories_per_link=600_000)
