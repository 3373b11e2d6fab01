"""Where the Byzantine nodes sit: functions (key, link quality) -> score; the highest are bad."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ceas_gym.types import Adversary

Placement = Callable[[Array, Array], Array]


def random(key: Key[Array, ""], quality: Float[Array, " nodes"]) -> Array:
    """Places them uniformly at random, anew in each episode."""
    return jax.random.uniform(key, quality.shape)


def best_links(key: Key[Array, ""], quality: Float[Array, " nodes"]) -> Array:
    """Places them on the links that can deliver most."""
    del key
    return quality


def worst_links(key: Key[Array, ""], quality: Float[Array, " nodes"]) -> Array:
    """Places them on the links that can deliver least."""
    del key
    return -quality


PLACEMENTS: dict[str, Placement] = {
    "random": random,
    "best_links": best_links,
    "worst_links": worst_links,
}


def choose(
    adversary: Adversary, key: Key[Array, ""], quality: Float[Array, " nodes"]
) -> Bool[Array, " nodes"]:
    """Returns which nodes are Byzantine for the whole episode."""
    score = adversary.placement(key, quality)
    place = jnp.argsort(jnp.argsort(-score))
    return place < adversary.byzantine_nodes
