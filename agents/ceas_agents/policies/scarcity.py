r"""How scarce channel-time is in a scenario, in one number for either kind of schedule.

A node needs kappa pairs for the tag of a round, its key bits over the secret bits of a pair, and a
whole channel makes lambda pairs in a window. With C channels, N nodes and a quorum of q,

    theta_aware   = (1 / C) * sum over the best q nodes of kappa_k / lambda_k,
    theta_uniform = max(N / C, 1) * (kappa / lambda of the q-th best node)

are the windows until a schedule that knows the links, and one that serves all alike, have tagged a
quorum.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ceas_gym import layouts
from ceas_gym.network import forecast, key_pool
from ceas_gym.types import Consensus, Network, Params


def quorum(consensus: Consensus) -> Int[Array, ""]:
    """Returns the least number of counted nodes with which the hub commits, at equal votes."""
    votes = consensus.votes_needed * consensus.tolerated + 1
    for_share = jnp.ceil(consensus.tolerated / consensus.largest_share - 1e-6)
    return jnp.maximum(votes, for_share.astype(votes.dtype))


def tag_windows(network: Network) -> Float[Array, " nodes"]:
    """Returns the windows of a whole channel for a node's tag, kappa / lambda; may be infinite.

    Links are taken as calibrated, all in good order, and pairs as new. No tag is needed where
    updates without one are accepted.
    """
    if network.unauthenticated_spend:
        return jnp.zeros(network.routes.vertex.shape)
    new = forecast.new_contraction(network, forecast.nominal(network))
    bits = jnp.maximum(key_pool.bits_per_pair(network.key, new), 0)
    return network.key.tag_bits / (bits * forecast.expected_pairs(network))


def over_layouts(theta: Callable[[Params], Float[Array, ""]], params: Params) -> float:
    """Returns the mean of `theta_aware` or `theta_uniform` over the layouts of a scenario.

    Args:
        theta: One of the two.
        params: The scenario.
    """
    return float(np.mean([theta(each) for each in layouts.every(params)]))


def theta_aware(params: Params) -> Float[Array, ""]:
    """Returns the windows in which a schedule that knows the links can tag a quorum.

    Args:
        params: The scenario.
    """
    order = jnp.sort(tag_windows(params.network))
    among = jnp.arange(order.size) < quorum(params.consensus)
    return jnp.where(among, order, 0).sum() / params.network.switch.channels[0]


def theta_uniform(params: Params) -> Float[Array, ""]:
    """Returns the windows in which equal shares of the channels tag a quorum.

    Args:
        params: The scenario.
    """
    order = jnp.sort(tag_windows(params.network))
    last = order[jnp.minimum(quorum(params.consensus), order.size) - 1]
    # A node can't use more than one channel.
    return last * jnp.maximum(order.size / params.network.switch.channels[0], 1)
