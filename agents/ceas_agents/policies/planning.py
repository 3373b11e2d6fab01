"""Planning that the schedulers share: what a round's channel-time can buy, and how to divide it.

The forecast assumes calibrated links and new pairs. It leaves out pairs that waited at a relay,
purification, and drift during the first window.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_agents.policies import knowledge
from ceas_agents.policies.knowledge import pair_information
from ceas_gym.task import actions
from ceas_gym.task.filling import fill, tightest
from ceas_gym.task.observations import column, expected_pairs
from ceas_gym.types import Network, Observation

STEPS = 48
"""Steps of Frank and Wolfe's method; a test bounds the gap to the optimum that they leave."""
KEY_MARGIN = 3.0
"""Standard deviations of the number of pairs that the channel-time for a tag allows for."""

Gain = Callable[[Float[Array, " nodes"]], Float[Array, " nodes"]]
"""From each node's information, in shots, to the worth of a little more of it; at least 0."""


class Opportunities(NamedTuple):
    """What a round's channel-time can buy."""

    value: Float[Array, "windows nodes"]
    """Fisher information that a whole channel brings to the barrier, in shots of perfect signal."""
    pairs: Float[Array, " nodes"]
    """Expected pairs of a whole channel in a window; at least 0."""
    stored: Float[Array, " nodes"]
    """Fisher information, at the barrier, of the pairs in memory, in shots of perfect signal."""
    room: Float[Array, " nodes"]
    """Free memories, counting as free those whose pairs expire before the barrier."""
    can_tag: Bool[Array, " nodes"]
    """Whether the node can make key, or needs none: else its update can't be counted."""
    passes: Float[Array, "bottlenecks nodes"]
    """One where the node's route goes through the bottleneck; the hub is the first."""


def plan(
    network: Network,
    opportunities: Opportunities,
    observation: Observation,
    served: Bool[Array, " nodes"],
    give: Callable[[Array, Array], Array],
) -> Float[Array, "windows nodes"]:
    """Returns the action that first gives the served nodes time for key, and the rest for data.

    Key is made in the earliest windows, whose pairs are worth least as data at the barrier.

    Args:
        network: Routes and channels.
        opportunities: From `assess`.
        observation: What the hub knows, every entry in [0, 1].
        served: Nodes that get the time for the tag they lack.
        give: Returns the schedule of the data, from the channels left in each window, shape
            (windows, bottlenecks), and the greatest share of each node, shape (windows, nodes).

    Returns:
        Requests in [-1, 1].
    """
    needed = jnp.where(served & opportunities.can_tag, tag_time(network, observation), 0)
    for_key = fill_windows(network, needed)
    free = network.switch.channels - for_key @ network.switch.passes.T
    return actions.encode(for_key + give(jnp.maximum(free, 0), 1 - for_key))


def assess(network: Network, observation: Observation) -> Opportunities:
    """Returns what the round's channel-time is worth, from calibration and stored pairs.

    Args:
        network: Routes, memories and operations.
        observation: What the hub knows, every entry in [0, 1].
    """
    windows = network.windows
    pairs = expected_pairs(network, observation)
    stored = knowledge.contraction_by_age(network, observation, windows)
    per_pair = knowledge.information_by_age(network, stored)
    survival = column(network, observation, "survival")
    held = column(network, observation, "stored") * network.memories.per_link
    aged = column(network, observation, "stored_contraction") * survival**windows
    fidelity = (1 + 3 * aged) / 4
    lasts = (fidelity >= network.memories.cutoff_fidelity) & (windows < network.memories.ages)
    lasting = jnp.where(lasts, held, 0)
    return Opportunities(
        value=per_pair.T[::-1] * pairs,
        pairs=pairs,
        stored=lasting * pair_information(fidelity, network.qubits),
        room=network.memories.per_link - lasting,
        can_tag=(column(network, observation, "key_rate") > 0) | network.unauthenticated_spend,
        passes=network.switch.passes,
    )


def tag_time(network: Network, observation: Observation) -> Float[Array, " nodes"]:
    """Returns the channel-time that each node needs for the key it lacks for a round, in windows.

    Args:
        network: Key that a round uses up, and the rates of the links.
        observation: What the hub knows, every entry in [0, 1].

    Returns:
        At least 0, with `KEY_MARGIN`; 0 also for a node whose pairs yield no key.
    """
    missing = (1 - column(network, observation, "tags")) * network.key.node_bits
    per_pair = column(network, observation, "key_rate")
    usable = per_pair > 0
    needed = missing / jnp.where(usable, per_pair, 1)
    # Every pair belongs to one member, so up to one pair more is needed for each further member.
    needed += jnp.where(missing > 0, network.key.members - 1, 0)
    safe = needed + KEY_MARGIN * jnp.sqrt(needed)
    return jnp.where(usable, safe / jnp.maximum(expected_pairs(network, observation), 1e-9), 0)


def fill_windows(network: Network, needed: Float[Array, " nodes"]) -> Float[Array, "windows nodes"]:
    """Returns a schedule that meets the needs as early as the channels allow, least need first.

    Args:
        network: Windows and channels.
        needed: Channel-time of each node, in windows; at least 0.

    Returns:
        Shares of a channel, in [0, 1].
    """

    def window(left: Array, _: None) -> tuple[Array, Array]:
        given = fill(-needed, jnp.minimum(left, 1), network.switch.channels, network.switch.passes)
        return left - given, given

    return jax.lax.scan(window, needed, None, length=network.windows)[1]


def allocate(
    opportunities: Opportunities,
    served: Bool[Array, " nodes"],
    channels: Float[Array, "windows bottlenecks"],
    most: Float[Array, "windows nodes"],
    gain: Gain,
) -> Float[Array, "windows nodes"]:
    """Returns the schedule of the served nodes that makes the most of their information I_k.

    Frank and Wolfe's method: each step moves towards the schedule that is best to first order,
    which is filled window by window from the last to the first; every step is feasible. Filling in
    order of gain is optimal if the hub is the only bottleneck; where routes share fibres, it may
    leave some of them partly unused.

    Args:
        opportunities: Values, stored information and free memories.
        served: Nodes to serve.
        channels: Channels left in each window, of the hub and of every shared fibre; at least 0.
        most: Greatest share for each node in each window, in [0, 1].
        gain: What more information of each node is worth, from what each has.

    Returns:
        Shares of a channel, in [0, 1].

    Source:
        Frank and Wolfe, Naval Research Logistics 3, 95 (1956).
    """
    useful = served & (opportunities.value > 0)

    def vertex(worth: Array) -> Array:
        def window(room: Array, offers: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            worth, free, cap = offers
            fitting = jnp.minimum(cap, room / jnp.maximum(opportunities.pairs, 1e-9))
            given = fill(worth, jnp.where(worth > 0, fitting, 0), free, opportunities.passes)
            return room - given * opportunities.pairs, given

        return jax.lax.scan(window, opportunities.room, (worth, channels, most), reverse=True)[1]

    def step(schedule: Array, number: Array) -> tuple[Array, None]:
        info = jnp.maximum(
            opportunities.stored + (opportunities.value * schedule).sum(axis=0), 1e-3
        )
        worth = jnp.where(useful, opportunities.value * gain(info), 0)
        return schedule + 2 / (number + 2) * (vertex(worth) - schedule), None

    share = channels / jnp.maximum(useful @ opportunities.passes.T, 1)
    start = jnp.where(
        useful, jnp.minimum(tightest(share[..., None], opportunities.passes), most), 0
    )
    asked = (start * opportunities.pairs).sum(axis=0)
    start = start * jnp.minimum(1, opportunities.room / jnp.maximum(asked, 1e-9))
    return jax.lax.scan(step, start, jnp.arange(1, STEPS + 1))[0]


def fair(alpha: float) -> Gain:
    """Returns the gain of an alpha-fair schedule, I_k^-alpha.

    The schedule maximises sum log I_k for an alpha of 1, and sum I_k^(1 - alpha) / (1 - alpha) for
    any other: 1/2 maximises the sum of root information, and 2 minimises sum 1 / I_k, the noise of
    the sum of the updates.

    Args:
        alpha: In [0, inf).

    Returns:
        A function of the information of shape (nodes,), above 0.

    Source:
        Mo and Walrand, IEEE/ACM Transactions on Networking 8, 556 (2000).
    """
    return lambda information: information**-alpha
