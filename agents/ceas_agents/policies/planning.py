"""What a round's channel-time can buy, and how it is filled: the common ground of the schedulers.

Planned is with calibrated links as they are when new: pairs that waited at a relay, purification,
and what a drift makes of the first window are not in the forecast.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.consensus import ranks
from ceas_gym.network import counts, forecast
from ceas_gym.physics import information, register
from ceas_gym.task import actions
from ceas_gym.task.observations import NODE_FEATURES
from ceas_gym.types import Network, Observation

STEPS = 48
"""Of Frank and Wolfe's method; the test bounds what it leaves on the table."""
KEY_MARGIN = 3.0
"""Standard deviations of luck that the channel-time for a tag allows for."""
COLUMN = {feature.name: column for column, feature in enumerate(NODE_FEATURES)}


Gain = Callable[[Float[Array, " nodes"]], Float[Array, " nodes"]]


class Opportunities(NamedTuple):
    """What a round's channel-time can buy."""

    value: Float[Array, "windows nodes"]
    """Fisher information of a whole channel, in shots of perfect signal."""
    pairs: Float[Array, " nodes"]
    """Pairs of a whole channel in a window."""
    stored: Float[Array, " nodes"]
    """Information of the pairs in memory."""
    room: Float[Array, " nodes"]
    """Free memories."""
    can_tag: Bool[Array, " nodes"]
    """Whether the node's update can be counted at all."""
    passes: Float[Array, "bottlenecks nodes"]
    """One where the node's route goes through the bottleneck; the hub is the first."""


def plan(
    network: Network,
    opportunities: Opportunities,
    observation: Observation,
    served: Bool[Array, " nodes"],
    give: Callable[[Array, Array], Array],
) -> Float[Array, "windows nodes"]:
    """Returns the action that first gives the served nodes time for key, then all else for data.

    The key comes in the earliest windows, where pairs are good for nothing else.

    Args:
        network: Routes and channels.
        opportunities: From `assess`.
        observation: What the hub knows.
        served: Nodes that get the time for the tag they lack.
        give: Schedule of the data, from the channels left in each window, shape
            (windows, bottlenecks), and the greatest share of each node, shape (windows, nodes).
    """
    needed = jnp.where(served & opportunities.can_tag, tag_time(network, observation), 0)
    for_key = fill_windows(network, needed)
    free = network.switch.channels - for_key @ network.switch.passes.T
    return actions.encode(for_key + give(jnp.maximum(free, 0), 1 - for_key))


def assess(network: Network, observation: Observation) -> Opportunities:
    """Returns what the round's channel-time is worth, from calibration and inventory."""
    windows = network.windows
    pairs = _pairs(network, observation)
    survival = observation.nodes[:, COLUMN["survival"]]
    new = forecast.new_contraction(network, forecast.nominal(network))
    if network.verifies:
        # What the hub trusts of it, by its tests.
        estimated = observation.nodes[:, COLUMN["new_contraction"]]
        new = new * estimated / jnp.maximum(new.mean(axis=0), 1e-9)
    decay = forecast.decay_of_letters(network, survival)
    stored = forecast.by_age(new, decay, windows)
    arriving = counts.fidelity(stored * network.operations.delivery_contraction[..., None])
    alive = counts.fidelity(stored) >= network.memories.cutoff_fidelity
    alive &= jnp.arange(windows) < network.memories.ages
    per_pair = jnp.where(alive, pair_information(arriving, network.qubits), 0)
    held = observation.nodes[:, COLUMN["stored"]] * network.memories.per_link
    aged = observation.nodes[:, COLUMN["stored_contraction"]] * survival**windows
    fidelity = (1 + 3 * aged) / 4
    lasts = (fidelity >= network.memories.cutoff_fidelity) & (windows < network.memories.ages)
    lasting = jnp.where(lasts, held, 0)
    return Opportunities(
        value=per_pair.T[::-1] * pairs,
        pairs=pairs,
        stored=lasting * pair_information(fidelity, network.qubits),
        room=network.memories.per_link - lasting,
        can_tag=(observation.nodes[:, COLUMN["key_rate"]] > 0) | network.unauthenticated_spend,
        passes=network.switch.passes,
    )


def tag_time(network: Network, observation: Observation) -> Float[Array, " nodes"]:
    """Returns the channel-time, in windows, that each node needs for the key it lacks."""
    missing = (1 - observation.nodes[:, COLUMN["tag"]]) * network.key.tag_bits
    per_pair = observation.nodes[:, COLUMN["key_rate"]]
    usable = per_pair > 0
    needed = missing / jnp.where(usable, per_pair, 1)
    safe = needed + KEY_MARGIN * jnp.sqrt(needed)
    return jnp.where(usable, safe / jnp.maximum(_pairs(network, observation), 1e-9), 0)


def fill_windows(network: Network, needed: Float[Array, " nodes"]) -> Float[Array, "windows nodes"]:
    """Returns a schedule that meets the needs as early as the channels allow, least need first."""

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
    """Returns the schedule of the served nodes that is best by their information I_k.

    Frank and Wolfe's method: each step moves towards the schedule that is best to first order,
    filled window by window from the last to the first; every step is feasible. Filling by gain is
    best for the hub alone; where routes share fibres, some of them are left less than full.

    Args:
        opportunities: Values, stored information and free memories.
        served: Nodes to serve.
        channels: Channels left in each window, of the hub and of every shared fibre.
        most: Greatest share for each node in each window.
        gain: What more information of each node is worth, from what each has.

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

    It maximises sum log I_k for an alpha of 1, and sum I_k^(1 - alpha) / (1 - alpha) for any other:
    with 1/2 the sum of root information, with 2 the noise sum 1 / I_k of the sum of the updates.

    Source:
        Mo and Walrand, IEEE/ACM Transactions on Networking 8, 556 (2000).
    """
    return lambda information: information**-alpha


def fill(
    priority: Float[Array, " nodes"],
    wanted: Float[Array, " nodes"],
    capacity: Float[Array, " bottlenecks"],
    passes: Float[Array, "bottlenecks nodes"],
) -> Float[Array, " nodes"]:
    """Returns the wishes met in order of priority, until a bottleneck on the way is used up."""
    before = jax.vmap(ranks.mass_below, in_axes=(None, 0))(-priority, passes * wanted)
    return jnp.clip(tightest(capacity[:, None] - before, passes), 0, wanted)


def tightest(
    limit: Float[Array, "*batch bottlenecks _"], passes: Float[Array, "bottlenecks nodes"]
) -> Float[Array, "*batch nodes"]:
    """Returns the least limit on each node's route, from limits (..., bottlenecks, nodes or 1)."""
    return jnp.where(passes > 0, limit, jnp.inf).min(axis=-2)


def pair_information(fidelity: Float[Array, "*batch"], qubits: int) -> Float[Array, "*batch"]:
    """Returns the Fisher information of a pair, when all pairs of a shot have the same fidelity.

    Args:
        fidelity: At the barrier, after what teleportation takes.
        qubits: Pairs of a shot.

    Returns:
        In shots of perfect signal; the pairs of a perfect shot have one over their number each.

    Example:
        >>> print(pair_information(jnp.array(1.0), qubits=4))
        0.25
    """
    signal = register.twirled_contraction(fidelity**qubits, 2**qubits)
    return information.depolarized_qfi_factor(signal, 2**qubits) / qubits


def _pairs(network: Network, observation: Observation) -> Float[Array, " nodes"]:
    # Of a whole channel in a window, as the links are likely to be.
    return forecast.expected_pairs(network) * observation.nodes[:, COLUMN["condition"]]
