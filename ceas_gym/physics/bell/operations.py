"""Operations on pairs: swapping, purification, and teleportation of a qubit or of a gate.

The noise of a two-qubit gate depolarizes both its qubits; a measured bit is read correctly with a
given probability. Pairs stay Bell-diagonal under all of this. Classical messages take no time here:
the caller has to age a swapped or purified pair until the outcomes have arrived.
"""

import functools

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ceas_gym.physics.bell.states import post_select, to_letters, werner


def swap(
    pair_1: Float[Array, "... 4"],
    pair_2: Float[Array, "... 4"],
    gate_contraction: ArrayLike = 1.0,
    readout: ArrayLike = 1.0,
) -> Float[Array, "... 4"]:
    """Returns the pair that a Bell measurement on one half of each of two pairs leaves.

    The Pauli errors of both pairs and of the measurement multiply, so their probabilities are
    convolved over the group {I, X, Y, Z}. The contractions, with gate contraction g and
    probability r of a correct readout, are

        X: g x_1 x_2 (2 r - 1), Y: g y_1 y_2 (2 r - 1)^2, Z: g z_1 z_2 (2 r - 1),

    hence w_1 w_2 for Werner pairs and a perfect measurement. Wrong readouts leave less Psi- than
    Psi+ and Phi-, so the result is not a Werner state.

    Args:
        pair_1: Bell-diagonal quadruples.
        pair_2: The same for the other pairs.
        gate_contraction: Contraction g of the two-qubit depolarizing noise before the Bell
            measurement; in [0, 1], where 1 is perfect.
        readout: Probability r that one of the two bits of the Bell measurement is read correctly;
            in [0, 1].

    Returns:
        The Bell-diagonal quadruples of the swapped pairs, corrected for the outcomes.

    Source:
        Zukowski et al., PRL 71, 4287 (1993); with noise, Duer et al., PRA 59, 169 (1999); checked
        against density matrices in `tests/physics/test_bell_operations.py`.

    Example:
        >>> print(swap(werner(0.5), werner(0.5)))
        [0.4375 0.1875 0.1875 0.1875]
    """
    noise = (werner(gate_contraction), _misread(readout))
    return functools.reduce(_convolve, (pair_1, pair_2, *noise))


def purify(
    pair_1: Float[Array, "... 4"],
    pair_2: Float[Array, "... 4"],
    protocol: str,
    gate_contraction: ArrayLike = 1.0,
    readout: ArrayLike = 1.0,
) -> tuple[Float[Array, "..."], Float[Array, "... 4"]]:
    """Returns the probability that purification of two pairs succeeds, and the pair that is kept.

    Each party applies a CNOT from its half of the first pair to its half of the second, and both
    measure the second in Z. Equal outcomes keep the first pair; otherwise both pairs are lost.
    With quadruples (A, B, C, D) and N the probability of success, "bbpssw" gives

        N  = (A1 + D1) (A2 + D2) + (B1 + C1) (B2 + C2),
        A' = (A1 A2 + D1 D2) / N, B' = (B1 C2 + C1 B2) / N,
        C' = (B1 B2 + C1 C2) / N, D' = (A1 D2 + D1 A2) / N.

    "dejmps" rotates both pairs by Rx(pi/2) and Rx(-pi/2) first, which exchanges B and D. It
    improves dephased pairs, which "bbpssw" makes worse.

    The two CNOTs depolarize with contraction g each, so the state that enters a perfect circuit is
    g^2 rho + (1 - g^2) I/16. With probability r of a correct readout, the comparison of the two
    outcomes is wrong with probability 2 r (1 - r).

    "bbpssw" is the circuit without a twirl. The original protocol twirls the result of every round
    to a Werner state, `werner(contraction(pair))`.

    Args:
        pair_1: Bell-diagonal quadruples of the pairs to keep.
        pair_2: The same for the pairs to measure.
        protocol: Which circuit to run, "bbpssw" or "dejmps".
        gate_contraction: Contraction g of either CNOT's two-qubit depolarizing noise; in [0, 1],
            where 1 is perfect.
        readout: Probability r that either party reads its bit correctly; in [0, 1].

    Returns:
        The probability of success in [0, 1], and the Bell-diagonal quadruple of the pair that is
        kept, which is (0, 1/3, 1/3, 1/3) where success is impossible. Its fidelity may be lower
        than that of the better pair.

    Raises:
        ValueError: If the protocol is neither of the two.

    Source:
        Bennett et al., PRL 76, 722 (1996); Deutsch et al., PRL 77, 2818 (1996); with noise, Duer
        et al., PRA 59, 169 (1999); checked against density matrices in
        `tests/physics/test_purification.py`.

    Example:
        >>> dephased = jnp.array([0.75, 0.0, 0.0, 0.25])
        >>> probability, pair = purify(dephased, dephased, "dejmps")
        >>> print(f"{probability:.3f} {pair[0]:.3f}")
        0.625 0.900
    """
    if protocol not in _BASES:
        known = ", ".join(repr(name) for name in sorted(_BASES))
        raise ValueError(f"Argument `protocol` must be one of {known}, but is {protocol!r}.")
    read = jnp.asarray(readout)
    differ = 2.0 * read * (1.0 - read)
    # A wrong comparison acts like an X error on the measured pair.
    measured = _convolve(pair_2, _errors(1.0 - differ, 0.0, differ, 0.0))
    i, y, x, z = (pair_1[..., k] for k in _BASES[protocol])
    other_i, other_y, other_x, other_z = (measured[..., k] for k in _BASES[protocol])
    # X errors of the kept pair spread to the measured one, so an X error on one pair only is
    # detected. Z errors of the measured pair spread to the kept one.
    weights = (
        i * other_i + z * other_z,
        y * other_x + x * other_y,
        y * other_y + x * other_x,
        i * other_z + z * other_i,
    )
    both = jnp.square(gate_contraction)
    return post_select(_errors(*(both * weight + (1.0 - both) / 8.0 for weight in weights)))


def teleport(
    pair: Float[Array, "... 4"],
    gate_contraction: ArrayLike = 1.0,
    readout: ArrayLike = 1.0,
) -> Float[Array, "... 3"]:
    """Returns the factors on the Pauli expectation values of a qubit teleported through a pair.

    Teleportation applies the Pauli error of the pair to the qubit: (I, Y, X, Z) with probabilities
    (a, b, c, d), the quadruple. With gate contraction g and probability r of a correct readout, the
    factors are

        X: g (a + c - b - d) (2 r - 1), Y: g (a + b - c - d) (2 r - 1)^2,
        Z: g (a + d - b - c) (2 r - 1),

    each of which is w for a Werner pair of contraction w and a perfect measurement.

    Args:
        pair: Bell-diagonal quadruples.
        gate_contraction: Contraction g of the two-qubit depolarizing noise before the Bell
            measurement; in [0, 1], where 1 is perfect.
        readout: Probability r that one of the two bits of the Bell measurement is read correctly;
            in [0, 1].

    Returns:
        The factors for X, Y and Z, in this order, on the last axis; each in [-1, 1].

    Source:
        Bennett et al., PRL 70, 1895 (1993); Horodecki, Horodecki and Horodecki, PRA 60, 1888
        (1999); Bowen and Bose, PRL 87, 267901 (2001).

    Example:
        >>> print(teleport(werner(0.5), readout=0.75))
        [0.25  0.125 0.25 ]
    """
    bit = jnp.multiply(2.0, readout) - 1.0
    once = jnp.multiply(gate_contraction, bit)
    x, y, z = jnp.moveaxis(to_letters(pair), -1, 0)
    return jnp.stack([once * x, once * bit * y, once * z], axis=-1)


def teleported_cnot(pair: Float[Array, "... 4"]) -> Float[Array, "... 4 4"]:
    """Returns the probabilities of Pauli errors of a CNOT that is teleported through a pair.

    The gate (local CNOTs at both ends, one bit sent each way) is an ideal CNOT followed by a Pauli
    error, with the probabilities (a, b, c, d) of the quadruple:

        none: a, X on the target: c, Z on the control: d, both: b.

    There are no other errors, so this is not two-qubit depolarizing noise. Of the 16 Pauli words
    measured after the gate, the 4 with I or Z on the control and I or X on the target are not
    contracted, and the other 12 are contracted by w of a Werner pair.

    Args:
        pair: Bell-diagonal quadruples; local gates and readouts are perfect.

    Returns:
        The probability of each Pauli error after the gate: control and target on the last two
        axes, each in the order I, X, Y, Z.

    Source:
        Eisert et al., PRA 62, 052317 (2000); Gottesman and Chuang, Nature 402, 390 (1999); checked
        against the Choi state in `tests/physics/test_bell_operations.py`.

    Example:
        >>> print(teleported_cnot(jnp.array([0.75, 0.0, 0.0, 0.25])))
        [[0.75 0.   0.   0.  ]
         [0.   0.   0.   0.  ]
         [0.   0.   0.   0.  ]
         [0.25 0.   0.   0.  ]]
    """
    none, y_error, x_error, z_error = jnp.moveaxis(pair, -1, 0)
    control_kept = _errors(none, x_error, 0.0, 0.0)
    control_flipped = _errors(z_error, y_error, 0.0, 0.0)
    never = jnp.zeros_like(control_kept)
    return jnp.stack([control_kept, never, never, control_flipped], axis=-2)


# (...) each -> (..., 4)
def _errors(*probabilities: ArrayLike) -> Float[Array, "... 4"]:
    return jnp.stack(jnp.broadcast_arrays(*probabilities), axis=-1)


# (...) -> (..., 4), the probabilities of wrong corrections after a Bell measurement, of which one
# bit decides on X and the other on Z.
def _misread(readout: ArrayLike) -> Float[Array, "... 4"]:
    right = jnp.asarray(readout)
    wrong = 1.0 - right
    return _errors(right * right, wrong * wrong, right * wrong, right * wrong)


# (..., 4), (..., 4) -> (..., 4), the product of two independent Pauli errors. It is computed entry
# by entry, so that rounding makes no entry negative, and leading axes broadcast.
def _convolve(one: Float[Array, "... 4"], other: Float[Array, "... 4"]) -> Float[Array, "... 4"]:
    i, y, x, z = jnp.moveaxis(one, -1, 0)
    other_i, other_y, other_x, other_z = jnp.moveaxis(other, -1, 0)
    return _errors(
        i * other_i + y * other_y + x * other_x + z * other_z,
        i * other_y + y * other_i + x * other_z + z * other_x,
        i * other_x + x * other_i + y * other_z + z * other_y,
        i * other_z + z * other_i + y * other_x + x * other_y,
    )


# Which entry of the quadruple acts as the error I, Y, X, Z in the circuit.
_BASES: dict[str, tuple[int, int, int, int]] = {"bbpssw": (0, 1, 2, 3), "dejmps": (0, 3, 2, 1)}
