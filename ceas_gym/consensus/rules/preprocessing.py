"""Steps before a rule that look at lengths and weights: clipping and bucketing."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.consensus.ranks import mass_below
from ceas_gym.consensus.rules.units import in_units
from ceas_gym.consensus.rules.weighted import shortening, weighted_median

BUCKET = 2
"""Nodes in a bucket, as its authors advise: more average better, and spoil more for one."""


@in_units
def clip(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the updates, none longer than the weighted median length.

    The median is at least the shortest honest length. So no honest update moves by more than the
    honest range, and no two get farther apart.
    """
    del byzantine
    lengths = jnp.linalg.norm(updates, axis=1)
    most = weighted_median(lengths, weights)
    return updates * shortening(lengths, most)[:, None]


def bucketing(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns each update replaced by the weighted mean of its pair.

    Pairs are made down the order of the weights, of equal weights in the order of the nodes, and
    so before any update is seen; the authors draw them at random, but a rule has no randomness.
    Hence f pairs are never heavier than the 2 f heaviest nodes, for which rules after this step
    are set (`spoiled`); they need 4 f < n. With equal weights, another order of the nodes makes
    other pairs. A heavy node is not treated like several light ones. The mean of two honest updates
    is within the honest range of all others.

    Source:
        Karimireddy, He and Jaggi, ICLR 2022, arXiv:2006.09365.
    """
    del byzantine
    rank = mass_below(-weights, jnp.ones_like(weights)).astype(int)
    pair = rank // BUCKET
    share = jnp.where(pair[:, None] == pair[None, :], weights, 0)
    whole = jnp.maximum(share.sum(axis=1, keepdims=True), jnp.finfo(share.dtype).tiny)
    return share / whole @ updates


def spoiled(weights: Float[Array, " nodes"], byzantine: Array) -> Int[Array, ""]:
    """Returns for how many nodes a rule is set after bucketing: 2 f, or fewer if these carry half.

    Fewer are as many as carry less than half: a rule set for more would be left with nothing.

    Example:
        >>> int(spoiled(jnp.full(10, 0.1), 2)), int(spoiled(jnp.array([0.3, 0.3, 0.2, 0.2]), 1))
        (4, 1)
    """
    with_heavier = mass_below(-weights, weights) + weights
    return jnp.minimum(BUCKET * byzantine, (with_heavier < 0.5 - 1e-4).sum())
