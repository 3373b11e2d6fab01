r"""What an aggregation rule loses to noise and to colluders: what CEAS minimises.

Each coordinate of the update of node k is g plus normal noise of deviation 1 / u_k, where u_k^2 is
the node's information in shots, limited by its minibatch. Of m
nodes with equal votes b collude and send what harms most, beyond all others on one side. With the
chance h_k of node k to be honest, there are h = sum_k h_k = m - b honest ones. The rule is then off
by a bias delta and scatters with a deviation s; the loss is

    J = sqrt(delta^2 + s^2).

*Median.* The bias is the point where the honest votes on one side balance those on the other side
plus the colluders',

    sum_k h_k Phi(delta u_k) = m/2,
    s^2 = sum_k h_k p_k (1 - p_k) / (sum_k h_k u_k phi(delta u_k))^2,    p_k = Phi(delta u_k).

To first order, delta = b sqrt(pi/2) / sum_k h_k u_k. A coordinate descends under the worst
colluders if and only if its gradient is longer than the bias: |g_j| sum_k h_k u_k > b sqrt(pi/2).

*Trimmed mean*, of f nodes on either side: the mean of the honest between the quantiles q of f/h and
Q of 1 - (f - b)/h of their law F = sum_k h_k Phi(x u_k) / h. Its deviation is that of the
winsorized updates over the share that is kept, whose variance is exact for normal ones.

*Geometric median* of d coordinates: each honest update is some sqrt(d) / u_k away, so that their
directions pull with delta u_k / sqrt(1 + delta^2 u_k^2) each, and the colluders' with b, if they
push along the diagonal. The scatter is that across it, where all directions but one are:
s^2 = sum_k h_k / (1 + delta^2 u_k^2) / [(1 - 1/d) sum_k h_k u_k / sqrt(1 + delta^2 u_k^2)]^2.

*Mean*: nothing bounds a single colluder. Its loss is the scatter of the mean weighted by
information, 1 / sqrt(sum_k h_k I_k).

Source:
    Asymptotic laws of M- and L-estimators of independent, not identically distributed samples:
    Huber and Ronchetti, Robust Statistics, 2nd ed. (2009), chapters 3 and 11.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm
from jaxtyping import Array, Float

from ceas_gym.consensus import rules

HALVINGS = 30
"""Of the interval in which a bias is looked for: down to 1e-9 of it."""
FARTHEST = 8.0
"""Bias or quantile that is looked for, in deviations of the noisiest node."""
NOISIEST = 1e-3
"""Least root information that is reckoned with, as a share of the greatest."""
LEAST_KEPT = 0.01
"""Share of the honest that a trimmed mean is reckoned to keep."""
LEAST_HONEST = 0.51
"""Least share of honest votes that is reckoned with."""

Loss = Callable[[Float[Array, " nodes"], Float[Array, " nodes"], "Crowd"], Array]


class Crowd(NamedTuple):
    """What else a rule depends on."""

    votes: Float[Array, ""]
    """Nodes that are counted: m."""
    tolerated: Float[Array, ""]
    """Nodes that the rule is set for: f."""
    coordinates: int
    """Of an update: d."""


def median(
    roots: Float[Array, " nodes"], honest: Float[Array, " nodes"], crowd: Crowd
) -> Float[Array, ""]:
    """Returns the loss of a coordinate-wise median.

    Args:
        roots: Root of each node's information, in roots of shots.
        honest: Chance of each node to be counted and honest; the other votes are colluders'.
        crowd: The number of votes.

    Example:
        >>> crowd = Crowd(jnp.float32(9), jnp.float32(0), 1)
        >>> print(f"{median(jnp.full(9, 10.0), jnp.ones(9), crowd):.4f}")
        0.0418
    """
    honest = _enough(honest, crowd.votes)

    def below(bias: Array) -> Array:
        return (honest * norm.cdf(bias * roots)).sum()

    bias = _root(below, crowd.votes / 2, _farthest(roots, honest))
    chance = norm.cdf(bias * roots)
    density = (honest * roots * norm.pdf(bias * roots)).sum()
    scatter = (honest * chance * (1 - chance)).sum() / density**2
    return jnp.sqrt(bias**2 + scatter)


def trimmed_mean(
    roots: Float[Array, " nodes"], honest: Float[Array, " nodes"], crowd: Crowd
) -> Float[Array, ""]:
    """Returns the loss of a coordinate-wise trimmed mean.

    Args:
        roots: As for `median`.
        honest: As for `median`.
        crowd: The number of votes, and how many are trimmed on either side.
    """
    honest = _enough(honest, crowd.votes)
    number = honest.sum()
    share, colluders = honest / number, crowd.votes - number
    low = jnp.clip(crowd.tolerated / number, 0, 1 - LEAST_KEPT)
    high = jnp.clip(1 - (crowd.tolerated - colluders) / number, low + LEAST_KEPT, 1)

    def below(place: Array) -> Array:
        return (share * norm.cdf(place * roots)).sum()

    far = _farthest(roots, honest)
    first, last = (_root(below, quantile, far) for quantile in (low, high))
    inner, outer = first * roots, last * roots
    deviation = 1 / jnp.maximum(roots, 1e-9)
    inside = deviation * (norm.pdf(inner) - norm.pdf(outer))
    kept = high - low
    bias = (share * inside).sum() / kept

    below_first, above_last = norm.cdf(inner), norm.cdf(-outer)
    mean = first * below_first + inside + last * above_last
    square = first**2 * below_first + last**2 * above_last
    within = norm.cdf(outer) - below_first + inner * norm.pdf(inner) - outer * norm.pdf(outer)
    variance = (share * (square + deviation**2 * within - mean**2)).sum()
    return jnp.sqrt(bias**2 + variance / number / kept**2)


def geometric_median(
    roots: Float[Array, " nodes"], honest: Float[Array, " nodes"], crowd: Crowd
) -> Float[Array, ""]:
    """Returns the loss of a geometric median, of one coordinate.

    Args:
        roots: As for `median`.
        honest: As for `median`.
        crowd: The number of votes, and how many coordinates an update has.
    """
    honest = _enough(honest, crowd.votes)

    def pull(bias: Array) -> Array:
        # The bias is of one coordinate, so the way to the median is sqrt(d) times as long.
        return (honest * bias * roots / jnp.sqrt(1 + (bias * roots) ** 2)).sum()

    bias = _root(pull, crowd.votes - honest.sum(), _farthest(roots, honest))
    # Across the way to the median, where all directions but one are.
    noise = (honest / (1 + (bias * roots) ** 2)).sum()
    stiffness = (honest * roots / jnp.sqrt(1 + (bias * roots) ** 2)).sum()
    lost = 1 - 1 / max(crowd.coordinates, 2)
    return jnp.sqrt(bias**2 + noise / (lost * stiffness) ** 2)


def mean(
    roots: Float[Array, " nodes"], honest: Float[Array, " nodes"], crowd: Crowd
) -> Float[Array, ""]:
    """Returns the scatter of a mean that is weighted by information.

    Args:
        roots: As for `median`.
        honest: As for `median`.
        crowd: Not used: nothing bounds a single colluder.

    Example:
        >>> crowd = Crowd(jnp.float32(2), jnp.float32(0), 1)
        >>> print(mean(jnp.array([3.0, 4.0]), jnp.ones(2), crowd))
        0.2
    """
    del crowd
    return 1 / jnp.sqrt(jnp.maximum((honest * roots**2).sum(), 1e-12))


AIMS: dict[str, Loss] = {
    "mean": mean,
    "median": median,
    "trimmed_mean": trimmed_mean,
    "geometric_median": geometric_median,
}
"""By the rule that is served; `of_rule` says what stands for the others."""


def of_rule(rule: rules.Rule) -> Loss:
    """Returns the loss of a rule from `rules.get`: of its last part, whatever steps come before.

    A rule without one of its own (`has_own`) is served as a median is.
    """
    several = getattr(rule, "rules", None)
    if several is not None:
        return _picked(rule, [of_rule(each) for each in several])
    return _table().get(getattr(rule, "rule", rule), median)


def has_own(rule: rules.Rule) -> bool:
    """Returns whether a rule's last part has a loss of its own.

    Example:
        >>> has_own(rules.get("clip+median")), has_own(rules.get("krum"))
        (True, False)
    """
    return getattr(rule, "rule", rule) in _table()


def _table() -> dict[rules.Rule, Loss]:
    return {rules.RULES[name]: loss for name, loss in AIMS.items()}


def _picked(rule: rules.Rule, losses: list[Loss]) -> Loss:
    # Of rules of which one is picked while the program runs, as in a sweep.
    def loss(roots: Array, honest: Array, crowd: Crowd) -> Array:
        each = [partial(loss, roots, honest, crowd) for loss in losses]
        return jax.lax.switch(rule.picked, each)  # pyright: ignore[reportFunctionMemberAccess]

    return loss


def _enough(honest: Float[Array, " nodes"], votes: Array) -> Float[Array, " nodes"]:
    # Where colluders would outvote them, the loss is that of a bare majority.
    least = LEAST_HONEST * votes
    return honest * jnp.maximum(1, least / jnp.maximum(honest.sum(), 1e-9))


def _farthest(roots: Array, honest: Float[Array, " nodes"]) -> Float[Array, ""]:
    most = jnp.maximum(jnp.where(honest > 0, roots, 0).max(), 1e-6)
    least = jnp.where(honest > 0, roots, jnp.inf).min()
    return FARTHEST / jnp.maximum(least, NOISIEST * most)


def _root(rising: Callable[[Array], Array], value: Array, far: Array) -> Float[Array, ""]:
    """Returns where a rising function has a value, differentiable in what it depends on."""

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        is_below = rising(middle) < value
        return jnp.where(is_below, middle, low), jnp.where(is_below, high, middle)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (-far, far))
    found = jax.lax.stop_gradient((low + high) / 2)
    # A step of Newton's method, which changes next to nothing but carries the derivative.
    slope = jax.lax.stop_gradient(jax.grad(rising)(found))
    return found - (rising(found) - value) / jnp.maximum(slope, 1e-9)
