"""Rules that take a middle: mean, medians, trimmed mean, centred clipping."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.rules.mass import trimmed_share, weighted_median
from ceas_gym.consensus.weights import mass_below

WEISZFELD_STEPS = 64
CLIPPING_STEPS = 5


def mean(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted mean. Withstands no Byzantine node."""
    del byzantine
    return weights @ updates


def trimmed_mean(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns, per coordinate, the mean without the mass beta at each end.

    Its squared error is at most kappa = (2 beta - W) / (1 - 2 beta) times the honest spread, for
    any Byzantine weight W <= beta < 1/2.

    Source:
        Yin et al., ICML 2018, arXiv:1803.01498, for equal weights.
    """
    beta = trimmed_share(weights, byzantine)
    below = mass_below(updates.T, weights)
    kept = jnp.clip(jnp.minimum(below + weights, 1 - beta) - jnp.maximum(below, beta), 0)
    # The rest is summed, never the extremes subtracted: beside them the rest would be lost.
    return (kept * updates.T).sum(axis=1) / jnp.maximum(kept.sum(axis=1), 1e-30)


def median(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted median per coordinate, the middle of the two where there are two."""
    del byzantine
    return weighted_median(updates.T, weights)


def geometric_median(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the point of least weighted sum of distances (Weiszfeld, a fixed number of steps).

    It starts near the update of least sum of distances: from the mean, outliers far away would not
    be forgotten in so many steps. Its squared error is at most 4 (1 + W / (1 - 2 W))^2 times the
    honest spread.

    Source:
        Pillutla, Kakade and Harchaoui, IEEE TSP 70, 1142 (2022), arXiv:1912.13445.
    """
    del byzantine

    def step(point: Array, _: None) -> tuple[Array, None]:
        distance = jnp.linalg.norm(updates - point, axis=1)
        pull = weights / jnp.maximum(distance, 1e-8)
        return pull @ updates / jnp.maximum(pull.sum(), 1e-30), None

    return jax.lax.scan(step, _near_medoid(updates, weights), None, length=WEISZFELD_STEPS)[0]


def centred_clipping(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the median, moved by the mean of the differences from it, none longer than a radius.

    Five steps (`centre`). The radius is the weighted median distance from the median, so that
    nothing about the honest nodes need be known. Published versions start at the last round's
    result or at zero, with a radius set by hand.

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
        pull = weights * jnp.minimum(1, radius / jnp.maximum(distance, 1e-30))
        return point + pull @ gaps, None

    return jax.lax.scan(step, start, None, length=steps)[0]


def _near_medoid(updates: Array, weights: Array) -> Float[Array, " parameters"]:
    # At an input itself, Weiszfeld's steps would be stuck: one clipped mean leads away from it.
    distances = jnp.linalg.norm(updates[:, None, :] - updates[None, :, :], axis=-1)
    medoid = jnp.argmin(jnp.where(weights > 0, distances @ weights, jnp.inf))
    radius = weighted_median(distances[medoid], weights)
    return centre(updates, weights, updates[medoid], radius, steps=1)
