"""The compiled network against the physics below it: link budget, decay table, cut-off, key."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError
from scipy.integrate import quad

from ceas_gym.network import setup
from ceas_gym.physics import bell, heralding, key
from ceas_gym.scenario import HardwareSettings, KeySettings, NetworkSettings
from ceas_gym.types import Network

pytestmark = pytest.mark.usefixtures("exact")
depolarize = jax.jit(bell.depolarize)
LENGTHS = (1.0, 7.5, 20.0)
SPEED = 214_000.0


def build(
    hardware: dict[str, Any] | None = None, key_settings: dict[str, Any] | None = None, **star: Any
) -> Network:
    star = {"nodes": 3, "lengths_km": LENGTHS, "oldest_windows": 6} | star
    return setup.build(
        NetworkSettings(**star),
        HardwareSettings(**(hardware or {})),
        KeySettings(**(key_settings or {})),
        qubits=2,
        parameters=8,
        accepts_unauthenticated=False,
    )


# --- Link budget ---


def test_ion_link_of_the_reference_sheet() -> None:
    # An arm of 0.107850702625: half a kilometre of fibre behind the ion set's 0.111.
    network = build()
    assert float(network.success_probability[0]) == pytest.approx(5.821266801846e-03, rel=1e-9)
    coherence = setup.layout(NetworkSettings(nodes=3), HardwareSettings())[1][0]
    flight = 1.0 / SPEED
    decay = math.exp(-flight * (1 / coherence + 1 / 42.0))
    per_window = 1 / coherence + 1 / 42.0
    new = (4 * 0.944331659226 - 1) / 3 * decay
    mean = new * (1 - math.exp(-per_window)) / per_window
    assert float(network.contraction[0, 0]) == pytest.approx(mean, rel=1e-9)


def test_link_budget_is_that_of_the_scheme() -> None:
    arm = heralding.arm_efficiency(jnp.array(LENGTHS), 0.111, 0.25)
    double, _ = heralding.double_click(arm, arm, 1.4e-5, 0.89)
    single, fidelity = heralding.single_click(0.07, arm, 1.4e-5, 0.89)
    assert build().success_probability.tolist() == pytest.approx(double.tolist(), rel=1e-12)
    network = build({"scheme": "single_click", "bright_population": 0.07}, window_s=1e-9)
    assert network.success_probability.tolist() == pytest.approx(single.tolist(), rel=1e-12)
    new = (4 * fidelity - 1) / 3
    assert network.contraction[:, 0].tolist() == pytest.approx(new.tolist(), rel=1e-4)


def test_explicit_link_budget() -> None:
    network = build(
        {"scheme": "explicit", "success_probability": 0.02, "initial_fidelity": 0.97},
        window_s=1e-9,
    )
    assert network.success_probability.tolist() == pytest.approx([0.02] * 3)
    flight = np.array(LENGTHS) / SPEED
    coherence = setup.layout(NetworkSettings(nodes=3), HardwareSettings())[1]
    new = 0.96 * np.exp(-flight * (1 / coherence + 1 / 42.0))
    assert network.contraction[:, 0].tolist() == pytest.approx(new.tolist(), rel=1e-9)


def test_attempts_in_a_window_follow_from_the_flight_and_the_overhead() -> None:
    network = build({"attempt_overhead_s": 1e-5}, window_s=0.5)
    period = 1e-5 + np.array(LENGTHS) / SPEED
    assert network.attempts_per_window.tolist() == pytest.approx((0.5 / period).tolist())


# --- Decay ---


def mean_over_the_window(network: Network, node: int, age: int, window_s: float) -> float:
    """Contraction at a window's end, averaged over when in its window the pair was heralded."""
    coherence = setup.layout(NetworkSettings(nodes=3), HardwareSettings())[1][node]
    arm = heralding.arm_efficiency(LENGTHS[node], 0.111, 0.25)
    initial = heralding.double_click(arm, arm, 1.4e-5, 0.89)[1]
    pair = bell.werner((4 * initial - 1) / 3)

    def contraction(waited: float) -> float:
        time = LENGTHS[node] / SPEED + waited + age * window_s
        return float(bell.contraction(depolarize(pair, time, coherence, 42.0)))

    return quad(contraction, 0.0, window_s, epsabs=1e-13)[0] / window_s


@pytest.mark.parametrize("window_s", [1.0, 7.0])
def test_contraction_table_is_the_mean_over_the_window(window_s: float) -> None:
    network = build(window_s=window_s)
    for node, age in ((0, 0), (1, 0), (1, 3), (2, 5)):
        expected = mean_over_the_window(network, node, age, window_s)
        assert float(network.contraction[node, age]) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("coherence_s", [1e4, 1e6, 1e9])
def test_no_decay_as_coherence_grows(coherence_s: float) -> None:
    lasting = {
        "node_coherence_s": coherence_s,
        "hub_coherence_s": coherence_s,
        "node_coherence_spread": 0.0,
    }
    network = build(lasting, lengths_km=(1.0, 1.0, 1.0))
    lost = 1 - np.asarray(network.contraction) / ((4 * 0.944331659226 - 1) / 3)
    # Two memories for at most six windows.
    assert lost.max() == pytest.approx(2 * 5.5 / coherence_s, rel=0.01, abs=1e-11)
    assert network.delivery_contraction.tolist() == pytest.approx([1.0] * 3, rel=1e-8)
    assert network.lifetime.tolist() == [5, 5, 5]


def test_best_memories_do_not_overflow_single_precision() -> None:
    best = {"node_coherence_s": 1e9, "hub_coherence_s": 1e9, "node_coherence_spread": 5.0}
    with jax.enable_x64(False):
        network = build(best, lengths_km=(1.0, 1.0, 1.0))
    expected = (4 * 0.944331659226 - 1) / 3
    assert network.contraction.ravel().tolist() == pytest.approx([expected] * 18, rel=1e-6)


def test_all_is_lost_in_bad_memories() -> None:
    network = build({"node_coherence_s": 1e-2, "node_coherence_spread": 0.0})
    assert float(network.contraction[:, 1:].max()) < 1e-40
    assert network.lifetime.tolist() == [-1, -1, -1]


def test_delivery_decays_in_the_node_for_a_flight() -> None:
    coherence = setup.layout(NetworkSettings(nodes=3), HardwareSettings())[1]
    expected = np.exp(-np.array(LENGTHS) / SPEED / coherence)
    assert build().delivery_contraction.tolist() == pytest.approx(expected.tolist(), rel=1e-12)


# --- Cut-off ---


@pytest.mark.parametrize("cutoff", [0.5, 0.7, 0.8, 0.9, 0.94, 0.99])
def test_lifetime_is_the_last_age_above_the_cutoff(cutoff: float) -> None:
    network = build(cutoff_fidelity=cutoff, oldest_windows=20)
    fidelity = np.asarray(bell.fidelity(bell.werner(network.contraction)))
    for node, lifetime in enumerate(network.lifetime.tolist()):
        assert (fidelity[node, : lifetime + 1] >= cutoff).all()
        assert (fidelity[node, lifetime + 1 :] < cutoff).all()


def test_lifetimes_are_not_all_alike() -> None:
    lifetimes = {cutoff: build(cutoff_fidelity=cutoff).lifetime.tolist() for cutoff in (0.8, 0.99)}
    assert len(set(lifetimes[0.8])) > 1
    assert lifetimes[0.99] == [-1, -1, -1]


def test_without_cutoff_only_the_table_ends() -> None:
    bad = {"node_coherence_s": 0.5}
    assert build(bad, cutoff_fidelity=None).lifetime.tolist() == [5, 5, 5]


# --- Key ---


def test_secret_fraction_is_that_of_a_pair_measured_when_known() -> None:
    network = build()
    coherence = setup.layout(NetworkSettings(nodes=3), HardwareSettings())[1]
    arm = heralding.arm_efficiency(jnp.array(LENGTHS), 0.111, 0.25)
    werner = bell.werner((4 * heralding.double_click(arm, arm, 1.4e-5, 0.89)[1] - 1) / 3)
    new = bell.depolarize(werner, jnp.array(LENGTHS) / SPEED, jnp.asarray(coherence), 42.0)
    expected = key.secret_fraction(new).tolist()
    assert network.secret_fraction.tolist() == pytest.approx(expected, rel=1e-12)
    assert min(expected) > 0.5


def test_noisy_links_make_no_key() -> None:
    noisy = {"scheme": "explicit", "success_probability": 0.1, "initial_fidelity": 0.83}
    assert build(noisy).secret_fraction.tolist() == [0.0, 0.0, 0.0]


def test_tag_covers_header_and_update() -> None:
    network = build(key_settings={"security_bits": 40, "capacity_tags": 2.5})
    assert float(network.tag_bits) == key.tag_bits(64 + 8 * 32, 40)
    assert float(network.key_capacity_bits) == 2.5 * float(network.tag_bits)


@pytest.mark.parametrize(("rounds", "slots", "expires"), [(None, 1, False), (7, 7, True)])
def test_key_slots_are_its_lifetime(rounds: int | None, slots: int, expires: bool) -> None:
    network = build(key_settings={"lifetime_rounds": rounds})
    assert (network.key_slots, network.key_expires) == (slots, expires)


# --- Layout ---


def test_layout_belongs_to_its_seed() -> None:
    settings, other = NetworkSettings(nodes=40), NetworkSettings(nodes=40, layout_seed=1)
    hardware = HardwareSettings()
    first, again = setup.layout(settings, hardware), setup.layout(settings, hardware)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert all((a != b).all() for a, b in zip(first, setup.layout(other, hardware), strict=True))
    assert ((first[0] >= 1.0) & (first[0] <= 20.0)).all()


def test_layout_statistics() -> None:
    lengths, coherence = setup.layout(NetworkSettings(nodes=1000), HardwareSettings())
    assert abs(lengths.mean() - 10.5) <= 4 * 19 / math.sqrt(12 * 1000)
    logs = np.log(coherence / 20.0)
    assert abs(logs.mean()) <= 4 * 0.5 / math.sqrt(1000)
    assert abs(logs.std() - 0.5) <= 4 * 0.5 / math.sqrt(2 * 1000)


def test_explicit_lengths_keep_the_drawn_memories() -> None:
    hardware = HardwareSettings()
    drawn = setup.layout(NetworkSettings(nodes=3), hardware)
    lengths, coherence = setup.layout(NetworkSettings(nodes=3, lengths_km=LENGTHS), hardware)
    assert lengths.tolist() == list(LENGTHS)
    assert (coherence == drawn[1]).all()


def test_equal_memories_without_spread() -> None:
    coherence = setup.layout(NetworkSettings(nodes=3), HardwareSettings(node_coherence_spread=0))[1]
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
