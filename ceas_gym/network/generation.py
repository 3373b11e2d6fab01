"""Heralded generation: attempts in the scheduled channel-time make pairs of single links."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_gym.jax_utils import randomness
from ceas_gym.types import Links, Network

SHARE = 2.0**-23
"""Share of a channel that may be lost by rounding the action and its share to 32 bits."""
PART = 2.0**-14
"""Greatest part of an attempt that is added to make up for this rounding."""


def attempts(
    network: Network, shares: Float[Array, "*windows nodes"]
) -> Int[Array, "*windows nodes hops"]:
    """Returns the attempts that fit into the given channel-time, on every link of a route.

    Each of the multiplexed modes makes floor(share * attempts per window) attempts, because an
    attempt that the end of the window would interrupt is not started. If only rounding keeps a
    share from a whole number of attempts, it gets that number.

    Args:
        network: Modes, and `attempts_per_window` of one mode on a whole channel.
        shares: Share of a channel that each node gets in a window, in [0, 1].
    """
    most = network.generation.attempts_per_window
    fitting = jnp.minimum(shares[..., None] * most + jnp.minimum(SHARE * most, PART), most)
    return jnp.floor(fitting).astype(jnp.int32) * network.generation.modes


def herald(
    links: Links, tried: Int[Array, "*windows nodes hops"], key: Key[Array, ""]
) -> Int[Array, "*windows nodes hops"]:
    """Returns the number of pairs heralded on each link, which is binomial.

    Args:
        links: Success probability of an attempt, in [0, 1].
        tried: Number of attempts; at least 0.
        key: Random key.

    Source:
        Independent attempts of equal success probability; `physics.heralding` gives the latter.
    """
    return randomness.binomial(key, tried, links.success_probability)
