"""Rules by distances between the nodes: nearest-neighbour mixing, Krum, multi-Krum."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.rules.units import in_units
from ceas_gym.consensus.rules.weighted import kept_share, lowest


@in_units
def nnm(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns each update replaced by the mean of the mass 1 - beta nearest to it.

    Honest updates weigh at least 1 - beta. So each moves by no more than the honest range, and two
    of them are at most three ranges apart afterwards.

    Source:
        Nearest-neighbour mixing, Allouah et al., AISTATS 2023, arXiv:2302.01772.
    """
    kept = kept_share(weights, byzantine)
    return lowest(_squares(updates), weights, kept) @ updates / jnp.maximum(kept, 1e-30)


@in_units
def krum(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the update that is nearest to its neighbours, the first one of equals.

    Nearest: of least squared distance, summed over the mass 1 - beta around it, itself included.
    With equal weights these are its n - f - 1 nearest others, as in Allouah et al. and in byzfl;
    the original takes n - f - 2 and asks for n >= 2 f + 3, this one for 2 f < n only. Weights are
    the mass of the neighbours; the update is chosen whatever its own, unless that is zero.

    Its squared error is at most (sqrt(2 (1 - beta)) + sqrt(1 - W))^2 / (1 - beta - W) times the
    honest spread, for any Byzantine weight W <= beta < 1/2: the least score is no more than the
    honest nodes' mean score of at most 2 (1 - beta) spreads, and at least 1 - beta - W of the
    chosen one's neighbours are honest. The nearest of these is at most
    sqrt((1 - beta) / (1 - 2 beta)) honest ranges away.

    Source:
        Blanchard et al., NeurIPS 2017, arXiv:1703.02757; Allouah et al., AISTATS 2023,
        arXiv:2302.01772.
    """
    scores = _scores(updates, weights, byzantine)
    return updates[jnp.argmin(jnp.where(weights > 0, scores, jnp.inf))]


@in_units
def multi_krum(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted mean of the mass 1 - beta of least score in `krum`.

    With equal weights these are n - f nodes. No score among them is above the honest nodes'
    highest, so each is as near to an honest update as what `krum` chooses.

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
