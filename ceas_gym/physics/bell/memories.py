"""How pairs decay in the memories that hold their two halves, and until when they are of use."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ceas_gym.physics.bell.states import fidelity

_MIXED_FIDELITY = 0.25


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
        `tests/physics/test_bell_memories.py`.

    Example:
        >>> from ceas_gym.physics import bell
        >>> pair = bell.depolarize(bell.werner(1.0), time=0.1, coherence_a=1.0, coherence_b=1.0)
        >>> print(f"{bell.fidelity(pair):.3f}")
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
        `tests/physics/test_bell_memories.py`.

    Example:
        >>> from ceas_gym.physics import bell
        >>> pair = bell.dephase(bell.werner(1.0), time=0.1, coherence_a=1.0, coherence_b=1.0)
        >>> print(f"{bell.fidelity(pair):.3f}")
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
        >>> from ceas_gym.physics import bell
        >>> age = bell.expiry_age(bell.werner(1.0), 0.5, coherence_a=1.0, coherence_b=1.0)
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
