"""Heuristics of the scheduling literature for single windows.

They differ in which nodes get channel-time for data. Before that, each of them gives a quorum of
nodes and `SPARE` more the time for the tags that they lack: those that lack least. (If all nodes
got it, hardly any time would be left where key is scarce.) None of the sources has a barrier, so
all fire alike: as soon as a quorum is ready, but not before `cadence` windows are over. Each takes
the scenario, what the hub knows and a random key that it does not use, and returns an action in
[-1, 1] of shape (nodes + 1,).
"""

from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ceas_agents.policies.closed_loop import firing, prospects, serving, water_filling
from ceas_agents.policies.closed_loop.prospects import Prospects
from ceas_gym.consensus.protocol import quorum
from ceas_gym.task.filling import fill
from ceas_gym.types import Network, Observation, Params

SPARE = 2
"""Nodes that are served beyond a quorum."""
Give = Callable[[Prospects, Array, Array], Array]
"""From the prospects, the greatest share of each node for data and the channels that are left, to
shares."""


def max_weight(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 1.0
) -> Float[Array, " nodes_and_1"]:
    """Serves the greatest product of free memories and rate.

    A node's queue is the memories that are still to be filled.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        cadence: Least number of windows from one barrier to the next.

    Source:
        Tassiulas and Ephremides, IEEE Transactions on Automatic Control 37, 1936 (1992).
    """
    del key
    give = in_order(params.network, lambda found: found.room * found.pairs)
    return after_key(params, observation, give, cadence)


def freshest_first(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 1.0
) -> Float[Array, " nodes_and_1"]:
    """Serves nodes whose new pairs carry most at the end of the window.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        cadence: As for `max_weight`.
    """
    del key
    give = in_order(params.network, lambda found: found.worth[0])
    return after_key(params, observation, give, cadence)


def earliest_deadline_first(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 1.0
) -> Float[Array, " nodes_and_1"]:
    """Serves the node first whose stored pairs expire first.

    A node that holds no pairs has the lifetime of a new one as its deadline.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        cadence: As for `max_weight`.

    Source:
        Liu and Layland, Journal of the ACM 20, 46 (1973).
    """
    del key
    give = in_order(params.network, lambda found: 1 / (1 + deadline(found)))
    return after_key(params, observation, give, cadence)


def proportional_fair(
    params: Params, observation: Observation, key: Key[Array, ""], cadence: float = 1.0
) -> Float[Array, " nodes_and_1"]:
    """Serves nodes for the greatest sum of the logarithms of their information.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        cadence: As for `max_weight`.

    Source:
        Kelly, Maulloo and Tan, Journal of the Operational Research Society 49, 237 (1998).
    """
    del key

    def give(found: Prospects, most: Array, left: Array) -> Array:
        value = found.pairs * found.worth[0]
        switch = params.network.switch
        return water_filling.share_out(switch, value, found.held[0], most, left, power=1)

    return after_key(params, observation, give, cadence)


def deadline(found: Prospects) -> Float[Array, " nodes"]:
    """Returns the windows until a node's stored pairs expire, or new ones if it has none.

    Args:
        found: What nodes hold; what lasts longer than is looked ahead counts as lasting so long.
    """
    holds = found.held[0] > 0
    return jnp.where(holds, (found.held > 0).sum(axis=0), (found.worth > 0).sum(axis=0))


def after_key(
    params: Params, observation: Observation, give: Give, cadence: float | Array
) -> Float[Array, " nodes_and_1"]:
    """Returns the action that gives nodes the time for their tags, and then time for data.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        give: How the rest of the window is divided.
        cadence: Least number of windows from one barrier to the next.
    """
    network = params.network
    found = prospects.assess(network, observation)
    asked = shares(params, found, give)
    return firing.action(asked, firing.if_ready(params, observation, cadence))


def shares(params: Params, found: Prospects, give: Give) -> Float[Array, " nodes"]:
    """Returns the shares of a channel, in [0, 1], key first.

    Args:
        params: The scenario.
        found: From `prospects.assess`.
        give: How the rest of the window is divided.
    """
    served = lacking_least(params, found)
    for_key = serving.key_first(params.network, found, served)
    most, left = serving.rest(params.network, found, served, for_key)
    return for_key + give(found, most, left)


def lacking_least(params: Params, found: Prospects) -> Bool[Array, " nodes"]:
    """Returns a quorum of nodes and `SPARE` more: those that lack least channel-time until ready.

    Of equal ones, such as all that are ready, it takes those that make most information.

    Args:
        params: The quorum.
        found: From `prospects.assess`.
    """
    best_first = jnp.lexsort((-found.pairs * found.worth[0], prospects.time_needed(found)))
    rank = jnp.argsort(best_first)
    return found.able & (rank < quorum(params.consensus) + SPARE)


def in_order(network: Network, priority: Callable[[Prospects], Array]) -> Give:
    """Returns the rule that serves nodes in order of priority, until memories are full.

    Args:
        network: Routes that share fibres.
        priority: Greater numbers come first; a node whose number is 0 gets nothing.
    """

    def give(found: Prospects, most: Array, left: Array) -> Array:
        order = priority(found)
        wanted = jnp.where(order > 0, most, 0)
        return fill(order, wanted, left, network.switch.passes)

    return give
