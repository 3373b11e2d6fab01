"""An upper bound on what the barriers of one drawn episode are worth: a plan that knows all luck.

**What is bounded.** The sum, over the barriers of the episode with a given random key, of what an
objective counts there. It holds for every policy and for every plan that knows in advance how many
pairs any attempts in any window would herald. So each episode of a policy is below the bound of its
key, not just the mean.

In the simulator, luck belongs to a window of a round: the j-th window of the n-th round of an
episode has a random key of its own, whatever happened before, from which a node's attempts give its
pairs. So N_njk, the pairs of node k there, is a known function of its attempts. The inequality (2)
of `fluid` holds for all prices and any luck. Therefore no plan is worth more than

    max over T_1, T_2, ...  sum_n [ s + sum_{j <= T_n} U_nj(T_n - j) ],
    U_nj(a) = sum_b channels_b price_b + sum_k max over attempts of
              [ c_k(a) N_njk(attempts) - sum_b passes_bk price_b attempts / attempts_k ],

where price_b is a price of the channels of bottleneck b, at least 0, and attempts_k are those of a
window on a whole channel. The plan's barriers are found by dynamic programming over the number of
the round and the clock.

**What is relaxed.** Channels, information and key have prices, which are those of the fluid bound
times one factor, the best of a few. So channels of one window, and key and information of all
rounds, are shared as if they could be traded at these prices. All that `fluid` relaxes is relaxed
here, too, except that attempts are whole and luck is that of the episode.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from numpy.typing import NDArray

from ceas_agents.bounds import fluid
from ceas_agents.bounds import yields as figures
from ceas_agents.bounds.barrier_worth import Objective, Prices
from ceas_agents.bounds.yields import Yields
from ceas_gym import dynamics
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.network import forecast, generation
from ceas_gym.types import Network, Params

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]
MOST_DRAWS = 30_000_000
"""Limit on the numbers of pairs that are drawn: attempts of all nodes in all windows of rounds."""
FACTORS = (0.8, 1.0, 1.25, 1.6, 2.0, 2.5)
"""Factors on the prices of the fluid bound. Luck makes pairs more plentiful or better."""


class Plan(NamedTuple):
    """The plan that attains the bound."""

    most: float
    """Bound on the worth of the episode, in the unit of the objective."""
    rounds: Int[np.ndarray, " rounds"]
    """Windows from each barrier to the next."""


def plan(params: Params, objective: Objective, key: Key[Array, ""]) -> Plan:
    """Returns a bound for the episode of a random key, and the rounds that attain it.

    Args:
        params: The scenario, with a single layout, where a step is a window.
        objective: What is counted at a barrier, from `barrier_worth`.
        key: Random key of the episode, as for `dynamics.reset`.

    Raises:
        ValueError: If the bound does not cover the scenario, or too many pairs would be drawn.
        RuntimeError: If the solver fails.

    Example:
        >>> from ceas_agents.bounds import barrier_worth
        >>> from ceas_gym import config, parameters
        >>> loop = parameters.build(config.load("micro-loop", {"episode.budget_s": 4}))
        >>> 0 < plan(loop, barrier_worth.information(loop), jax.random.key(0)).most < 1
        True
    """
    yields = figures.of(params)
    places, tries = _places(yields), _tries(params)
    _check(params, places[0].size * tries.size * params.network.nodes)
    bound = fluid.bound(params, objective)
    if bound.most == 0:
        # Too few nodes can ever take part.
        return Plan(0.0, np.zeros(0, int))
    found = bound.prices
    prices = [Prices(found.information * factor, found.key * factor) for factor in FACTORS]
    worth = np.stack([fluid.worth_by_age(yields, each) for each in prices])
    channels = np.array([[_channel_prices(yields, row) for row in each] for each in worth])
    rounds, cost = 1 + int(places[0].max()), channels @ yields.passes
    gains = _gains(rounds, params, key, places, tries, yields.nodes, worth, cost)
    table = np.zeros((rounds, yields.longest, *worth.shape[:2]))
    table[places] = np.asarray(gains) + channels @ yields.channels
    plans = [
        best_rounds(yields, table[:, :, number], objective.surplus(yields, each))
        for number, each in enumerate(prices)
    ]
    return min(plans, key=lambda each: each.most)


def _places(yields: Yields) -> tuple[Counts, Counts]:
    # All windows after which a barrier could still fire, by the number of barriers before.
    number = yields.budget // (1 + yields.barrier)
    rounds, windows = np.divmod(np.arange(number * yields.longest), yields.longest)
    ends = (rounds + 1) * (1 + yields.barrier) + windows
    return rounds[ends <= yields.budget], windows[ends <= yields.budget]


def _tries(params: Params) -> Counts:
    most = np.floor(np.asarray(params.network.generation.attempts_per_window)).max()
    return np.arange(int(most) + 1)


def _check(params: Params, draws: int) -> None:
    if float(params.network.condition_model.transition[0, 0, 0]) < 1:
        raise ValueError("a plan that knows all luck is not bounded where links change")
    if any(each.links for each in params.adversary.sabotage):
        raise ValueError("a plan that knows all luck is not bounded where links are jammed")
    if draws > MOST_DRAWS:
        raise ValueError(
            f"a plan that knows all luck would know {draws:,} numbers of pairs, more than "
            f"{MOST_DRAWS:,}; choose a lower network.window_s or episode.budget_s"
        )


def _channel_prices(yields: Yields, worth: Numbers) -> Numbers:
    return figures.channel_prices(yields, yields.pairs * worth)


def heralding_keys(params: Params, key: Key[Array, ""], rounds: int) -> Key[Array, " rounds"]:
    """Returns the random keys that decide what is heralded in the rounds of an episode; for `jit`.

    Args:
        params: The scenario.
        key: Random key of the episode, as for `dynamics.reset`.
        rounds: Number of rounds; at least 1.
    """

    def following(key: Array, _: None) -> tuple[Array, Array]:
        keys = dynamics.Keys(*jax.random.split(key, len(dynamics.Keys._fields)))
        return keys.following, keys.heralding

    return jax.lax.scan(following, dynamics.reset(params, key)[0].key, length=rounds)[1]


def pairs(
    network: Network,
    round_key: Key[Array, ""],
    window: Int[Array, ""],
    tried: Int[Array, "tries nodes hops"],
) -> Int[Array, "tries nodes hops"]:
    """Returns the pairs that each of several numbers of attempts would herald in a window.

    Args:
        network: Of links that are in good condition.
        round_key: From `heralding_keys`.
        window: Number of the window in its round, from 0.
        tried: Attempts of all modes.
    """
    herald = partial(generation.herald, forecast.nominal(network))
    return jax.vmap(partial(herald, key=jax.random.fold_in(round_key, window)))(tried)


# Compiled as a whole: otherwise every operation would be compiled separately.
@partial(often, static_argnums=0)
def _gains(
    rounds: int,
    params: Params,
    key: Array,
    places: tuple[Array, Array],
    tries: Array,
    nodes: Array,
    worth: Array,
    cost: Array,
) -> Float[Array, "places factors ages"]:
    # For each window of each round, what its pairs are worth at most beyond the cost of channels.
    make, keys = params.network.generation, heralding_keys(params, key, rounds)
    tried = jnp.minimum(tries[:, None, None], jnp.floor(make.attempts_per_window)).astype(int)
    share = tried * (1 - generation.PART) / jnp.maximum(make.attempts_per_window, 1)

    def gain(place: tuple[Array, Array]) -> Array:
        made = pairs(params.network, keys[place[0]], place[1], tried * make.modes)
        of_age = jax.vmap(
            lambda worth, cost: (
                (worth * made[:, nodes, 0] - cost * share[:, nodes, 0]).max(axis=0).sum()
            )
        )
        return jax.vmap(of_age)(worth, cost)

    return jax.lax.map(gain, places)


def best_rounds(
    yields: Yields, worth: Float[np.ndarray, "rounds windows ages"], surplus: float
) -> Plan:
    """Returns the rounds that are worth most together, by dynamic programming.

    Args:
        yields: The times of rounds and barriers, and the length of the episode.
        worth: Of each window of each round, by the age of its pairs at the barrier; the last one
            stands for all greater ages.
        surplus: Worth of a barrier that all windows add to; at least 0.
    """
    lengths = np.arange(1, yields.longest + 1)
    ages = np.clip(lengths[:, None] - lengths, 0, worth.shape[2] - 1)
    values = surplus + np.tril(worth[:, lengths - 1, ages]).sum(axis=2)
    times = lengths + yields.barrier
    ends = np.arange(yields.budget + 1)[:, None] + times
    in_time, after = ends <= yields.budget, np.minimum(ends, yields.budget)
    later, chosen = np.zeros(yields.budget + 1), []
    for value in values[::-1]:
        total = np.where(in_time, value + later[after], 0)
        chosen.append(np.where(total.max(axis=1) > 0, total.argmax(axis=1), -1))
        later = total.max(axis=1)
    return Plan(float(later[0]), _lengths(chosen[::-1], times) - yields.barrier)


def _lengths(chosen: list[Counts], times: Counts) -> Counts:
    # Times of the rounds of the plan, which is over where no round is worth anything.
    clock, found = 0, []
    for row in chosen:
        if row[clock] < 0:
            break
        found.append(times[row[clock]])
        clock += found[-1]
    return np.array(found, int)
