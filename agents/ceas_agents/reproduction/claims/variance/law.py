"""The variance of a weighted mean, in theory and measured on draws.

In the textbook's setting, each node k estimates the same expectation value f from n_k shots of an
observable with outcomes +1 and -1, and divides the mean outcome by its contraction c_k.
"""

import numpy as np
from jaxtyping import Float


def harmonic_over_arithmetic(information: Float[np.ndarray, " nodes"]) -> float:
    """Returns the harmonic over the arithmetic mean, in (0, 1].

    It is the variance of the best weighted mean relative to that of equal weights, if the variance
    of each estimate is one over its information.

    Args:
        information: Of each node, in shots of perfect signal; above 0.

    Source:
        Gauss-Markov theorem.

    Example:
        >>> harmonic_over_arithmetic(np.array([1.0, 3.0]))
        0.75
    """
    return float(1 / np.mean(1 / information) / np.mean(information))


def textbook_variance(
    shots: Float[np.ndarray, " nodes"],
    contraction: Float[np.ndarray, " nodes"],
    weight: Float[np.ndarray, "schemes nodes"],
    expectation: float,
) -> Float[np.ndarray, " schemes"]:
    """Returns sum_k w_k^2 (1 - c_k^2 f^2) / (n_k c_k^2), the exact variance of the weighted mean.

    Args:
        shots: Of each node, at least one.
        contraction: Of each node's outcomes, in (0, 1].
        weight: In [0, 1]; sums to one over the nodes.
        expectation: The f that all estimate, in [-1, 1].

    Source:
        Variance of the mean of n_k independent outcomes +1 and -1 of mean c_k f.

    Example:
        >>> equal = np.full((1, 2), 0.5)
        >>> textbook_variance(np.array([100, 100]), np.array([1.0, 0.5]), equal, 0.0).tolist()
        [0.0125]
    """
    return weight**2 @ ((1 - (contraction * expectation) ** 2) / (shots * contraction**2))


def textbook_means(
    shots: Float[np.ndarray, " nodes"],
    contraction: Float[np.ndarray, " nodes"],
    weight: Float[np.ndarray, "schemes nodes"],
    expectation: float,
    draws: int,
    seed: int,
) -> Float[np.ndarray, "draws schemes"]:
    """Returns weighted means of the nodes' estimates, from binomial numbers of outcomes +1.

    Args:
        shots: Of each node, at least one.
        contraction: Of each node's outcomes, in (0, 1].
        weight: In [0, 1]; sums to one over the nodes.
        expectation: The f that all estimate, in [-1, 1].
        draws: Number of draws; at least 1.
        seed: Seed of the random numbers.
    """
    random = np.random.default_rng(seed)
    up = random.binomial(shots, (1 + contraction * expectation) / 2, (draws, len(shots)))
    return (2 * up / shots - 1) / contraction @ weight.T


def total_variance(
    draws: Float[np.ndarray, "draws *rows parameters"],
) -> Float[np.ndarray, "*rows"]:
    """Returns the variance over the draws, summed over the parameters.

    Args:
        draws: At least two.

    Example:
        >>> float(total_variance(np.array([[1.0, 5.0], [3.0, 5.0]])))
        2.0
    """
    return draws.var(axis=0, ddof=1).sum(axis=-1)


def squared_length(
    draws: Float[np.ndarray, "draws *rows parameters"],
) -> Float[np.ndarray, "*rows"]:
    """Returns the squared length of the mean, without the bias from the noise of the draws.

    Args:
        draws: At least two.

    Returns:
        An unbiased estimate, which may be below 0.

    Example:
        >>> float(squared_length(np.array([[9.0], [11.0]])))
        99.0
    """
    return (draws.mean(axis=0) ** 2).sum(axis=-1) - total_variance(draws) / len(draws)


def relative_variance(
    draws: Float[np.ndarray, "draws *rows parameters"],
    quiet: Float[np.ndarray, "draws *rows parameters"],
) -> Float[np.ndarray, "*rows"]:
    """Returns the total variance over the squared length of the mean.

    A common factor of all draws, such as a contraction, makes no difference.

    Args:
        draws: Noisy draws, at least two.
        quiet: Draws with the same mean and less noise, from which the mean is estimated.
    """
    return total_variance(draws) / squared_length(quiet)


def least_ratio(
    updates: Float[np.ndarray, "draws nodes parameters"],
    quiet: Float[np.ndarray, "draws nodes parameters"],
) -> float:
    """Returns the least relative variance of any weighted mean, over that of equal weights.

    Nodes differ in the length a_k of their mean along the common direction, and in their total
    variance v_k. The best weights are proportional to a_k / v_k, and their relative variance is
    1 / sum_k (a_k^2 / v_k).

    Args:
        updates: Draws of the nodes that are counted, at least two.
        quiet: Draws with the same mean and less noise, from which the mean is estimated.

    Returns:
        A ratio in (0, 1].

    Source:
        Gauss-Markov theorem.
    """
    mean, noise = quiet.mean(axis=0), total_variance(updates)
    common = mean.mean(axis=0)
    length = mean @ common / np.linalg.norm(common)
    return float(length.sum() ** 2 / noise.sum() / (length**2 / noise).sum())
