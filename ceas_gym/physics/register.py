"""Contractions of the Pauli words of a register, each qubit of which is teleported through a pair.

A pair contracts the letters X, Y and Z of its qubit by three factors (`bell.teleport`), so a Pauli
word is contracted by the product over its letters. Pairs are assigned to qubits at random, so on
average all words of one type, with the same numbers of X, Y and Z, have the same contraction.
"""

import itertools
import math
from functools import cache

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray

PauliType = tuple[int, ...]


@cache
def pauli_types(qubits: int, letters: int = 3) -> tuple[PauliType, ...]:
    """Returns the types of Pauli words, each as the numbers of its letters.

    They are sorted by weight, which is the sum of these numbers, so the identity comes first. Types
    of equal weight are sorted by the number of the first letter in descending order, then by that
    of the second, and so on. With a single letter, the types are the weights.

    Args:
        qubits: Number n of qubits, the greatest weight; >= 0.
        letters: Number L of letters that are distinguished; 3 for X, Y and Z in this order.

    Returns:
        All C(n + L, L) types, each a tuple of L numbers in [0, n].

    Example:
        >>> pauli_types(1)
        ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
        >>> pauli_types(2, letters=1)
        ((0,), (1,), (2,))
    """
    numbers = itertools.product(range(qubits, -1, -1), repeat=letters)
    return tuple(
        sorted((pauli_type for pauli_type in numbers if sum(pauli_type) <= qubits), key=sum)
    )


def mean_products(
    counts: Int[Array, "nodes classes"], values: Float[Array, "nodes classes xyz"], qubits: int
) -> Float[Array, "nodes pauli_types"]:
    r"""Returns how pairs, assigned to qubits at random, contract each type of Pauli word.

    For the type (a, b, c) it is the mean of the product of the X values of a pairs, the Y values of
    b others and the Z values of c others, drawn without replacement from all M pairs. Let t_k be
    that mean for draws with replacement, where a product counts as 0 if a pair is drawn twice. For
    a type k of weight |k|, it follows from the means m_j of x^a y^b z^c over single pairs,
    j = (a, b, c), by

        t_k = 1/|k| sum_{0 < j <= k} (-1)^(|j| - 1) |j|! C(k, j) M^(1 - |j|) m_j t_{k - j},

    with products C(k, j) of binomial coefficients. Divided by the probability that no pair is drawn
    twice, M! / ((M - |k|)! M^|k|), it is the mean product. In single precision, contractions have
    errors of at most 1e-5 for 6 pairs and 6 qubits, 3e-4 for 10 pairs and 10 qubits, and smaller
    ones with more pairs.

    Args:
        counts: Number of pairs by class; the sum M of a node is 0 or at least `qubits`.
        values: Factors of each pair of the class on X, Y and Z (`bell.teleport`), in [-1, 1]; or
            other numbers whose mean products are wanted.
        qubits: Number of qubits, the greatest weight of a type; >= 0.

    Returns:
        The means, in the order of `pauli_types`: 1 for the identity, and 0 for the other types of
        a node without pairs.

    Source:
        Newton's identities, for mixed elementary symmetric polynomials: the derivative of the
        logarithm of prod (1 + x r + y s + z t) over all pairs. Checked against all assignments in
        `tests/physics/test_register.py`.

    Example:
        >>> values = jnp.array([[[1.0, 0.5, 0.5], [0.0, 0.5, 0.5]]])
        >>> print(mean_products(jnp.array([[1, 3]]), values, qubits=1))
        [[1.   0.25 0.5  0.5 ]]
    """
    letters = values.shape[-1]
    pairs = jnp.maximum(counts.sum(axis=1), max(qubits, 1)).astype(values.dtype)
    share = counts.astype(values.dtype) / pairs[:, None]
    weights = np.array([sum(pauli_type) for pauli_type in pauli_types(qubits, letters)])
    again = jnp.stack([pairs ** min(0, 1 - weight) for weight in range(qubits + 1)], axis=1)
    moments = _power_means(share, values, qubits) * again[:, weights]

    means = jnp.zeros_like(moments).at[:, 0].set(1.0)
    for weight in range(qubits):
        # Means of this weight are complete; each adds its terms to the means of greater weight.
        start, end, rest = (
            len(pauli_types(w, letters)) for w in (weight - 1, weight, qubits - weight)
        )
        terms = means[:, start:end, None] * moments[:, None, 1:rest]
        table = jnp.asarray(_coefficients(weight, qubits, letters), values.dtype)
        # Full precision, because an accelerator would otherwise round the factors to ten bits.
        heavier = jnp.matmul(terms.reshape(len(pairs), -1), table, precision="highest")
        means = means + heavier
    return means / _all_different(pairs, qubits)[:, weights]


def twirled_contraction(process_fidelity: ArrayLike, dimension: ArrayLike) -> Float[Array, "..."]:
    """Returns the contraction of a channel after a twirl to the depolarizing channel.

    The twirl keeps the process fidelity F. In dimension D,

        contraction = (D^2 F - 1) / (D^2 - 1),

    which for a Pauli channel is the mean of its contractions of all Pauli words except the
    identity. A register has F = prod_i (1 + x_i + y_i + z_i) / 4, with the contractions of its
    pairs.

    Args:
        process_fidelity: Entanglement fidelity F of the channel with the identity; in [0, 1].
        dimension: Dimension D of the Hilbert space, 2^n for n qubits; >= 2.

    Returns:
        The contraction, in [-1/(D^2 - 1), 1].

    Source:
        Horodecki, Horodecki and Horodecki, PRA 60, 1888 (1999).

    Example:
        >>> print(f"{twirled_contraction(0.85, dimension=4):.2f}")
        0.84
    """
    lost = jnp.subtract(1.0, process_fidelity)
    others = jnp.square(jnp.asarray(dimension, lost.dtype)) - 1.0
    return jnp.subtract(process_fidelity, lost / others)


# (nodes, pauli_types): the sum over the classes of the share times the monomial of each type. It is
# one matrix product of the monomials in all letters except the last, and the powers of the last.
def _power_means(
    share: Float[Array, "nodes classes"], values: Float[Array, "nodes classes xyz"], qubits: int
) -> Float[Array, "nodes pauli_types"]:
    *others, last = jnp.moveaxis(values, -1, 0)
    monomials = {(0,) * len(others): share}
    for pauli_type in pauli_types(qubits, len(others))[1:]:
        letter = next(place for place, number in enumerate(pauli_type) if number)
        less = tuple(number - (place == letter) for place, number in enumerate(pauli_type))
        monomials[pauli_type] = monomials[less] * others[letter]
    powers = [jnp.ones_like(last)]
    for _ in range(qubits):
        powers.append(powers[-1] * last)
    before, after = jnp.stack(list(monomials.values()), 1), jnp.stack(powers, 1)
    # Full precision, as above.
    means = jnp.einsum("nac,nbc->nab", before, after, precision="highest")
    rows = list(monomials)
    places = [
        rows.index(pauli_type[:-1]) * (qubits + 1) + pauli_type[-1]
        for pauli_type in pauli_types(qubits, len(others) + 1)
    ]
    return means.reshape(len(share), -1)[:, np.array(places)]


# (nodes, weights): the probability that so many draws with replacement take no pair twice.
def _all_different(pairs: Float[Array, " nodes"], qubits: int) -> Float[Array, "nodes weights"]:
    chances = [jnp.ones_like(pairs)]
    for drawn in range(qubits):
        chances.append(chances[-1] * (pairs - drawn) / pairs)
    return jnp.stack(chances, axis=1)


# (terms, pauli_types): the constants of the recursion, with one row for each combination of a type
# of this weight and a type j that may be added to it; the one entry of a row is at their sum.
@cache
def _coefficients(weight: int, qubits: int, letters: int) -> NDArray[np.float64]:
    order = pauli_types(qubits, letters)
    of_weight = [
        pauli_type for pauli_type in pauli_types(weight, letters) if sum(pauli_type) == weight
    ]
    rows: list[NDArray[np.float64]] = []
    for pauli_type, added in itertools.product(
        of_weight, pauli_types(qubits - weight, letters)[1:]
    ):
        whole = tuple(a + b for a, b in zip(pauli_type, added, strict=True))
        size = sum(added)
        entry = (-1) ** (size - 1) * math.factorial(size) / sum(whole)
        row = np.zeros(len(order))
        row[order.index(whole)] = entry * math.prod(map(math.comb, whole, added))
        rows.append(row)
    return np.stack(rows)
