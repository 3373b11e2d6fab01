"""Attacks that adapt: to the hub's rule, and to the round."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.attacks.view import View

LENGTHS = (0.1, 0.5, 1.0, 3.0, 10.0)
SHIFTS = (0.25, 0.5, 1.0, 1.5, 2.5)


def white_box(view: View) -> Float[Array, " parameters"]:
    """Sends the worst of a set of vectors, by trying the hub's own rule on each.

    Worst is the aggregate with the least inner product with the honest mean. The set holds the
    mean negated, at several lengths, as in `ipm`; shifted by several standard deviations against
    its sign, as in `signed_alie`; and shifted back along itself by as much. Plain shifts as in
    `alie` would cost as much, and do less harm under every rule.

    Source:
        After the optimised attacks of Shejwalkar and Houmansadr, NDSS 2021; distance to the honest
        mean is replaced by harm done to the descent.
    """
    mean = view.mean
    candidates = _candidates(mean, view.deviation)
    harm = jax.vmap(lambda vector: view.aggregate(view.send(vector)) @ mean)(candidates)
    return candidates[jnp.argmin(harm)]


def opportunistic(view: View) -> Float[Array, " parameters"]:
    """Sends what `white_box` does when few enough nodes are counted, else the honest mean.

    Few enough: the bad nodes are more than a share (`strength`) of the counted ones. The
    default is one and a half times their share among all nodes: when less than two thirds of the
    nodes are counted.
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
