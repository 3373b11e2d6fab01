"""Heralded generation: attempts on the scheduled channel-time become Bell pairs."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ceas_gym.types import Network


def attempts(
    network: Network, schedule: Float[Array, "windows nodes"]
) -> Int[Array, "windows nodes"]:
    """Returns the attempts that fit into the scheduled channel-time.

    A started attempt that the window's end would cut off is not made:
    floor(share * attempts per window) on each of the multiplexed modes.

    Args:
        network: Links; `attempts_per_window` for a whole channel and one mode.
        schedule: Share of a channel for each node in each window, in [0, 1].
    """
    return jnp.floor(schedule * network.attempts_per_window).astype(jnp.int32) * network.modes


def herald(
    network: Network, schedule: Float[Array, "windows nodes"], key: Key[Array, ""]
) -> Int[Array, "windows nodes"]:
    """Returns the pairs heralded in each window: binomial in the attempts.

    Args:
        network: Links, each with its success probability.
        schedule: Share of a channel for each node in each window, in [0, 1].
        key: Random key.

    Source:
        Independent attempts of equal success probability; `physics.heralding` gives the latter.
    """
    tried = attempts(network, schedule)
    pairs = jax.random.binomial(key, tried.astype(jnp.float32), network.success_probability)
    return pairs.astype(jnp.int32)
