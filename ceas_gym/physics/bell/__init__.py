"""Bell-diagonal pairs: their states, how they decay in memories, and operations on them.

A pair is the quadruple of its probabilities of (Phi+, Psi-, Psi+, Phi-), which are the Pauli errors
(I, Y, X, Z) on one half of the target state Phi+. Entries are in [0, 1] and add up to 1. The
quadruple is the last axis; the axes before it broadcast against the other arguments.
"""

from ceas_gym.physics.bell.memories import decay, dephase, depolarize, expiry_age
from ceas_gym.physics.bell.operations import purify, swap, teleport, teleported_cnot
from ceas_gym.physics.bell.states import (
    contraction,
    fidelity,
    from_letters,
    post_select,
    to_letters,
    werner,
)

__all__ = [
    "contraction",
    "decay",
    "dephase",
    "depolarize",
    "expiry_age",
    "fidelity",
    "from_letters",
    "post_select",
    "purify",
    "swap",
    "teleport",
    "teleported_cnot",
    "to_letters",
    "werner",
]
