"""Pre-steps of a rule that use lengths and weights of updates: clipping and bucketing."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.consensus.ranks import mass_below
from ceas_gym.consensus.rules.units import in_units
from ceas_gym.consensus.rules.weighted import shortening, weighted_median

BUCKET = 2
"""Nodes in a bucket, as the authors advise. Larger buckets average better, but one Byzantine node
spoils more updates."""


@in_units
def clip(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the updates, shortened where they are longer than the weighted median length.

    The median is at least the shortest honest length. So no honest update moves by more than the
    honest range, and no two updates get farther apart.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Not used.

    Returns:
        The clipped updates, shape (nodes, parameters).

    Example:
        >>> updates = jnp.array([[1.0], [-2.0], [100.0]])
        >>> clip(updates, jnp.full(3, 1 / 3), 1).tolist()
        [[1.0], [-2.0], [2.0]]
    """
    del byzantine
    lengths = jnp.linalg.norm(updates, axis=1)
    most = weighted_median(lengths, weights)
    return updates * shortening(lengths, most)[:, None]


def bucketing(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns each update replaced by the weighted mean of its pair.

    Nodes are paired in descending order of weight, and in the order of the nodes where weights are
    equal, so the pairs do not depend on any update. The authors draw them at random, but a rule
    here is deterministic. Because of this order, f pairs are never heavier than the 2 f heaviest
    nodes, which rules after this step must withstand (`spoiled`); they need 4 f < n. With equal
    weights, another order of the nodes makes other pairs. A heavy node is not treated like several
    light ones. The mean of two honest updates is within the honest range of all others.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Not used.

    Returns:
        The averaged updates, shape (nodes, parameters); both nodes of a pair have the same one.

    Source:
        Karimireddy, He and Jaggi, ICLR 2022, arXiv:2006.09365.

    Example:
        >>> updates = jnp.array([[1.0], [3.0], [5.0], [9.0]])
        >>> bucketing(updates, jnp.full(4, 0.25), 1).tolist()
        [[2.0], [2.0], [7.0], [7.0]]
    """
    del byzantine
    rank = mass_below(-weights, jnp.ones_like(weights)).astype(int)
    pair = rank // BUCKET
    share = jnp.where(pair[:, None] == pair[None, :], weights, 0)
    whole = jnp.maximum(share.sum(axis=1, keepdims=True), jnp.finfo(share.dtype).tiny)
    return share / whole @ updates


def spoiled(weights: Float[Array, " nodes"], byzantine: Array) -> Int[Array, ""]:
    """Returns how many nodes a rule must withstand after bucketing: 2 f, unless they carry half.

    Then it is the most nodes that carry less than half of the weight, because a rule that trims
    half of the weight at each end would keep nothing.

    Args:
        weights: Weights of the nodes; sum 1.
        byzantine: Number f of Byzantine nodes before bucketing; at least 0.

    Source:
        Karimireddy, He and Jaggi, ICLR 2022, arXiv:2006.09365, for the factor 2 of equal weights.

    Example:
        >>> int(spoiled(jnp.full(10, 0.1), 2)), int(spoiled(jnp.array([0.3, 0.3, 0.2, 0.2]), 1))
        (4, 1)
    """
    with_heavier = mass_below(-weights, weights) + weights
    return jnp.minimum(BUCKET * byzantine, (with_heavier < 0.5 - 1e-4).sum())
