"""Heralded generation of pairs at a station midway along a fibre: how often, and how good.

Detectors are threshold detectors: they tell a click from none and do not count photons. The
fidelity is that of the pair at birth, before it ages by the flight of the herald.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float


def arm_efficiency(
    length_km: ArrayLike,
    device_efficiency: ArrayLike,
    attenuation_db_per_km: ArrayLike = 0.2,
) -> Float[Array, "..."]:
    """Returns the probability that a photon sent by one node is detected at the midpoint.

    The photon crosses half the link,

        efficiency = device efficiency * 10^(-attenuation (length / 2) / 10).

    Args:
        length_km: Length of fibre from node to node, in km; >= 0.
        device_efficiency: Probability that a photon is emitted, collected and detected when the
            fibre has no length; in [0, 1].
        attenuation_db_per_km: Loss of the fibre in dB/km; >= 0.

    Returns:
        The probability, in [0, 1].

    Source:
        Definition of the decibel; station at the midpoint as in Cabrillo et al., PRA 59, 1025
        (1999).

    Example:
        >>> print(f"{arm_efficiency(length_km=100.0, device_efficiency=0.3):.3f}")
        0.030
    """
    loss_db = jnp.multiply(attenuation_db_per_km, length_km) / 2.0
    return jnp.multiply(device_efficiency, 10.0 ** (-loss_db / 10.0))


def single_click(
    bright_population: ArrayLike,
    efficiency: ArrayLike,
    dark_probability: ArrayLike,
    visibility: ArrayLike,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Returns how often one attempt of the single-click scheme succeeds, and how good its pair is.

    An attempt succeeds when exactly one of the two detectors clicks. With bright population a,
    efficiency n, dark probability D and visibility V, the probability of one click is 2 D (1 - D)
    after no photon, and after one and two photons

        one = n (1 - D) + (1 - n) 2 D (1 - D),
        two = n^2 (1 + V)/2 (1 - D) + 2 n (1 - n) (1 - D) + (1 - n)^2 2 D (1 - D),
        p   = (1 - a)^2 2 D (1 - D) + 2 a (1 - a) one + a^2 two,
        F   = 2 a (1 - a) [n (1 - D) (1 + sqrt V)/2 + (1 - n) D (1 - D)] / p.

    The pair is not a Werner state: nearly all of 1 - F is |11>.

    Args:
        bright_population: Probability a that a node's qubit is in the state that emits; in [0, 1].
        efficiency: Probability n that an emitted photon is detected, alike for both arms; in
            [0, 1].
        dark_probability: Probability D that a detector clicks without a photon in one attempt; in
            [0, 1].
        visibility: Visibility V of two-photon interference, the squared overlap of the photons; in
            [0, 1].

    Returns:
        The probability p of success and the fidelity F with the heralded Bell state; the fidelity
        is 0 where nothing is ever heralded.

    Source:
        Cabrillo et al., PRA 59, 1025 (1999); Humphreys et al., Nature 558, 268 (2018); Hermans et
        al., arXiv:2208.07449; checked against a count of all clicks in
        `tests/physics/test_heralding.py`.

    Example:
        >>> probability, fidelity = single_click(0.1, 0.2, 0.0, 1.0)
        >>> print(f"{probability:.4f} {fidelity:.3f}")
        0.0396 0.909
    """
    bright, seen, dark, overlap = jnp.broadcast_arrays(
        bright_population, efficiency, dark_probability, visibility
    )
    lost, quiet, only_dark = 1.0 - seen, 1.0 - dark, 2.0 * dark * (1.0 - dark)
    one = seen * quiet + lost * only_dark
    two = seen**2 * (1.0 + overlap) / 2.0 * quiet + 2.0 * seen * lost * quiet + lost**2 * only_dark
    one_bright = 2.0 * bright * (1.0 - bright)
    probability = (1.0 - bright) ** 2 * only_dark + one_bright * one + bright**2 * two
    # A dark count points at either Bell state of opposite parity: half of them are right.
    right = seen * quiet * (1.0 + jnp.sqrt(overlap)) / 2.0 + lost * only_dark / 2.0
    return probability, _share(one_bright * right, probability)


def double_click(
    efficiency_a: ArrayLike,
    efficiency_b: ArrayLike,
    dark_probability: ArrayLike,
    visibility: ArrayLike,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Returns how often one attempt of the double-click scheme succeeds, and how good its pair is.

    Each node sends one photon in one of two modes; an attempt succeeds when in each mode exactly
    one of two detectors clicks. With efficiencies n and m, dark probability D and visibility V,

        one  = n (1 - m) + m (1 - n), none = (1 - n) (1 - m),
        p    = (1 - D)^2 {n m/2 + n m/2 (1 + V)/2 2 D + one 2 D + none 4 D^2},
        F    = (1 - D)^2 {n m/2 (1 + V)/2 + [one 2 D + none 4 D^2]/4} / p.

    Imperfect visibility dephases the pair, which is not a Werner state.

    Args:
        efficiency_a: Probability n that the photon of one node is detected; in [0, 1].
        efficiency_b: Probability m that the photon of the other node is detected; in [0, 1].
        dark_probability: Probability D that a detector clicks without a photon in one attempt; in
            [0, 1].
        visibility: Visibility V of two-photon interference, the squared overlap of the photons; in
            [0, 1].

    Returns:
        The probability p of success and the fidelity F with the heralded Bell state; the fidelity
        is 0 where nothing is ever heralded.

    Source:
        Barrett and Kok, PRA 71, 060310 (2005); event classes as in Avis et al., arXiv:2207.10579;
        checked against a count of all clicks in `tests/physics/test_heralding.py`.

    Example:
        >>> probability, fidelity = double_click(0.2, 0.2, 0.0, 0.9)
        >>> print(f"{probability:.4f} {fidelity:.3f}")
        0.0200 0.950
    """
    seen_a, seen_b, dark, overlap = jnp.broadcast_arrays(
        efficiency_a, efficiency_b, dark_probability, visibility
    )
    interfering = (1.0 + overlap) / 2.0
    both, neither = seen_a * seen_b, (1.0 - seen_a) * (1.0 - seen_b)
    either = seen_a * (1.0 - seen_b) + seen_b * (1.0 - seen_a)
    quiet = (1.0 - dark) ** 2
    uncorrelated = either * 2.0 * dark + neither * 4.0 * dark**2
    # Two photons bunched in one mode and a dark count in the other prove the qubits equal: a
    # success that is never right.
    bunched = both / 2.0 * interfering * 2.0 * dark
    probability = quiet * (both / 2.0 + bunched + uncorrelated)
    right = quiet * (both / 2.0 * interfering + uncorrelated / 4.0)
    return probability, _share(right, probability)


def attempt_period_s(
    length_km: ArrayLike,
    fibre_speed_km_per_s: ArrayLike = 2e5,
    overhead_s: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    """Returns the time from one attempt of a link to the next.

    The photon flies half the link and the herald flies it back,

        period = overhead + length / speed.

    The flight alone (no overhead) is also the age of a pair when the nodes first know of it.

    Args:
        length_km: Length of fibre from node to node, in km; >= 0.
        fibre_speed_km_per_s: Speed of light in the fibre, in km/s; > 0.
        overhead_s: Time of an attempt that is not flight, such as initialization, in s; >= 0.

    Returns:
        The period, in s.

    Source:
        Time of flight; station at the midpoint as in Cabrillo et al., PRA 59, 1025 (1999).

    Example:
        >>> print(f"{attempt_period_s(length_km=100.0, overhead_s=0.001):.4f}")
        0.0015
    """
    return jnp.add(overhead_s, jnp.divide(length_km, fibre_speed_km_per_s))


# (...), (...) -> (...), 0 where the whole is nothing.
def _share(part: Float[Array, "..."], whole: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.where(whole > 0.0, part / jnp.where(whole > 0.0, whole, 1.0), 0.0)
