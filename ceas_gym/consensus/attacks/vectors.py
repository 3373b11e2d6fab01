"""What the bad nodes send: functions (View) -> the one update all of them send."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ceas_gym.consensus.attacks.view import View


def none(view: View) -> Array:
    """Sends what an honest node would."""
    return view.mean


def label_flip(view: View) -> Array:
    """Sends honest work on shifted labels: the gradients are poisoned, not the update."""
    return view.mean


def sign_flip(view: View) -> Array:
    """Sends the negated honest mean."""
    return -view.mean


def scaled_sign_flip(view: View) -> Array:
    """Sends the negated honest mean, 10 times as long (`strength`)."""
    return -view.strength_or(10.0) * view.mean


def inner_product(view: View) -> Array:
    """Sends the honest mean, negated and shortened to half (`strength`).

    Source:
        Xie, Koyejo and Gupta, UAI 2019, arXiv:1903.03936 (IPM).
    """
    return -view.strength_or(0.5) * view.mean


def a_little_is_enough(view: View) -> Array:
    """Sends the honest mean shifted by a few honest standard deviations (`strength`).

    The default is the largest shift that still leaves the bad nodes with a majority's support:
    the normal quantile of (n - f - s) / (n - f), s = floor(n / 2) + 1 - f, but not below zero:
    a few bad nodes among many send about the honest mean.

    Source:
        Baruch, Baruch and Goldberg, NeurIPS 2019, arXiv:1902.06156 (ALIE).
    """
    return view.mean - view.strength_or(_alie_quantile(view)) * view.deviation


def white_box(view: View) -> Array:
    """Sends the worst of a set of vectors, by trying the hub's own rule on each.

    Worst is the aggregate with the least inner product with the honest mean. The set holds the
    negated mean at several lengths, and shifts by several standard deviations, plain and against
    the mean's sign.

    Source:
        After the optimised attacks of Shejwalkar and Houmansadr, NDSS 2021; distance to the honest
        mean is replaced by harm done to the descent.
    """
    mean, deviation = view.mean, view.deviation
    lengths = jnp.array([0.1, 0.5, 1.0, 3.0, 10.0])
    shifts = jnp.array([0.25, 0.5, 1.0, 1.5, 2.5])
    against = jnp.sign(mean) * deviation
    candidates = jnp.concatenate(
        [
            -lengths[:, None] * mean,
            mean - shifts[:, None] * deviation,
            mean - shifts[:, None] * against,
        ]
    )
    harm = jax.vmap(lambda vector: view.aggregate(view.send(vector)) @ mean)(candidates)
    return candidates[jnp.argmin(harm)]


def _alie_quantile(view: View) -> Array:
    voters = view.honest.sum() + view.bad.sum()
    bad = view.bad.sum()
    supporters = voters // 2 + 1 - bad
    share = (voters - bad - supporters) / jnp.maximum(voters - bad, 1)
    return jax.scipy.stats.norm.ppf(jnp.clip(share, 0.5, 0.999))
