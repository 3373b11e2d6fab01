"""Water-filling: the channel-time of one window for the greatest sum of root information.

Node k holds information I_k, and a whole channel brings it v_k more. The schedule

    maximises  sum_k sqrt(I_k + v_k x_k),   0 <= x_k <= c_k,   sum_k x_k <= C,

if every node's derivative v_k / (2 sqrt(I_k + v_k x_k)) is the same, or its share is at a limit:

    x_k = clip(z v_k - I_k / v_k, 0, c_k),

with the level z at which the channels are used up. It is found by bisection. For the sum of
logarithms, z stands in place of z v_k.

Source:
    Water-filling: Boyd and Vandenberghe, Convex Optimization (2004), example 5.2, here with the
    square root in place of the logarithm.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_agents.policies.planning import tightest
from ceas_gym.types import Switch

HALVINGS = 30
"""Bisection steps in the search for the level: down to 1e-9 of the greatest one."""
PASSES = 4
"""Times that the level is found again after shared fibres have cut shares."""
NEAR = 1e-5
"""Share of a fibre's channels below which what is left of them counts as nothing."""


def pour(
    value: Float[Array, "*batch nodes"],
    held: Float[Array, "*batch nodes"],
    most: Float[Array, "*batch nodes"],
    time: Float[Array, "*batch"],
    power: int = 2,
) -> Float[Array, "*batch nodes"]:
    """Returns the channel-time of each node, where the hub is the only bottleneck.

    Args:
        value: Information that a whole channel brings, v, in shots; at least 0.
        held: Information that the nodes have, I, in shots; at least 0.
        most: Greatest channel-time of each node, c, in windows; at least 0.
        time: Channel-time of all nodes together, C, in windows; at least 0.
        power: 2 for the sum of roots, 1 for the sum of logarithms.

    Example:
        >>> pour(jnp.ones(3), jnp.array([0.0, 1.0, 9.0]), jnp.full(3, 5.0), jnp.array(3.0)).tolist()
        [2.0, 1.0, 0.0]
    """
    useful = (value > 0) & (most > 0)
    worth = jnp.where(useful, value, 1)
    # The level is the inverse derivative, which ranges over fewer orders of magnitude than z.
    full = jnp.where(useful, (held + worth * most) ** (1 / power) / worth, 0)
    highest = full.max(axis=-1, keepdims=True)

    def filled(level: Array) -> Array:
        whole = level**power * worth ** (power - 1)
        return jnp.where(useful, jnp.clip(whole - held / worth, 0, most), 0)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        is_above = filled(middle).sum(axis=-1, keepdims=True) > time[..., None]
        return jnp.where(is_above, low, middle), jnp.where(is_above, middle, high)

    # If everything fits, all nodes get the most that they can use.
    fits = jnp.where(useful, most, 0).sum(axis=-1, keepdims=True) <= time[..., None]
    low, _ = jax.lax.fori_loop(0, HALVINGS, halve, (jnp.zeros_like(highest), highest))
    return filled(jnp.where(fits, highest, low))


def share_out(
    switch: Switch,
    value: Float[Array, " nodes"],
    held: Float[Array, " nodes"],
    most: Float[Array, " nodes"],
    channels: Float[Array, " bottlenecks"],
    power: int = 2,
) -> Float[Array, " nodes"]:
    """Returns the share of a channel of each node; also where routes share fibres.

    Where a fibre would carry too much, the shares of its nodes are cut by a common factor, and what
    they leave is poured again over the others. This is not quite the optimum (a test says how near
    it comes); where no fibre is full, it is.

    Args:
        switch: Which routes pass through which bottleneck.
        value: As for `pour`.
        held: As for `pour`.
        most: Greatest share of each node, in [0, 1].
        channels: Channels that are left of the hub, and of every shared fibre; at least 0.
        power: As for `pour`.
    """
    if len(channels) == 1:
        return pour(value, held, most, channels[0], power)

    def again(_: int, most: Array) -> Array:
        shares = pour(value, held, most, channels[0], power)
        load = switch.passes @ shares
        is_full = (switch.passes * (load > channels * (1 - NEAR))[:, None])[1:].any(axis=0)
        return jnp.where(is_full, cut(switch, shares, channels), most)

    most = jax.lax.fori_loop(0, PASSES, again, most)
    return cut(switch, pour(value, held, most, channels[0], power), channels)


def cut(
    switch: Switch, shares: Float[Array, " nodes"], channels: Float[Array, " bottlenecks"]
) -> Float[Array, " nodes"]:
    """Returns the shares cut down to what every bottleneck has left, as the switch would do it.

    Args:
        switch: Which routes pass through which bottleneck.
        shares: Of a channel, in [0, 1].
        channels: That are left; at least 0.
    """
    fits = jnp.minimum(1, channels / jnp.maximum(switch.passes @ shares, 1e-9))
    return shares * tightest(fits[:, None], switch.passes)
