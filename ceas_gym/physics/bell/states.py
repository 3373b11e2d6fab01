"""States of pairs: as quadruples, and as contractions of the Pauli letters X, Y and Z.

A quadruple holds the probabilities of (Phi+, Psi-, Psi+, Phi-), which are the Pauli errors
(I, Y, X, Z) on one half of the target state Phi+. The letters of a pair are the factors by which
teleportation through it multiplies the expectation values of X, Y and Z. Both are the last axis;
the axes before it broadcast.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

_NEVER_KEPT = (0.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0)


def werner(contraction: ArrayLike) -> Float[Array, "... 4"]:
    """Returns the Werner pair with a given contraction.

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
    """Returns the fidelity of a pair with the target state Phi+.

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

    The twirl keeps the fidelity F and makes the three errors equally likely,

        w = (4 F - 1) / 3.

    A pair that is not a Werner state is worth more than its twirl: see `teleport`.

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


def to_letters(pair: Float[Array, "... 4"]) -> Float[Array, "... 3"]:
    """Returns the contractions of X, Y and Z by a perfect teleportation through a pair.

    A Pauli error of the pair, (I, Y, X, Z) with probabilities (a, b, c, d), changes the sign of the
    two Pauli operators that it anticommutes with, so the contractions are

        X: a + c - b - d, Y: a + b - c - d, Z: a + d - b - c.

    Memories, swaps and wrong readouts multiply each of them by a factor of its own, which is why
    the simulation stores these and not the quadruple.

    Args:
        pair: Bell-diagonal quadruples.

    Returns:
        The contractions of X, Y and Z, in this order, on the last axis; each in [-1, 1].

    Source:
        Bowen and Bose, PRL 87, 267901 (2001).

    Example:
        >>> print(to_letters(jnp.array([0.75, 0.0, 0.0, 0.25])))
        [0.5 0.5 1. ]
    """
    none, y_error, x_error, z_error = jnp.moveaxis(pair, -1, 0)
    x_kept = none + x_error - y_error - z_error
    y_kept = none + y_error - x_error - z_error
    z_kept = none + z_error - x_error - y_error
    return jnp.stack([x_kept, y_kept, z_kept], axis=-1)


def from_letters(letters: Float[Array, "... 3"]) -> Float[Array, "... 4"]:
    """Returns the pair that teleports X, Y and Z with these contractions.

    It is the inverse of `to_letters`. With contractions (x, y, z),

        Phi+ = (1 + x + y + z) / 4, Psi- = (1 - x + y - z) / 4,
        Psi+ = (1 + x - y - z) / 4, Phi- = (1 - x - y + z) / 4.

    Args:
        letters: Contractions of X, Y and Z on the last axis; each in [-1, 1], and such that no
            entry of the quadruple is negative, which excludes (1, -1, 1).

    Returns:
        The Bell-diagonal quadruples, with sum 1. An entry that should be 0 may differ from it by a
        rounding error of either sign.

    Source:
        The Hadamard transform over the Pauli group, which is its own inverse up to a factor 4.

    Example:
        >>> print(from_letters(jnp.array([0.5, 0.5, 1.0])))
        [0.75 0.   0.   0.25]
    """
    x, y, z = jnp.moveaxis(letters, -1, 0)
    none, y_error = 1.0 + x + y + z, 1.0 - x + y - z
    x_error, z_error = 1.0 + x - y - z, 1.0 - x - y + z
    return jnp.stack([none, y_error, x_error, z_error], axis=-1) / 4.0


def post_select(
    weights: Float[Array, "... 4"],
) -> tuple[Float[Array, "..."], Float[Array, "... 4"]]:
    """Returns the probability that a pair is kept, and its state if it is.

    Args:
        weights: Joint probabilities of keeping the pair and of each Bell state, on the last axis
            in the order of the quadruple; >= 0, with a sum of at most 1.

    Returns:
        The probability of keeping the pair, in [0, 1], and the Bell-diagonal quadruple. Where no
        pair is ever kept, the quadruple is (0, 1/3, 1/3, 1/3), with fidelity 0 and no key. So it is
        where the probability is too small for its parts to be numbers of full precision.

    Source:
        Definition of a conditional probability.

    Example:
        >>> probability, pair = post_select(jnp.array([0.375, 0.0, 0.0, 0.125]))
        >>> print(probability, pair)
        0.5 [0.75 0.   0.   0.25]
    """
    probability = weights.sum(axis=-1)
    # Parts below the least normal number would be taken for zero.
    number = jnp.finfo(probability.dtype)
    kept = (probability > number.tiny / number.eps)[..., None]
    # Divides by 1 there: a NaN that the last `where` hides would still reach the gradient.
    shares = weights / jnp.where(kept, probability[..., None], 1.0)
    never = jnp.broadcast_to(jnp.asarray(_NEVER_KEPT, shares.dtype), shares.shape)
    return probability, jnp.where(kept, shares, never)
