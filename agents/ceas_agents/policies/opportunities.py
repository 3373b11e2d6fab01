"""What a round's channel-time can buy: the figures from which schedules are planned.

Where nodes form teams (`team_planning`), the figures are those of teams, and `links` has those of
single nodes. Otherwise every node is a team of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.task.filling import fill, tightest

Gain = Callable[[Float[Array, " teams"]], Float[Array, " teams"]]
"""From each team's information, in shots, to the worth of a little more of it; at least 0."""
Give = Callable[[Array, Array], Array]
"""From the channels that are left in each window, shape (windows, bottlenecks), and the greatest
share of each node, shape (windows, nodes), to shares of a channel, shape (windows, nodes)."""


class Opportunities(NamedTuple):
    """What a round's channel-time can buy."""

    value: Float[Array, "windows teams"]
    """Fisher information that a whole channel, or a whole bundle where nodes form teams, brings to
    the barrier, in shots of perfect signal."""
    pairs: Float[Array, " teams"]
    """Expected pairs of a whole channel in a window, or shots of a whole bundle where nodes form
    teams; at least 0."""
    stored: Float[Array, " teams"]
    """Fisher information, at the barrier, of the pairs in memory, in shots of perfect signal."""
    room: Float[Array, " teams"]
    """Free memories, counting as free those whose pairs expire before the barrier; the shots that
    they can hold where nodes form teams."""
    can_tag: Bool[Array, " teams"]
    """Whether the team can make key, or needs none: else its update can't be counted."""
    passes: Float[Array, "bottlenecks teams"]
    """Part of the team's channel-time whose routes go through the bottleneck; the hub is the first.
    For a single node it is one or zero."""
    links: Links | None = None
    """Figures of single nodes; None where every node is a team of its own."""


class Links(NamedTuple):
    """Figures of the single nodes of teams."""

    each: Opportunities
    """What channel-time can buy for each node by itself."""
    share: Float[Array, " nodes"]
    """Part of a bundle of its team's channel-time that the node gets; those of a team sum to 1."""
    taken: Float[Array, " nodes"]
    """Pairs of the node that a shot takes; at least 0."""
    made: Float[Array, "xyz nodes windows"]
    """Contraction at the barrier of a pair that is made in the window, in [-1, 1]."""
    lasts: Bool[Array, "nodes windows"]
    """Whether it lasts until then."""
    held: Float[Array, " nodes"]
    """Stored pairs that last until the barrier; at least 0."""
    aged: Float[Array, " nodes"]
    """Their mean contraction then, in [-1, 1]."""


def fill_by_worth(
    opportunities: Opportunities,
    channels: Float[Array, "windows bottlenecks"],
    most: Float[Array, "windows nodes"],
    worth: Float[Array, "windows nodes"],
) -> Float[Array, "windows nodes"]:
    """Returns the schedule of greatest worth, which is filled from the last window to the first.

    Args:
        opportunities: Pairs and free memories of each node.
        channels: Channels left in each window, of the hub and of every shared fibre; at least 0.
        most: Greatest share for each node in each window, in [0, 1].
        worth: Of a whole channel; what is not above 0 gets none.

    Returns:
        Shares of a channel, in [0, 1].
    """

    def window(room: Array, offers: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        worth, free, cap = offers
        fitting = jnp.minimum(cap, room / jnp.maximum(opportunities.pairs, 1e-9))
        given = fill(worth, jnp.where(worth > 0, fitting, 0), free, opportunities.passes)
        return room - given * opportunities.pairs, given

    return jax.lax.scan(window, opportunities.room, (worth, channels, most), reverse=True)[1]


def equally(
    opportunities: Opportunities,
    useful: Bool[Array, "windows nodes"],
    channels: Float[Array, "windows bottlenecks"],
    most: Float[Array, "windows nodes"],
) -> Float[Array, "windows nodes"]:
    """Returns equal shares of a channel, in [0, 1], as far as memories are free.

    Args:
        opportunities: As for `fill_by_worth`.
        useful: Who gets a share in which window.
        channels: As for `fill_by_worth`.
        most: As for `fill_by_worth`.
    """
    share = channels / jnp.maximum(useful @ opportunities.passes.T, 1)
    start = jnp.where(
        useful, jnp.minimum(tightest(share[..., None], opportunities.passes), most), 0
    )
    asked = (start * opportunities.pairs).sum(axis=0)
    return start * jnp.minimum(1, opportunities.room / jnp.maximum(asked, 1e-9))
