"""Heralded generation of pairs at a station midway along a fibre: success probability and state.

Detectors are threshold detectors, which do not count photons. The fidelity is that of the new pair,
before it ages while the herald travels.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ceas_gym.physics import bell


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
    """Returns success probability and fidelity of one attempt of the single-click scheme.

    They are those of `single_click_pair`. The pair is not a Werner state: without dark counts and
    at full visibility, all of 1 - F is |11>.

    Args:
        bright_population: Probability that a node's qubit is in the state that emits; in [0, 1].
        efficiency: Probability that an emitted photon is detected, alike for both arms; in [0, 1].
        dark_probability: Probability that a detector clicks without a photon in one attempt; in
            [0, 1].
        visibility: Visibility of two-photon interference, the squared overlap of the photons; in
            [0, 1].

    Returns:
        The probability of success, and the fidelity with the heralded Bell state, both in [0, 1];
        the fidelity is 0 where the probability is 0.

    Source:
        See `single_click_pair`.

    Example:
        >>> probability, fidelity = single_click(0.1, 0.2, 0.0, 1.0)
        >>> print(f"{probability:.4f} {fidelity:.3f}")
        0.0396 0.909
    """
    click = (bright_population, efficiency, dark_probability, visibility)
    probability, pair = single_click_pair(*click)
    return probability, bell.fidelity(pair)


def single_click_pair(
    bright_population: ArrayLike,
    efficiency: ArrayLike,
    dark_probability: ArrayLike,
    visibility: ArrayLike,
) -> tuple[Float[Array, "..."], Float[Array, "... 4"]]:
    """Returns success probability and pair of one attempt of the single-click scheme.

    An attempt succeeds when exactly one of the two detectors clicks. Which one tells the Bell state
    of opposite qubits, which a local correction turns into Phi+. With bright population
    a, efficiency n, dark probability D and visibility V, the probability of one click is
    2 D (1 - D) after no photon, and after one and two photons

        one = n (1 - D) + (1 - n) 2 D (1 - D),
        two = n^2 (1 + V)/2 (1 - D) + 2 n (1 - n) (1 - D) + (1 - n)^2 2 D (1 - D),
        p   = (1 - a)^2 2 D (1 - D) + 2 a (1 - a) one + a^2 two,
        Phi+, Phi- = 2 a (1 - a) [n (1 - D) (1 +- sqrt V)/2 + (1 - n) D (1 - D)] / p,
        Psi+, Psi- = [(1 - a)^2 2 D (1 - D) + a^2 two] / 2 p.

    The states of equal qubits, |00> and |11>, are not Bell-diagonal. A Pauli twirl, which keeps
    fidelity and error rates, makes them an equal mixture of Psi+ and Psi-.

    Args:
        bright_population: Probability a that a node's qubit is in the state that emits; in [0, 1].
        efficiency: Probability n that an emitted photon is detected, alike for both arms; in
            [0, 1].
        dark_probability: Probability D that a detector clicks without a photon in one attempt; in
            [0, 1].
        visibility: Visibility V of two-photon interference, the squared overlap of the photons; in
            [0, 1].

    Returns:
        The probability p of success, in [0, 1], and the Bell-diagonal quadruple, which is
        (0, 1/3, 1/3, 1/3) where p is 0.

    Source:
        Cabrillo et al., PRA 59, 1025 (1999); Humphreys et al., Nature 558, 268 (2018); Hermans et
        al., arXiv:2208.07449; checked against photon states in
        `tests/physics/test_heralded_pairs.py`.

    Example:
        >>> probability, pair = single_click_pair(0.5, 1.0, 0.0, 1.0)
        >>> print(f"{probability:.2f} {pair[0]:.3f} {pair[1]:.3f}")
        0.75 0.667 0.167
    """
    bright, seen, dark, overlap = jnp.broadcast_arrays(
        bright_population, efficiency, dark_probability, visibility
    )
    lost, quiet, only_dark = 1.0 - seen, 1.0 - dark, 2.0 * dark * (1.0 - dark)
    two = seen**2 * (1.0 + overlap) / 2.0 * quiet + 2.0 * seen * lost * quiet + lost**2 * only_dark
    one_bright, amplitude_overlap = 2.0 * bright * (1.0 - bright), _root(overlap)

    def opposite(phase: Float[Array, "..."]) -> Float[Array, "..."]:
        # A dark count announces either Bell state of opposite qubits; half of them are right.
        return one_bright * (seen * quiet * (1.0 + phase) / 2.0 + lost * only_dark / 2.0)

    equal = ((1.0 - bright) ** 2 * only_dark + bright**2 * two) / 2.0
    right, wrong = opposite(amplitude_overlap), opposite(-amplitude_overlap)
    return bell.post_select(jnp.stack([right, equal, equal, wrong], axis=-1))


def double_click(
    efficiency_a: ArrayLike,
    efficiency_b: ArrayLike,
    dark_probability: ArrayLike,
    visibility: ArrayLike,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Returns success probability and fidelity of one attempt of the double-click scheme.

    They are those of `double_click_pair`. Imperfect visibility dephases the pair, which is not a
    Werner state.

    Args:
        efficiency_a: Probability that the photon of one node is detected; in [0, 1].
        efficiency_b: Probability that the photon of the other node is detected; in [0, 1].
        dark_probability: Probability that a detector clicks without a photon in one attempt; in
            [0, 1].
        visibility: Visibility of two-photon interference, the squared overlap of the photons; in
            [0, 1].

    Returns:
        The probability of success, and the fidelity with the heralded Bell state, both in [0, 1];
        the fidelity is 0 where the probability is 0.

    Source:
        See `double_click_pair`.

    Example:
        >>> probability, fidelity = double_click(0.2, 0.2, 0.0, 0.9)
        >>> print(f"{probability:.4f} {fidelity:.3f}")
        0.0200 0.950
    """
    click = (efficiency_a, efficiency_b, dark_probability, visibility)
    probability, pair = double_click_pair(*click)
    return probability, bell.fidelity(pair)


def double_click_pair(
    efficiency_a: ArrayLike,
    efficiency_b: ArrayLike,
    dark_probability: ArrayLike,
    visibility: ArrayLike,
) -> tuple[Float[Array, "..."], Float[Array, "... 4"]]:
    """Returns success probability and pair of one attempt of the double-click scheme.

    Each node sends one photon in one of two modes; an attempt succeeds when in each mode exactly
    one of two detectors clicks. The clicks tell the Bell state of opposite qubits, which a local
    correction turns into Phi+. With efficiencies n and m, dark probability D and
    visibility V,

        one  = n (1 - m) + m (1 - n), none = (1 - n) (1 - m),
        bunched = n m/2 (1 + V)/2 2 D, blind = one 2 D + none 4 D^2,
        p    = (1 - D)^2 {n m/2 + bunched + blind},
        Phi+, Phi- = (1 - D)^2 {n m/2 (1 +- V)/2 + blind/4} / p,
        Psi+, Psi- = (1 - D)^2 {bunched/2 + blind/4} / p.

    The states after bunched photons (equal qubits) and after a lost photon (one qubit known) are
    made Bell-diagonal by a Pauli twirl, which keeps fidelity and error rates.

    Args:
        efficiency_a: Probability n that the photon of one node is detected; in [0, 1].
        efficiency_b: Probability m that the photon of the other node is detected; in [0, 1].
        dark_probability: Probability D that a detector clicks without a photon in one attempt; in
            [0, 1].
        visibility: Visibility V of two-photon interference, the squared overlap of the photons; in
            [0, 1].

    Returns:
        The probability p of success, in [0, 1], and the Bell-diagonal quadruple, which is
        (0, 1/3, 1/3, 1/3) where p is 0.

    Source:
        Barrett and Kok, PRA 71, 060310 (2005); event classes as in Avis et al., arXiv:2207.10579;
        checked against photon states in `tests/physics/test_heralded_pairs.py`.

    Example:
        >>> probability, pair = double_click_pair(1.0, 1.0, 0.0, 0.5)
        >>> print(probability, pair)
        0.5 [0.75 0.   0.   0.25]
    """
    seen_a, seen_b, dark, overlap = jnp.broadcast_arrays(
        efficiency_a, efficiency_b, dark_probability, visibility
    )
    paired, neither = seen_a * seen_b / 2.0, (1.0 - seen_a) * (1.0 - seen_b)
    either = seen_a * (1.0 - seen_b) + seen_b * (1.0 - seen_a)
    quiet = (1.0 - dark) ** 2
    in_phase, out_of_phase = (1.0 + overlap) / 2.0, (1.0 - overlap) / 2.0
    blind = (either * 2.0 * dark + neither * 4.0 * dark**2) / 4.0
    # Two photons bunched in one mode and a dark count in the other mean equal qubits, so this
    # success is always wrong.
    equal = quiet * (paired * in_phase * dark + blind)
    right, wrong = quiet * (paired * in_phase + blind), quiet * (paired * out_of_phase + blind)
    return bell.post_select(jnp.stack([right, equal, equal, wrong], axis=-1))


def attempt_period_s(
    length_km: ArrayLike,
    fibre_speed_km_per_s: ArrayLike = 2e5,
    overhead_s: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    """Returns the time from one attempt of a link to the next.

    The photon flies half the link and the herald flies it back,

        period = overhead + length / speed.

    Without overhead, it is also the age of a pair when the nodes first know of it.

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


# (...) -> (...), the square root, with a finite slope at 0.
def _root(value: Float[Array, "..."]) -> Float[Array, "..."]:
    positive = value > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, value, 1.0)), 0.0)
