"""The bound on closed loops: by hand, against grids of schedules, and against the best luck."""

import itertools
from dataclasses import replace
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.loop_yields import alone, by_hand
from helpers.networks import altered
from scipy import stats

from ceas_agents.bounds import barrier_worth, fluid, market
from ceas_agents.bounds.barrier_worth import Objective, Prices
from ceas_gym import config, parameters

SHARES = 4
"""Steps of a channel in the grids."""
CALM: dict[str, object] = {
    "episode.decision": "window",
    "attack.name": "none",
    "attack.byzantine_nodes": 0,
}


@pytest.fixture(scope="module")
def params():
    """Of two nodes, of which the hub needs one."""
    return parameters.build(config.load("tiny", CALM | {"network.nodes": 2}))


@pytest.fixture(scope="module")
def objectives(params):
    return {name: make(params) for name, make in barrier_worth.OBJECTIVES.items()}


def best(yields, objective):
    """The lowest bound of all models' prices."""
    found = [fluid.at_prices(yields, objective, each) for each in market.prices(yields, objective)]
    return min(found, key=lambda each: each.rate)


@cache
def _uses():
    """All ways to share a channel among information and key of both nodes in steps."""
    bars = np.array(list(itertools.combinations(range(SHARES + 4), 4)), float)
    ends = np.hstack([np.full((len(bars), 1), -1.0), bars])
    return (np.diff(ends, axis=1) - 1) / SHARES


def rate_of_grid(yields, params, name):
    """The best rate of all schedules in steps that repeat a round of fixed length."""
    floor, rates = float(params.learning.batch_floor), []
    for length in range(1, yields.longest + 1):
        shots, bits = np.zeros((1, 2)), np.zeros((1, 2))
        for window in range(length):
            made = _uses() * np.tile(yields.pairs, 2)
            new = made[:, :2] * yields.value[length - 1 - window]
            shots = (shots[:, None] + new).reshape(-1, 2)
            bits = (bits[:, None] + made[:, 2:] * yields.bits).reshape(-1, 2)
        present = bits >= yields.tag_bits - 1e-9
        shots = np.where(present, np.minimum(shots, yields.most), 0)
        rates.append(
            worth_of(shots, present, floor, params, name).max() / (length + yields.barrier)
        )
    return max(rates)


def worth_of(shots, present, floor, params, name):
    if name == "information":
        return shots.sum(axis=1) / (2 * 512 / params.network.qubits * int(params.rounds))
    sets = [present & chosen for chosen in ([True, False], [False, True], [True, True])]
    root = np.sqrt(shots * floor / (shots + floor))
    found = [(root * each).sum(axis=1) ** 2 / np.maximum(each.sum(axis=1), 1) for each in sets]
    return np.max([each / (each + 300) for each in found], axis=0)


@pytest.mark.parametrize("name", ["information", "worth"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"barrier": 4, "longest": 2},
        {"tag_bits": 0.0},
        {"tag_bits": 80.0},
        {"most": (30.0, 100.0)},
        {"channels": (2.0,), "barrier": 0},
    ],
)
def test_no_schedule_of_a_grid_is_better(params, objectives, name, changes):
    yields = by_hand(**changes)
    found, least = best(yields, objectives[name]).rate, rate_of_grid(yields, params, name)
    # In the grid, every round has to make its own key.
    free = yields.tag_bits == 0
    if yields.channels[0] > 1:
        # The grid has one channel.
        assert found > 1.2 * least
    else:
        assert least <= found <= (1.09 if free else 1.16) * least


def test_a_single_node_without_limits_is_known_by_hand(params, objectives):
    """Every pair brings what it has; the best length of a round follows."""
    yields = alone(most=(1e9,), longest=8)
    weight = 1 / (2 * 512 / params.network.qubits * int(params.rounds))
    pairs, lengths = 400 * weight * np.array([0.25, 0.2, 0.1, 0, 0, 0, 0, 0]), np.arange(1, 9)
    expected = (pairs.cumsum() / (lengths + 1)).max()
    found = best(yields, objectives["information"])
    assert found.rate == pytest.approx(expected, rel=1e-6)
    # Without variance there is no luck to wait for, and next to nothing to add for it.
    assert found.most == pytest.approx(24 * expected, rel=1e-4)


def test_the_worth_of_a_single_node_is_known_by_hand(params, objectives):
    floor, lengths = float(params.learning.batch_floor), np.arange(1, 4)
    shots = 400 * np.array([0.25, 0.2, 0.1]).cumsum()
    smoothed = shots * floor / (shots + floor)
    expected = (smoothed / (smoothed + 300) / (lengths + 1)).max()
    found = best(alone(most=(1e9,)), objectives["worth"]).rate
    assert expected <= found <= 1.03 * expected


@pytest.mark.parametrize("name", ["information", "worth"])
@pytest.mark.parametrize(
    "better",
    [{"channels": (1.5,)}, {"tag_bits": 10.0}, {"barrier": 0}, {"pairs": (500.0, 200.0)}],
)
def test_better_networks_have_higher_bounds(objectives, name, better):
    usual, found = (best(by_hand(**each), objectives[name]).rate for each in ({}, better))
    assert found > 1.01 * usual


# --- Luck ---

SURPLUS = 0.05
SPREADS = {
    "freshest": ((1.0, 0.1, 0.0), 0.3),
    "slow": ((1.0, 0.8, 0.6), 0.3),
    "rare": ((1.0, 0.5, 0.25), 0.05),
}


@pytest.mark.parametrize("attempts", [1, 4])
@pytest.mark.parametrize("barrier", [0, 2])
@pytest.mark.parametrize("name", SPREADS)
def test_the_best_luck_does_not_exceed_the_bound(name, barrier, attempts):
    """A policy that sees each window's pairs, and fires when it likes, by dynamic programming."""
    value, chance = SPREADS[name]
    yields = alone(
        pairs=(attempts * chance,),
        variance=(attempts * chance * (1 - chance),),
        value=tuple((each,) for each in value),
        barrier=barrier,
        longest=4,
    )
    objective = Objective("", lambda *_: SURPLUS, lambda _: [])
    found = fluid.at_prices(yields, objective, Prices(np.ones(1), np.zeros(1)))
    best = best_stopping(value, stats.binom.pmf(range(attempts + 1), attempts, chance), yields)
    assert best <= found.most <= 2.5 * best
    if (name, barrier, attempts) == ("freshest", 2, 1):
        # Were it not for luck, the bound would be too low.
        assert best > 1.05 * found.rate * yields.budget


def best_stopping(value, chances, yields):
    """The greatest expected sum of the surplus and the value of pairs, over all rules to fire."""
    aged = (*value, *[0.0] * yields.longest)

    @cache
    def most(clock, held):
        if clock + 1 + yields.barrier > yields.budget:
            return 0.0
        total = 0.0
        for made, chance in enumerate(chances):
            pairs = (made, *held)
            worth = SURPLUS + sum(number * each for number, each in zip(pairs, aged, strict=False))
            fires = worth + most(clock + 1 + yields.barrier, ())
            waits = most(clock + 1, pairs) if len(pairs) < yields.longest else 0.0
            total += chance * max(fires, waits)
        return total

    return most(0, ())


def test_any_prices_give_a_bound_that_the_best_ones_undercut(objectives):
    yields, random = by_hand(variance=(200.0, 100.0)), np.random.default_rng(0)
    for objective in objectives.values():
        least = best(yields, objective)
        for _ in range(10):
            prices = Prices(*(each * random.uniform(0.5, 2, 2) for each in least.prices))
            assert fluid.at_prices(yields, objective, prices).rate >= least.rate * (1 - 1e-3)


# --- Scenarios ---


@pytest.mark.parametrize("name", ["information", "worth"])
def test_a_scenario_has_a_bound_and_scarcer_key_lowers_it(name):
    def found(**changes):
        loop = parameters.build(config.load("tiny", CALM | changes))
        return fluid.bound(loop, barrier_worth.OBJECTIVES[name](loop))

    usual, dear = found(), found(**{"consensus.key.security_bits": 200})
    assert 0 < dear.most < usual.most
    assert usual.rate * 80 < usual.most


def test_no_bound_where_nobody_can_take_part(params):
    dead = altered(params.network, success_probability=jnp.zeros((2, 1)))
    for make in barrier_worth.OBJECTIVES.values():
        lost = replace(params, network=dead)
        assert fluid.bound(lost, make(lost)).most == pytest.approx(0, abs=1e-6)
