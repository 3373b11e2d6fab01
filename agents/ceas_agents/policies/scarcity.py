r"""How scarce channel-time is in a scenario: the windows until a quorum of nodes has its tags.

In a round a node exchanges tags with all members of the committee. For these it needs kappa pairs:
the bits of the tags over the secret bits of a pair. A whole channel makes lambda pairs in a window.
With C channels, N nodes and a quorum of q, the number of windows is

    theta_aware   = max of (1 / C) * sum over the best q nodes of kappa_k / lambda_k
                       and kappa / lambda of the q-th best node,
    theta_uniform = max(N / C, 1) * (kappa / lambda of the q-th best node)

for a schedule that knows the links, and for one that gives all nodes equal shares. A node can use
no more than one channel at a time, so a quorum takes at least as long as its slowest node. Where
nodes form teams, q teams are a quorum, and only QPU 0 of a team needs tags.

Source:
    McNaughton, Management Science 6, 1 (1959), for the shortest schedule of jobs that may be
    interrupted, on several machines.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ceas_gym import layouts
from ceas_gym.consensus.protocol import quorum
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.network import forecast, key_pool, teams
from ceas_gym.types import Network, Params


def tag_windows(network: Network) -> Float[Array, " nodes"]:
    """Returns the time of a whole channel that each node needs for its tags, kappa / lambda.

    Links are taken as calibrated and good, and pairs as new.

    Args:
        network: Rates, contractions and the key that a round uses up.

    Returns:
        In windows, in [0, inf]: infinite where pairs yield no key, and 0 where no tag is needed:
        where unauthenticated updates are accepted, and for nodes of a team but its first.
    """
    if network.unauthenticated_spend:
        return jnp.zeros(network.routes.vertex.shape)
    new = forecast.new_contraction(network, forecast.nominal(network))
    bits = jnp.maximum(key_pool.bits_per_pair(network.key, new), 0)
    pairs, needed = forecast.expected_pairs(network), network.key.node_bits
    # Of a team, only QPU 0 needs key.
    return jnp.where(needed > 0, needed / (bits * pairs), 0)


# Compiled as one program, which is faster than compiling each operation alone.
_tag_windows, _quorum = once(tag_windows), once(quorum)
Theta = Callable[[Params], float]
"""One of the two numbers of windows; not for use in `jit`."""


def over_layouts(theta: Theta, params: Params) -> float:
    """Returns the mean of `theta_aware` or `theta_uniform` over the layouts, in windows.

    Args:
        theta: One of the two.
        params: The scenario.
    """
    return mean(theta, layouts.every(params))


def mean(theta: Theta, drawn: Sequence[Params]) -> float:
    """Returns the mean of `theta_aware` or `theta_uniform` over layouts, in windows.

    Args:
        theta: One of the two.
        drawn: Parameters of each layout, at least one, such as those of `parameters.networks`.
    """
    return float(np.mean([theta(each) for each in drawn]))


def theta_aware(params: Params) -> float:
    """Returns the windows in which a schedule that knows the links can tag a quorum.

    Args:
        params: The scenario.
    """
    order, least = _best_first(params)
    chosen = order[:least]
    return float(max(chosen.sum() / params.network.switch.channels[0], chosen[-1]))


def theta_uniform(params: Params) -> float:
    """Returns the windows in which equal shares of the channels tag a quorum.

    Args:
        params: The scenario.
    """
    order, least = _best_first(params)
    # A node can't use more than one channel.
    sharing = max(params.network.nodes / float(params.network.switch.channels[0]), 1)
    return float(order[min(least, order.size) - 1]) * sharing


def _best_first(params: Params) -> tuple[Float[np.ndarray, " nodes"], int]:
    # The time of a whole channel that each team needs, and the teams of a quorum.
    each = teams.first(params.network.teams, _tag_windows(params.network))
    return np.sort(each), int(_quorum(params.consensus))
