"""Planning that the schedulers share: what a round's channel-time can buy, and how to divide it.

The forecast assumes calibrated links and new pairs. It leaves out pairs that waited at a relay,
purification, and drift during the first window.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_agents.policies import knowledge, team_planning
from ceas_agents.policies.knowledge import pair_information
from ceas_agents.policies.opportunities import (
    Gain,
    Give,
    Opportunities,
    equally,
    fill_by_worth,
)
from ceas_gym.network import teams
from ceas_gym.task import actions
from ceas_gym.task.filling import fill
from ceas_gym.task.observations import column, expected_pairs
from ceas_gym.types import Network, Observation

STEPS = 48
"""Steps of Frank and Wolfe's method; a test bounds the gap to the optimum that they leave."""
KEY_MARGIN = 3.0
"""Standard deviations of the number of pairs that the channel-time for a tag allows for."""


def plan(
    network: Network,
    opportunities: Opportunities,
    observation: Observation,
    served: Bool[Array, " teams"],
    give: Give,
) -> Float[Array, "windows nodes"]:
    """Returns the action that first gives the served teams time for key, and the rest for data.

    Key is made in the earliest windows, whose pairs are worth least as data at the barrier.

    Args:
        network: Routes and channels.
        opportunities: From `assess`.
        observation: What the hub knows, every entry in [0, 1].
        served: Teams that get the time for the tags they lack.
        give: Returns the schedule of the data.

    Returns:
        Requests in [-1, 1].
    """
    counted = teams.of_nodes(network.teams, served & opportunities.can_tag)
    needed = jnp.where(counted, tag_time(network, observation), 0)
    for_key = fill_windows(network, needed)
    free = network.switch.channels - for_key @ network.switch.passes.T
    return actions.encode(for_key + give(jnp.maximum(free, 0), 1 - for_key))


def assess(network: Network, observation: Observation) -> Opportunities:
    """Returns what channel-time is worth to each team, from calibration and stored pairs.

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
    links = Opportunities(
        value=per_pair.T[::-1] * pairs,
        pairs=pairs,
        stored=lasting * pair_information(fidelity, network.qubits),
        room=network.memories.per_link - lasting,
        can_tag=(column(network, observation, "key_rate") > 0) | network.unauthenticated_spend,
        passes=network.switch.passes,
    )
    if network.teams.size == 1:
        return links
    return team_planning.assess(network, links, stored, lasting, aged)


def team_tag_time(network: Network, observation: Observation) -> Float[Array, " teams"]:
    """Returns the channel-time that each team needs for the key it lacks for a round, in windows.

    Args:
        network: As for `tag_time`.
        observation: As for `tag_time`.
    """
    # Only QPU 0 of a team has key.
    return teams.first(network.teams, tag_time(network, observation))


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


def divide(
    network: Network,
    opportunities: Opportunities,
    served: Bool[Array, " teams"],
    gain: Gain,
) -> Give:
    """Returns the rule that makes the most of the served teams' information (`allocate`).

    Args:
        network: Teams.
        opportunities: What channel-time can buy.
        served: Teams to serve.
        gain: What more information of each team is worth, from what each has.
    """
    links = opportunities.links
    if links is None:
        return partial(allocate, opportunities, served, gain=gain)
    return partial(team_planning.allocate, network, links, served, gain=gain)


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
        Frank and Wolfe, Naval Research Logistics Quarterly 3, 95 (1956).
    """
    useful = served & (opportunities.value > 0)

    def step(schedule: Array, number: Array) -> tuple[Array, None]:
        info = jnp.maximum(
            opportunities.stored + (opportunities.value * schedule).sum(axis=0), 1e-3
        )
        worth = jnp.where(useful, opportunities.value * gain(info), 0)
        vertex = fill_by_worth(opportunities, channels, most, worth)
        return schedule + 2 / (number + 2) * (vertex - schedule), None

    start = equally(opportunities, useful, channels, most)
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
