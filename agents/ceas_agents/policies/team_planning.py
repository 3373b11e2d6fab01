r"""Planning for teams, whose information depends on several links at once.

*Coupled links.* A shot of a team takes e_i pairs of each of its links at the same time. With n_i
pairs of link i at the barrier, the team has S = min_i n_i / e_i shots, and each brings the
information that `network.delivery` gives the mean contraction of these pairs.

*Links alone.* Where QPUs run slices of their own, a team of M has the information
M^2 / sum_j 1 / I_j, with the information I_j of each slice.

*Bundles.* To choose whom to serve, a team is treated as a single node, whose channel-time is
divided among its links in a fixed proportion. If links are coupled, it is e_i / lambda_i, where a
whole channel makes lambda_i pairs of link i in a window: so all links have pairs for the same
number of shots. If links are alone, it is 1 / sqrt(v_j), where a whole channel brings the
information v_j to slice j in a round: this maximises the information of the team.

*Schedules* are not bound to these proportions: pairs of a link that keeps them for long are made
early, which leaves the last windows to its partners. `allocate` follows the gradient of the teams'
information, with the minimum replaced by a mean of high order.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_agents.policies.opportunities import (
    Gain,
    Give,
    Links,
    Opportunities,
    equally,
    fill_by_worth,
)
from ceas_gym.network import counts, delivery, teams
from ceas_gym.physics import information as physics
from ceas_gym.types import Network

STEPS = 96
"""Steps of Frank and Wolfe's method; twice as many as for single nodes, because all links of a team
have to be in step."""
ORDER = 8.0
"""Order of the mean that stands for the minimum. With a higher one, long steps overshoot. With this
one, fast links get a little more time than they need by mean numbers of pairs, which costs little
and guards against bad luck: plans that match mean numbers exactly deliver less where pairs are
few."""
LEAST = 1e-9
"""Rates and information up to this count as none where they are divided by."""
NEAR_ZERO = 1e-3
"""Pairs, and information in shots, from which slopes are computed at least."""


def assess(
    network: Network,
    each: Opportunities,
    contraction: Float[Array, "xyz nodes ages"],
    held: Float[Array, " nodes"],
    aged: Float[Array, " nodes"],
) -> Opportunities:
    """Returns what channel-time can buy for teams, in bundles.

    Args:
        network: Teams, and what a shot takes.
        each: What it can buy for single nodes.
        contraction: Of a new pair at each age in windows, in [-1, 1].
        held: Stored pairs that last until the barrier; at least 0.
        aged: Their mean contraction then, in [-1, 1].
    """
    taken = jnp.broadcast_to(jnp.asarray(teams.ends(network), held.dtype), held.shape)
    lasts = counts.fidelity(contraction) >= network.memories.cutoff_fidelity
    lasts &= jnp.arange(contraction.shape[-1]) < network.memories.ages
    time = _proportion(network, each, taken)
    share = time / teams.of_nodes(network.teams, teams.of_qpus(network.teams, time).sum(axis=1))
    links = Links(each, share, taken, contraction[..., ::-1], lasts[:, ::-1], held, aged)
    made = each.pairs * share
    shots = _least(network, made, taken)
    value, stored = _worth(network, links, shots)
    bundle = each.passes * share
    return Opportunities(
        value=value,
        pairs=shots,
        stored=stored,
        room=shots * _least(network, each.room, made),
        # A node without tags needs no key.
        can_tag=teams.every(network.teams, each.can_tag | (network.key.node_bits == 0)),
        passes=jax.vmap(lambda one: teams.of_qpus(network.teams, one).sum(axis=1))(bundle),
        links=links,
    )


def by_bundles(network: Network, links: Links | None, give: Give) -> Give:
    """Returns the rule for nodes that a rule for teams makes, bundle by bundle.

    Args:
        network: Teams.
        links: How a team's channel-time is divided; None where every node is a team of its own.
        give: A `Give`, with teams in place of nodes. A team's greatest share may exceed one,
            because its links have a channel each.
    """
    if links is None:
        return give

    def for_nodes(channels: Array, most: Array) -> Array:
        of_team = jax.vmap(lambda each: _least(network, each, links.share))(most)
        given = give(channels, of_team)
        return jax.vmap(lambda each: teams.of_nodes(network.teams, each))(given) * links.share

    return for_nodes


def allocate(
    network: Network,
    links: Links,
    served: Bool[Array, " teams"],
    channels: Float[Array, "windows bottlenecks"],
    most: Float[Array, "windows nodes"],
    gain: Gain,
) -> Float[Array, "windows nodes"]:
    """Returns the schedule of the served teams' nodes that makes the most of teams' information.

    Frank and Wolfe's method, from equal shares for all teams. The information of coupled links is
    not concave, so the optimum is a local one; a test bounds what it misses.

    Args:
        network: Teams.
        links: What channel-time can buy for their nodes.
        served: Teams to serve.
        channels: Channels left in each window, of the hub and of every shared fibre; at least 0.
        most: Greatest share for each node in each window, in [0, 1].
        gain: What more information of each team is worth, from what each has.

    Returns:
        Shares of a channel, in [0, 1].

    Source:
        Frank and Wolfe, Naval Research Logistics Quarterly 3, 95 (1956).
    """
    whole = links.lasts.any(axis=1) | (links.held > 0) | (links.taken == 0)
    served &= teams.every(network.teams, whole)
    able = teams.of_nodes(network.teams, served) & links.lasts.T

    def step(schedule: Array, number: Array) -> tuple[Array, None]:
        held, back = jax.vjp(lambda each: information(network, links, each, ORDER), schedule)
        worth = jnp.where(able, back(gain(jnp.maximum(held, NEAR_ZERO)))[0], 0)
        vertex = fill_by_worth(links.each, channels, most, worth)
        return schedule + 2 / (number + 2) * (vertex - schedule), None

    start = equally(links.each, able, channels, most)
    return jax.lax.scan(step, start, jnp.arange(1, STEPS + 1))[0]


def information(
    network: Network,
    links: Links,
    schedule: Float[Array, "windows nodes"],
    order: float | None = None,
) -> Float[Array, " teams"]:
    """Returns the expected information of each team at the barrier, in shots of perfect signal.

    Args:
        network: Teams, and what a shot takes.
        links: What channel-time can buy for their nodes.
        schedule: Shares of a channel, in [0, 1].
        order: Of the mean that stands for the minimum over the links of a team, so that all of them
            have a slope; None for the minimum itself.
    """
    if network.teams.shot.alone:
        each = links.each.stored + (links.each.value * schedule).sum(axis=0)
        return _of_slices(network, jnp.maximum(each, 0 if order is None else NEAR_ZERO))
    made = (schedule * links.each.pairs).T * links.lasts
    number = made.sum(axis=1) + links.held
    whole = (made * links.made).sum(axis=-1) + links.held * links.aged
    mean = whole / jnp.maximum(number, NEAR_ZERO)
    if order is None:
        return _least(network, number, links.taken) * shot_information(network, mean)
    shots = _nearly_least(network, jnp.maximum(number, NEAR_ZERO), links.taken, order)
    return shots * shot_information(network, mean)


def shot_information(
    network: Network, contraction: Float[Array, "xyz nodes"]
) -> Float[Array, " teams"]:
    """Returns the Fisher information of a shot of each team, in shots of perfect signal, in [0, 1].

    Args:
        network: Teams whose links are coupled, and the noise of their gates.
        contraction: Mean contraction of the pairs of each link, in [-1, 1].

    Source:
        `network.delivery.signal_of_gates` and `physics.information.depolarized_qfi_factor`.
    """
    signal = delivery.signal_of_gates(network, delivery.of_gate(network, contraction))
    return physics.depolarized_qfi_factor(signal, 2**network.qubits)


def _proportion(network: Network, each: Opportunities, taken: Array) -> Float[Array, " nodes"]:
    if network.teams.shot.alone:
        return 1 / jnp.sqrt(jnp.maximum(each.value.sum(axis=0), LEAST))
    return taken / jnp.maximum(each.pairs, LEAST)


def _worth(
    network: Network, links: Links, shots: Float[Array, " teams"]
) -> tuple[Float[Array, "windows teams"], Float[Array, " teams"]]:
    # Information that a bundle brings in each window, and that of the stored pairs.
    if network.teams.shot.alone:
        made = links.each.value * links.share
        value = jax.vmap(lambda each: _of_slices(network, each))(made)
        return value, _of_slices(network, links.each.stored)
    of_shot = jax.vmap(lambda each: shot_information(network, each), in_axes=-1)(links.made)
    needed = links.lasts | (links.taken == 0)[:, None]
    lasts = jax.vmap(lambda each: teams.every(network.teams, each), in_axes=1)(needed)
    aged = jnp.broadcast_to(links.aged, links.made.shape[:-1])
    stored = _least(network, links.held, links.taken) * shot_information(network, aged)
    return jnp.where(lasts, of_shot * shots, 0), stored


def _of_slices(network: Network, each: Float[Array, " nodes"]) -> Float[Array, " teams"]:
    # The harmonic mean of the slices' information, times their number: `delivery.of_slices`.
    qpus = teams.of_qpus(network.teams, each)
    found = network.teams.size**2 / (1 / jnp.maximum(qpus, LEAST)).sum(axis=1)
    return jnp.where((qpus > 0).all(axis=1), found, 0)


def _least(network: Network, each: Array, taken: Array) -> Float[Array, " teams"]:
    # The scarcest link decides; one of which nothing is taken does not.
    shots = jnp.where(taken > 0, each / jnp.where(taken > 0, taken, 1), jnp.inf)
    return teams.of_qpus(network.teams, shots).min(axis=1)


def _nearly_least(network: Network, each: Array, taken: Array, order: float) -> Array:
    # Divided by the least before powers are taken, so that none of them overflows.
    needed = teams.of_qpus(network.teams, taken)
    shots = teams.of_qpus(network.teams, each) / jnp.where(needed > 0, needed, 1)
    least = jax.lax.stop_gradient(jnp.where(needed > 0, shots, jnp.inf).min(axis=1, keepdims=True))
    inverse = jnp.where(needed > 0, least / shots, 0)
    mean = (inverse**order).sum(axis=1) / (needed > 0).sum(axis=1)
    return least[:, 0] * mean ** (-1 / order)
