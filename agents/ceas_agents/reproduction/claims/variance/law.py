"""What the noise of a weighted mean must be, and how it is measured on draws.

In the textbook's setting, node k estimates one expectation f, common to all, from n_k shots of an
observable of outcomes +1 and -1, and divides by its contraction c_k.
"""

import numpy as np
from jaxtyping import Float


def harmonic_over_arithmetic(information: Float[np.ndarray, " nodes"]) -> float:
    """Returns the harmonic over the arithmetic mean, in (0, 1].

    It is the variance of the best weighted mean over that of equal weights, where the variance of
    each estimate is one over its information.

    Args:
        information: Of each node, positive.

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
        weight: Sums to one over the nodes.
        expectation: The f that all estimate, in [-1, 1].

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
    """Returns weighted means of the nodes' estimates, drawn as numbers of outcomes +1.

    Args:
        shots: Of each node, at least one.
        contraction: Of each node's outcomes, in (0, 1].
        weight: Sums to one over the nodes.
        expectation: The f that all estimate, in [-1, 1].
        draws: How many.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    up = random.binomial(shots, (1 + contraction * expectation) / 2, (draws, len(shots)))
    return (2 * up / shots - 1) / contraction @ weight.T


def total_variance(
    draws: Float[np.ndarray, "draws *rows parameters"],
) -> Float[np.ndarray, "*rows"]:
    """Returns the variance over the draws, summed over the parameters.

    Example:
        >>> float(total_variance(np.array([[1.0, 5.0], [3.0, 5.0]])))
        2.0
    """
    return draws.var(axis=0, ddof=1).sum(axis=-1)


def squared_length(
    draws: Float[np.ndarray, "draws *rows parameters"],
) -> Float[np.ndarray, "*rows"]:
    """Returns the squared length of the mean, less what the noise of so many draws adds to it.

    Example:
        >>> float(squared_length(np.array([[9.0], [11.0]])))
        99.0
    """
    return (draws.mean(axis=0) ** 2).sum(axis=-1) - total_variance(draws) / len(draws)


def relative_variance(
    draws: Float[np.ndarray, "draws *rows parameters"],
    quiet: Float[np.ndarray, "draws *rows parameters"],
) -> Float[np.ndarray, "*rows"]:
    """Returns the total variance over the squared length of the mean: free of any contraction.

    Args:
        draws: Of what may be noisy.
        quiet: Of the same with less noise, which tell the mean.
    """
    return total_variance(draws) / squared_length(quiet)


def least_ratio(
    updates: Float[np.ndarray, "draws nodes parameters"],
    quiet: Float[np.ndarray, "draws nodes parameters"],
) -> float:
    """Returns the least relative variance of any weighted mean, over that of equal weights.

    Nodes differ in the length a_k of their mean along the common direction, and in their total
    variance v_k. The best weights are as a_k / v_k, and leave 1 / sum a_k^2 / v_k.

    Args:
        updates: Of the nodes that are counted.
        quiet: Of the same with less noise, which tell the mean.
    """
    mean, noise = quiet.mean(axis=0), total_variance(updates)
    common = mean.mean(axis=0)
    length = mean @ common / np.linalg.norm(common)
    return float(length.sum() ** 2 / noise.sum() / (length**2 / noise).sum())
