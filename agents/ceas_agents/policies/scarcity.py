r"""How scarce channel-time is in a scenario: the windows until a quorum of nodes has its tags.

In a round a node exchanges tags with all members of the committee. For these it needs kappa pairs:
the bits of the tags over the secret bits of a pair. A whole channel makes lambda pairs in a window.
With C channels, N nodes and a quorum of q, the number of windows is

    theta_aware   = (1 / C) * sum over the best q nodes of kappa_k / lambda_k,
    theta_uniform = max(N / C, 1) * (kappa / lambda of the q-th best node)

for a schedule that knows the links, and for one that gives all nodes equal shares.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ceas_gym import layouts
from ceas_gym.consensus.protocol import quorum
from ceas_gym.network import forecast, key_pool
from ceas_gym.types import Network, Params


def tag_windows(network: Network) -> Float[Array, " nodes"]:
    """Returns the time of a whole channel that each node needs for its tags, kappa / lambda.

    Links are taken as calibrated and good, and pairs as new.

    Args:
        network: Rates, contractions and the key that a round uses up.

    Returns:
        In windows, in [0, inf]: infinite where pairs yield no key, and 0 where unauthenticated
        updates are accepted, because no tag is needed there.
    """
    if network.unauthenticated_spend:
        return jnp.zeros(network.routes.vertex.shape)
    new = forecast.new_contraction(network, forecast.nominal(network))
    bits = jnp.maximum(key_pool.bits_per_pair(network.key, new), 0)
    return network.key.node_bits / (bits * forecast.expected_pairs(network))


def over_layouts(theta: Callable[[Params], Float[Array, ""]], params: Params) -> float:
    """Returns the mean of `theta_aware` or `theta_uniform` over the layouts, in windows.

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
