"""How pairs decay in the memories that hold their two halves, and when they expire."""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ceas_gym.physics import memories
from ceas_gym.physics.bell.states import fidelity, to_letters

_RATES = {name: model(1.0, 2.0) for name, model in memories.MEMORIES.items()}
_LASTING = {
    name: tuple(rate == 0 for rate in rates)
    for name, rates in _RATES.items()
    if len({rate for rate in rates if rate > 0}) == 1
}
"""Whether the contractions of X, Y and Z do not decay, for the models with a single decay rate."""


def decay(
    pair: Float[Array, "... 4"],
    time: ArrayLike,
    rates_a: memories.Rates,
    rates_b: memories.Rates,
) -> Float[Array, "... 4"]:
    """Returns a pair after a time in two memories of any model.

    Each memory multiplies the expectation value of k = X, Y, Z of its half by exp(-r_k t). So the
    pair's contractions (x, y, z) lose the shares l_k = 1 - exp(-(r_ak + r_bk) t), and

        Phi+' = Phi+ - (l_x x + l_y y + l_z z) / 4,

    with the signs of `from_letters` for the other three. A small change is computed directly, not
    as a difference from 1, so that it keeps its digits.

    Args:
        pair: Bell-diagonal quadruples at the start.
        time: Storage time t; >= 0, in any unit.
        rates_a: Decay rates of X, Y and Z in one memory, as a model of `physics.memories` returns
            them; >= 0, in one over the unit of the time.
        rates_b: The same for the other memory.

    Returns:
        The Bell-diagonal quadruples at the end.

    Source:
        A Pauli channel on both halves; checked against density matrices in
        `tests/physics/test_bell_memories.py`.

    Example:
        >>> from ceas_gym.physics import bell, memories
        >>> pair = bell.decay(bell.werner(1.0), 0.1, memories.t1_t2(1.0, 5.0), (0.0, 0.0, 0.0))
        >>> print(f"{bell.fidelity(pair):.3f}")
        0.947
    """
    letters = jnp.moveaxis(to_letters(pair), -1, 0)
    rates = [jnp.add(a, b) for a, b in zip(rates_a, rates_b, strict=True)]
    # Where a rate is 0, an infinite time would give NaN.
    waits = [jnp.where(rate > 0, time, 0) * rate for rate in rates]
    x, y, z = (-letter * jnp.expm1(-wait) / 4 for letter, wait in zip(letters, waits, strict=True))
    none, y_error, x_error, z_error = jnp.moveaxis(pair, -1, 0)
    after = [
        none - (x + y + z),
        y_error + (x - y + z),
        x_error - (x - y - z),
        z_error + (x + y - z),
    ]
    return jnp.stack(after, axis=-1)


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
    model = memories.depolarizing
    return decay(pair, time, model(coherence_a), model(coherence_b))


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
    model = memories.dephasing
    return decay(pair, time, model(coherence_a), model(coherence_b))


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
        threshold: Fidelity f at which a pair expires; in [0, 1].
        coherence_a: 1/e time of one memory, as in `depolarize` or `dephase`; > 0.
        coherence_b: The same for the other memory.
        memory: Model of both memories, "depolarizing" or "dephasing". Models with several decay
            rates have no closed form for the age.

    Returns:
        The age, in the unit of the coherence times: 0 where the pair is not above the threshold at
        age 0, infinite where it always stays above it.

    Raises:
        ValueError: If the memory is neither of the two.

    Source:
        Inverse of `depolarize` and of `dephase`.

    Example:
        >>> from ceas_gym.physics import bell
        >>> age = bell.expiry_age(bell.werner(1.0), 0.5, coherence_a=1.0, coherence_b=1.0)
        >>> print(f"{age:.3f}")
        0.549
    """
    if memory not in _LASTING:
        known = ", ".join(repr(name) for name in sorted(_LASTING))
        raise ValueError(f"Argument `memory` must be one of {known}, but is {memory!r}.")
    start, limit = fidelity(pair), _last_fidelity(pair, _LASTING[memory])
    lasts, crosses = start > threshold, (start > threshold) & (limit < threshold)
    # Where nothing crosses, the ratio is replaced before the logarithm: a NaN that the last `where`
    # hides would still reach the gradient.
    left = jnp.where(crosses, jnp.subtract(threshold, limit), 1.0)
    ratio = jnp.where(crosses, start - limit, 1.0) / left
    age = jnp.log(ratio) / (jnp.divide(1.0, coherence_a) + jnp.divide(1.0, coherence_b))
    return jnp.where(lasts, jnp.where(crosses, age, jnp.inf), 0.0)


def _last_fidelity(pair: Float[Array, "... 4"], lasting: tuple[bool, ...]) -> Float[Array, "..."]:
    # The fidelity after infinite time, when only the contractions that do not decay are left.
    letters = jnp.moveaxis(to_letters(pair), -1, 0)
    kept = [letter for letter, lasts in zip(letters, lasting, strict=True) if lasts]
    return sum(kept, jnp.ones_like(letters[0])) / 4
