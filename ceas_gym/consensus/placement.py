"""Which nodes are Byzantine: functions (random key, link quality) -> score; the highest are."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ceas_gym.types import Adversary

Placement = Callable[[Array, Array], Array]


def random(key: Key[Array, ""], quality: Float[Array, " nodes"]) -> Array:
    """Returns uniform random scores in [0, 1): Byzantine nodes are drawn anew in each episode."""
    return jax.random.uniform(key, quality.shape)


def best_links(key: Key[Array, ""], quality: Float[Array, " nodes"]) -> Array:
    """Returns the quality as score: Byzantine nodes have the links that can deliver most."""
    del key
    return quality


def worst_links(key: Key[Array, ""], quality: Float[Array, " nodes"]) -> Array:
    """Returns the negated quality as score: Byzantine nodes have the links that deliver least."""
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
    """Returns which nodes are Byzantine, for the whole episode.

    Args:
        adversary: The placement, and the number of Byzantine nodes.
        key: Random key.
        quality: What the node's route can deliver (`network.forecast.quality`); at least 0.

    Example:
        >>> from types import SimpleNamespace
        >>> coalition = SimpleNamespace(placement=best_links, byzantine_nodes=1)
        >>> choose(coalition, jax.random.key(0), jnp.array([1.0, 3.0, 2.0])).tolist()
        [False, True, False]
    """
    score = adversary.placement(key, quality)
    place = jnp.argsort(jnp.argsort(-score))
    return place < adversary.byzantine_nodes
