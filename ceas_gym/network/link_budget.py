"""What a single fibre link makes of an attempt: the chance of a pair, and its contraction."""

from functools import partial

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.physics import bell, heralding
from ceas_gym.scenario import HardwareSettings


def attempt_period_s(
    hardware: HardwareSettings, hop_km: Float[np.ndarray, "*links"]
) -> Float[np.ndarray, "*links"]:
    """Returns the time from one attempt of a mode to the next, in s.

    Args:
        hardware: Overhead of an attempt, and speed of light in the fibre.
        hop_km: Lengths of the links, in km.
    """
    return hardware.attempt_overhead_s + hop_km / hardware.fibre_speed_km_per_s


# Compiled as one program, which is faster than compiling each operation alone.
@partial(once, static_argnums=0)
def new_pairs(
    hardware: HardwareSettings, hop_km: Array, decay_rate: Float[Array, "xyz nodes hops 2"]
) -> tuple[Array, Array]:
    """Returns the success probability of an attempt, and the contraction of the pair it makes.

    The contraction is that of the pair when both ends learn of it. By then it has been in both
    memories for the flight time of a photon and its herald.

    Args:
        hardware: Scheme, photon interface and fibre; a static argument.
        hop_km: Lengths of the links, in km; shape (nodes, hops).
        decay_rate: Of the memories at both ends, in 1/s.

    Returns:
        Probabilities in [0, 1], shape (nodes, hops), and contractions in [-1, 1], shape (xyz,
        nodes, hops).
    """
    success, pair = _herald(hardware, hop_km)
    flight_s = hop_km / hardware.fibre_speed_km_per_s
    one_end, other_end = jnp.moveaxis(decay_rate, -1, 0)
    aged = bell.decay(pair, flight_s, (*one_end,), (*other_end,))
    return success, jnp.moveaxis(bell.to_letters(aged), -1, 0)


def _herald(hardware: HardwareSettings, lengths_km: Array) -> tuple[Array, Array]:
    if hardware.success_probability is not None and hardware.initial_fidelity is not None:
        pair = bell.werner((4 * hardware.initial_fidelity - 1) / 3)
        ones = jnp.ones_like(lengths_km)
        return ones * hardware.success_probability, ones[..., None] * pair
    efficiency = heralding.arm_efficiency(
        lengths_km, hardware.device_efficiency, hardware.attenuation_db_per_km
    )
    noise = (hardware.dark_probability, hardware.visibility)
    if hardware.scheme == "single_click":
        return heralding.single_click_pair(hardware.bright_population, efficiency, *noise)
    return heralding.double_click_pair(efficiency, efficiency, *noise)
