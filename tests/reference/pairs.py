"""Pairs of the slow reference: probabilities of Pauli errors, mixed and multiplied one by one.

A quadruple holds the probabilities that a pair is Phi+, Psi-, Psi+ or Phi-, that is, the wanted
state with the Pauli error I, Y, X or Z on one half. A memory, a misread bit and a noisy gate are
Pauli errors by chance, and so quadruples as well.
"""

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np

Array = Any
"""A NumPy array, where the records are annotated with JAX's."""
Quadruple = tuple[float, ...]

ERRORS = {"I": (0, 0), "Y": (1, 1), "X": (1, 0), "Z": (0, 1)}
"""Whether a Pauli letter flips the bit, and whether the phase; in the order of the quadruple."""
PERFECT: Quadruple = (1.0, 0.0, 0.0, 0.0)


class Pair(NamedTuple):
    """A pair, or the mean of all that cannot be told from it."""

    age: int
    """Whole windows since the end of the one in which it was heralded."""
    views: tuple[Quadruple, ...]
    """What it is in truth first, what it is in the hub's estimate last."""
    purified: bool = False

    @property
    def estimated_fidelity(self) -> float:
        """Returns the fidelity by the hub's estimate."""
        return self.views[-1][0]


def named(**chances: float) -> Quadruple:
    """Returns the quadruple of errors by name."""
    return tuple(chances.get(error, 0.0) for error in ERRORS)


@cache
def convolve(one: Quadruple, other: Quadruple) -> Quadruple:
    """Returns the errors of two in a row: their bits and their phases add up."""
    total = dict.fromkeys(ERRORS.values(), 0.0)
    chances = product(
        zip(ERRORS.values(), one, strict=True), zip(ERRORS.values(), other, strict=True)
    )
    for ((bit, phase), chance), ((other_bit, other_phase), other_chance) in chances:
        total[bit ^ other_bit, phase ^ other_phase] += chance * other_chance
    return tuple(total.values())


def depolarizing(contraction: float) -> Quadruple:
    """Returns noise that replaces a qubit by a random one: any error, as likely as none."""
    error = (1 - contraction) / 4
    return named(I=contraction + error, Y=error, X=error, Z=error)


def dephasing(contraction: float) -> Quadruple:
    """Returns noise that loses the phase: then it is flipped in half of the cases."""
    return named(I=(1 + contraction) / 2, Z=(1 - contraction) / 2)


def relaxing(xy: float, z: float) -> Quadruple:
    """Returns the twirl of a decay to the ground state that leaves so much, and of dephasing.

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
"""The noise of a wait, by what it leaves of X, Y and Z."""


def misread(readout: float) -> Quadruple:
    """Returns the errors that a Bell measurement's two bits make, each read by itself."""
    return convolve(named(I=readout, X=1 - readout), named(I=readout, Z=1 - readout))


def letters(pair: Quadruple) -> Array:
    """Returns what is left of X, Y and Z: errors that anticommute with the letter flip its sign."""
    return SIGNS[1:] @ np.array(pair)


def quadruple(contractions: Array) -> Quadruple:
    """Returns the pair that leaves so much of X, Y and Z."""
    return tuple(np.linalg.solve(SIGNS, [1.0, *contractions]))


def _sign(letter: str, error: str) -> int:
    (bit, phase), (other_bit, other_phase) = ERRORS[letter], ERRORS[error]
    return (-1) ** (bit * other_phase + phase * other_bit)


SIGNS = np.array([[_sign(letter, error) for error in ERRORS] for letter in "IXYZ"])


def mean(pairs: list[Quadruple]) -> Quadruple:
    """Returns a pair drawn at random."""
    return tuple(np.mean(pairs, axis=0))


def dejmps(
    one: Quadruple, other: Quadruple, gate_contraction: float, readout: float
) -> tuple[float, Quadruple]:
    """Returns the chance that the measured bits agree, and the pair kept if they do.

    The turns about X exchange the errors Y and Z. The CNOTs copy a flipped bit of the kept pair to
    the measured one, and a flipped phase of the measured pair to the kept one. Then each CNOT may
    put any error on both pairs, and each party may misread the measured bit.
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
    """Of decay of X, Y and Z at each vertex, per window, in each view."""

    def wait(self, pair: Pair, ends: Array, windows: int = 1) -> Pair:
        """Returns the pair after so many windows in the memories of two vertices."""
        for _ in range(windows):
            pair = Pair(pair.age + 1, self.hold(pair.views, ends, 1.0), pair.purified)
        return pair

    def hold(self, views: tuple[Quadruple, ...], ends: Array, time: float) -> tuple[Quadruple, ...]:
        """Returns a pair after a time, in windows."""
        held = []
        for pair, rates in zip(views, self.rates, strict=True):
            for end in ends:
                kept = tuple(np.exp(-rates[:, end] * time).tolist())
                pair = convolve(pair, MEMORIES[self.noise](kept))
            held.append(pair)
        return tuple(held)

    def fresh(self, contractions: Array, ends: Array) -> Pair:
        """Returns a link's new pair at its window's end, heralded at any time of the window."""
        times, weights = np.polynomial.legendre.leggauss(16)
        start = (quadruple(contractions),) * len(self.rates)
        held = np.array([self.hold(start, ends, (1 + time) / 2) for time in times])
        average = np.einsum("t,tvq->vq", weights / 2, held)
        return Pair(0, tuple(tuple(view) for view in average))
