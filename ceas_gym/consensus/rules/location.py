"""Rules that estimate a location: mean, medians, trimmed mean, centred clipping."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.ranks import mass_below
from ceas_gym.consensus.rules.units import in_units
from ceas_gym.consensus.rules.weighted import shortening, summable, weighted_median
from ceas_gym.consensus.weights import top_share

WEISZFELD_STEPS = 64
"""Iterations of the geometric median."""
SMOOTHING = 1e-8
"""Distances of the geometric median are at least this share of the radius at its start."""
OUTLYING = 64.0
"""Bound on components, in units, when the start of the geometric median is chosen."""
CLIPPING_STEPS = 5
"""Iterations of centred clipping."""


def mean(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted mean, which withstands no Byzantine node.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Not used.

    Returns:
        The aggregate, shape (parameters,).
    """
    del byzantine
    return weights @ updates


def trimmed_mean(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns, per coordinate, the mean without the weight of the f heaviest nodes at each end.

    That weight is beta. The squared error is at most kappa = (2 beta - W) / (1 - 2 beta) times the
    honest spread, for any Byzantine weight W <= beta < 1/2. No coordinate leaves the honest range,
    because at most the weight W lies beyond either end of it.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Number f of Byzantine nodes to withstand; at least 0.

    Returns:
        The aggregate, shape (parameters,).

    Source:
        Yin et al., ICML 2018, arXiv:1803.01498, for equal weights; the constant kappa is our own
        derivation.
    """
    weights = summable(weights)
    beta, below = top_share(weights, byzantine), mass_below(updates.T, weights)
    last = weights.sum() - beta
    kept = jnp.clip(jnp.minimum(below + weights, last) - jnp.maximum(below, beta), 0)
    # Sums what is kept. Subtracting the extremes from the whole sum would cancel all digits.
    return (kept * updates.T).sum(axis=1) / jnp.maximum(kept.sum(axis=1), jnp.finfo(kept.dtype).eps)


def median(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted median per coordinate, or the mean of the two where there are two.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Not used.

    Returns:
        The aggregate, shape (parameters,).

    Source:
        Yin et al., ICML 2018, arXiv:1803.01498, for equal weights.

    Example:
        >>> updates = jnp.array([[1.0], [2.0], [100.0]])
        >>> median(updates, jnp.full(3, 1 / 3), 1).tolist()
        [2.0]
    """
    del byzantine
    return weighted_median(updates.T, weights)


@in_units
def geometric_median(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the point of least weighted sum of distances, by a fixed number of Weiszfeld steps.

    The steps start near the medoid, the update of least sum of distances. If they started at the
    mean, they would be too few to get away from distant outliers. The squared error is at most
    4 (1 + W / (1 - 2 W))^2 times the honest spread, for any Byzantine weight W < 1/2.

    The constant C follows from this: a point whose sum of distances is s honest ranges above that
    of an honest update is at most (2 (1 - W) + s) / (1 - 2 W) ranges away from it. For the medoid
    s = 0; let it be A ranges away. For the start s is at most A plus a quarter of the radius, which
    is at most A + 1. No step raises s.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Not used.

    Returns:
        The aggregate, shape (parameters,).

    Source:
        Pillutla, Kakade and Harchaoui, IEEE TSP 70, 1142 (2022), arXiv:1912.13445.
    """
    del byzantine
    radius, start = _near_medoid(updates, weights)
    # Where a majority sends the same update, the radius is zero, and that update is the median.
    least = jnp.where(radius > 0, SMOOTHING * radius, 1)

    def step(point: Array, _: None) -> tuple[Array, None]:
        distance = jnp.linalg.norm(updates - point, axis=1)
        pull = weights / jnp.maximum(distance, least)
        return pull @ updates / jnp.maximum(pull.sum(), jnp.finfo(pull.dtype).tiny), None

    point = jax.lax.scan(step, start, None, length=WEISZFELD_STEPS)[0]
    return jnp.where(radius > 0, point, start)


@in_units
def centred_clipping(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the median, moved in five steps by the mean of the clipped differences from it.

    The clipping radius is the weighted median distance from the median, so that nothing needs to be
    known about the honest nodes. Published versions start at the last round's result or at zero,
    with a radius set by hand.

    The constant C follows from this: the start is in the box around the honest updates, so its
    distance from any of them is at most the diagonal of the box, and so is the radius. In each of
    the steps, Byzantine nodes add at most their weight times the radius to that distance.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Not used.

    Returns:
        The aggregate, shape (parameters,).

    Source:
        Karimireddy, He and Jaggi, ICML 2021, arXiv:2012.10333.
    """
    del byzantine
    start = weighted_median(updates.T, weights)
    radius = weighted_median(jnp.linalg.norm(updates - start, axis=1), weights)
    return centre(updates, weights, start, radius, CLIPPING_STEPS)


def centre(
    updates: Float[Array, "nodes parameters"],
    weights: Float[Array, " nodes"],
    start: Float[Array, " parameters"],
    radius: Float[Array, ""],
    steps: int,
) -> Float[Array, " parameters"]:
    """Returns the start, moved `steps` times by the weighted mean of the clipped differences.

    Args:
        updates: One update for each node.
        weights: Weights of the nodes; sum 1.
        start: The point from which to start.
        radius: Greatest length of a clipped difference, in the unit of the updates; at least 0.
        steps: Number of steps; at least 0.

    Source:
        Karimireddy, He and Jaggi, ICML 2021, arXiv:2012.10333.

    Example:
        >>> updates, weights = jnp.array([[1.0], [9.0]]), jnp.array([0.5, 0.5])
        >>> centre(updates, weights, jnp.zeros(1), 2.0, steps=1).tolist()
        [1.5]
    """

    def step(point: Array, _: None) -> tuple[Array, None]:
        gaps = updates - point
        distance = jnp.linalg.norm(gaps, axis=1)
        pull = weights * shortening(distance, radius)
        return point + pull @ gaps, None

    return jax.lax.scan(step, start, None, length=steps)[0]


def _near_medoid(updates: Array, weights: Array) -> tuple[Array, Float[Array, " parameters"]]:
    # The radius around the medoid that holds half of the weight, and a point near the medoid, one
    # step of centred clipping away: at an input itself, Weiszfeld's steps would not move.
    distances = jnp.linalg.norm(updates[:, None, :] - updates[None, :, :], axis=-1)
    # Summed with the huge distances of outliers, the distances of others would be rounded away.
    cut = jnp.minimum(distances, OUTLYING * updates.shape[1] ** 0.5)
    near = (weights > 0) & (jnp.abs(updates).max(axis=1) <= OUTLYING / 4)
    medoid = jnp.argmin(jnp.where(near, cut @ weights, jnp.inf))
    radius = weighted_median(distances[medoid], weights)
    return radius, centre(updates, weights, updates[medoid], radius, steps=1)
