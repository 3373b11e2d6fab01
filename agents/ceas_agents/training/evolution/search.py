"""A separable natural evolution strategy: a normal distribution that moves to better weights.

All functions are for use in `jit`; `ask_compiled` and `tell_compiled` are compiled ones.

Source:
    Schaul, Glasmachers and Schmidhuber, GECCO 2011, and Wierstra et al., Natural evolution
    strategies, JMLR 15, 949 (2014), for the method (SNES); Brockhoff et al., PPSN 2010, for
    candidates that mirror each other.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_gym.jax_utils.fast_compile import once


class Search(NamedTuple):
    """All that changes in a search."""

    center: Float[Array, " weights"]
    """Mean of the candidates."""
    spread: Float[Array, " weights"]
    """Their standard deviation in each weight, above 0."""
    key: Key[Array, ""]
    """Of the next generation."""
    generation: Int[Array, ""]
    """Generations so far."""


def ask(search: Search, candidates: int) -> Float[Array, "candidates weights"]:
    """Returns the candidates of a generation, as deviations in units of the spread.

    The second half mirrors the first.

    Args:
        search: Where the search is.
        candidates: How many; even, at least 2.
    """
    half = jax.random.normal(search.key, (candidates // 2, search.center.size))
    return jnp.concatenate([half, -half])


def tell(
    search: Search,
    deviations: Float[Array, "candidates weights"],
    scores: Float[Array, " candidates"],
) -> Search:
    """Returns where the search is after a generation.

    With the utility u_i of rank i, the center moves by spread * sum_i u_i z_i, and the logarithm of
    the spread by eta / 2 * sum_i u_i (z_i^2 - 1), where z_i are the deviations and
    eta = (3 + ln n) / (5 sqrt(n)) for n weights.

    Args:
        search: Where the search was.
        deviations: From `ask`.
        scores: The more the better; only their order counts.
    """
    worth = utilities(scores.size)[jnp.argsort(jnp.argsort(-scores))]
    size = search.center.size
    rate = (3 + math.log(size)) / (5 * math.sqrt(size))
    return Search(
        center=search.center + search.spread * (worth @ deviations),
        spread=search.spread * jnp.exp(rate / 2 * (worth @ (deviations**2 - 1))),
        key=jax.random.split(search.key)[0],
        generation=search.generation + 1,
    )


def utilities(candidates: int) -> Float[Array, " candidates"]:
    """Returns what a candidate counts for by its rank, best first; their sum is zero.

    They are max(0, ln(n / 2 + 1) - ln i) for ranks i from 1, over their sum, minus 1 / n.

    Args:
        candidates: n, at least 2.

    Example:
        >>> utilities(2).tolist()
        [0.5, -0.5]
    """
    ranks = jnp.arange(1, candidates + 1)
    raw = jnp.maximum(0, jnp.log(candidates / 2 + 1) - jnp.log(ranks))
    return raw / raw.sum() - 1 / candidates


ask_compiled = once(ask, static_argnums=1)
tell_compiled = once(tell)
