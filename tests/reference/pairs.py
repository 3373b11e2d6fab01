"""Pairs of the reference: probabilities of Pauli errors, combined one by one.

A quadruple holds the probabilities in [0, 1] that a pair is Phi+, Psi-, Psi+ or Phi-, that is, the
wanted state with the Pauli error I, Y, X or Z on one half. Memories, readouts and gates also make
Pauli errors, whose probabilities are quadruples, too.
"""

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

Array = Any
"""A NumPy array; `Any`, because the records are annotated with JAX's arrays."""
Quadruple = tuple[float, ...]

ERRORS = {"I": (0, 0), "Y": (1, 1), "X": (1, 0), "Z": (0, 1)}
"""Whether a Pauli error flips the bit, and whether the phase; in the order of the quadruple."""
PERFECT: Quadruple = (1.0, 0.0, 0.0, 0.0)


class Pair(NamedTuple):
    """A pair, or the mean of all pairs that cannot be distinguished from it."""

    age: int
    """Whole windows since the end of the window in which it was heralded."""
    views: tuple[Quadruple, ...]
    """The true state first, the hub's estimate last."""
    purified: bool = False

    @property
    def estimated_fidelity(self) -> float:
        """Returns the fidelity by the hub's estimate, in [0, 1]."""
        return self.views[-1][0]


def named(**chances: float) -> Quadruple:
    """Returns the quadruple of probabilities in [0, 1] that are given by name."""
    return tuple(chances.get(error, 0.0) for error in ERRORS)


@cache
def convolve(one: Quadruple, other: Quadruple) -> Quadruple:
    """Returns the probabilities, in [0, 1], of two Pauli errors in succession.

    The product of two Pauli operators flips the bit (and the phase) if exactly one of them does.
    """
    total = dict.fromkeys(ERRORS.values(), 0.0)
    chances = product(
        zip(ERRORS.values(), one, strict=True), zip(ERRORS.values(), other, strict=True)
    )
    for ((bit, phase), chance), ((other_bit, other_phase), other_chance) in chances:
        total[bit ^ other_bit, phase ^ other_phase] += chance * other_chance
    return tuple(total.values())


def depolarizing(contraction: float) -> Quadruple:
    """Returns noise that replaces a qubit, with some probability, by a maximally mixed one.

    Args:
        contraction: Factor that is left of X, Y and Z, in [0, 1].

    Source:
        Nielsen and Chuang, Quantum Computation and Quantum Information (2010), section 8.3.4.
    """
    error = (1 - contraction) / 4
    return named(I=contraction + error, Y=error, X=error, Z=error)


def dephasing(contraction: float) -> Quadruple:
    """Returns noise that flips the phase.

    Args:
        contraction: Factor that is left of X and Y, in [0, 1].

    Source:
        Nielsen and Chuang, Quantum Computation and Quantum Information (2010), section 8.3.6.
    """
    return named(I=(1 + contraction) / 2, Z=(1 - contraction) / 2)


def relaxing(xy: float, z: float) -> Quadruple:
    """Returns the Pauli twirl of a decay to the ground state with dephasing.

    Args:
        xy: Factor that is left of X and Y, in [0, (1 + z) / 2].
        z: Factor that is left of Z, in [0, 1].

    Source:
        Tomita and Svore, PRA 90, 062320 (2014), arXiv:1404.3747, equations 9 and 10.
    """
    flip, phase = (1 - z) / 4, (1 - xy) / 2 - (1 - z) / 4
    return named(I=1 - 2 * flip - phase, X=flip, Y=flip, Z=phase)


MEMORIES: dict[str, Callable[[tuple[float, ...]], Quadruple]] = {
    "depolarizing": lambda kept: depolarizing(kept[0]),
    "dephasing": lambda kept: dephasing(kept[0]),
    "t1_t2": lambda kept: relaxing(kept[0], kept[2]),
}
"""The noise of each memory, as a function of the factors that it leaves of X, Y and Z."""


def misread(readout: float) -> Quadruple:
    """Returns the Pauli errors that follow from misreading the two bits of a Bell measurement.

    Args:
        readout: Probability that one bit is read correctly, in [0, 1].
    """
    return convolve(named(I=readout, X=1 - readout), named(I=readout, Z=1 - readout))


def letters(pair: Quadruple) -> Array:
    """Returns the contractions of X, Y and Z, shape (3,), in [-1, 1].

    An error flips the sign of the operators with which it anticommutes.
    """
    return SIGNS[1:] @ np.array(pair)


def quadruple(contractions: Array) -> Quadruple:
    """Returns the pair with these contractions of X, Y and Z, shape (3,), in [-1, 1]."""
    return tuple(np.linalg.solve(SIGNS, [1.0, *contractions]))


def _sign(letter: str, error: str) -> int:
    (bit, phase), (other_bit, other_phase) = ERRORS[letter], ERRORS[error]
    return (-1) ** (bit * other_phase + phase * other_bit)


SIGNS = np.array([[_sign(letter, error) for error in ERRORS] for letter in "IXYZ"])


def mean(pairs: list[Quadruple]) -> Quadruple:
    """Returns the state of a pair drawn at random: the mean probabilities, in [0, 1]."""
    return tuple(np.mean(pairs, axis=0))


def dejmps(
    one: Quadruple, other: Quadruple, gate_contraction: float, readout: float
) -> tuple[float, Quadruple]:
    """Returns the probability in (0, 1] that the measured bits agree, and the pair then kept.

    The rotations about X exchange the errors Y and Z. The CNOTs copy a flipped bit of the kept pair
    to the measured one, and a flipped phase of the measured pair to the kept one. Then each CNOT
    may put any error on both pairs, and each party may misread the measured bit.

    Args:
        one: The pair that is kept.
        other: The pair that is measured.
        gate_contraction: Probability that a CNOT is perfect, in [0, 1]; else it depolarizes.
        readout: Probability that a bit is read correctly, in [0, 1].

    Source:
        Deutsch et al., PRL 77, 2818 (1996); with noise, Duer et al., PRA 59, 169 (1999).
    """
    turned = {"I": "I", "Y": "Z", "X": "X", "Z": "Y"}
    errors = list(ERRORS.items())
    joint = dict.fromkeys(product(ERRORS.values(), repeat=2), 0.0)
    for (place, (kept, _)), (other_place, (measured, _)) in product(enumerate(errors), repeat=2):
        bit, phase = ERRORS[turned[kept]]
        other_bit, other_phase = ERRORS[turned[measured]]
        after = (bit, phase ^ other_phase), (other_bit ^ bit, other_phase)
        joint[after] += one[place] * other[other_place]
    for _ in ("hub", "node"):
        total = sum(joint.values())
        for both in joint:
            joint[both] = gate_contraction * joint[both] + (1 - gate_contraction) * total / 16
    right = readout**2 + (1 - readout) ** 2
    agree = dict.fromkeys(ERRORS.values(), 0.0)
    for (kept, (flipped, _)), chance in joint.items():
        agree[kept] += chance * ((1 - right) if flipped else right)
    success = sum(agree.values())
    return success, tuple(chance / success for chance in agree.values())


class Storage(NamedTuple):
    """The memories of all vertices in a round."""

    noise: str
    """A key of `MEMORIES`."""
    rates: tuple[Array, ...]
    """Decay rates per window in each view, of shape (3, vertices): of X, Y and Z."""

    def wait(self, pair: Pair, ends: Array, windows: int = 1) -> Pair:
        """Returns the pair after a number of windows, at least 0, in the memories at both ends."""
        for _ in range(windows):
            pair = Pair(pair.age + 1, self.hold(pair.views, ends, 1.0), pair.purified)
        return pair

    def hold(self, views: tuple[Quadruple, ...], ends: Array, time: float) -> tuple[Quadruple, ...]:
        """Returns a pair's views after a time in windows, at least 0, in both ends' memories."""
        held = []
        for pair, rates in zip(views, self.rates, strict=True):
            for end in ends:
                kept = tuple(np.exp(-rates[:, end] * time).tolist())
                pair = convolve(pair, MEMORIES[self.noise](kept))
            held.append(pair)
        return tuple(held)

    def fresh(self, contractions: Array, ends: Array) -> Pair:
        """Returns a link's new pair at the end of its window, heralded at a uniform time in it.

        Args:
            contractions: Of the pair when heralded, shape (3,), in [-1, 1].
            ends: The two vertices that hold it.

        Source:
            Gauss-Legendre quadrature over the time.
        """
        times, weights = np.polynomial.legendre.leggauss(16)
        start = (quadruple(contractions),) * len(self.rates)
        held = np.array([self.hold(start, ends, (1 + time) / 2) for time in times])
        average = np.einsum("t,tvq->vq", weights / 2, held)
        return Pair(0, tuple(tuple(view) for view in average))
