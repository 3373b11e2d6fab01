"""Heralded generation: attempts on the scheduled channel-time become Bell pairs of single links."""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_gym.jax_utils import randomness
from ceas_gym.types import Links, Network

SHARE = 2.0**-23
"""Of a channel: what the rounding of an action and of its share to 32 bits may take away."""
PART = 2.0**-14
"""Of an attempt: no more than this is made up for."""


def attempts(
    network: Network, shares: Float[Array, "*windows nodes"]
) -> Int[Array, "*windows nodes hops"]:
    """Returns the attempts that fit into the given channel-time, on every link of a route.

    A started attempt that the window's end would cut off is not made:
    floor(share * attempts per window) on each of the multiplexed modes. A share that only rounding
    keeps from a whole number of attempts has that number.

    Args:
        network: Links; `attempts_per_window` for a whole channel and one mode.
        shares: Of a channel for each node in a window, in [0, 1].
    """
    most = network.generation.attempts_per_window
    fitting = jnp.minimum(shares[..., None] * most + jnp.minimum(SHARE * most, PART), most)
    return jnp.floor(fitting).astype(jnp.int32) * network.generation.modes


def herald(
    links: Links, tried: Int[Array, "*windows nodes hops"], key: Key[Array, ""]
) -> Int[Array, "*windows nodes hops"]:
    """Returns the pairs heralded on each link: binomial in the attempts.

    Args:
        links: Success probability of an attempt.
        tried: Attempts.
        key: Random key.

    Source:
        Independent attempts of equal success probability; `physics.heralding` gives the latter.
    """
    return randomness.binomial(key, tried, links.success_probability)
