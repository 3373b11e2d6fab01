r"""The root-mean-square error of an aggregation rule under noise and colluders: CEAS minimises it.

Each coordinate of the update of node k is the gradient g plus normal noise of standard deviation
1 / u_k, where u_k^2 is the node's information in shots, limited by its minibatch. Of m nodes with
equal votes, b collude and send whatever harms most: values beyond all others, on one side. Node k
is honest with probability h_k, so the expected number of honest nodes is h = sum_k h_k = m - b. The
rule's output then has a bias delta and a standard deviation s; the loss is

    J = sqrt(delta^2 + s^2).

*Median.* The bias is the point where the honest votes on one side balance the honest votes on the
other side plus those of the colluders,

    sum_k h_k Phi(delta u_k) = m/2,
    s^2 = sum_k h_k p_k (1 - p_k) / (sum_k h_k u_k phi(delta u_k))^2,    p_k = Phi(delta u_k).

To first order, delta = b sqrt(pi/2) / sum_k h_k u_k. A coordinate descends under the worst
colluders if and only if its gradient exceeds the bias: |g_j| sum_k h_k u_k > b sqrt(pi/2).

*Trimmed mean*, with f nodes trimmed on either side: the mean of the honest updates between the
quantiles f/h and 1 - (f - b)/h of their distribution F(x) = sum_k h_k Phi(x u_k) / h. Its standard
deviation is that of the winsorized updates divided by the share that is kept; the variance of the
winsorized updates is exact for normal noise.

*Geometric median* of d coordinates: each honest update is about sqrt(d) / u_k away from the
gradient, so each honest node pulls along the diagonal with delta u_k / sqrt(1 + delta^2 u_k^2), and
the colluders, who push along the diagonal, pull with b. The scatter is computed across the
diagonal, where all directions but one are:
s^2 = sum_k h_k / (1 + delta^2 u_k^2) / [(1 - 1/d) sum_k h_k u_k / sqrt(1 + delta^2 u_k^2)]^2.

*Mean*: a single colluder can cause any error, so only noise counts. The loss is the standard
deviation of the mean weighted by information, 1 / sqrt(sum_k h_k I_k).

Source:
    Asymptotic distributions of M- and L-estimators of independent, not identically distributed
    samples: Huber and Ronchetti, Robust Statistics, 2nd ed. (2009), chapters 3 and 11. The terms of
    the colluders are derived here.
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
"""Bisection steps in the search for a bias: down to 1e-9 of the interval."""
FARTHEST = 8.0
"""Largest bias or quantile that is searched, in standard deviations of the noisiest node."""
NOISIEST = 1e-3
"""Least root information that the searched interval allows for, as a share of the greatest."""
LEAST_KEPT = 0.01
"""Least share of the honest updates that a trimmed mean is assumed to keep."""
LEAST_HONEST = 0.51
"""Least share of honest votes that is assumed."""

Loss = Callable[[Float[Array, " nodes"], Float[Array, " nodes"], "Crowd"], Array]
"""From each node's root information and chance to be honest, and the crowd, to the loss."""


class Crowd(NamedTuple):
    """The numbers of votes and coordinates on which a rule's loss depends."""

    votes: Float[Array, ""]
    """Nodes that are counted, m; at least 0."""
    tolerated: Float[Array, ""]
    """Byzantine nodes that the rule is set to withstand, f; at least 0."""
    coordinates: int
    """Coordinates of an update, d; at least 1."""


def median(
    roots: Float[Array, " nodes"], honest: Float[Array, " nodes"], crowd: Crowd
) -> Float[Array, ""]:
    """Returns the loss of a coordinate-wise median.

    Args:
        roots: Square root of each node's information, in shots^(1/2); at least 0.
        honest: Chance of each node to be counted and honest, in [0, 1]; the other votes are those
            of colluders.
        crowd: The number of votes.

    Returns:
        The root-mean-square error of one coordinate, in units of the noise of one shot; above 0.

    Source:
        Huber and Ronchetti, Robust Statistics, 2nd ed. (2009), chapter 3; the bias is derived here.

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

    Returns:
        As for `median`, in units of the noise of one shot.

    Source:
        Huber and Ronchetti, Robust Statistics, 2nd ed. (2009), chapter 3, on L-estimates.
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
    """Returns the loss of a geometric median, for one coordinate.

    Args:
        roots: As for `median`.
        honest: As for `median`.
        crowd: The number of votes, and how many coordinates an update has.

    Returns:
        As for `median`, in units of the noise of one shot.

    Source:
        Derived here from its estimating equation, as an M-estimate: Huber and Ronchetti (2009).
    """
    honest = _enough(honest, crowd.votes)

    def pull(bias: Array) -> Array:
        # The bias is that of one coordinate; along the diagonal it is sqrt(d) times as long.
        return (honest * bias * roots / jnp.sqrt(1 + (bias * roots) ** 2)).sum()

    bias = _root(pull, crowd.votes - honest.sum(), _farthest(roots, honest))
    # The scatter across the diagonal, where all directions but one are.
    noise = (honest / (1 + (bias * roots) ** 2)).sum()
    stiffness = (honest * roots / jnp.sqrt(1 + (bias * roots) ** 2)).sum()
    lost = 1 - 1 / max(crowd.coordinates, 2)
    return jnp.sqrt(bias**2 + noise / (lost * stiffness) ** 2)


def mean(
    roots: Float[Array, " nodes"], honest: Float[Array, " nodes"], crowd: Crowd
) -> Float[Array, ""]:
    """Returns the standard deviation of a mean that is weighted by information.

    Args:
        roots: As for `median`.
        honest: As for `median`.
        crowd: Not used: a single colluder can cause any error, whatever the schedule.

    Returns:
        As for `median`, in units of the noise of one shot.

    Source:
        Gauss-Markov theorem.

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
"""Losses by the name of the rule; `of_rule` says which loss is used for the other rules."""


def of_rule(rule: rules.Rule) -> Loss:
    """Returns the loss of a rule: that of its last part, whatever pre-steps come before.

    Args:
        rule: From `rules.get`. A rule without a loss of its own (`has_own`) gets the median's.

    Returns:
        A function of root information and chances to be honest, both of shape (nodes,).
    """
    several = getattr(rule, "rules", None)
    if several is not None:
        return _picked(rule, [of_rule(each) for each in several])
    return _table().get(getattr(rule, "rule", rule), median)


def has_own(rule: rules.Rule) -> bool:
    """Returns whether the last part of an aggregation rule has a loss of its own.

    Args:
        rule: From `rules.get`.

    Example:
        >>> has_own(rules.get("clip+median")), has_own(rules.get("krum"))
        (True, False)
    """
    return getattr(rule, "rule", rule) in _table()


def _table() -> dict[rules.Rule, Loss]:
    return {rules.RULES[name]: loss for name, loss in AIMS.items()}


def _picked(rule: rules.Rule, losses: list[Loss]) -> Loss:
    # In a sweep, one of several rules is selected while the compiled program runs.
    def loss(roots: Array, honest: Array, crowd: Crowd) -> Array:
        each = [partial(loss, roots, honest, crowd) for loss in losses]
        return jax.lax.switch(rule.picked, each)  # pyright: ignore[reportFunctionMemberAccess]

    return loss


def _enough(honest: Float[Array, " nodes"], votes: Array) -> Float[Array, " nodes"]:
    # Where colluders would outvote the honest, the equations have no root: the loss is then that
    # of a bare honest majority.
    least = LEAST_HONEST * votes
    return honest * jnp.maximum(1, least / jnp.maximum(honest.sum(), 1e-9))


def _farthest(roots: Array, honest: Float[Array, " nodes"]) -> Float[Array, ""]:
    most = jnp.maximum(jnp.where(honest > 0, roots, 0).max(), 1e-6)
    least = jnp.where(honest > 0, roots, jnp.inf).min()
    return FARTHEST / jnp.maximum(least, NOISIEST * most)


def _root(rising: Callable[[Array], Array], value: Array, far: Array) -> Float[Array, ""]:
    # Where a rising function takes the value; differentiable in all that the function depends on.

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        is_below = rising(middle) < value
        return jnp.where(is_below, middle, low), jnp.where(is_below, high, middle)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (-far, far))
    found = jax.lax.stop_gradient((low + high) / 2)
    # One step of Newton's method: it hardly changes the root, but it carries the derivative.
    slope = jax.lax.stop_gradient(jax.grad(rising)(found))
    return found - (rising(found) - value) / jnp.maximum(slope, 1e-9)
