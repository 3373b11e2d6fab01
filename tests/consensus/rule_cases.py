"""Rounds of a few nodes, on which rules are tried: random ones, and what hypothesis draws."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from ceas_gym.consensus import rules

Floats = NDArray[np.float64]
NODES, SIZE, BAD = 9, 4, 2
ROBUST = [name for name in rules.RULES if name != "mean"]
COMPOSED = [
    *(
        pytest.param(f"{step}+{rule}", marks=() if (first + second) % 3 == 0 else pytest.mark.slow)
        for first, step in enumerate(rules.PRE_STEPS)
        for second, rule in enumerate(ROBUST)
    ),
    *("clip+nnm+trimmed_mean", "bucketing+nnm+multi_krum", "nnm+clip+krum"),
]
"""Two thirds of the pairs are slow: every step and every rule is among the others."""
WIDTHS = (np.float32, np.float64)
BOUNDLESS = (0.0, 1e-38, 1e10, -1e10, 1e20, 3e38, -3e38, np.inf, -np.inf, np.nan)


class Round(NamedTuple):
    """What the hub gets, and whose updates are honest."""

    updates: Floats
    weights: Floats
    byzantine: int
    honest: NDArray[np.bool_]


def random_case(seed: int) -> tuple[Floats, Floats]:
    """Updates with outliers, and uneven weights."""
    random = np.random.default_rng(seed)
    updates = random.normal(size=(NODES, SIZE))
    updates[:BAD] += 5 * random.normal(size=SIZE)
    return updates, random.dirichlet(np.full(NODES, 10.0))


@functools.cache
def compiled(name: str) -> Callable[..., jax.Array]:
    return jax.jit(rules.get(name))


def result(name: str, updates: Floats, weights: Floats, byzantine: int, width: Any) -> Floats:
    """Returns what a rule makes of a round in 32 or 64 bits."""
    with jax.enable_x64(width is np.float64):
        found = compiled(name)(updates.astype(width), weights.astype(width), np.int32(byzantine))
    return np.asarray(found, np.float64)


def shares(weights: Floats, byzantine: int) -> float:
    """Returns the weight of the heaviest nodes."""
    return float(np.sort(weights)[::-1][:byzantine].sum())


def most_tolerated(weights: Floats, votes_needed: int) -> int:
    """Returns how many Byzantine nodes leave a rule less than half of the weight to trim."""
    fits = [f for f in range(NODES) if votes_needed * f < NODES]
    return max(f for f in fits if shares(weights, votes_needed // 2 * f) < 0.49)


indices = st.integers(0, NODES - 1)
exponents = st.integers(-30, 20)
_components = st.integers(-8, 8).map(lambda quarters: quarters / 4) | st.floats(-2, 2, width=32)
_weights = st.sampled_from([0.0, 1e-9, 1.0, 1.0, 2.0]) | st.floats(0.5, 1.5)


@st.composite
def weightings(draw: st.DrawFn) -> Floats:
    """Weights that sum to one: equal, uneven, next to nothing, or zero."""
    weights = draw(arrays(np.float64, NODES, elements=_weights))
    weights = weights + (weights.sum() < 1)
    return weights / weights.sum()


@st.composite
def honest_updates(draw: st.DrawFn) -> Floats:
    """Updates with ties, or none, about zero or far from it, on any scale."""
    updates = draw(arrays(np.float64, (NODES, SIZE), elements=_components))
    return (updates + draw(st.sampled_from([0.0, 0.0, 1000.0]))) * 10.0 ** draw(exponents)


@st.composite
def rounds(draw: st.DrawFn, votes_needed: int = 2) -> Round:
    """Draws who is Byzantine, and sends the worst for them and for all without weight."""
    models, weights = draw(honest_updates()), draw(weightings())
    byzantine = draw(st.integers(0, most_tolerated(weights, votes_needed)))
    honest = weights > 0
    honest[draw(st.permutations(range(NODES)))[:byzantine]] = False
    updates = models.copy()
    for node in np.flatnonzero(~honest):
        # Anything, the same in all coordinates, or a multiple of what another node sends.
        row = draw(arrays(np.float64, SIZE, elements=st.sampled_from(BOUNDLESS)))
        copied = draw(st.sampled_from([1.0, -1.0, 3.0, 1e5])) * models[draw(indices)]
        updates[node] = draw(st.sampled_from([row, np.full(SIZE, row[0]), copied]))
    return Round(updates, weights, byzantine, honest)
