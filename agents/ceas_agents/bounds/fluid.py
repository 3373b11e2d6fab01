"""An upper bound on what all barriers of an episode are worth, for every policy of a closed loop.

**What is bounded.** The expected sum, over an episode's barriers, of what an objective counts there
(`barrier_worth`). It holds for every policy: it may choose each window's shares and whether to fire
by all that has happened so far.

**Prices** break it down to single windows. Let a shot of information cost node k some price p_k,
and a bit of key q_k. The surplus s is the most that a barrier is worth beyond the price of its
nodes' information and tags, so in any case

    worth <= s + sum over the nodes that take part of p_k I_k + q_k tag.                       (1)

Information comes from pairs. A pair of age a brings at most the information v_k(a) that it has if
all pairs of its shot are as old, because the information of a shot is convex in the logarithm of
its process fidelity (Jensen's inequality). Every pair becomes information once, or key once. One
that is not spent at the first barrier is older at any later one, and v_k does not increase. So a
pair whose age is a at the first barrier after it was heralded pays for at most

    c_k(a) = max(p_k v_k(a), q_k bits_k).

If the barriers are T_1, T_2, ... windows apart, and N_jk pairs of node k are heralded in the j-th
window of a round, it follows that in every episode, whatever luck it has,

    sum_n worth_n <= sum_n [ s + sum_{j <= T_n} sum_k c_k(T_n - j) N_jk ].                     (2)

**Expected pairs.** The shares x of a window are chosen before its attempts are made, so that N_jk
has at most the mean pairs_k x_k. Let K(a) be the maximum over all shares of
sum_k c_k(a) pairs_k x_k. If T were fixed in advance, a round of T windows would be worth at most
F(T) = s + sum_{a < T} K(a) on average; so if F(T) <= r (T + barrier) for all T, an episode would be
worth at most r times its length. The least such r over all prices is the rate of the best fluid
schedule, by duality (`market`).

**Luck.** But a policy may fire as soon as it had enough luck, and in (2) the worth of all earlier
pairs depends on T. Only sums with fixed coefficients keep the mean zero when they are stopped. Take
those of some reference length R, c_k(R - j), with c_k(0) for j > R. They leave over

    Y_T = sum_{j <= T} sum_k [c_k(T - j) - c_k(R - j)] (N_jk - its mean).

For a fixed T, this has the mean zero, and at most the variance V_T that the shares of greatest
variance have in every window. With d_T = r (T + barrier) - F(T) - m for some margin m, a round is
worth at most r (T + barrier) on average if

    sum_T E[max(Y_T - d_T, 0)] <= sum_T [sqrt(V_T + d_T^2) - d_T] / 2 <= m,                     (3)

where the first step is Scarf's inequality. The bound is r times the length of the episode, with the
least r that fits (3) for any R and m, plus what (3) does not say about the windows after the last
barrier: m and, with the variance W_T of the sum with fixed coefficients,
max_T [sqrt(W_T + (r T)^2) - r T] / 2.

**What is relaxed.** Pairs and attempts are divided, and no node takes part in more of its channels
than is best on average. Key waits for any later barrier, in a pool without limit. Memories limit
what is spent at one barrier, not what is stored. Pairs that wait longer than one barrier do not
decay further. Links are always in good condition, and no agreement is late.

Source:
    Duality with prices for what is known too late: Brown, Smith and Sun, Operations Research 58,
    785 (2010). Scarf, in: Studies in the Mathematical Theory of Inventory and Production (1958).
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ceas_agents.bounds import market
from ceas_agents.bounds import yields as figures
from ceas_agents.bounds.barrier_worth import Objective, Prices
from ceas_agents.bounds.yields import Yields
from ceas_gym.types import Params

Numbers = NDArray[np.float64]
MARGINS = 24
"""Margins for luck that are tried, down to a millionth of a round's worth."""
LEAST_MARGIN = 1e-12
"""Worth of a round that replaces zero."""
HALVINGS = 50
"""Steps of the bisection for the rate."""


class Bound(NamedTuple):
    """An upper bound on the mean worth of an episode, in the unit of the objective."""

    most: float
    """Bound on the expected sum over the episode's barriers, for every policy."""
    rate: float
    """Worth of a window if rounds had lengths that are fixed in advance."""
    prices: Prices
    """Prices that show it; of nodes that can take part."""


def bound(params: Params, objective: Objective) -> Bound:
    """Returns an upper bound on what barriers are worth in an episode on average.

    Args:
        params: The scenario, with a single layout, where a step is a window.
        objective: What is counted at a barrier, from `barrier_worth`.

    Raises:
        ValueError: If the bound does not cover the scenario (`yields.of`).
        RuntimeError: If the solver fails.

    Example:
        >>> from ceas_agents.bounds import barrier_worth
        >>> from ceas_gym import config, parameters
        >>> loop = parameters.build(config.load("micro-loop"))
        >>> 0.1 < bound(loop, barrier_worth.information(loop)).most < 1
        True
    """
    yields = figures.of(params)
    # There is no price where too few nodes can ever take part.
    found = min(
        market.prices(yields, objective),
        key=lambda prices: _rate(yields, objective, prices),
        default=Prices(np.ones(yields.most.size), np.zeros(yields.most.size)),
    )
    return at_prices(yields, objective, found)


def at_prices(yields: Yields, objective: Objective, prices: Prices) -> Bound:
    """Returns the bound that given prices lead to; it holds for all prices.

    Args:
        yields: What channel-time yields.
        objective: What is counted at a barrier.
        prices: Of information, above 0, and of key, at least 0.
    """
    rounds, worth = worth_of_rounds(yields, objective, prices), worth_by_age(yields, prices)
    table = _variances(yields, worth)
    most = min(
        _with_luck(yields, rounds, table, reference) for reference in range(1, rounds.size + 1)
    )
    return Bound(most, _rate(yields, objective, prices), prices)


def worth_of_rounds(
    yields: Yields, objective: Objective, prices: Prices
) -> Float[np.ndarray, " lengths"]:
    """Returns F(T): the most that a round of T windows is worth on average, if T is fixed.

    Args:
        yields: What channel-time yields.
        objective: What is counted at a barrier.
        prices: Of information and key.
    """
    use = [figures.best_use(yields, yields.pairs * each) for each in worth_by_age(yields, prices)]
    ages = np.minimum(np.arange(yields.longest), len(use) - 1)
    return objective.surplus(yields, prices) + np.cumsum(np.array(use)[ages])


def worth_by_age(yields: Yields, prices: Prices) -> Float[np.ndarray, "ages+1 nodes"]:
    """Returns the most that a pair pays for at given prices, by its age at the first barrier.

    The last row is for all greater ages, at which a pair is worth only its key.

    Args:
        yields: Information by age, and key.
        prices: Of both.
    """
    value = np.vstack([yields.value, np.zeros_like(prices.information)])
    return np.maximum(value * prices.information, prices.key * yields.bits)


def _rate(yields: Yields, objective: Objective, prices: Prices) -> float:
    rounds = worth_of_rounds(yields, objective, prices)
    return float((rounds / (np.arange(1, rounds.size + 1) + yields.barrier)).max())


def _variances(yields: Yields, worth: Numbers) -> Numbers:
    # Greatest variance of what the pairs of a window are worth, with coefficients of one age (row)
    # minus those of another (column); the last column is for coefficients of zero. Without shared
    # fibres it is no smaller.
    hub = yields._replace(passes=yields.passes[:1], channels=yields.channels[:1])
    rows, columns = worth, np.vstack([worth, np.zeros_like(worth[:1])])
    return np.array(
        [
            [figures.best_use(hub, yields.variance * (row - column) ** 2) for column in columns]
            for row in rows
        ]
    )


def _with_luck(yields: Yields, rounds: Numbers, table: Numbers, reference: int) -> float:
    # The bound with this reference length, for the best margin. Rows are lengths, columns windows.
    lengths, oldest = np.arange(1, yields.longest + 1), len(table) - 1
    fixed = np.clip(reference - lengths, 0, oldest)
    chosen = np.clip(lengths[:, None] - lengths, 0, oldest)
    variances = np.tril(table[chosen, fixed]).sum(axis=1)
    margins = np.geomspace(1e-6, 1, MARGINS)[:, None] * max(rounds.max(), LEAST_MARGIN)
    times = (lengths + yields.barrier).astype(float)
    rates = _least_rates(rounds, times, variances, margins)
    after = _excess(table[fixed, -1].cumsum(), rates * lengths).max(axis=1, keepdims=True)
    return float((rates * yields.budget + margins + after).min())


def _least_rates(rounds: Numbers, times: Numbers, variances: Numbers, margins: Numbers) -> Numbers:
    # A rate for each margin that satisfies the inequality (3), by bisection.
    enough = rounds + margins + variances.sum() / (4 * margins)
    low, high = np.zeros_like(margins), (enough / times).max(axis=1, keepdims=True)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        excess = _excess(variances, middle * times - rounds - margins).sum(axis=1, keepdims=True)
        low, high = np.where(excess > margins, [middle, high], [low, middle])
    return high


def _excess(variance: Numbers, below: Numbers) -> Numbers:
    # Scarf's bound on the mean of max(Y - below, 0) for a Y of mean zero.
    return (np.sqrt(variance + below**2) - below) / 2
