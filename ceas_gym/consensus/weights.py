"""Weights of the nodes: from what the hub measures only, and capped before any update is seen."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.consensus.ranks import mass_below
from ceas_gym.consensus.scale import power_of_two
from ceas_gym.types import Consensus

LEVELS = 64
"""At which `of_least_certificate` tries to cut the weights, beside the weights themselves."""
NARROWINGS = 4
"""Of the gap between two such levels, to one part in `LEVELS` each time."""

Weighting = Callable[[Array, Array, Array], Array]
"""(information, counted, batch_floor) -> weights before the cap, zero where not counted."""


def fisher(information: Array, counted: Array, batch_floor: Array) -> Array:
    """Weighs by quantum Fisher information: shots times c^2 / (c + 2 (1 - c) / D).

    The updates are not divided by their contraction. For them c times the shots is the matched
    filter, and for D = 16 the factor above is close to c.

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994); factor in `physics.information`.
    """
    del batch_floor
    return jnp.where(counted, information, 0)


def inverse_variance(information: Array, counted: Array, batch_floor: Array) -> Array:
    """Weighs by 1 / (1/information + 1/floor): more shots do not help beyond the minibatch."""
    precise = information * batch_floor / jnp.maximum(information + batch_floor, 1e-30)
    return jnp.where(counted, precise, 0)


def uniform(information: Array, counted: Array, batch_floor: Array) -> Array:
    """Gives every counted node the same vote."""
    del batch_floor
    return counted.astype(information.dtype)


def claimed(information: Array, counted: Array, batch_floor: Array) -> Array:
    """Weighs like `fisher`, but believes what nodes claim: what not to do, for comparison.

    The certificate then rests on claims, too.
    """
    return fisher(information, counted, batch_floor)


WEIGHTINGS: dict[str, Weighting] = {
    "fisher": fisher,
    "inverse_variance": inverse_variance,
    "uniform": uniform,
    "claimed": claimed,
}


def top_share(weights: Float[Array, " nodes"], nodes: Int[Array, ""]) -> Float[Array, ""]:
    """Returns the weight of the heaviest nodes: the most that so many Byzantine ones can carry.

    Example:
        >>> round(float(top_share(jnp.array([0.1, 0.5, 0.4]), 2)), 4)
        0.9
    """
    return jnp.where(_heaviest(weights, nodes), weights, 0).sum()


def cap(
    weights: Float[Array, " nodes"], counted: Bool[Array, " nodes"], nodes: Array, budget: Array
) -> Float[Array, " nodes"]:
    """Returns normalised weights, cut at the level at which the heaviest nodes fit the budget.

    The share of the `nodes` heaviest in min(w, c) / sum min(w, c) grows with c, from
    `nodes / counted` (equal votes) on. The greatest c within the budget is found exactly: the
    condition is piecewise linear in c, with a break at each weight.

    Args:
        weights: Not negative, zero where not counted.
        counted: Nodes with a vote; one without weight gets the smallest positive one.
        nodes: Number of Byzantine nodes tolerated.
        budget: Most that the heaviest `nodes` may carry, in (0, 1); below equal votes it can't be
            met, and equal votes are returned.

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
    """Returns the most that the heaviest tolerated nodes may carry.

    `share_budget` times their share under equal votes, or that share itself where they are more
    than a fifth of the counted nodes (there, precision is not worth the risk), and never more than
    `largest_share` unless equal votes are.
    """
    voters = jnp.maximum(counted.sum(), 1)
    equal = tolerated / voters
    generous = jnp.where(5 * tolerated > voters, 1.0, share_budget)
    return jnp.maximum(jnp.minimum(generous * equal, largest_share), equal)


def within_share_budget(
    consensus: Consensus, raw: Array, counted: Array, variances: Array
) -> Float[Array, " nodes"]:
    """Cuts the weights until the heaviest `tolerated_nodes` fit the share budget."""
    del variances
    tolerated, largest = consensus.tolerated, consensus.largest_share
    return cap(raw, counted, tolerated, budget(counted, tolerated, consensus.share_budget, largest))


def of_least_certificate(
    consensus: Consensus, raw: Array, counted: Array, variances: Array
) -> Float[Array, " nodes"]:
    """Cuts the weights at the level with the least bound, should the heaviest nodes be Byzantine.

    The bound is that of `certificate` with kappa = beta / (1 - 2 beta): all of the share beta is
    Byzantine. No share above `largest_share` is considered, unless equal votes have it. What the
    rule clips to the median length, is taken to have no more than the median variance.

    Levels on a grid and at the weights, where the bound has its kinks, find the valley, and the
    bound's slope its ground. Rounding moves a root much less than a minimum.

    It is safer than the share budget when the best links are bad, and else about as good, so it is
    the default. Under a rule that clips it gives nearly equal votes, and fidelity weighs nothing:
    clipping has tamed the noisy nodes already, and weight on the best links is weight for whoever
    sits there.
    """
    weights, least = _with_a_vote(raw, counted)
    heaviest = counted & _heaviest(weights, consensus.tolerated)
    variances = jnp.where(counted, variances, 0)
    variances = variances / power_of_two(variances.max())
    if consensus.clips:
        variances = jnp.minimum(variances, _median(variances, counted))

    of_heavy = heaviest.astype(weights.dtype)
    kept = jnp.stack([weights, weights * of_heavy, weights * variances, weights**2 * variances])
    cut = jnp.stack([counted.astype(weights.dtype), of_heavy, variances])

    def sums(levels: Array) -> tuple[Array, Array]:
        # Over the nodes whose weight is kept, and over those that are cut, at each level.
        below = (weights < levels[:, None]).astype(weights.dtype)
        return below @ kept.T, (1 - below) @ cut.T

    def is_allowed(level: Array, share: Array) -> Array:
        return (share <= consensus.largest_share) | (level <= least)

    most = jnp.maximum(weights.max(), least)
    grid = least * (most / least) ** jnp.linspace(0, 1, LEVELS)
    levels = jnp.concatenate([grid, jnp.where(counted, weights, least)])
    bounds, shares = jax.vmap(_bound_at)(levels, *sums(levels))
    best = levels[jnp.argmin(jnp.where(is_allowed(levels, shares), bounds, jnp.inf))]
    low = jnp.max(jnp.where(levels < best, levels, least))
    high = jnp.min(jnp.where(levels > best, levels, most))

    # Between neighbouring levels the sums are constant, and so is the form of the bound.
    sides = sums(jnp.stack([low + best, best + high]) / 2)
    slope = jax.grad(_bound_at, has_aux=True)
    falls = slope(best, sides[0][1], sides[1][1])[0] < 0
    side = jax.tree.map(lambda both: jnp.where(falls, both[1], both[0]), sides)

    def narrow(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        levels = low + (high - low) * jnp.arange(1, LEVELS) / LEVELS
        rises, shares = jax.vmap(slope, in_axes=(0, None, None))(levels, *side)
        down = is_allowed(levels, shares) & (rises < 0)
        low = jnp.max(jnp.where(down, levels, low))
        return low, jnp.min(jnp.where(levels > low, levels, high))

    bracket = (jnp.where(falls, best, low), jnp.where(falls, high, best))
    return _cut(weights, jax.lax.fori_loop(0, NARROWINGS, narrow, bracket)[0])


def uncapped(
    consensus: Consensus, raw: Array, counted: Array, variances: Array
) -> Float[Array, " nodes"]:
    """Leaves the weights as they are, for comparison: a few nodes may carry any share."""
    del consensus, variances
    return _cut(_with_a_vote(raw, counted)[0], jnp.float32(jnp.inf))


CAPS: dict[str, Callable[[Consensus, Array, Array, Array], Array]] = {
    "share_budget": within_share_budget,
    "certificate": of_least_certificate,
    "none": uncapped,
}
"""(consensus, raw weights, counted, variances) -> weights that sum to one."""


def certificate(
    weights: Float[Array, " nodes"], share: Array, variances: Float[Array, " nodes"]
) -> Float[Array, ""]:
    """Returns the bound on the root mean square error of a trimmed mean, whoever is Byzantine.

    Delta = sqrt(kappa V) + sqrt(S) with V = sum w s^2, S = sum w^2 s^2 and
    kappa = 2 share / (1 - 2 share), valid for every Byzantine weight up to `share`. It holds for a
    weighted trimmed mean without momentum and clipping, and is a guide beyond.

    Args:
        weights: Sum to one.
        share: Weight of the heaviest tolerated nodes.
        variances: Expected squared norm s^2 of each update's noise; ignored where the weight is
            zero.

    Returns:
        The bound; infinite for a share of one half and more, and when nobody has any weight.
    """
    variances = jnp.where(weights > 0, variances, 0)
    safe = jnp.minimum(share, 0.4999)
    bound = _error(2 * safe / (1 - 2 * safe), weights, variances)
    return jnp.where((share < 0.5) & (weights.sum() > 0), bound, jnp.inf)


def _heaviest(weights: Float[Array, " nodes"], count: Array) -> Bool[Array, " nodes"]:
    return mass_below(-weights, jnp.ones_like(weights)) < count


def _with_a_vote(weights: Array, counted: Array) -> tuple[Float[Array, " nodes"], Array]:
    # In units in which the heaviest weighs about one. Who counts without weight gets the least of
    # the others, which is returned too: no less than has a fourth power, as in the bound's slope.
    weights = jnp.where(counted, weights, 0)
    weights = weights / power_of_two(weights.max())
    least = jnp.min(jnp.where(weights > 0, weights, 1))
    least = jnp.maximum(least, jnp.finfo(weights.dtype).tiny ** 0.25)
    return jnp.where(counted, jnp.maximum(weights, least), 0), least


def _cut(weights: Array, level: Array) -> Float[Array, " nodes"]:
    cut = jnp.minimum(weights, level)
    return cut / jnp.maximum(cut.sum(), 1e-30)


def _bound_at(level: Array, kept: Array, cut: Array) -> tuple[Array, Array]:
    # The bound and the share of the heaviest when all weights above the level are cut to it, from
    # sums over the others (weight, the heaviest's, noise, squared) and over these (number, the
    # heaviest's, noise).
    total = kept[0] + cut[0] * level
    share = (kept[1] + cut[1] * level) / total
    safe = jnp.minimum(share, 0.4999)
    spread = (kept[2] + cut[2] * level) / total
    noise = (kept[3] + cut[2] * level**2) / total**2
    # The root of nothing would have no slope.
    biased = jnp.maximum(safe / (1 - 2 * safe) * spread, 1e-30)
    return jnp.sqrt(biased) + jnp.sqrt(jnp.maximum(noise, 1e-30)), share


def _error(kappa: Array, weights: Array, variances: Array) -> Float[Array, ""]:
    biased = kappa * (weights * variances).sum()
    return jnp.sqrt(biased) + jnp.sqrt((weights**2 * variances).sum())


def _median(values: Array, counted: Array) -> Float[Array, ""]:
    ordered, count = jnp.sort(jnp.where(counted, values, jnp.inf)), counted.sum()
    return (ordered[jnp.maximum(count - 1, 0) // 2] + ordered[count // 2]) / 2
