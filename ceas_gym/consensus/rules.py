"""Robust rules: functions (updates, weights, byzantine) -> update, by name.

`updates` has the shape (nodes, parameters), `weights` sum to one and are zero where a node does
not count, `byzantine` is the number of nodes to withstand. Rules trim by weight: the mass beta of
the `byzantine` heaviest nodes, never a number of entries. Nothing is sorted: a rank by comparison
is faster on a few dozen nodes, and its weighted form is exact when an atom must be split.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.consensus.weights import mass_below, top_share
from ceas_gym.names import resolve

Rule = Callable[[Array, Array, Array], Array]
WEISZFELD_STEPS = 64


def mean(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted mean. Withstands no Byzantine node."""
    del byzantine
    return weights @ updates


def trimmed_mean(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns, per coordinate, the mean without the mass beta at each end.

    Its squared error is at most kappa = (2 beta - W) / (1 - 2 beta) times the honest spread, for
    any Byzantine weight W <= beta < 1/2.

    Source:
        Yin et al., ICML 2018, arXiv:1803.01498, for equal weights.
    """
    beta = top_share(weights, byzantine)
    below = mass_below(updates.T, weights)
    kept = jnp.clip(jnp.minimum(below + weights, 1 - beta) - jnp.maximum(below, beta), 0)
    return (kept * updates.T).sum(axis=1) / jnp.maximum(kept.sum(axis=1), 1e-30)


def median(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the weighted median per coordinate, the middle of the two where there are two."""
    del byzantine
    return _median(updates.T, weights)


def geometric_median(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the point of least weighted sum of distances (Weiszfeld, a fixed number of steps).

    Source:
        Pillutla, Kakade and Harchaoui, IEEE TSP 70, 1142 (2022), arXiv:1912.13445.
    """
    del byzantine

    def step(point: Array, _: None) -> tuple[Array, None]:
        distance = jnp.linalg.norm(updates - point, axis=1)
        pull = weights / jnp.maximum(distance, 1e-8)
        return pull @ updates / jnp.maximum(pull.sum(), 1e-30), None

    point, _ = jax.lax.scan(step, weights @ updates, None, length=WEISZFELD_STEPS)
    return point


def clip(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns the updates, none longer than the weighted median length."""
    del byzantine
    lengths = jnp.linalg.norm(updates, axis=1)
    most = _median(lengths[None, :], weights)[0]
    return updates * jnp.minimum(1, most / jnp.maximum(lengths, 1e-30))[:, None]


def nnm(updates: Array, weights: Array, byzantine: Array) -> Array:
    """Returns each update replaced by the mean of the mass 1 - beta nearest to it.

    Source:
        Nearest-neighbour mixing, Allouah et al., AISTATS 2023, arXiv:2302.01772.
    """
    kept = 1 - top_share(weights, byzantine)
    gaps = updates[:, None, :] - updates[None, :, :]
    nearer = mass_below((gaps**2).sum(axis=-1), weights)
    share = jnp.clip(kept - nearer, 0, weights)
    return share @ updates / jnp.maximum(kept, 1e-30)


RULES: dict[str, Rule] = {
    "mean": mean,
    "median": median,
    "trimmed_mean": trimmed_mean,
    "geometric_median": geometric_median,
}
PRE_STEPS: dict[str, Rule] = {"clip": clip, "nnm": nnm}


@functools.cache
def get(name: str) -> Rule:
    """Returns the rule of that name; pre-steps come before it, joined by `+`.

    Args:
        name: Such as `"median"` or `"clip+nnm+trimmed_mean"`; each part may be `module:function`.

    Raises:
        ValueError: If a part is unknown.

    Example:
        >>> updates = jnp.array([[1.0], [2.0], [3.0], [100.0], [-50.0]])
        >>> get("trimmed_mean")(updates, jnp.full(5, 0.2), 1).tolist()
        [2.0]
    """
    *before, last = name.split("+")
    if "" in (*before, last):
        raise ValueError(f"rule {name!r} has an empty part")
    steps = [resolve("pre-step", part, PRE_STEPS) for part in before]
    rule = resolve("rule", last, RULES)

    def pipeline(updates: Array, weights: Array, byzantine: Array) -> Array:
        for step in steps:
            updates = step(updates, weights, byzantine)
        return rule(updates, weights, byzantine)

    return pipeline if steps else rule


def _median(values: Float[Array, "rows nodes"], weights: Float[Array, " nodes"]) -> Array:
    # The entries whose slice of mass contains one half: one of them, or two that meet there.
    below = mass_below(values, weights)
    middle = (below <= 0.5 + 1e-6) & (below + weights >= 0.5 - 1e-6) & (weights > 0)
    count = jnp.maximum(middle.sum(axis=1), 1)
    return jnp.where(middle, values, 0).sum(axis=1) / count
