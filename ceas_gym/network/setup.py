"""Settings to `Network`: link budgets, decay tables and key rates of the star."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from ceas_gym.physics import bell, heralding, key
from ceas_gym.scenario import HardwareSettings, KeySettings, NetworkSettings
from ceas_gym.types import Network

HEADER_BITS = 64
"""Node and round, which the tag covers beside the update."""
WORD_BITS = 32
"""Of each parameter in an update."""

MOST_ATTEMPTS = 2**24
"""In a window and on a link: counts are exact in 32 bits up to here."""


def build(
    settings: NetworkSettings,
    hardware: HardwareSettings,
    key_settings: KeySettings,
    qubits: int,
    parameters: int,
    *,
    accepts_unauthenticated: bool,
) -> Network:
    """Returns the network half of a scenario.

    Args:
        settings: Star, memories and windows.
        hardware: Photon interface and coherence times.
        key_settings: Tags and the key pool.
        qubits: Pairs that a shot takes.
        parameters: Numbers in an update, which decide the length of a tag.
        accepts_unauthenticated: Whether nodes without a tag take part.
    """
    lengths_km, node_coherence_s = layout(settings, hardware)
    period_s = heralding.attempt_period_s(
        lengths_km, hardware.fibre_speed_km_per_s, hardware.attempt_overhead_s
    )
    _check_attempts(settings.window_s / np.asarray(period_s).min() * hardware.modes)
    latency_s = jnp.asarray(lengths_km) / hardware.fibre_speed_km_per_s
    success, fidelity = _herald(hardware, jnp.asarray(lengths_km))
    # A pair is already one flight old in both memories when the nodes learn of it.
    coherence_s = (jnp.asarray(node_coherence_s), hardware.hub_coherence_s)
    new = bell.depolarize(bell.werner((4 * fidelity - 1) / 3), latency_s, *coherence_s)
    rate = 1 / jnp.asarray(node_coherence_s) + 1 / hardware.hub_coherence_s
    contraction = _decay_table(bell.contraction(new), rate, settings)
    tag_bits = key.tag_bits(WORD_BITS * parameters + HEADER_BITS, key_settings.security_bits)
    lifetime_rounds = key_settings.lifetime_rounds
    return Network(
        attempts_per_window=settings.window_s / period_s,
        modes=jnp.int32(hardware.modes),
        success_probability=success,
        contraction=contraction,
        delivery_contraction=jnp.exp(-latency_s / jnp.asarray(node_coherence_s)),
        lifetime=_lifetime(contraction, settings.cutoff_fidelity),
        memories=jnp.int32(settings.memories_per_link),
        channels=jnp.float32(settings.channels),
        secret_fraction=key.secret_fraction(new),
        tag_bits=jnp.float32(tag_bits),
        key_capacity_bits=jnp.float32(tag_bits * key_settings.capacity_tags),
        windows=settings.windows,
        qubits=qubits,
        key_slots=1 if lifetime_rounds is None else lifetime_rounds,
        key_expires=lifetime_rounds is not None,
        oldest_first=settings.spend_order == "oldest_first",
        unauthenticated_spend=accepts_unauthenticated,
    )


def layout(
    settings: NetworkSettings, hardware: HardwareSettings
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns the fibre lengths in km and the nodes' coherence times in s, a number a node."""
    random = np.random.default_rng(settings.layout_seed)
    lengths = random.uniform(settings.shortest_km, settings.longest_km, settings.nodes)
    if settings.lengths_km is not None:
        lengths = np.array(settings.lengths_km)
    spread = random.normal(0.0, hardware.node_coherence_spread, settings.nodes)
    return lengths, hardware.node_coherence_s * np.exp(spread)


def _herald(hardware: HardwareSettings, lengths_km: Array) -> tuple[Array, Array]:
    if hardware.success_probability is not None and hardware.initial_fidelity is not None:
        ones = jnp.ones_like(lengths_km)
        return ones * hardware.success_probability, ones * hardware.initial_fidelity
    efficiency = heralding.arm_efficiency(
        lengths_km, hardware.device_efficiency, hardware.attenuation_db_per_km
    )
    noise = (hardware.dark_probability, hardware.visibility)
    if hardware.scheme == "single_click":
        return heralding.single_click(hardware.bright_population, efficiency, *noise)
    return heralding.double_click(efficiency, efficiency, *noise)


def _check_attempts(most: float) -> None:
    if most > MOST_ATTEMPTS:
        raise ValueError(
            f"network.window_s and hardware.modes allow {most:.0f} attempts in a window, "
            f"more than the {MOST_ATTEMPTS} that can be counted"
        )


def _decay_table(new: Array, rate: Array, settings: NetworkSettings) -> Array:
    # Mean contraction at a window's end by age in windows, (nodes, ages): pairs are heralded at a
    # uniformly random time of their window, so age zero averages exp(-rate t) over the window.
    per_window = (rate * settings.window_s)[:, None]
    ages = jnp.arange(settings.oldest_windows)
    return new[:, None] * -jnp.expm1(-per_window) / per_window * jnp.exp(-per_window * ages)


def _lifetime(contraction: Array, cutoff_fidelity: float | None) -> Array:
    if cutoff_fidelity is None:
        return jnp.full(contraction.shape[0], contraction.shape[1] - 1, jnp.int32)
    kept = (1 + 3 * contraction) / 4 >= cutoff_fidelity
    return kept.sum(axis=1).astype(jnp.int32) - 1
