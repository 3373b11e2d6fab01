"""The compiled network against the physics below it: link budget, losses, decay, key, layout."""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from network import built
from pydantic import ValidationError
from scipy.integrate import quad

from ceas_gym.network import forecast, setup
from ceas_gym.network.durations import Steps
from ceas_gym.physics import bell, heralding
from ceas_gym.scenario import HardwareSettings, KeySettings, NetworkSettings
from ceas_gym.types import Network, Tags

pytestmark = pytest.mark.usefixtures("exact")
LENGTHS = (1.0, 7.5, 20.0)
SPEED = 214_000.0
PERFECT = {"gate_contraction": 1.0, "readout": 1.0}
EVEN = {"node_coherence_s": 0.02, "hub_coherence_s": 0.05, "node_coherence_spread": 0.0}
"""Short-lived memories, all alike, in which a flight of kilometres is felt."""


def build(
    hardware: dict[str, Any] | None = None,
    key_settings: dict[str, Any] | None = None,
    **settings: Any,
) -> Network:
    star = {"nodes": 3, "lengths_km": LENGTHS, "oldest_windows": 6}
    return built.build(hardware, key_settings, **(star | settings))


def exactly(number: float | list[float]) -> Any:
    """Equal but for the order of sums, in double precision."""
    return pytest.approx(number, rel=1e-10)


# --- Link budget ---


def test_ion_link_of_the_reference_sheet() -> None:
    # An arm of 0.107850702625: half a kilometre of fibre behind the ion set's 0.111.
    network = build()
    assert float(network.generation.success_probability[0, 0]) == pytest.approx(
        5.821266801846e-03, rel=1e-9
    )
    letters = np.asarray(network.generation.contraction)[:, 0, 0]
    coherence_s = setup.layout(NetworkSettings(nodes=3), HardwareSettings())[1]
    aged = math.exp(-1.0 / SPEED * (1 / 42.0 + 1 / coherence_s[1]))
    mean = (4 * 0.944331659226 - 1) / 3 * aged
    assert letters.mean() == pytest.approx(mean, rel=1e-9)
    # Two photons that differ dephase the pair: Z fares better than X and Y.
    assert letters[0] == pytest.approx(letters[1], rel=1e-9)
    assert letters[2] > letters[0] + 0.1


@pytest.mark.parametrize(
    ("length_km", "single_click", "double_click"),
    [
        (10.0, (2.382984704173e-02, 0.955617789450), (2.839308050161e-02, 0.999978822014)),
        (100.0, (3.0e-03, 0.950111791448), (4.5e-04, 0.999804044808)),
    ],
)
def test_ideal_link_budget_of_the_reference_sheet(
    length_km: float, single_click: tuple[float, float], double_click: tuple[float, float]
) -> None:
    """Probabilities of the ideal formulas, and fidelities with dark counts."""
    ideal = {"device_efficiency": 0.3, "attenuation_db_per_km": 0.2, "visibility": 1.0}
    lasting = {"hub_coherence_s": 1e9, "node_coherence_s": 1e9, "bright_population": 0.05}
    for scheme, (success, fidelity) in (
        ("single_click", single_click),
        ("double_click", double_click),
    ):
        given = {"scheme": scheme, "dark_probability": 1e-6} | ideal | lasting
        network = build(given, nodes=1, lengths_km=(length_km,))
        letters = np.asarray(network.generation.contraction)[:, 0, 0]
        assert (1 + letters.sum()) / 4 == pytest.approx(fidelity, abs=1e-9)
        # The ideal formula counts no dark counts, and no second photon.
        assert float(network.generation.success_probability[0, 0]) == pytest.approx(
            success, rel=0.02
        )


def test_link_budget_is_that_of_the_scheme() -> None:
    arm = heralding.arm_efficiency(jnp.array(LENGTHS), 0.111, 0.25)
    for scheme, heralded in (
        ("double_click", heralding.double_click_pair(arm, arm, 1.4e-5, 0.89)),
        ("single_click", heralding.single_click_pair(0.07, arm, 1.4e-5, 0.89)),
    ):
        lasting = {"hub_coherence_s": 1e9, "node_coherence_s": 1e9}
        network = build({"scheme": scheme, "bright_population": 0.07} | lasting)
        success, pair = heralded
        assert network.generation.success_probability[:, 0].tolist() == exactly(success.tolist())
        letters = np.asarray(bell.to_letters(pair)).T
        assert np.asarray(network.generation.contraction)[..., 0] == pytest.approx(
            letters, rel=1e-10
        )


def test_explicit_link_budget_is_a_werner_pair() -> None:
    explicit = {"scheme": "explicit", "success_probability": 0.02, "initial_fidelity": 0.97}
    network = build(explicit | {"hub_coherence_s": 1e9, "node_coherence_s": 1e9})
    assert network.generation.success_probability[:, 0].tolist() == exactly([0.02] * 3)
    assert network.generation.contraction.ravel().tolist() == exactly([0.96] * 9)


@pytest.mark.parametrize(("memory", "z_ages"), [("depolarizing", True), ("dephasing", False)])
def test_pair_is_a_flight_old_when_it_is_heralded(memory: str, z_ages: bool) -> None:
    """The herald flies from the midpoint to both ends as the photons flew to it: L/c in all."""
    perfect = {"scheme": "explicit", "success_probability": 0.02, "initial_fidelity": 1.0}
    network = build(perfect | EVEN | {"memory": memory})
    aged = np.exp(-np.array(LENGTHS) / SPEED * (1 / 0.02 + 1 / 0.05))
    assert aged.min() < 0.994
    letters = np.asarray(network.generation.contraction)[..., 0]
    for row, ages in zip(letters, (True, True, z_ages), strict=True):
        assert row.tolist() == exactly((aged if ages else np.ones(3)).tolist())


def test_links_of_a_route_age_in_the_memories_at_their_own_ends() -> None:
    perfect = {"scheme": "explicit", "success_probability": 0.02, "initial_fidelity": 1.0}
    network = built.build(perfect | EVEN, graph=built.chains([30.0, 50.0]))
    hub, relay = 30.0 / SPEED * (1 / 0.05 + 1 / 0.02), 50.0 / SPEED * (2 / 0.02)
    expected = np.exp([-hub, -relay]).tolist()
    assert network.generation.contraction[0, 0].tolist() == exactly(expected)


def test_attempts_in_a_window_follow_from_the_flight_and_the_overhead() -> None:
    network = build({"attempt_overhead_s": 1e-5}, window_s=0.5)
    period = 1e-5 + np.array(LENGTHS) / SPEED
    assert network.generation.attempts_per_window[:, 0].tolist() == exactly((0.5 / period).tolist())
    short = built.build(graph=built.chains([1.0], [1.0, 20.0]))
    assert (np.asarray(short.generation.attempts_per_window) > 0).tolist() == [
        [True, False],
        [True, True],
    ]


def test_more_attempts_than_can_be_counted_are_refused() -> None:
    with pytest.raises(ValueError, match="more than the 16777216 that can be counted"):
        build(window_s=3600)


# --- Swaps and delivery ---


def test_each_swap_costs_one_measurement() -> None:
    noise = {"gate_contraction": 0.96, "readout": 0.97}
    lasting = {"hub_coherence_s": 1e9, "node_coherence_s": 1e9}
    graph = built.chains([5.0], [5.0, 5.0], [5.0, 5.0, 5.0])
    network = built.build(noise | lasting, graph=graph)
    once = np.array([0.96 * 0.94, 0.96 * 0.94**2, 0.96 * 0.94])
    swaps = np.asarray(network.operations.swap_contraction)
    for node in range(3):
        assert swaps[:, node] == pytest.approx(once**node, rel=1e-10)
        assert np.asarray(network.operations.delivery_contraction)[:, node] == pytest.approx(
            once, rel=1e-10
        )


@pytest.mark.parametrize(
    ("lengths_km", "farther_km"), [([7, 12], 12), ([12, 7], 12), ([3, 8, 5], 13), ([9], 0)]
)
def test_swapped_pair_waits_for_the_outcome_at_its_farther_end(
    lengths_km: list[float], farther_km: float
) -> None:
    network = built.build(EVEN | PERFECT, graph=built.chains(lengths_km))
    aged = math.exp(-farther_km / SPEED * (1 / 0.02 + 1 / 0.05))
    assert network.operations.swap_contraction[:, 0].tolist() == exactly([aged] * 3)


@pytest.mark.parametrize(("memory", "z_ages"), [("depolarizing", True), ("dephasing", False)])
def test_teleported_qubit_waits_in_the_node_for_the_outcome(memory: str, z_ages: bool) -> None:
    network = build(EVEN | PERFECT | {"memory": memory})
    aged = np.exp(-np.array(LENGTHS) / SPEED / 0.02).tolist()
    x, y, z = network.operations.delivery_contraction.tolist()
    assert (x, y) == (exactly(aged), exactly(aged))
    assert z == exactly(aged if z_ages else [1.0] * 3)


def test_latency_is_that_of_the_whole_route() -> None:
    network = built.build(graph=built.chains([7.0], [12.0, 30.0]), window_s=0.01)
    assert network.routes.latency.tolist() == exactly([7 / SPEED / 0.01, 42 / SPEED / 0.01])


# --- Decay ---


@pytest.mark.parametrize("window_s", [1.0, 7.0])
def test_new_contraction_is_the_mean_over_its_window(window_s: float) -> None:
    """Pairs are heralded at any time of their window, and counted at its end."""
    network = build(window_s=window_s)
    links = built.steady(network)
    coherence = setup.layout(NetworkSettings(nodes=3), HardwareSettings())[1]
    for node in range(3):
        rate = 1 / coherence[0] + 1 / coherence[1 + node]

        def waited(time: float, rate: float = rate) -> float:
            return math.exp(-rate * time)

        mean = quad(waited, 0.0, window_s, epsabs=1e-13)[0] / window_s
        new = network.generation.contraction[:, node, 0] * mean
        assert links.fresh[0, :, node, 0].tolist() == pytest.approx(new.tolist(), rel=1e-10)
        for decay in (links.decay[0, :, node], links.link_decay[0, :, node, 0]):
            assert decay.tolist() == pytest.approx([waited(window_s)] * 3, rel=1e-10)


def test_dephasing_leaves_z_alone() -> None:
    links = built.steady(build({"memory": "dephasing"}))
    assert (np.asarray(links.decay)[0, 2] == 1).all()
    assert (np.asarray(links.decay)[0, :2] < 0.98).all()


def test_t1_acts_on_z_and_t2_on_x_and_y_everywhere() -> None:
    """In the flight of the herald, in storage, and while outcomes are on their way."""
    perfect = {"scheme": "explicit", "success_probability": 0.02, "initial_fidelity": 1.0}
    relaxing = {"memory": "t1_t2", "hub_relaxation_s": 0.04, "node_relaxation_s": 0.03}
    network = built.build(
        perfect | EVEN | PERFECT | relaxing,
        key_settings={"lifetime_s": None},
        graph=built.chains([30.0, 50.0]),
        window_s=0.001,
    )
    hub, node = np.array([1 / 0.05, 1 / 0.05, 1 / 0.04]), np.array([1 / 0.02, 1 / 0.02, 1 / 0.03])
    links = built.steady(network)
    for got, rate, seconds in (
        (network.generation.contraction[:, 0, 0], hub + node, 30.0 / SPEED),
        (network.generation.contraction[:, 0, 1], 2 * node, 50.0 / SPEED),
        (network.operations.swap_contraction[:, 0], hub + node, 50.0 / SPEED),
        (network.operations.delivery_contraction[:, 0], node, 80.0 / SPEED),
        (links.decay[0, :, 0], hub + node, 0.001),
        (links.link_decay[0, :, 0, 1], 2 * node, 0.001),
    ):
        assert got.tolist() == exactly(np.exp(-rate * seconds).tolist())


def test_t1_of_a_node_is_longer_by_the_same_factor_as_its_t2() -> None:
    network = build({"memory": "t1_t2", "hub_relaxation_s": 84.0, "node_relaxation_s": 30.0})
    xy, _, z = np.asarray(network.memories.decay_rate)
    assert (xy[1:] / z[1:]).tolist() == exactly([1.5] * 3)
    assert xy[0] / z[0] == exactly(2.0)
    assert len(set(z[1:].tolist())) == 3


def test_best_memories_neither_decay_nor_overflow() -> None:
    best = {"node_coherence_s": 1e9, "hub_coherence_s": 1e9, "node_coherence_spread": 5.0}
    network = build(best, lengths_km=(1.0, 1.0, 1.0))
    links = built.steady(network)
    fresh = np.asarray(links.fresh)[0].mean(axis=0)
    assert fresh.ravel().tolist() == pytest.approx([(4 * 0.944331659226 - 1) / 3] * 3, rel=1e-6)
    assert forecast.lifetime(network, links).tolist() == [6, 6, 6]


def test_all_is_lost_in_bad_memories() -> None:
    network = build({"node_coherence_s": 1e-2, "node_coherence_spread": 0.0})
    links = built.steady(network)
    assert float(links.decay.max()) < 1e-40
    assert forecast.lifetime(network, links).tolist() == [0, 0, 0]


def test_without_cutoff_any_fidelity_is_kept() -> None:
    assert float(build(cutoff_fidelity=None).memories.cutoff_fidelity) == 0.0
    assert float(build(cutoff_fidelity=0.7).memories.cutoff_fidelity) == exactly(0.7)


# --- Key ---


def test_pools_hold_key_for_some_rounds() -> None:
    assert float(build().key.round_bits) == float(build().key.tag_bits)
    budget = setup.key_budget(
        KeySettings(capacity_rounds=2.5),
        Tags(bits=40, number=2, members=4),
        HardwareSettings(),
        Steps(window_s=1.0, windows=8),
    )
    assert float(budget.round_bits) == 80
    assert float(budget.capacity_bits) == 200
    assert float(budget.node_bits) == 320


@pytest.mark.parametrize(
    ("lifetime_s", "slots", "expires"), [(None, 1, False), (7.0, 4, True), (1.9, 1, True)]
)
def test_key_slots_are_its_lifetime(lifetime_s: float | None, slots: int, expires: bool) -> None:
    """In rounds of 2 s."""
    network = build(key_settings={"lifetime_s": lifetime_s}, windows=4, window_s=0.5)
    assert (network.key.slots, network.key.expires) == (slots, expires)
    assert int(network.key.slot_windows) == 4


# --- Layout ---


def drawn(settings: NetworkSettings, hardware: HardwareSettings) -> tuple[np.ndarray, np.ndarray]:
    """Returns the lengths, and the coherence times of the nodes; the hub's is not drawn."""
    routes, coherence = setup.layout(settings, hardware)
    assert coherence[0] == hardware.hub_coherence_s
    return routes.length_km, coherence[1:]


def test_layout_belongs_to_its_seed() -> None:
    settings, other = NetworkSettings(nodes=40), NetworkSettings(nodes=40, layout_seed=1)
    hardware = HardwareSettings()
    first, again = drawn(settings, hardware), drawn(settings, hardware)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert all((a != b).all() for a, b in zip(first, drawn(other, hardware), strict=True))
    assert ((first[0] >= 1.0) & (first[0] <= 20.0)).all()


def test_layout_statistics() -> None:
    lengths, coherence = drawn(NetworkSettings(nodes=1000), HardwareSettings())
    assert abs(lengths.mean() - 10.5) <= 4 * 19 / math.sqrt(12 * 1000)
    logs = np.log(coherence / 20.0)
    assert abs(logs.mean()) <= 4 * 0.5 / math.sqrt(1000)
    assert abs(logs.std() - 0.5) <= 4 * 0.5 / math.sqrt(2 * 1000)


def test_explicit_lengths_keep_the_drawn_memories() -> None:
    hardware = HardwareSettings()
    first = drawn(NetworkSettings(nodes=3), hardware)
    lengths, coherence = drawn(NetworkSettings(nodes=3, lengths_km=LENGTHS), hardware)
    assert lengths.tolist() == list(LENGTHS)
    assert (coherence == first[1]).all()


def test_equal_memories_without_spread() -> None:
    coherence = drawn(NetworkSettings(nodes=3), HardwareSettings(node_coherence_spread=0))[1]
    assert coherence.tolist() == [20.0] * 3


@pytest.mark.parametrize(
    ("section", "settings", "message"),
    [
        (NetworkSettings, {"nodes": 3, "lengths_km": (1.0,)}, "lengths_km has 1 entries"),
        (NetworkSettings, {"shortest_km": 30.0}, "shortest_km = 30.0 is above"),
        (HardwareSettings, {"scheme": "explicit"}, "needs success_probability"),
        (HardwareSettings, {"success_probability": 0.1}, "for scheme = explicit only"),
    ],
)
def test_settings_that_contradict_each_other(
    section: Callable[..., object], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        section(**settings)
