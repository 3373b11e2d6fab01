r"""CEAS, the reference policy: channel-time by its marginal Fisher information at the barrier.

In each round it minimises the noise of the honest updates among the nodes it serves,

    minimise   sum_{k served} 1 / I_k,        I_k = stored_k + sum_w value_wk x_wk,
    subject to sum_k x_wk <= channels_w,  0 <= x_wk <= 1,  sum_w pairs_k x_wk <= room_k,

with the share x_wk of a channel for node k in window w, and the same limit on the channels of
every fibre that routes share. The value of a whole channel is the pairs
it yields times the Fisher information that a pair still carries at the barrier: zero where it
would expire on the way, so such pairs are never asked for. The sum is diminishing in every I_k, so
no node is starved. The nodes served are those with the most to gain, as many as minimise the
certificate of the robust rule (`consensus.weights.certificate`), and at least a quorum.
Before that, nodes short of key get the channel-time for their tag in the earliest windows, where
pairs are good for nothing else.

It plans with calibrated links as they are when new: pairs that waited at a relay, purification, and
what a drift makes of the first window are not in its forecast.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ceas_gym import actions
from ceas_gym.consensus import weights
from ceas_gym.network import counts, forecast
from ceas_gym.observations import NODE_FEATURES
from ceas_gym.physics import information, register
from ceas_gym.types import Network, Observation, Params

STEPS = 48
"""Of Frank and Wolfe's method; the test bounds what it leaves on the table."""
KEY_MARGIN = 3.0
"""Standard deviations of luck that the channel-time for a tag allows for."""
COLUMN = {feature.name: column for column, feature in enumerate(NODE_FEATURES)}


class Market(NamedTuple):
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


def ceas(
    params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Gives channel-time by its marginal Fisher information at the barrier: the reference."""
    del key
    network = params.network
    market = survey(network, observation)
    served = choose(params, market)
    for_key = fill_windows(network, jnp.where(served, tag_time(network, observation), 0))
    free = network.channels - for_key @ network.passes.T
    data = allocate(market, served, jnp.maximum(free, 0), 1 - for_key)
    return actions.encode(for_key + data)


def survey(network: Network, observation: Observation) -> Market:
    """Returns what the round's channel-time is worth, from calibration and inventory."""
    windows = network.windows
    pairs = _pairs(network, observation)
    survival = observation.nodes[:, COLUMN["survival"]]
    new = forecast.new_contraction(network, forecast.nominal(network))
    if network.verifies:
        # What the hub trusts of it, by its tests.
        booked = observation.nodes[:, COLUMN["new_contraction"]]
        new = new * booked / jnp.maximum(new.mean(axis=0), 1e-9)
    stored = forecast.by_age(network, new, survival, windows)
    arriving = counts.fidelity(stored * network.delivery_contraction[..., None])
    alive = counts.fidelity(stored) >= network.cutoff_fidelity
    alive &= jnp.arange(windows) < network.ages
    per_pair = jnp.where(alive, _information(arriving, network.qubits), 0)
    held = observation.nodes[:, COLUMN["stored"]] * network.memories
    aged = observation.nodes[:, COLUMN["stored_contraction"]] * survival**windows
    fidelity = (1 + 3 * aged) / 4
    lasts = (fidelity >= network.cutoff_fidelity) & (windows < network.ages)
    lasting = jnp.where(lasts, held, 0)
    return Market(
        value=per_pair.T[::-1] * pairs,
        pairs=pairs,
        stored=lasting * _information(fidelity, network.qubits),
        room=network.memories - lasting,
        can_tag=(observation.nodes[:, COLUMN["key_rate"]] > 0) | network.unauthenticated_spend,
        passes=network.passes,
    )


def tag_time(network: Network, observation: Observation) -> Float[Array, " nodes"]:
    """Returns the channel-time, in windows, that each node needs for the key it lacks."""
    missing = (1 - observation.nodes[:, COLUMN["tag"]]) * network.tag_bits
    per_pair = observation.nodes[:, COLUMN["key_rate"]]
    usable = per_pair > 0
    needed = missing / jnp.where(usable, per_pair, 1)
    safe = needed + KEY_MARGIN * jnp.sqrt(needed)
    return jnp.where(usable, safe / jnp.maximum(_pairs(network, observation), 1e-9), 0)


def fill_windows(network: Network, needed: Float[Array, " nodes"]) -> Float[Array, "windows nodes"]:
    """Returns a schedule that meets the needs as early as the channels allow, least need first."""

    def window(left: Array, _: None) -> tuple[Array, Array]:
        given = _fill(-needed, jnp.minimum(left, 1), network.channels, network.passes)
        return left - given, given

    return jax.lax.scan(window, needed, None, length=network.windows)[1]


def choose(params: Params, market: Market) -> Bool[Array, " nodes"]:
    """Returns which nodes to serve: the most productive ones, as many as the certificate asks for.

    For the first m nodes by productivity e (information of a channel over all windows), the
    cheapest way to spend the channel-time T, without the limits of single windows, leaves the mean
    noise V_m = 1/floor + (sum 1/sqrt(e))^2 / (m T). The m that minimises the certificate
    sqrt(kappa V_m) + sqrt(V_m / m), kappa = 2 share / (1 - 2 share), is taken, from the least
    that can commit.
    """
    productivity = market.value.sum(axis=0)
    able = (productivity > 0) & market.can_tag
    nodes = productivity.shape[0]
    order = jnp.argsort(-jnp.where(able, productivity, 0))
    cost = jnp.cumsum(1 / jnp.sqrt(jnp.maximum(productivity[order], 1e-9)))
    count = jnp.arange(1, nodes + 1)
    noise = 1 / params.learning.batch_floor + cost**2 / (count * params.network.channels[0])
    bound = jax.vmap(_certificate, in_axes=(None, 0, 0))(params, count, noise)
    best = jnp.argmin(jnp.where(count <= able.sum(), bound, jnp.inf)) + 1
    rank = jnp.argsort(order)
    return able & (rank < best)


def allocate(
    market: Market,
    served: Bool[Array, " nodes"],
    channels: Float[Array, "windows bottlenecks"],
    most: Float[Array, "windows nodes"],
) -> Float[Array, "windows nodes"]:
    """Returns the schedule that minimises sum 1 / I_k over the served nodes.

    Frank and Wolfe's method: each step moves towards the schedule that is best to first order,
    filled window by window from the last to the first; every step is feasible. Filling by gain is
    best for the hub alone; where routes share fibres, some of them are left less than full.

    Args:
        market: Values, stored information and free memories.
        served: Nodes to serve.
        channels: Channels left in each window, of the hub and of every shared fibre.
        most: Greatest share for each node in each window.

    Source:
        Frank and Wolfe, Naval Research Logistics 3, 95 (1956).
    """
    useful = served & (market.value > 0)

    def vertex(gain: Array) -> Array:
        def window(room: Array, offers: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            gain, free, cap = offers
            fitting = jnp.minimum(cap, room / jnp.maximum(market.pairs, 1e-9))
            given = _fill(gain, jnp.where(gain > 0, fitting, 0), free, market.passes)
            return room - given * market.pairs, given

        return jax.lax.scan(window, market.room, (gain, channels, most), reverse=True)[1]

    def step(schedule: Array, number: Array) -> tuple[Array, None]:
        info = market.stored + (market.value * schedule).sum(axis=0)
        gain = jnp.where(useful, market.value / jnp.maximum(info, 1e-3) ** 2, 0)
        return schedule + 2 / (number + 2) * (vertex(gain) - schedule), None

    share = channels / jnp.maximum(useful @ market.passes.T, 1)
    start = jnp.where(useful, jnp.minimum(_tightest(share[..., None], market.passes), most), 0)
    asked = (start * market.pairs).sum(axis=0)
    start = start * jnp.minimum(1, market.room / jnp.maximum(asked, 1e-9))
    return jax.lax.scan(step, start, jnp.arange(1, STEPS + 1))[0]


def _certificate(params: Params, count: Array, noise: Array) -> Array:
    # Of equal votes, which nodes of equal noise have.
    consensus = params.consensus
    voters = jnp.arange(params.network.vertex.shape[0]) < count
    share = consensus.tolerated / count
    bound = weights.certificate(voters / count, share, jnp.full(voters.shape, noise))
    commits = (consensus.votes_needed * consensus.tolerated < count) & (
        share <= consensus.largest_share
    )
    return jnp.where(commits, bound, 1e9 - count)


def _pairs(network: Network, observation: Observation) -> Float[Array, " nodes"]:
    # Of a whole channel in a window, as the links are likely to be.
    return forecast.expected_pairs(network) * observation.nodes[:, COLUMN["condition"]]


def _information(fidelity: Array, qubits: int) -> Array:
    # Fisher information of one pair, when all pairs of a shot have the same fidelity.
    signal = register.twirled_contraction(fidelity**qubits, 2**qubits)
    return information.depolarized_qfi_factor(signal, 2**qubits) / qubits


def _fill(
    priority: Float[Array, " nodes"],
    wanted: Float[Array, " nodes"],
    capacity: Float[Array, " bottlenecks"],
    passes: Float[Array, "bottlenecks nodes"],
) -> Float[Array, " nodes"]:
    # Meets the wishes in order of priority until a bottleneck on the way is used up.
    before = jax.vmap(weights.mass_below, in_axes=(None, 0))(-priority, passes * wanted)
    return jnp.clip(_tightest(capacity[:, None] - before, passes), 0, wanted)


def _tightest(limit: Array, passes: Float[Array, "bottlenecks nodes"]) -> Array:
    # The least limit on each node's route, from limits (..., bottlenecks, nodes or 1).
    return jnp.where(passes > 0, limit, jnp.inf).min(axis=-2)
