"""Attacks that adapt to the hub's rule, or to how many nodes are counted in the round."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.attacks.view import View

LENGTHS = (0.1, 0.5, 1.0, 3.0, 10.0)
"""Of the candidates of `white_box` along the negated mean, in lengths of the mean."""
SHIFTS = (0.25, 0.5, 1.0, 1.5, 2.5)
"""Of its other candidates away from the mean, in standard deviations."""


def white_box(view: View) -> Float[Array, " parameters"]:
    """Returns the worst of a set of candidates, found by trying the hub's own rule on each.

    The worst is the one whose aggregate has the least inner product with the honest mean. The
    candidates are the negated mean at several lengths, as in `ipm`; the mean shifted by several
    standard deviations against its sign, as in `signed_alie`; and the mean shifted by as much
    along its negated direction. Plain shifts as in `alie` are left out: they would cost as much
    time, and do less harm under every rule.

    Source:
        After the optimised attacks of Shejwalkar and Houmansadr, NDSS 2021, who maximise the
        distance to the honest mean; here the inner product with it is minimised.
    """
    mean = view.mean
    candidates = _candidates(mean, view.deviation)
    harm = jax.vmap(lambda vector: view.aggregate(view.send(vector)) @ mean)(candidates)
    return candidates[jnp.argmin(harm)]


def opportunistic(view: View) -> Float[Array, " parameters"]:
    """Returns what `white_box` does while few nodes are counted, otherwise the honest mean.

    It attacks when the Byzantine nodes are more than a share (`strength`) of the counted nodes. By
    default this is one and a half times their share among all nodes, so that it attacks when fewer
    than two thirds of the nodes are counted.
    """
    counted = (view.honest | view.bad).sum()
    usual = view.bad.sum() / view.bad.shape[0]
    now = view.bad.sum() / jnp.maximum(counted, 1)
    return jnp.where(now > view.strength_or(1.5 * usual), white_box(view), view.mean)


def _candidates(mean: Array, deviation: Array) -> Float[Array, "candidates parameters"]:
    lengths, shifts = jnp.array(LENGTHS)[:, None], jnp.array(SHIFTS)[:, None]
    against = jnp.sign(mean) * deviation
    back = mean * (jnp.linalg.norm(deviation) / jnp.maximum(jnp.linalg.norm(mean), 1e-30))
    return jnp.concatenate([-lengths * mean, mean - shifts * against, mean - shifts * back])
