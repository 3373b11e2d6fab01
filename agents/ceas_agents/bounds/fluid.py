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

    sum_T E[max(Y_T - d_T, 0)] <= m.                                                            (3)

The bound is r times the length of the episode, with the least r that fits (3) for any R and m, plus
what is due to the windows after the last barrier: m, and the mean by which the sum with fixed
coefficients may fall short of its mean by more than r T, for the worst number T of these windows.
These means are bounded in `luck`.

**What is relaxed.** Pairs and attempts are divided. Key waits for any later barrier, in a pool
without limit. Memories limit what is spent at one barrier, not what is stored. Pairs that are left
at a barrier do not decay further. Links are always in good condition, and no agreement is late.

Source:
    Martingales as prices of what is known too late: Brown, Smith and Sun, Operations Research 58,
    785 (2010). The rest is derived here.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ceas_agents.bounds import luck, market
from ceas_agents.bounds import yields as figures
from ceas_agents.bounds.barrier_worth import Objective, Prices
from ceas_agents.bounds.yields import Yields
from ceas_gym.types import Params


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
    nothing = Bound(0.0, 0.0, Prices(np.ones(yields.most.size), np.zeros(yields.most.size)))
    found = (at_prices(yields, objective, each) for each in market.prices(yields, objective))
    return min(found, key=lambda each: each.most, default=nothing)


def at_prices(yields: Yields, objective: Objective, prices: Prices) -> Bound:
    """Returns the bound that given prices lead to; it holds for all prices.

    Args:
        yields: What channel-time yields.
        objective: What is counted at a barrier.
        prices: Of information, above 0, and of key, at least 0.
    """
    rounds = worth_of_rounds(yields, objective, prices)
    rate = float((rounds / (np.arange(1, rounds.size + 1) + yields.barrier)).max())
    return Bound(luck.with_luck(yields, rounds, worth_by_age(yields, prices)), rate, prices)


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
