"""Weights of the nodes: from the hub's own measurements, and capped before any update is seen."""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.consensus import least_certificate
from ceas_gym.consensus.ranks import mass_below
from ceas_gym.consensus.scale import power_of_two
from ceas_gym.types import Consensus

Weighting = Callable[[Array, Array, Array], Array]
"""(information, counted, batch_floor) -> weights before the cap, zero where not counted; all of
shape (nodes,) but the batch floor, a number. Information and floor are in shots, at least 0."""


def fisher(information: Array, counted: Array, batch_floor: Array) -> Array:
    """Returns the quantum Fisher information of each counted node, in shots of perfect signal.

    With contraction c in dimension D it is the number of shots times c^2 / (c + 2 (1 - c) / D). The
    updates are not divided by c. For such updates the best signal-to-noise ratio needs c times the
    shots as weights, and for D = 16 the factor above is near c.

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994); factor in `physics.information`.
    """
    del batch_floor
    return jnp.where(counted, information, 0)


def inverse_variance(information: Array, counted: Array, batch_floor: Array) -> Array:
    """Returns 1 / (1/information + 1/floor) in shots: the minibatch's noise limits what shots add.

    Source:
        Gauss-Markov theorem, with the variances of shots and minibatch added.

    Example:
        >>> inverse_variance(jnp.array([100.0, 300.0]), jnp.array([True, True]), 100.0).tolist()
        [50.0, 75.0]
    """
    precise = information * batch_floor / jnp.maximum(information + batch_floor, 1e-30)
    return jnp.where(counted, precise, 0)


def uniform(information: Array, counted: Array, batch_floor: Array) -> Array:
    """Returns equal votes, of shape (nodes,): 1 for every counted node."""
    del batch_floor
    return counted.astype(information.dtype)


def claimed(information: Array, counted: Array, batch_floor: Array) -> Array:
    """Returns the weights of `fisher`, in shots, from nodes' claims: unsafe, for comparison only.

    The certificate then rests on claims too.
    """
    return fisher(information, counted, batch_floor)


WEIGHTINGS: dict[str, Weighting] = {
    "fisher": fisher,
    "inverse_variance": inverse_variance,
    "uniform": uniform,
    "claimed": claimed,
}


def top_share(weights: Float[Array, " nodes"], nodes: Int[Array, ""]) -> Float[Array, ""]:
    """Returns the weight of the heaviest `nodes`, in [0, 1]: the most that so many can carry.

    Example:
        >>> round(float(top_share(jnp.array([0.1, 0.5, 0.4]), 2)), 4)
        0.9
    """
    return jnp.where(_heaviest(weights, nodes), weights, 0).sum()


def cap(
    weights: Float[Array, " nodes"], counted: Bool[Array, " nodes"], nodes: Array, budget: Array
) -> Float[Array, " nodes"]:
    """Returns weights with sum 1, cut at the level at which the heaviest nodes fit the budget.

    The share of the `nodes` heaviest in min(w, c) / sum min(w, c) grows with c, starting from
    `nodes / counted` at equal votes. The greatest c within the budget is found exactly, because the
    condition is piecewise linear in c, with a break at each weight.

    Args:
        weights: At least 0, and zero where not counted.
        counted: Nodes with a vote; a counted node of weight zero gets the smallest positive weight.
        nodes: Number of Byzantine nodes tolerated; at least 0.
        budget: Most that the heaviest `nodes` may carry, in (0, 1). If it is less than their share
            under equal votes, equal votes are returned.

    Example:
        >>> weights = jnp.array([6.0, 1.0, 1.0, 1.0, 1.0])
        >>> cap(weights, weights > 0, 1, 0.25).round(4).tolist()
        [0.25, 0.1875, 0.1875, 0.1875, 0.1875]
    """
    weights, least = _with_a_vote(weights, counted)
    heaviest = counted & _heaviest(weights, nodes)

    def excess(level: Array) -> Array:
        cut = jnp.minimum(weights, level[..., None])
        top = jnp.where(heaviest, cut, 0).sum(axis=-1)
        return top - budget * cut.sum(axis=-1)

    breaks = jnp.where(counted, weights, least)
    over = excess(breaks)
    fits = over <= 1e-6 * breaks * counted.sum()
    low = jnp.max(jnp.where(fits, breaks, least))
    high = jnp.min(jnp.where(fits, jnp.inf, breaks))
    over_low, over_high = excess(low), excess(jnp.where(jnp.isfinite(high), high, low))
    step = jnp.clip(-over_low / jnp.maximum(over_high - over_low, 1e-30), 0, 1)
    return _cut(weights, jnp.where(jnp.isfinite(high), low + step * (high - low), low))


def budget(
    counted: Bool[Array, " nodes"], tolerated: Array, share_budget: Array, largest_share: Array
) -> Float[Array, ""]:
    """Returns the most that the heaviest tolerated nodes may carry, in [0, 1].

    It is `share_budget` (at least 1) times their share under equal votes, or that share itself
    where they are more than a fifth of the counted nodes, because there precision is not worth the
    risk. It is at most `largest_share`, unless equal votes exceed that.
    """
    voters = jnp.maximum(counted.sum(), 1)
    equal = tolerated / voters
    generous = jnp.where(5 * tolerated > voters, 1.0, share_budget)
    return jnp.maximum(jnp.minimum(generous * equal, largest_share), equal)


def within_share_budget(
    consensus: Consensus, raw: Array, counted: Array, variances: Array
) -> Float[Array, " nodes"]:
    """Returns the weights, cut until the heaviest `tolerated` nodes fit the share budget."""
    del variances
    tolerated, largest = consensus.tolerated, consensus.largest_share
    return cap(raw, counted, tolerated, budget(counted, tolerated, consensus.share_budget, largest))


def of_least_certificate(
    consensus: Consensus, raw: Array, counted: Array, variances: Array
) -> Float[Array, " nodes"]:
    """Returns the weights, cut at the level of least error bound if the heaviest are Byzantine.

    The bound is that of `certificate` with kappa = beta / (1 - 2 beta), because all of the share
    beta is Byzantine. Shares above `largest_share` are excluded, unless equal votes have one. Under
    a rule that clips to the median length, variances count as at most their median.

    This is the default: it is safer than the share budget when the best links are Byzantine, and
    otherwise about as good. Under a rule that clips, it gives nearly equal votes, whatever the
    fidelity: clipping already limits noisy nodes, and weight on the best links helps any Byzantine
    node there.
    """
    weights, least = _with_a_vote(raw, counted)
    heaviest = counted & _heaviest(weights, consensus.tolerated)
    level = least_certificate.level(consensus, weights, least, heaviest, counted, variances)
    return _cut(weights, level)


def uncapped(
    consensus: Consensus, raw: Array, counted: Array, variances: Array
) -> Float[Array, " nodes"]:
    """Returns the weights without a cap, for comparison: a few nodes may carry any share."""
    del consensus, variances
    return _cut(_with_a_vote(raw, counted)[0], jnp.float32(jnp.inf))


CAPS: dict[str, Callable[[Consensus, Array, Array, Array], Array]] = {
    "share_budget": within_share_budget,
    "certificate": of_least_certificate,
    "none": uncapped,
}
"""(consensus, raw weights, counted, variances) -> weights that sum to one; shapes (nodes,)."""


def certificate(
    weights: Float[Array, " nodes"], share: Array, variances: Float[Array, " nodes"]
) -> Float[Array, ""]:
    """Returns a bound on the root mean square error of a trimmed mean, whoever is Byzantine.

    Delta = sqrt(kappa V) + sqrt(S) with V = sum w s^2, S = sum w^2 s^2 and
    kappa = 2 share / (1 - 2 share), for every Byzantine weight up to `share`. It is proved for a
    weighted trimmed mean without momentum or clipping; otherwise it is a guide.

    Args:
        weights: Sum 1.
        share: Weight of the heaviest tolerated nodes, in [0, 1].
        variances: Expected squared norm s^2 of each update's noise; ignored for weight zero.

    Returns:
        The bound; infinite for a share of at least 1/2, or if all weights are zero.

    Source:
        Minkowski's inequality and the constant of `rules.trimmed_mean`; our own derivation.

    Example:
        >>> float(certificate(jnp.full(4, 0.25), 0.25, jnp.full(4, 4.0)))
        3.0
    """
    variances = jnp.where(weights > 0, variances, 0)
    safe = jnp.minimum(share, 0.4999)
    bound = _error(2 * safe / (1 - 2 * safe), weights, variances)
    return jnp.where((share < 0.5) & (weights.sum() > 0), bound, jnp.inf)


def _heaviest(weights: Float[Array, " nodes"], count: Array) -> Bool[Array, " nodes"]:
    return mass_below(-weights, jnp.ones_like(weights)) < count


def _with_a_vote(weights: Array, counted: Array) -> tuple[Float[Array, " nodes"], Array]:
    # Scales the heaviest weight to about one. A counted node of weight zero gets the least positive
    # weight, which is returned too. The slope of the bound has its fourth power, which must not
    # underflow.
    weights = jnp.where(counted, weights, 0)
    weights = weights / power_of_two(weights.max())
    least = jnp.min(jnp.where(weights > 0, weights, 1))
    least = jnp.maximum(least, jnp.finfo(weights.dtype).tiny ** 0.25)
    return jnp.where(counted, jnp.maximum(weights, least), 0), least


def _cut(weights: Array, level: Array) -> Float[Array, " nodes"]:
    cut = jnp.minimum(weights, level)
    return cut / jnp.maximum(cut.sum(), 1e-30)


def _error(kappa: Array, weights: Array, variances: Array) -> Float[Array, ""]:
    biased = kappa * (weights * variances).sum()
    return jnp.sqrt(biased) + jnp.sqrt((weights**2 * variances).sum())
