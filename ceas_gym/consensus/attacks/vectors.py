"""Plain attacks: multiples of the honest mean, noise, and numbers that no update should hold."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.attacks.view import View


def none(view: View) -> Float[Array, " parameters"]:
    """Returns the honest mean, but is not used: every node sends its own honest update."""
    return view.mean


def label_flip(view: View) -> Float[Array, " parameters"]:
    """Returns the honest mean, but is not used: nodes send updates measured on shifted labels."""
    return view.mean


def sign_flip(view: View) -> Float[Array, " parameters"]:
    """Returns the negated honest mean."""
    return -view.mean


def scaled_sign_flip(view: View) -> Float[Array, " parameters"]:
    """Returns the negated honest mean, 10 times as long (`strength`)."""
    return -view.strength_or(10.0) * view.mean


def inner_product(view: View) -> Float[Array, " parameters"]:
    """Returns the honest mean, negated and shortened to half (`strength`).

    Source:
        Xie, Koyejo and Gupta, UAI 2019, arXiv:1903.03936 (IPM).
    """
    return -view.strength_or(0.5) * view.mean


def gaussian(view: View) -> Float[Array, "nodes parameters"]:
    """Returns noise for each node, 10 times as long as the honest mean (`strength`).

    Every coordinate is normal with mean zero. The length is a root mean square,
    E |b|^2 = strength^2 |mean|^2, so at the same strength the noise is as long as the update of
    `scaled_sign_flip`, in random directions.

    Source:
        Blanchard et al., NeurIPS 2017, arXiv:1703.02757, with a fixed standard deviation of 200.
    """
    normal = jax.random.normal(view.key, view.updates.shape, view.updates.dtype)
    length = view.strength_or(10.0) * jnp.linalg.norm(view.mean)
    return length / view.updates.shape[1] ** 0.5 * normal


def non_finite(view: View) -> Float[Array, " parameters"]:
    """Returns NaN in every coordinate, which the hub must reject."""
    return jnp.full_like(view.mean, jnp.nan)


def huge(view: View) -> Float[Array, " parameters"]:
    """Returns the largest finite numbers, with the sign opposite to the honest mean's."""
    largest = jnp.finfo(view.mean.dtype).max
    return jnp.where(view.mean > 0, -largest, largest)
