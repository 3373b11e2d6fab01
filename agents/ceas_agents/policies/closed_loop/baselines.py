"""Baselines for windows: they use little or nothing of what is observed.

Each takes the scenario, what the hub knows and a random key, and returns an action in [-1, 1] of
shape (nodes + 1,). `cadence` is the number of windows from one barrier to the next, in
[1, most_windows]; 0 stands for `network.windows`. A barrier by the clock fires whether a quorum is
ready or not.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ceas_agents.policies.baselines import quality
from ceas_agents.policies.closed_loop import firing
from ceas_agents.policies.scarcity import tag_windows
from ceas_gym.consensus.protocol import quorum
from ceas_gym.network import forecast, teams
from ceas_gym.task.filling import fill
from ceas_gym.types import Observation, Params

SPARE = 2
"""Nodes that `static_subset` and `subset_hold` serve beyond a quorum."""


def uniform(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 0.0
) -> Float[Array, " nodes_and_1"]:
    """Gives every node the same share of the channels, and fires by the clock.

    Args:
        params: The scenario.
        observation: What the hub knows; only the windows since the last barrier are used.
        key: Not used.
        cadence: Windows from one barrier to the next; 0 stands for `network.windows`.
    """
    del key
    nodes = params.network.nodes
    share = jnp.minimum(1, params.network.switch.channels[0] / nodes)
    return firing.action(jnp.full(nodes, share), firing.by_clock(params, observation, cadence))


def round_robin(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 0.0
) -> Float[Array, " nodes_and_1"]:
    """Gives whole channels to one group of nodes after the other, and fires by the clock.

    Args:
        params: The scenario.
        observation: What the hub knows; only the time is used.
        key: Not used.
        cadence: As for `uniform`.
    """
    del key
    nodes, channels = params.network.nodes, params.network.switch.channels[0]
    now = params.budget - firing.windows_left(params, observation)
    turn = (jnp.arange(nodes) - now * channels) % nodes
    shares = jnp.clip(channels - turn, 0, 1)
    return firing.action(shares, firing.by_clock(params, observation, cadence))


def random(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 0.0
) -> Float[Array, " nodes_and_1"]:
    """Asks for random shares, and fires in each window with a chance of one in `cadence`.

    Args:
        params: The scenario.
        observation: Not used.
        key: Random key of the shares, and of the barrier.
        cadence: Mean number of windows from one barrier to the next; 0 stands for
            `network.windows`.
    """
    del observation
    share_key, barrier_key = jax.random.split(key)
    mean = jnp.where(cadence > 0, cadence, params.network.windows)
    fires = jax.random.uniform(barrier_key) * mean < 1
    return firing.action(jax.random.uniform(share_key, (params.network.nodes,)), fires)


def max_rate(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 0.0
) -> Float[Array, " nodes_and_1"]:
    """Makes as many pairs as memories hold, fastest links first, and fires by the clock.

    It divides the windows of a round as if it knew only how many have passed.

    Args:
        params: The scenario.
        observation: What the hub knows; only the windows since the last barrier are used.
        key: Not used.
        cadence: As for `uniform`.
    """
    del key
    network = params.network
    pairs = jnp.maximum(forecast.expected_pairs(network), 1e-9)
    needed = network.memories.per_link / pairs

    def window(_: int, left: Array) -> Array:
        return left - _fill(params, left)

    before = firing.waited(params, observation) - 1
    left = jax.lax.fori_loop(0, before, window, needed)
    return firing.action(_fill(params, left), firing.by_clock(params, observation, cadence))


def static_subset(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 0.0
) -> Float[Array, " nodes_and_1"]:
    """Gives equal shares to the best nodes, two more than a quorum, and fires by the clock.

    The best are those that make most data of most signal (`forecast.quality`) in the time that a
    round of `network.windows` leaves after their tags, by calibration.

    Args:
        params: The scenario.
        observation: What the hub knows; only the windows since the last barrier are used.
        key: Not used.
        cadence: As for `uniform`.
    """
    del key
    return firing.action(_subset(params), firing.by_clock(params, observation, cadence))


def subset_hold(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 1.0
) -> Float[Array, " nodes_and_1"]:
    """Gives equal shares to the nodes of `static_subset`, and fires when a quorum is ready.

    Args:
        params: The scenario.
        observation: What the hub knows: only the windows since the last barrier, and which nodes
            are ready, are used.
        key: Not used.
        cadence: Least number of windows from one barrier to the next.
    """
    del key
    return firing.action(_subset(params), firing.if_ready(params, observation, cadence))


def _fill(params: Params, wanted: Array) -> Float[Array, " nodes"]:
    # One window, least need first.
    switch = params.network.switch
    return fill(-wanted, jnp.clip(wanted, 0, 1), switch.channels, switch.passes)


def _subset(params: Params) -> Float[Array, " nodes"]:
    network, best = params.network, quality(params.network)
    count = jnp.minimum(quorum(params.consensus) + SPARE, best.size)
    share = jnp.minimum(1, network.switch.channels[0] / (count * network.teams.size))
    # What time a round of `network.windows` would leave for data.
    left = share * network.windows - teams.first(network.teams, tag_windows(network))
    worth = jnp.where(left > 0, best * left, left)
    served = (jnp.argsort(jnp.argsort(-worth)) < count) & jnp.isfinite(worth)
    return jnp.where(teams.of_nodes(network.teams, served), share, 0)
