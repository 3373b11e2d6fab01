"""Fisher information of noisy states, and the variance of the estimates that nodes return."""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float


def depolarized_qfi_factor(contraction: ArrayLike, dimension: ArrayLike) -> Float[Array, "..."]:
    """Returns the factor by which depolarizing a pure state reduces its quantum Fisher information.

    With contraction c in dimension D,

        factor = c^2 / (c + 2 (1 - c) / D),

    which is c^2 for a single qubit and more for every larger dimension.

    Args:
        contraction: Contraction c of the depolarizing channel on the whole state; in [0, 1].
        dimension: Dimension D of the Hilbert space, 2^n for n qubits; >= 2.

    Returns:
        The factor, in [0, 1].

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994), evaluated for a depolarized pure state.

    Example:
        >>> print(f"{depolarized_qfi_factor(contraction=0.9, dimension=4):.3f}")
        0.853
    """
    mixed = jnp.divide(2.0 * jnp.subtract(1.0, contraction), dimension)
    return jnp.square(contraction) / (mixed + contraction)


def inverse_variance_weights(information: Float[Array, "... nodes"]) -> Float[Array, "... nodes"]:
    """Returns the weights of the best linear unbiased mean of independent estimates.

    With information i_k, the inverse of the variance of estimate k,

        weight_k = i_k / sum_j i_j, and the mean has variance 1 / sum_j i_j.

    Args:
        information: Information i of each estimate, on the last axis; >= 0.

    Returns:
        The weights, in [0, 1] with sum 1; all 0 where no estimate has any information.

    Source:
        Gauss-Markov theorem.

    Example:
        >>> print(inverse_variance_weights(jnp.array([[3.0, 1.0], [0.0, 0.0]])))
        [[0.75 0.25]
         [0.   0.  ]]
    """
    total = information.sum(axis=-1, keepdims=True)
    # Divides by 1 where the total is 0, which keeps the gradient finite too.
    return information / jnp.where(total > 0.0, total, 1.0)


def parameter_shift_variance(
    value_plus: ArrayLike,
    value_minus: ArrayLike,
    contraction: ArrayLike,
    shots: ArrayLike,
) -> Float[Array, "..."]:
    """Returns the shot-noise variance of a parameter-shift gradient divided by its contraction.

    The gradient is (f+ - f-) / 2 from the values at the parameter plus and minus pi/2. Each value
    is contracted to c f, measured as a mean of n outcomes +1 or -1, and divided by c,

        variance = [(1 - c^2 f+^2) + (1 - c^2 f-^2)] / (4 n c^2).

    Args:
        value_plus: Expectation value f+ without noise; in [-1, 1].
        value_minus: Expectation value f- without noise; in [-1, 1].
        contraction: Contraction c of both values, a scalar for the whole circuit; in [0, 1].
        shots: Number n of shots for each of the two values; >= 0.

    Returns:
        The variance, at least 0; infinite for 0 shots or contraction 0.

    Source:
        Mitarai et al., PRA 98, 032309 (2018); Schuld et al., PRA 99, 032331 (2019).

    Example:
        >>> print(f"{parameter_shift_variance(0.5, -0.5, contraction=0.8, shots=100):.5f}")
        0.00656
    """
    signal = jnp.square(contraction)
    spread = 2.0 - signal * (jnp.square(value_plus) + jnp.square(value_minus))
    return spread / (4.0 * signal * shots)
