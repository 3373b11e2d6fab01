"""The level at which cutting weights makes the error bound least, if the heaviest are Byzantine.

A search over a grid and the weights, where the bound has kinks, brackets the minimum; the root of
the derivative refines it, because rounding moves a root much less than a minimum.

Source:
    The bound is that of `weights.certificate`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.consensus.scale import power_of_two
from ceas_gym.types import Consensus

LEVELS = 64
"""Grid points in the search, beside the weights themselves."""
NARROWINGS = 4
"""Refinements of the gap between two levels, each by a factor `LEVELS`."""


def level(
    consensus: Consensus,
    weights: Float[Array, " nodes"],
    least: Float[Array, ""],
    heaviest: Bool[Array, " nodes"],
    counted: Bool[Array, " nodes"],
    variances: Float[Array, " nodes"],
) -> Float[Array, ""]:
    """Returns the level of least bound, in the unit of the weights.

    Args:
        consensus: Says the largest share, and whether the rule clips.
        weights: The heaviest about one; zero where not counted.
        least: Least weight of a counted node, above 0. This level is allowed whatever its share.
        heaviest: Nodes that the bound takes to be Byzantine.
        counted: Nodes whose updates count.
        variances: Of their updates, in any unit.
    """
    variances = _scaled(variances, counted, clips=consensus.clips)
    of_heavy = heaviest.astype(weights.dtype)
    nodes = _Nodes(
        weights=weights,
        kept=jnp.stack([weights, weights * of_heavy, weights * variances, weights**2 * variances]),
        cut=jnp.stack([counted.astype(weights.dtype), of_heavy, variances]),
        least=least,
        largest_share=consensus.largest_share,
    )
    return _root(nodes, *_best_levels(nodes, counted))


class _Nodes(NamedTuple):
    """What the bound at any level is made of; the least level is allowed whatever its share."""

    weights: Array
    kept: Array
    cut: Array
    least: Array
    largest_share: Array

    def sums(self, levels: Array) -> tuple[Array, Array]:
        """Returns sums over nodes whose weight is kept, and over those cut, at each level."""
        below = (self.weights < levels[:, None]).astype(self.weights.dtype)
        return below @ self.kept.T, (1 - below) @ self.cut.T

    def allow(self, levels: Array, shares: Array) -> Array:
        """Returns at which levels the heaviest nodes have no more than the largest share."""
        return (shares <= self.largest_share) | (levels <= self.least)


def _best_levels(nodes: _Nodes, counted: Array) -> tuple[Array, Array, Array]:
    # The level of least bound among a grid and the weights, between its neighbours.
    weights, least = nodes.weights, nodes.least
    most = jnp.maximum(weights.max(), least)
    grid = least * (most / least) ** jnp.linspace(0, 1, LEVELS)
    levels = jnp.concatenate([grid, jnp.where(counted, weights, least)])
    bounds, shares = jax.vmap(_bound_at)(levels, *nodes.sums(levels))
    best = levels[jnp.argmin(jnp.where(nodes.allow(levels, shares), bounds, jnp.inf))]
    low = jnp.max(jnp.where(levels < best, levels, least))
    return low, best, jnp.min(jnp.where(levels > best, levels, most))


def _root(nodes: _Nodes, low: Array, best: Array, high: Array) -> Array:
    # Between neighbouring levels the sums are constant, so the bound is one smooth function.
    sides = nodes.sums(jnp.stack([low + best, best + high]) / 2)
    slope = jax.grad(_bound_at, has_aux=True)
    falls = slope(best, sides[0][1], sides[1][1])[0] < 0
    side = jax.tree.map(lambda both: jnp.where(falls, both[1], both[0]), sides)

    def narrow(_: int, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        levels = low + (high - low) * jnp.arange(1, LEVELS) / LEVELS
        rises, shares = jax.vmap(slope, in_axes=(0, None, None))(levels, *side)
        down = nodes.allow(levels, shares) & (rises < 0)
        low = jnp.max(jnp.where(down, levels, low))
        return low, jnp.min(jnp.where(levels > low, levels, high))

    bracket = (jnp.where(falls, best, low), jnp.where(falls, high, best))
    return jax.lax.fori_loop(0, NARROWINGS, narrow, bracket)[0]


def _scaled(variances: Array, counted: Array, *, clips: bool) -> Float[Array, " nodes"]:
    # Only their ratios matter. A rule that clips leaves none above the median.
    variances = jnp.where(counted, variances, 0)
    variances = variances / power_of_two(variances.max())
    return jnp.minimum(variances, _median(variances, counted)) if clips else variances


def _bound_at(level: Array, kept: Array, cut: Array) -> tuple[Array, Array]:
    # The bound and the heaviest nodes' share, when all weights above the level are cut to it.
    # `kept` sums over nodes below the level: weight, the heaviest's weight, noise times weight, and
    # noise times squared weight. `cut` sums over the others: number, the heaviest's number, noise.
    total = kept[0] + cut[0] * level
    share = (kept[1] + cut[1] * level) / total
    safe = jnp.minimum(share, 0.4999)
    spread = (kept[2] + cut[2] * level) / total
    noise = (kept[3] + cut[2] * level**2) / total**2
    # The square root has no finite slope at zero.
    biased = jnp.maximum(safe / (1 - 2 * safe) * spread, 1e-30)
    return jnp.sqrt(biased) + jnp.sqrt(jnp.maximum(noise, 1e-30)), share


def _median(values: Array, counted: Array) -> Float[Array, ""]:
    ordered, count = jnp.sort(jnp.where(counted, values, jnp.inf)), counted.sum()
    return (ordered[jnp.maximum(count - 1, 0) // 2] + ordered[count // 2]) / 2
