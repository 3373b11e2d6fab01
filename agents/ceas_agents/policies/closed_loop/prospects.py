"""What each node holds, and what channel-time can still bring it, up to barriers at some horizons.

A horizon is a number of windows after the one that comes, at whose end the barrier fires; horizon 0
is the window that comes.
"""

from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_agents.policies import knowledge
from ceas_gym.task.observations import COLUMN, column, expected_pairs
from ceas_gym.types import Network, Observation

HORIZONS = 24
"""Number of horizons: the windows that are looked ahead, with the one that comes."""
MARGIN = 2.0
"""Standard deviations of the number of pairs that the channel-time for key allows for."""
LEAST_LACK = 1e-5
"""Share of a round's key below which nothing is missing, because observations are rounded."""


class Prospects(NamedTuple):
    """What each node holds, and what a whole channel makes for it."""

    pairs: Float[Array, " nodes"]
    """Expected pairs of a whole channel in a window; at least 0."""
    worth: Float[Array, "horizons nodes"]
    """Fisher information, at a barrier at each horizon, of a pair that is made in the window that
    comes, in shots of perfect signal."""
    held: Float[Array, "horizons nodes"]
    """Fisher information of the stored pairs at a barrier at each horizon, in shots."""
    age: Int[Array, " nodes"]
    """Windows that passed since the stored pairs were made, by their mean contraction."""
    room: Float[Array, " nodes"]
    """Free memories, counting as free those whose pairs all expire in the window that comes."""
    missing: Float[Array, " nodes"]
    """Pairs that the node lacks for its tags and for one shot; at least 0."""
    able: Bool[Array, " nodes"]
    """Whether the node can be counted at all: its pairs yield key, unless none is needed, and last
    for a window."""


def assess(network: Network, observation: Observation) -> Prospects:
    """Returns the prospects by what the hub observes.

    All pairs of a node are taken to be of the age that fits their mean contraction.

    Args:
        network: Links, memories, operations, and key that a round uses up.
        observation: What the hub knows, every entry in [0, 1].
    """
    contraction = knowledge.contraction_by_age(network, observation, network.memories.ages)
    information = knowledge.information_by_age(network, contraction)
    seen = column(network, observation, "stored_contraction")
    age = jnp.abs(contraction.mean(axis=0) - seen[:, None]).argmin(axis=1)
    kept = _ahead(information, age + 1)
    # Where the next window is the last, the observation knows better than the mean age.
    later = column(network, observation, "information_later")
    later = later * network.memories.per_link / network.qubits
    held = (later * kept / jnp.maximum(kept[0], 1e-9)).at[0].set(later)
    stored = column(network, observation, "stored") * network.memories.per_link
    stored = jnp.where(later > 0, stored, 0)
    key_rate = column(network, observation, "key_rate")
    worth = _ahead(information, jnp.zeros_like(age))
    found = Prospects(
        pairs=expected_pairs(network, observation),
        worth=worth,
        held=held,
        age=age,
        room=network.memories.per_link - stored,
        missing=_missing(network, observation, stored),
        able=((key_rate > 0) | network.unauthenticated_spend) & (worth[0] > 0),
    )
    return _spent_on_arrival(network, found, later) if network.spends_on_arrival else found


def emptied(network: Network, observation: Observation, found: Prospects) -> Prospects:
    """Returns the prospects of nodes that hold neither pairs nor key, as they are after a barrier.

    Args:
        network: As for `assess`.
        observation: As for `assess`; only what it says of links and memories is used.
        found: What `assess` returns.
    """
    nothing = replace(observation, nodes=observation.nodes.at[:, COLUMN["tags"]].set(0))
    none = jnp.zeros_like(found.room)
    return found._replace(
        held=jnp.zeros_like(found.held),
        room=found.room if network.spends_on_arrival else none + network.memories.per_link,
        missing=_missing(network, nothing, none),
    )


def time_needed(found: Prospects) -> Float[Array, " nodes"]:
    """Returns the channel-time until each node is ready, in windows, with a `MARGIN`.

    Args:
        found: What each node lacks, and the pairs of a channel.

    Returns:
        In [0, inf]: infinite for a node that can't be counted.
    """
    safe = found.missing + MARGIN * jnp.sqrt(found.missing)
    return jnp.where(found.able, safe / jnp.maximum(found.pairs, 1e-9), jnp.inf)


def _spent_on_arrival(network: Network, found: Prospects, executed: Array) -> Prospects:
    # What shots have measured does not decay, and memories are free again in every window.
    return found._replace(
        worth=jnp.broadcast_to(found.worth[0], found.worth.shape),
        held=jnp.broadcast_to(executed, found.held.shape),
        room=jnp.full_like(found.room, jnp.inf),
        missing=jnp.maximum(found.missing - jnp.where(executed > 0, network.qubits, 0), 0),
    )


def _missing(network: Network, observation: Observation, stored: Array) -> Float[Array, " nodes"]:
    lack, per_pair = (column(network, observation, name) for name in ("tags", "key_rate"))
    lack = jnp.where((1 - lack > LEAST_LACK) & (per_pair > 0), 1 - lack, 0)
    for_key = lack * network.key.node_bits / jnp.where(per_pair > 0, per_pair, 1)
    # Every pair belongs to one member, so up to one pair more is needed for each further member.
    for_key += jnp.where(lack > 0, network.key.members - 1, 0)
    return for_key + jnp.maximum(network.qubits - stored, 0)


def _ahead(
    information: Float[Array, "nodes ages"], age: Int[Array, " nodes"]
) -> Float[Array, "horizons nodes"]:
    # Of pairs of this age at each horizon; beyond the last age they have expired.
    ages = age + jnp.arange(HORIZONS)[:, None]
    last = information.shape[1] - 1
    found = jnp.take_along_axis(information.T, jnp.minimum(ages, last), axis=0)
    return jnp.where(ages <= last, found, 0)
