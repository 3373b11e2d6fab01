"""Rules that take a middle: mean, medians, trimmed mean, centred clipping."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.ranks import mass_below
from ceas_gym.consensus.rules.units import in_units
from ceas_gym.consensus.rules.weighted import shortening, summable, weighted_median
from ceas_gym.consensus.weights import top_share

WEISZFELD_STEPS = 64
SMOOTHING = 1e-8
"""Of the geometric median: smaller distances are raised to this share of the start's radius."""
OUTLYING = 64.0
"""Units of a component beyond which outliers are cut, where the geometric median starts."""
CLIPPING_STEPS = 5


def mean(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted mean. Withstands no Byzantine node."""
    del byzantine
    return weights @ updates


def trimmed_mean(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns, per coordinate, the mean without the mass beta at each end.

    Its squared error is at most kappa = (2 beta - W) / (1 - 2 beta) times the honest spread, for
    any Byzantine weight W <= beta < 1/2. No coordinate leaves the honest range: what is beyond it
    weighs no more than W.

    Source:
        Yin et al., ICML 2018, arXiv:1803.01498, for equal weights.
    """
    weights = summable(weights)
    beta, below = top_share(weights, byzantine), mass_below(updates.T, weights)
    last = weights.sum() - beta
    kept = jnp.clip(jnp.minimum(below + weights, last) - jnp.maximum(below, beta), 0)
    # The rest is summed, never the extremes subtracted: beside them the rest would be lost.
    return (kept * updates.T).sum(axis=1) / jnp.maximum(kept.sum(axis=1), jnp.finfo(kept.dtype).eps)


def median(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted median per coordinate, the middle of the two where there are two."""
    del byzantine
    return weighted_median(updates.T, weights)


@in_units
def geometric_median(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the point of least weighted sum of distances (Weiszfeld, a fixed number of steps).

    It starts near the update of least sum of distances: from the mean, outliers far away would not
    be forgotten in so many steps. Its squared error is at most 4 (1 + W / (1 - 2 W))^2 times the
    honest spread, for any Byzantine weight W < 1/2.

    Where its constant comes from: a point whose sum of distances is s honest ranges above that of
    an honest update is at most (2 (1 - W) + s) / (1 - 2 W) ranges away from it. For the medoid,
    s = 0; let it be A ranges away. For the start, s is at most A and a quarter of the radius, which
    is at most A + 1. No step raises s.

    Source:
        Pillutla, Kakade and Harchaoui, IEEE TSP 70, 1142 (2022), arXiv:1912.13445.
    """
    del byzantine
    radius, start = _near_medoid(updates, weights)
    # A majority that agrees has a radius of zero, and is the median.
    least = jnp.where(radius > 0, SMOOTHING * radius, 1)

    def step(point: Array, _: None) -> tuple[Array, None]:
        distance = jnp.linalg.norm(updates - point, axis=1)
        pull = weights / jnp.maximum(distance, least)
        return pull @ updates / jnp.maximum(pull.sum(), jnp.finfo(pull.dtype).tiny), None

    point = jax.lax.scan(step, start, None, length=WEISZFELD_STEPS)[0]
    return jnp.where(radius > 0, point, start)


@in_units
def centred_clipping(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the median, moved by the mean of the differences from it, none longer than a radius.

    Five steps (`centre`). The radius is the weighted median distance from the median, so that
    nothing about the honest nodes need be known. Published versions start at the last round's
    result or at zero, with a radius set by hand.

    Where its constant comes from: the start is in the box around the honest updates, so its
    distance from any of them, and with it the radius, is at most the box's diagonal. In each of the
    steps, Byzantine nodes add at most their weight times the radius to that distance.

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
        updates: One of each node.
        weights: Sum to one.
        start: First guess.
        radius: Most that one node may pull, in units of the updates; not negative.
        steps: How often.

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
    # The radius of half of the mass around the medoid, and a point near it: at an input itself,
    # Weiszfeld's steps would be stuck. One clipped mean leads away from it.
    distances = jnp.linalg.norm(updates[:, None, :] - updates[None, :, :], axis=-1)
    # In a sum with the distances of outliers, differences between the other updates would be lost.
    cut = jnp.minimum(distances, OUTLYING * updates.shape[1] ** 0.5)
    near = (weights > 0) & (jnp.abs(updates).max(axis=1) <= OUTLYING / 4)
    medoid = jnp.argmin(jnp.where(near, cut @ weights, jnp.inf))
    radius = weighted_median(distances[medoid], weights)
    return radius, centre(updates, weights, updates[medoid], radius, steps=1)
