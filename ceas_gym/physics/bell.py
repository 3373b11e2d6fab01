"""Bell-diagonal pairs: how they decay in two memories, and what they teleport.

A pair is the quadruple of its probabilities of (Phi+, Psi-, Psi+, Phi-), the Pauli errors
(I, Y, X, Z) on one half of the wanted state Phi+. The quadruple is the last axis; the axes before
it broadcast against the other arguments.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

_MIXED_FIDELITY = 0.25


def werner(contraction: ArrayLike) -> Float[Array, "... 4"]:
    """Returns the Werner pair of a contraction.

    The pair is w |Phi+><Phi+| + (1 - w) I/4, hence

        F = (1 + 3 w) / 4, and (1 - w) / 4 for each of the other three Bell states.

    Args:
        contraction: The factor w by which the pair, used to teleport, shrinks a Bloch vector;
            in [-1/3, 1].

    Returns:
        The Bell-diagonal quadruples.

    Source:
        Werner, PRA 40, 4277 (1989).

    Example:
        >>> print(werner(0.5))
        [0.625 0.125 0.125 0.125]
    """
    error = jnp.subtract(1.0, contraction) / 4.0
    return jnp.stack([1.0 - 3.0 * error, error, error, error], axis=-1)


def fidelity(pair: Float[Array, "... 4"]) -> Float[Array, "..."]:
    """Returns the fidelity of a pair with the wanted state Phi+.

    Args:
        pair: Bell-diagonal quadruples.

    Returns:
        The fidelity F, the first entry of the quadruple, in [0, 1].

    Source:
        F = <Phi+| rho |Phi+>, as in Bennett et al., PRL 76, 722 (1996).

    Example:
        >>> print(fidelity(jnp.array([0.75, 0.0, 0.0, 0.25])))
        0.75
    """
    return pair[..., 0]


def contraction(pair: Float[Array, "... 4"]) -> Float[Array, "..."]:
    """Returns the contraction of a pair after a twirl to the Werner state of the same fidelity.

    The twirl keeps the fidelity and evens out the three errors,

        w = (4 F - 1) / 3.

    A pair that is not a Werner state has more to give than its twirl: see `teleport`.

    Args:
        pair: Bell-diagonal quadruples.

    Returns:
        The contraction w, in [-1/3, 1].

    Source:
        Werner, PRA 40, 4277 (1989); twirl of Bennett et al., PRL 76, 722 (1996).

    Example:
        >>> print(contraction(jnp.array([0.625, 0.0, 0.0, 0.375])))
        0.5
    """
    return (4.0 * fidelity(pair) - 1.0) / 3.0


def depolarize(
    pair: Float[Array, "... 4"],
    time: ArrayLike,
    coherence_a: ArrayLike,
    coherence_b: ArrayLike,
) -> Float[Array, "... 4"]:
    """Returns a pair after a time in two depolarizing memories.

    Each memory shrinks the Bloch vector of its half by exp(-t/T), so every entry p of the
    quadruple moves towards 1/4,

        p' = 1/4 + (p - 1/4) exp(-t/T_a - t/T_b),

    and a Werner state remains one.

    Args:
        pair: Bell-diagonal quadruples at the start.
        time: Storage time t; >= 0, in the unit of the coherence times.
        coherence_a: 1/e time T_a of the contraction (not a measured T2) of one memory; > 0.
        coherence_b: The same for the other memory.

    Returns:
        The Bell-diagonal quadruples at the end.

    Source:
        Werner, PRA 40, 4277 (1989), in depolarizing memories; checked against density matrices in
        `tests/physics/test_bell.py`.

    Example:
        >>> pair = depolarize(werner(1.0), time=0.1, coherence_a=1.0, coherence_b=1.0)
        >>> print(f"{fidelity(pair):.3f}")
        0.864
    """
    return _relax(pair, _maximally_mixed(pair), time, coherence_a, coherence_b)


def dephase(
    pair: Float[Array, "... 4"],
    time: ArrayLike,
    coherence_a: ArrayLike,
    coherence_b: ArrayLike,
) -> Float[Array, "... 4"]:
    """Returns a pair after a time in two dephasing memories.

    Each memory shrinks the coherences of its half by exp(-t/T), a Z error with probability
    (1 - exp(-t/T)) / 2. With m = exp(-t/T_a - t/T_b) for both, Z errors mix the two Phi states,

        Phi+' = (1 + m)/2 Phi+ + (1 - m)/2 Phi-, Phi-' = (1 - m)/2 Phi+ + (1 + m)/2 Phi-,

    and the two Psi states in the same way. A Werner state does not remain one.

    Args:
        pair: Bell-diagonal quadruples at the start.
        time: Storage time t; >= 0, in the unit of the coherence times.
        coherence_a: Dephasing time T2 of one memory; > 0.
        coherence_b: The same for the other memory.

    Returns:
        The Bell-diagonal quadruples at the end.

    Source:
        Pauli Z channel on both halves; checked against density matrices in
        `tests/physics/test_bell.py`.

    Example:
        >>> pair = dephase(werner(1.0), time=0.1, coherence_a=1.0, coherence_b=1.0)
        >>> print(f"{fidelity(pair):.3f}")
        0.909
    """
    return _relax(pair, _without_coherence(pair), time, coherence_a, coherence_b)


def expiry_age(
    pair: Float[Array, "... 4"],
    threshold: ArrayLike,
    coherence_a: ArrayLike,
    coherence_b: ArrayLike,
    memory: str = "depolarizing",
) -> Float[Array, "..."]:
    """Returns the age at which the fidelity of a stored pair has fallen to a threshold.

    The fidelity falls from F to its limit L (1/4 when depolarized, the mean of Phi+ and Phi- when
    dephased), and passes the threshold f on its way at

        t = ln[(F - L) / (f - L)] / (1/T_a + 1/T_b).

    Args:
        pair: Bell-diagonal quadruples at age 0.
        threshold: Fidelity f from which on downwards a pair is expired; in [0, 1].
        coherence_a: 1/e time of one memory, as in `depolarize` or `dephase`; > 0.
        coherence_b: The same for the other memory.
        memory: How both memories decay, "depolarizing" or "dephasing".

    Returns:
        The age, in the unit of the coherence times: 0 where the pair is no better than the
        threshold at once, infinite where it stays better for ever.

    Raises:
        ValueError: If there is no memory of that name.

    Source:
        Inverse of `depolarize` and of `dephase`.

    Example:
        >>> age = expiry_age(werner(1.0), threshold=0.5, coherence_a=1.0, coherence_b=1.0)
        >>> print(f"{age:.3f}")
        0.549
    """
    if memory not in _LIMITS:
        known = ", ".join(repr(name) for name in sorted(_LIMITS))
        raise ValueError(f"Argument `memory` must be one of {known}, but is {memory!r}.")
    start, limit = fidelity(pair), fidelity(_LIMITS[memory](pair))
    lasts, crosses = start > threshold, (start > threshold) & (limit < threshold)
    # Where nothing crosses, the ratio is replaced before the logarithm can see it: a NaN hidden
    # by the last `where` would still reach the gradient.
    left = jnp.where(crosses, jnp.subtract(threshold, limit), 1.0)
    ratio = jnp.where(crosses, start - limit, 1.0) / left
    age = jnp.log(ratio) / (jnp.divide(1.0, coherence_a) + jnp.divide(1.0, coherence_b))
    return jnp.where(lasts, jnp.where(crosses, age, jnp.inf), 0.0)


def teleport(
    pair: Float[Array, "... 4"],
    gate_contraction: ArrayLike = 1.0,
    readout: ArrayLike = 1.0,
) -> Float[Array, "... 3"]:
    """Returns what is left of the Pauli expectation values of a qubit teleported through a pair.

    Teleportation applies the pair's own Pauli error, (I, Y, X, Z) with the quadruple's
    probabilities (a, b, c, d). With gate contraction g and correct readouts r,

        X: g (a + c - b - d) (2 r - 1), Y: g (a + b - c - d) (2 r - 1)^2,
        Z: g (a + d - b - c) (2 r - 1),

    which for a Werner pair and a perfect measurement is its contraction, three times.

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
    none, y_error, x_error, z_error = jnp.moveaxis(pair, -1, 0)
    bit = jnp.multiply(2.0, readout) - 1.0
    once = jnp.multiply(gate_contraction, bit)
    twice = once * bit
    x_kept = once * (none + x_error - y_error - z_error)
    y_kept = twice * (none + y_error - x_error - z_error)
    z_kept = once * (none + z_error - x_error - y_error)
    return jnp.stack([x_kept, y_kept, z_kept], axis=-1)


# (..., 4) -> (..., 4), the pair after for ever.
def _maximally_mixed(pair: Float[Array, "... 4"]) -> Float[Array, "... 4"]:
    return jnp.broadcast_to(_MIXED_FIDELITY, pair.shape)


# (..., 4) -> (..., 4), the pair after for ever. In the order of the quadruple, reversing it is a
# Z error.
def _without_coherence(pair: Float[Array, "... 4"]) -> Float[Array, "... 4"]:
    return (pair + pair[..., ::-1]) / 2.0


# (..., 4) towards (..., 4) for a time (...). The small change of a young pair is computed as such,
# not as a difference from 1. The map over the quadruple leaves the time without a last axis of its
# own, so that a scalar time needs no rank promotion.
def _relax(
    pair: Float[Array, "... 4"],
    limit: Float[Array, "... 4"],
    time: ArrayLike,
    coherence_a: ArrayLike,
    coherence_b: ArrayLike,
) -> Float[Array, "... 4"]:
    lost = -jnp.expm1(-jnp.divide(time, coherence_a) - jnp.divide(time, coherence_b))

    def relax(start: Float[Array, "..."], end: Float[Array, "..."]) -> Float[Array, "..."]:
        return start + (end - start) * lost

    return jax.vmap(relax, in_axes=-1, out_axes=-1)(pair, limit)


_LIMITS: dict[str, Callable[[Float[Array, "... 4"]], Float[Array, "... 4"]]] = {
    "depolarizing": _maximally_mixed,
    "dephasing": _without_coherence,
}
