"""Attacks that hide in the spread of the honest updates: ALIE, min-max, min-sum, mimic."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.attacks.view import View

SQUARINGS = 6
"""How often `mimic` squares its matrix, which gives the power 64."""


def a_little_is_enough(view: View) -> Float[Array, " parameters"]:
    """Returns the honest mean shifted by a few honest standard deviations (`strength`).

    It is mean - z deviation. By default z is the largest shift at which enough honest nodes are
    expected to lie further out to make a majority together with the Byzantine ones: the normal
    quantile of (n - f - s) / (n - f) with s = floor(n / 2) + 1 - f. It is not below zero, so a few
    Byzantine nodes among many send about the honest mean.

    Source:
        Baruch, Baruch and Goldberg, NeurIPS 2019, arXiv:1902.06156 (ALIE).
    """
    return view.mean - _alie_shift(view) * view.deviation


def signed_a_little_is_enough(view: View) -> Float[Array, " parameters"]:
    """Returns the honest mean shifted as in `alie`, but in each coordinate against its sign.

    It is mean - z sign(mean) deviation: as near to the honest mean as `alie`, but against the
    descent in every coordinate. `strength` is z; its default is that of `alie`.

    Source:
        Baruch, Baruch and Goldberg, NeurIPS 2019, arXiv:1902.06156, whose shift has one sign in
        all coordinates.
    """
    return view.mean - _alie_shift(view) * jnp.sign(view.mean) * view.deviation


def min_max(view: View) -> Float[Array, " parameters"]:
    """Returns the honest mean, shifted by as much as the diameter of the honest updates allows.

    It is b = mean - gamma deviation, with the largest gamma for which

        max_i |b - x_i| <= max_ij |x_i - x_j|

    over the honest updates x. This gamma is the least of the roots of one quadratic for each node.
    `strength` is the share of it that is used, 1 by default; above 1 the shift can be detected.

    Source:
        Shejwalkar and Houmansadr, NDSS 2021, with the standard deviation of their three
        perturbations; they search for gamma, here it is solved for.
    """
    squares, along = _distances_and_slopes(view)
    slack = _pairwise_squares(view).max() - squares
    gamma = _largest_root(view.deviation @ view.deviation, along, slack)
    return _shifted(view, jnp.where(view.models, gamma, jnp.inf).min())


def min_sum(view: View) -> Float[Array, " parameters"]:
    """Returns the honest mean, shifted by as much as the largest sum of honest distances allows.

    It is b = mean - gamma deviation, with the largest gamma for which

        sum_i |b - x_i|^2 <= max_i sum_j |x_i - x_j|^2

    over the honest updates x. This gamma is the root of one quadratic. `strength` is the share of
    it that is used, 1 by default; above 1 the shift can be detected.

    Source:
        Shejwalkar and Houmansadr, NDSS 2021, with the standard deviation of their three
        perturbations, and the formula of the paper (their program has the least sum on the right);
        they search for gamma, here it is solved for.
    """
    squares, along = _distances_and_slopes(view)
    slack = _pairwise_squares(view).sum(axis=1).max() - squares.sum()
    curvature = view.models.sum() * (view.deviation @ view.deviation)
    return _shifted(view, _largest_root(curvature, along.sum(), slack))


def mimic(view: View) -> Float[Array, " parameters"]:
    """Returns the update of the honest node farthest out along the direction of greatest spread.

    With the principal direction z of the honest updates x, it is the node of the greatest
    |z (x_i - mean)|. The attack does harm only where the nodes' data differ. The first eigenvector
    of the Gram matrix G of the differences x_i - mean has its largest component at that node, so
    the node has the largest diagonal entry of a high power of G. Unlike power iteration this needs
    no start vector, and several directions of equal spread all count.

    The authors learn z and the node in a warm-up, and then keep that node. This attack chooses anew
    in every round; only the momentum of the updates carries over from earlier rounds. The authors
    take the greatest z x_i, this attack the greatest distance from the mean on either side.

    Source:
        Karimireddy, He and Jaggi, ICLR 2022, arXiv:2006.09365.
    """
    offsets = _offsets(view)
    power = offsets @ offsets.T
    for _ in range(SQUARINGS):
        power = power / jnp.maximum(jnp.trace(power), 1e-30)
        power = power @ power
    return view.updates[jnp.argmax(jnp.where(view.models, jnp.diag(power), -1))]


def _alie_shift(view: View) -> Float[Array, ""]:
    voters = view.honest.sum() + view.bad.sum()
    bad = view.bad.sum()
    supporters = voters // 2 + 1 - bad
    share = (voters - bad - supporters) / jnp.maximum(voters - bad, 1)
    return view.strength_or(jax.scipy.stats.norm.ppf(jnp.clip(share, 0.5, 0.999)))


def _offsets(view: View) -> Float[Array, "nodes parameters"]:
    # Differences of the honest updates from their mean; zero for all other nodes.
    return jnp.where(view.models[:, None], view.updates - view.mean, 0)


def _pairwise_squares(view: View) -> Float[Array, "nodes nodes"]:
    offsets = _offsets(view)
    gaps = offsets[:, None, :] - offsets[None, :, :]
    both = view.models[:, None] & view.models[None, :]
    return jnp.where(both, (gaps**2).sum(axis=-1), 0)


def _distances_and_slopes(view: View) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    # The value at gamma = 0 of |mean - gamma deviation - x_i|^2, and half its slope there.
    offsets = _offsets(view)
    return (offsets**2).sum(axis=1), offsets @ view.deviation


def _largest_root(curvature: Array, half_slope: Array, slack: Array) -> Array:
    # Solves curvature gamma^2 + 2 half_slope gamma = slack >= 0 without cancellation. It is zero
    # where all honest updates are equal, so that gamma changes nothing.
    root = jnp.sqrt(half_slope**2 + curvature * jnp.maximum(slack, 0))
    falling = (root - half_slope) / jnp.maximum(curvature, 1e-30)
    rising = jnp.maximum(slack, 0) / jnp.maximum(root + half_slope, 1e-30)
    return jnp.where(half_slope > 0, rising, falling)


def _shifted(view: View, gamma: Array) -> Float[Array, " parameters"]:
    # Without honest nodes there are no roots, and their minimum is infinite.
    gamma = jnp.where(jnp.isfinite(gamma), gamma, 0)
    return view.mean - view.strength_or(1.0) * gamma * view.deviation
