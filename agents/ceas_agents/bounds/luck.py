"""What a policy gains at most by firing when it was lucky: the margin of the bound in `fluid`.

`fluid` derives the inequality (3), in which Y_T is a sum over attempts, has the mean zero, and at
most the variance V_T. Two bounds on the mean of max(Y_T - d, 0) hold for every way to choose the
attempts of a window by what happened before, and the smaller one is used:

    [sqrt(V_T + d^2) - d] / 2,
    exp[V_T (exp(t b) - 1 - t b) / b^2 - t d - 1] / t  for any t > 0,

where no attempt changes Y_T by more than b; the second uses max(y, 0) <= exp(t y - 1) / t.

Source:
    The first is that of Scarf, in: Studies in the Mathematical Theory of Inventory and Production
    (1958); the second follows from Freedman, Annals of Probability 3, 100 (1975).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ceas_agents.bounds import yields as figures
from ceas_agents.bounds.yields import Yields

Numbers = NDArray[np.float64]
MARGINS = 16
"""Margins that are tried, down to a hundred-thousandth of the worth of the longest round."""
LEAST_WORTH = 1e-12
"""Worth of a round that replaces zero."""
STEEPNESS = (0.7, 1.4, 2.8, 5.6)
"""Values of t that are tried, in units of one over the standard deviation."""
LIFETIMES = 2
"""Longest reference length that is tried, in lifetimes of a pair; good rounds are not longer."""
LARGEST_JUMP = 50.0
"""Jump, in units of 1 / t, from which on the second bound would be of no use."""
HALVINGS = 30
"""Steps of the bisection for the rate."""


class _Spread(NamedTuple):
    # Of sums over windows, for each length of a round.
    variances: Numbers
    jumps: Numbers


def with_luck(
    yields: Yields, rounds: Float[np.ndarray, " lengths"], worth: Float[np.ndarray, "ages+1 nodes"]
) -> float:
    """Returns a bound on the mean worth of an episode in which rounds may end by luck.

    Args:
        yields: What channel-time yields, and the length of the episode.
        rounds: F(T), the most that a round of T windows is worth on average if T is fixed.
        worth: Of a pair, by its age at the first barrier; the last row is for all greater ages.
    """
    references = range(1, min(yields.longest, LIFETIMES * len(worth)) + 1)
    tables = _tables(yields, worth)
    return min(_with_reference(yields, rounds, tables, each) for each in references)


def _tables(yields: Yields, worth: Numbers) -> tuple[Numbers, Numbers]:
    # Greatest variance of what the pairs of a window are worth, with coefficients of one age (row)
    # minus those of another (column), and the greatest difference of coefficients; the last column
    # is for coefficients of zero. Without shared fibres, a variance is no smaller.
    hub = yields._replace(passes=yields.passes[:1], channels=yields.channels[:1])
    others = np.vstack([worth, np.zeros_like(worth[:1])])
    change = np.abs(worth[:, None] - others)
    squares = yields.variance * change**2
    variances = [[figures.best_use(hub, each) for each in row] for row in squares]
    return np.array(variances), change.max(axis=2)


def _with_reference(
    yields: Yields, rounds: Numbers, tables: tuple[Numbers, Numbers], reference: int
) -> float:
    # Rows are lengths of a round, columns its windows.
    lengths, oldest = np.arange(1, yields.longest + 1), len(tables[0]) - 1
    fixed = np.clip(reference - lengths, 0, oldest)
    chosen = np.clip(lengths[:, None] - lengths, 0, oldest)
    variances, jumps = (np.tril(table[chosen, fixed]) for table in tables)
    spread = _Spread(variances.sum(axis=1), jumps.max(axis=1))
    margins = np.geomspace(1e-5, 1, MARGINS)[:, None] * max(rounds.max(), LEAST_WORTH)
    times = (lengths + yields.barrier).astype(float)
    rates = _least_rates(rounds, times, spread, margins)
    last = _Spread(tables[0][fixed, -1].cumsum(), np.full(lengths.size, tables[1].max()))
    after = _excess(last, rates * lengths).max(axis=1, keepdims=True)
    return float((rates * yields.budget + margins + after).min())


def _least_rates(rounds: Numbers, times: Numbers, spread: _Spread, margins: Numbers) -> Numbers:
    # A rate for each margin that satisfies the inequality, by bisection.
    enough = rounds + margins + spread.variances.sum() / (4 * margins)
    low, high = np.zeros_like(margins), (enough / times).max(axis=1, keepdims=True)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        excess = _excess(spread, middle * times - rounds - margins).sum(axis=1, keepdims=True)
        low, high = np.where(excess > margins, [middle, high], [low, middle])
    return high


def _excess(spread: _Spread, below: Numbers) -> Numbers:
    # A bound on the mean of max(Y - below, 0).
    scarf = (np.sqrt(spread.variances + below**2) - below) / 2
    return np.min([scarf, *(_freedman(spread, below, each) for each in STEEPNESS)], axis=0)


def _freedman(spread: _Spread, below: Numbers, steepness: float) -> Numbers:
    steep = steepness / np.sqrt(np.maximum(spread.variances, LEAST_WORTH**2))
    jump = np.maximum(steep * spread.jumps, 1e-6)
    near = np.minimum(jump, LARGEST_JUMP)
    growth = steepness**2 * (np.expm1(near) - near) / near**2
    growth = np.where(jump > LARGEST_JUMP, np.inf, growth)
    return np.exp(np.minimum(growth - steep * below - 1, 500)) / steep
