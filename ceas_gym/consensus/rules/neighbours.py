"""Rules by distances between updates: nearest-neighbour mixing, Krum, multi-Krum."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.rules.units import in_units
from ceas_gym.consensus.rules.weighted import kept_share, lowest


@in_units
def nnm(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns each update replaced by the mean of the updates of weight 1 - beta nearest to it.

    Honest updates have at least the weight 1 - beta. So each of them moves by no more than the
    honest range, and any two are at most three ranges apart afterwards.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Number f of Byzantine nodes to withstand; at least 0.

    Returns:
        The mixed updates, shape (nodes, parameters).

    Source:
        Nearest-neighbour mixing, Allouah et al., AISTATS 2023, arXiv:2302.01772.

    Example:
        >>> updates = jnp.array([[1.0], [3.0], [4.0], [100.0]])
        >>> nnm(updates, jnp.full(4, 0.25), 2).round(2).tolist()
        [[2.0], [3.5], [3.5], [52.0]]
    """
    kept = kept_share(weights, byzantine)
    return lowest(_squares(updates), weights, kept) @ updates / jnp.maximum(kept, 1e-30)


@in_units
def krum(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the update of least score, which is nearest to its neighbours; the first if several.

    The score is the weighted sum of squared distances to the neighbours: the updates of weight
    1 - beta nearest to it, itself included. With equal weights these are its n - f - 1 nearest
    others, as in Allouah et al. and in byzfl. The original takes n - f - 2 and needs n >= 2 f + 3;
    this one needs 2 f < n only. An update's own weight does not matter, unless it is zero.

    Its squared error is at most (sqrt(2 (1 - beta)) + sqrt(1 - W))^2 / (1 - beta - W) times the
    honest spread, for any Byzantine weight W <= beta < 1/2: the least score is no more than the
    honest nodes' mean score of at most 2 (1 - beta) spreads, and honest neighbours of the chosen
    update have at least the weight 1 - beta - W. The nearest of them is at most
    sqrt((1 - beta) / (1 - 2 beta)) honest ranges away.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Number f of Byzantine nodes to withstand; at least 0.

    Returns:
        The chosen update, shape (parameters,).

    Source:
        Blanchard et al., NeurIPS 2017, arXiv:1703.02757; Allouah et al., AISTATS 2023,
        arXiv:2302.01772.

    Example:
        >>> updates = jnp.array([[1.0], [2.0], [4.0], [100.0]])
        >>> krum(updates, jnp.full(4, 0.25), 1).tolist()
        [2.0]
    """
    scores = _scores(updates, weights, byzantine)
    return updates[jnp.argmin(jnp.where(weights > 0, scores, jnp.inf))]


@in_units
def multi_krum(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted mean of the updates of weight 1 - beta with the least `krum` scores.

    With equal weights these are n - f nodes. None of their scores is above the highest score of an
    honest node, so each is as near to an honest update as the one that `krum` chooses.

    Args:
        updates: One update for each node, shape (nodes, parameters).
        weights: Shape (nodes,); sum 1, zero where a node is not counted.
        byzantine: Number f of Byzantine nodes to withstand; at least 0.

    Returns:
        The aggregate, shape (parameters,).

    Source:
        Blanchard et al., NeurIPS 2017, arXiv:1703.02757, with m = n - f.
    """
    scores, kept = _scores(updates, weights, byzantine), kept_share(weights, byzantine)
    return lowest(scores, weights, kept) @ updates / jnp.maximum(kept, 1e-30)


def _scores(updates: Array, weights: Array, byzantine: Array) -> Float[Array, " nodes"]:
    squares = _squares(updates)
    near = lowest(squares, weights, kept_share(weights, byzantine))
    return (near * squares).sum(axis=1)


def _squares(updates: Array) -> Float[Array, "nodes nodes"]:
    gaps = updates[:, None, :] - updates[None, :, :]
    return (gaps**2).sum(axis=-1)
