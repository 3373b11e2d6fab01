"""The probability that a trap passes: overlaps of encoded samples after a Pauli channel.

A node has asked for the sample x, a pure state, and measures whether the state that arrived is x.
If x' was teleported through a channel that contracts the Pauli word P by c(P), the answer is yes
with probability

    Tr[x C(x')] = 2^-q sum_P x_P x'_P c(P),

over all 4^q words of q qubits, with the Pauli vectors of x and x'. On average over assignments of
pairs to qubits, c(P) depends only on the type of P. So for each type, the sum of x_P x'_P over its
words is computed once.
"""

import numpy as np
from jaxtyping import Float, Int

from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.types import TrapChances


def chances(
    paulis: Float[np.ndarray, "samples paulis"],
    labels: Int[np.ndarray, " samples"],
    type_of_pauli: Float[np.ndarray, "pauli_types paulis"],
    qubits: int,
) -> TrapChances:
    """Returns the chances that a trap passes, on average over all samples, by type of Pauli word.

    Args:
        paulis: Expectation values of all Pauli words that do not vanish, in [-1, 1].
        labels: Classes of the samples. The class before the first one is the last one.
        type_of_pauli: One where the word is of that type, else zero.
        qubits: Number q of qubits.

    Source:
        The overlap in the Pauli basis: Nielsen and Chuang, Quantum Computation and Quantum
        Information, section 8.4.2; for pure states, that it is a probability: section 9.2.2.

    Example:
        >>> zero, one = [1.0, 0.0, 0.0, 1.0], [1.0, 0.0, 0.0, -1.0]
        >>> found = chances(np.array([zero, one]), np.array([0, 1]), np.eye(4), qubits=1)
        >>> found.honest.tolist(), found.false.tolist()
        ([0.5, 0.0, 0.0, 0.5], [0.5, 0.0, 0.0, -0.5])
    """
    known, share = np.unique(labels, return_counts=True)
    means = np.stack([paulis[labels == label].mean(axis=0) for label in known])
    before = np.roll(means, 1, axis=0)
    false = (share / len(labels)) @ (means * before)
    by_type = type_of_pauli / 2**qubits
    return TrapChances(
        honest=array(by_type @ (paulis**2).mean(axis=0)), false=array(by_type @ false)
    )
