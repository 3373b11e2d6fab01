"""Memory models: the decay rates of the expectation values of X, Y and Z of a stored qubit.

Every model is Pauli noise that does not change in time, so the contractions of X, Y and Z decay
exponentially, exp(-r t), and their rates r describe the model completely. For a pair the rates of
its two memories add up. A model is a function from the memory's times to the three rates.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ceas_gym.registry import calling, resolve

Times = Any
"""A number, or an array of NumPy or of JAX; > 0."""
Rates = tuple[Times, Times, Times]
"""Decay rates of the contractions of X, Y and Z, in one over the unit of the times."""
Memory = Callable[[Times, Times], Rates]
"""(coherence time, relaxation time) -> rates."""

SLACK = 1e-9
"""Relative tolerance for rounding, when rates are checked."""


def depolarizing(coherence: Times, relaxation: Times = np.inf) -> Rates:
    """Returns equal decay rates 1/T of X, Y and Z, with the coherence time T: depolarizing noise.

    A Werner state remains one. T is not a measured T2.

    Args:
        coherence: Time T, a number or an array of any shape and unit; > 0.
        relaxation: Not used.

    Source:
        Werner, PRA 40, 4277 (1989), in depolarizing memories.

    Example:
        >>> depolarizing(4.0)
        (0.25, 0.25, 0.25)
    """
    del relaxation
    return (1 / coherence,) * 3


def dephasing(coherence: Times, relaxation: Times = np.inf) -> Rates:
    """Returns decay rates 1/T2 of X and Y, and 0 of Z: pure dephasing, T1 is infinite.

    It is a Z error with probability (1 - exp(-t/T2)) / 2. A Werner state does not remain one.

    Args:
        coherence: Time T2, a number or an array of any shape and unit; > 0.
        relaxation: Not used.

    Source:
        Nielsen and Chuang, Quantum Computation and Quantum Information (2010), section 8.3.6.

    Example:
        >>> dephasing(4.0)
        (0.25, 0.25, 0.0)
    """
    del relaxation
    return 1 / coherence, 1 / coherence, 0 / coherence


def t1_t2(coherence: Times, relaxation: Times) -> Rates:
    """Returns decay rates 1/T2 of X and Y, and 1/T1 of Z: decay to |0> and dephasing, twirled.

    Amplitude damping with gamma = 1 - exp(-t/T1) multiplies X and Y by sqrt(1 - gamma) and Z by
    1 - gamma; pure dephasing at the rate 1/T2 - 1/(2 T1) adds to the decay of X and Y. The Pauli
    errors X and Y have the probability (1 - exp(-t/T1)) / 4 each, and Z has
    (1 - exp(-t/T2)) / 2 - (1 - exp(-t/T1)) / 4.

    It is an approximation: the Pauli twirl leaves out the drift towards |0>, which a Bell-diagonal
    pair can't describe. With both halves of a pair in memory, the untwirled channels would raise ZZ
    by the product of their two gammas. So for a good pair the twirl underestimates ZZ, to second
    order in t/T1.

    Args:
        coherence: Time T2, a number or an array of any shape and unit; > 0, at most twice T1.
        relaxation: Time T1, of the same shape and unit; > 0.

    Source:
        Ghosh, Fowler and Geller, PRA 86, 062318 (2012), arXiv:1210.5799; Tomita and Svore, PRA 90,
        062320 (2014), arXiv:1404.3747, equations 9 and 10. Checked against PennyLane's channels in
        `tests/physics/test_memories.py`.

    Example:
        >>> t1_t2(4.0, 10.0)
        (0.25, 0.25, 0.1)
    """
    return 1 / coherence, 1 / coherence, 1 / relaxation


MEMORIES: dict[str, Memory] = {
    "depolarizing": depolarizing,
    "dephasing": dephasing,
    "t1_t2": t1_t2,
}


def get(name: str) -> Memory:
    """Returns the memory model of that name, or the user's own `module:function`.

    It is a function (coherence, relaxation) -> the rates of X, Y and Z, each of the shape and in
    one over the unit of the times.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> get("t1_t2") is t1_t2
        True
    """
    return resolve("memory", name, MEMORIES)


def decay_rates(
    name: str, coherence: NDArray[np.float64], relaxation: NDArray[np.float64]
) -> Float[np.ndarray, "xyz vertices"]:
    """Returns the decay rates of X, Y and Z in each memory, in one over the unit of the times.

    Args:
        name: Name of the model, or `module:function`.
        coherence: Coherence time of each memory; > 0.
        relaxation: T1 of each memory, in the same unit; infinite where the model has none.

    Raises:
        ValueError: If the name is unknown, or no Pauli noise has these rates: each must lie between
            zero and the sum of the other two.

    Example:
        >>> decay_rates("t1_t2", np.array([2.0, 4.0]), np.array([5.0, 10.0])).tolist()
        [[0.5, 0.25], [0.5, 0.25], [0.2, 0.1]]
    """
    model = get(name)
    with calling("memory", name):
        rates = np.stack(np.broadcast_arrays(*model(coherence, relaxation), coherence)[:-1])
    if rates.shape != (3, *coherence.shape):
        raise ValueError(f"memory {name!r} must return three rates: of X, Y and Z")
    # The comparisons are written so that NaN fails them.
    bound = rates.sum(axis=0) * (1 + SLACK)
    if not ((rates >= 0) & (2 * rates <= bound) & np.isfinite(rates)).all():
        raise ValueError(
            f"memory {name!r} must return rates from zero to the sum of the other two, which are "
            "those of Pauli noise"
        )
    return rates
