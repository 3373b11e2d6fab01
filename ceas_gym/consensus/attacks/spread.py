"""Attacks that hide in the spread of the honest updates: ALIE, min-max, min-sum, mimic."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.attacks.view import View

SQUARINGS = 6
"""Of the matrix in `mimic`: to its power 64."""


def a_little_is_enough(view: View) -> Float[Array, " parameters"]:
    """Sends the honest mean shifted by a few honest standard deviations (`strength`).

    b = mean - z deviation. The default is the largest shift that still leaves the bad nodes with a
    majority's support: the normal quantile of (n - f - s) / (n - f), s = floor(n / 2) + 1 - f, but
    not below zero: a few bad nodes among many send about the honest mean.

    Source:
        Baruch, Baruch and Goldberg, NeurIPS 2019, arXiv:1902.06156 (ALIE).
    """
    return view.mean - _alie_shift(view) * view.deviation


def signed_a_little_is_enough(view: View) -> Float[Array, " parameters"]:
    """Sends what `alie` does, but each coordinate shifted against the mean's sign (`strength`).

    b = mean - z sign(mean) deviation: as near to the honest mean, and against the descent in every
    coordinate. The default is that of `alie`.

    Source:
        Baruch, Baruch and Goldberg, NeurIPS 2019, arXiv:1902.06156, whose shift has one sign in
        all coordinates.
    """
    return view.mean - _alie_shift(view) * jnp.sign(view.mean) * view.deviation


def min_max(view: View) -> Float[Array, " parameters"]:
    """Shifts the honest mean as far as it stays no further from anybody than the honest are apart.

    b = mean - gamma deviation, with the largest gamma for which

        max_i |b - x_i| <= max_ij |x_i - x_j|

    over the honest x: the least of the roots of one quadratic per node. `strength` is the share of
    that gamma, 1 by default; beyond 1 the shift shows.

    Source:
        Shejwalkar and Houmansadr, NDSS 2021, who search for gamma; of their three perturbations
        the standard deviation.
    """
    squares, along = _distances_and_slopes(view)
    slack = _pairwise_squares(view).max() - squares
    gamma = _largest_root(view.deviation @ view.deviation, along, slack)
    return _shifted(view, jnp.where(view.models, gamma, jnp.inf).min())


def min_sum(view: View) -> Float[Array, " parameters"]:
    """Shifts the honest mean until its distances sum up to those of the outermost honest node.

    b = mean - gamma deviation, with the largest gamma for which

        sum_i |b - x_i|^2 <= max_i sum_j |x_i - x_j|^2

    over the honest x: the root of one quadratic. `strength` is the share of that gamma, 1 by
    default; beyond 1 the shift shows.

    Source:
        Shejwalkar and Houmansadr, NDSS 2021, who search for gamma, by the paper's formula (in
        their program the right-hand side is the least sum); of their three perturbations the
        standard deviation.
    """
    squares, along = _distances_and_slopes(view)
    slack = _pairwise_squares(view).sum(axis=1).max() - squares.sum()
    curvature = view.models.sum() * (view.deviation @ view.deviation)
    return _shifted(view, _largest_root(curvature, along.sum(), slack))


def mimic(view: View) -> Float[Array, " parameters"]:
    """Copies one honest node, the one furthest out along the direction of the greatest spread.

    That is, for the principal direction z of the honest x, the node of greatest |z (x_i - mean)|.
    Only worth it where the nodes' data differ. The matrix G of the products between the
    differences from the mean has that node's greatest component in its first eigenvector, so it is
    the greatest on the diagonal of a high power of G; no start has to be chosen, and of several
    directions of equal spread all count.

    The authors learn z, and with it the node, in a warm-up, and then stay with that node; this
    attack looks at one round alone, and only the updates' momentum carries what was before. They
    take the greatest z x_i, here it is the distance from the mean on either side.

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
    # Of the honest updates from their mean; zero for all others.
    return jnp.where(view.models[:, None], view.updates - view.mean, 0)


def _pairwise_squares(view: View) -> Float[Array, "nodes nodes"]:
    offsets = _offsets(view)
    gaps = offsets[:, None, :] - offsets[None, :, :]
    both = view.models[:, None] & view.models[None, :]
    return jnp.where(both, (gaps**2).sum(axis=-1), 0)


def _distances_and_slopes(view: View) -> tuple[Float[Array, " nodes"], Float[Array, " nodes"]]:
    # Of |mean - gamma deviation - x_i|^2 at gamma = 0: its value, and half its slope.
    offsets = _offsets(view)
    return (offsets**2).sum(axis=1), offsets @ view.deviation


def _largest_root(curvature: Array, half_slope: Array, slack: Array) -> Array:
    # Of curvature gamma^2 + 2 half_slope gamma = slack >= 0, without subtracting what is alike;
    # zero where no gamma changes anything, since the honest updates are all the same.
    root = jnp.sqrt(half_slope**2 + curvature * jnp.maximum(slack, 0))
    falling = (root - half_slope) / jnp.maximum(curvature, 1e-30)
    rising = jnp.maximum(slack, 0) / jnp.maximum(root + half_slope, 1e-30)
    return jnp.where(half_slope > 0, rising, falling)


def _shifted(view: View, gamma: Array) -> Float[Array, " parameters"]:
    # Where there is nobody to hide among, the least of no roots is infinite.
    gamma = jnp.where(jnp.isfinite(gamma), gamma, 0)
    return view.mean - view.strength_or(1.0) * gamma * view.deviation
