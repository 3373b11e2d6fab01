"""Memory models: how fast a stored qubit loses what it has of X, Y and Z. A model is one function.

Every model is Pauli noise that goes on evenly in time, so the contraction of each letter falls
exponentially, exp(-r t). Hence the rates r are all there is to know of it: those of a pair's two
ends add up, and so do those of one wait after another.
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
"""Of the contractions of X, Y and Z, in one over the unit of the times; of the times' type."""
Memory = Callable[[Times, Times], Rates]

SLACK = 1e-9
"""Share by which rates may miss a bound for rounding."""


def depolarizing(coherence: Times, relaxation: Times = np.inf) -> Rates:
    """Shrinks X, Y and Z alike, by exp(-t/T) with the coherence time T.

    A Werner state remains one. T is no measured T2.

    Args:
        coherence: T.
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
    """Shrinks X and Y by exp(-t/T2), and leaves Z alone: T1 is infinite.

    It is a Z error with probability (1 - exp(-t/T2)) / 2. A Werner state does not remain one.

    Args:
        coherence: T2.
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
    """Shrinks X and Y by exp(-t/T2) and Z by exp(-t/T1): decay to |0> and dephasing, twirled.

    Amplitude damping with gamma = 1 - exp(-t/T1) shrinks X and Y by sqrt(1 - gamma) and Z by
    1 - gamma; pure dephasing, at the rate 1/T2 - 1/(2 T1), does the rest. As Pauli errors, X and Y
    have the probability (1 - exp(-t/T1)) / 4 each, and Z the rest of (1 - exp(-t/T2)) / 2.

    It is an approximation: the twirl over Pauli errors leaves out the drift towards |0>, which is
    no error that a Bell-diagonal pair can have. Of a pair with both halves in memory, the untwirled
    channels would raise ZZ by the product of their two gammas, so of a good pair the twirl says too
    little, to second order in t/T1.

    Args:
        coherence: T2, at most twice T1.
        relaxation: T1.

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
    """Returns the rates at which memories lose X, Y and Z.

    Args:
        name: Of the model.
        coherence: Time of each memory.
        relaxation: T1 of each memory, infinite where the model has none.

    Raises:
        ValueError: If the name is unknown, or the rates are not those of any noise: each must lie
            between zero and the sum of the other two.

    Example:
        >>> decay_rates("t1_t2", np.array([2.0, 4.0]), np.array([5.0, 10.0])).tolist()
        [[0.5, 0.25], [0.5, 0.25], [0.2, 0.1]]
    """
    model = get(name)
    with calling("memory", name):
        rates = np.stack(np.broadcast_arrays(*model(coherence, relaxation), coherence)[:-1])
    if rates.shape != (3, *coherence.shape):
        raise ValueError(f"memory {name!r} must return three rates: of X, Y and Z")
    # Written so that not a number is refused as well.
    bound = rates.sum(axis=0) * (1 + SLACK)
    if not ((rates >= 0) & (2 * rates <= bound) & np.isfinite(rates)).all():
        raise ValueError(
            f"memory {name!r} must return rates from zero to the sum of the other two, which are "
            "those of Pauli noise"
        )
    return rates
