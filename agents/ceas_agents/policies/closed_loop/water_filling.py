"""Water-filling: the channel-time of one window for the greatest sum of root information.

Node k holds information I_k, and a whole channel brings it v_k more. The schedule

    maximises  sum_k sqrt(I_k + v_k x_k),   0 <= x_k <= c_k,   sum_k x_k <= C,

if every node's derivative v_k / (2 sqrt(I_k + v_k x_k)) is the same, or its share is at a limit:

    x_k = clip(z v_k - I_k / v_k, 0, c_k),

with the level z at which the channels are used up. It is found by bisection. For the sum of
logarithms, z stands in place of z v_k.

Where routes share fibres, every fibre has a level of its own, and a node is filled up to the least
level on its route. Routes from one hub form a tree, so a fibre's level follows from those of the
fibres behind it.

Source:
    Water-filling: Boyd and Vandenberghe, Convex Optimization (2004), example 5.2, here with the
    square root in place of the logarithm. Levels in a tree: Federgruen and Groenevelt, Operations
    Research 34, 909 (1986), on concave functions over polymatroids.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.types import Switch

HALVINGS = 30
"""Bisection steps in the search for a level: down to 1e-9 of the greatest one."""


def pour(
    value: Float[Array, "*batch nodes"],
    held: Float[Array, "*batch nodes"],
    most: Float[Array, "*batch nodes"],
    time: Float[Array, "*batch"],
) -> Float[Array, "*batch nodes"]:
    """Returns the channel-time of each node, where the hub is the only bottleneck.

    Args:
        value: Information that a whole channel brings, v, in shots; at least 0.
        held: Information that the nodes have, I, in shots; at least 0.
        most: Greatest channel-time of each node, c, in windows; at least 0.
        time: Channel-time of all nodes together, C, in windows; at least 0.

    Example:
        >>> held, most = jnp.array([0.0, 1.0, 9.0]), jnp.full(3, 5.0)
        >>> print(pour(jnp.ones(3), held, most, jnp.array(3.0)).round(3))
        [2. 1. 0.]
    """
    filled, full = _filling(value, held, most)
    highest = full.max(axis=-1, keepdims=True)
    return filled(_level(filled, highest, time[..., None]))


def share_out(
    switch: Switch,
    value: Float[Array, " nodes"],
    held: Float[Array, " nodes"],
    most: Float[Array, " nodes"],
    channels: Float[Array, " bottlenecks"],
    power: int = 2,
) -> Float[Array, " nodes"]:
    """Returns the share of a channel of each node, also where routes share fibres.

    Args:
        switch: Which routes pass through which bottleneck.
        value: As for `pour`.
        held: As for `pour`.
        most: Greatest share of each node, in [0, 1].
        channels: Channels that are left of the hub, and of every shared fibre; at least 0.
        power: 2 for the sum of roots, 1 for the sum of logarithms.
    """
    filled, full = _filling(value, held, most, power)
    highest = full.max(keepdims=True)

    def saturate(levels: Array, bottleneck: Array) -> tuple[Array, None]:
        passes = switch.passes[bottleneck]

        def through(level: Array) -> Array:
            return passes * filled(jnp.minimum(levels, level))

        level = _level(through, highest, channels[bottleneck][None])
        return jnp.where(passes > 0, jnp.minimum(levels, level), levels), None

    # The fibres that are farthest from the hub carry fewest routes.
    order = jnp.argsort(switch.passes.sum(axis=1))
    levels = jnp.broadcast_to(highest, full.shape)
    return filled(jax.lax.scan(saturate, levels, order)[0])


def _filling(
    value: Array, held: Array, most: Array, power: int = 2
) -> tuple[Callable[[Array], Array], Array]:
    # From levels to shares, and the levels at which nodes have all that they can use. A level is
    # the inverse derivative, which ranges over fewer orders of magnitude than its square z.
    useful = (value > 0) & (most > 0)
    worth = jnp.where(useful, value, 1)
    full = jnp.where(useful, (held + worth * most) ** (1 / power) / worth, 0)

    def filled(level: Array) -> Array:
        whole = level**power * worth ** (power - 1) - held / worth
        return jnp.where(useful, jnp.clip(whole, 0, most), 0)

    return filled, full


def _level(filled: Callable[[Array], Array], highest: Array, time: Array) -> Array:
    # The greatest level at which no more than this channel-time is used; the highest if all fits.
    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) / 2
        is_above = filled(middle).sum(axis=-1, keepdims=True) > time
        return jnp.where(is_above, low, middle), jnp.where(is_above, middle, high)

    fits = filled(highest).sum(axis=-1, keepdims=True) <= time
    low, _ = jax.lax.fori_loop(0, HALVINGS, halve, (jnp.zeros_like(highest), highest))
    return jnp.where(fits, highest, low)
