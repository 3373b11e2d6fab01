"""Baselines that any other policy should beat: they use little or nothing of the observation.

Each returns requests in [-1, 1], as every policy does (`policies.base`).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ceas_agents.policies.planning import fill_windows
from ceas_agents.policies.scarcity import quorum, tag_windows
from ceas_gym.network import forecast, teams
from ceas_gym.task import actions
from ceas_gym.task.observations import NETWORK_FEATURES
from ceas_gym.types import Network, Observation, Params

PROGRESS = [feature.name for feature in NETWORK_FEATURES].index("progress")


def uniform(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Gives every node the same share of the channels in every window.

    Args:
        params: The scenario.
        observation: Not used.
        key: Not used.

    Returns:
        The action, in [-1, 1], of shape (windows, nodes).
    """
    del observation, key
    nodes = params.network.nodes
    share = jnp.minimum(1, params.network.switch.channels[0] / nodes)
    return actions.encode(jnp.full((params.network.windows, nodes), share))


def round_robin(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Gives whole channels to one group of nodes after the other, window by window.

    Args:
        params: The scenario.
        observation: What the hub knows; only `progress` is used.
        key: Not used.

    Returns:
        The action, in [-1, 1], of shape (windows, nodes).
    """
    del key
    nodes, windows = params.network.nodes, params.network.windows
    now = jnp.round(observation.network[PROGRESS] * params.rounds) * windows
    first = (now + jnp.arange(windows)) * params.network.switch.channels[0]
    turn = (jnp.arange(nodes) - first[:, None]) % nodes
    return actions.encode(jnp.clip(params.network.switch.channels[0] - turn, 0, 1))


def random(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Asks for random shares.

    Args:
        params: The scenario.
        observation: Not used.
        key: Random key of the shares.

    Returns:
        The action, uniform in [-1, 1], of shape (windows, nodes).
    """
    del observation
    shape = (params.network.windows, params.network.nodes)
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)


def max_rate(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Makes as many pairs as the memories hold, fastest links first, without regard to decay.

    Args:
        params: The scenario.
        observation: Not used.
        key: Not used.

    Returns:
        The action, in [-1, 1], of shape (windows, nodes).
    """
    del observation, key
    pairs = jnp.maximum(forecast.expected_pairs(params.network), 1e-9)
    return actions.encode(fill_windows(params.network, params.network.memories.per_link / pairs))


def static_subset(params: Params, observation: Observation, key: Key[Array, ""]) -> Array:
    """Gives equal shares to the best teams, two more than a quorum, whatever is observed.

    A node is a team of its own, unless several form one. The best are those with most pairs of most
    signal (`quality`), among the teams for which that share makes enough key for a tag in one
    round.

    Args:
        params: The scenario.
        observation: Not used.
        key: Not used.

    Returns:
        The action, in [-1, 1], of shape (windows, nodes).
    """
    del observation, key
    network, best = params.network, quality(params.network)
    count = jnp.minimum(quorum(params.consensus) + 2, best.size)
    share = jnp.minimum(1, network.switch.channels[0] / (count * network.teams.size))
    can_tag = teams.every(network.teams, tag_windows(network) <= share * network.windows)
    served = jnp.argsort(jnp.argsort(jnp.where(can_tag, -best, jnp.inf))) < count
    asked = jnp.where(teams.of_nodes(network.teams, served), share, 0)
    return actions.encode(jnp.broadcast_to(asked, (network.windows, network.nodes)))


def quality(network: Network) -> Float[Array, " teams"]:
    """Returns the value of a whole channel for each team in a window: of its scarcest link.

    Args:
        network: Teams, and the links, whose `forecast.quality` is divided by the pairs that a shot
            takes.
    """
    each = forecast.quality(network)
    if network.teams.size == 1:
        return each
    taken = teams.ends(network)
    needed = jnp.where(jnp.asarray(taken) > 0, each / jnp.maximum(taken, 1), jnp.inf)
    return teams.of_qpus(network.teams, needed).min(axis=1)
