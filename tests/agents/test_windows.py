"""The exact optimum of a closed loop, and the bounds above it."""

import itertools
from collections import defaultdict

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import pair_by_pair
from scipy import stats

from ceas_agents.bounds import barrier_worth, clairvoyant, fluid, market, optimal_windows
from ceas_agents.bounds import yields as figures
from ceas_agents.bounds.barrier_worth import Prices
from ceas_gym import config, dynamics, parameters

SEEDS, BARRIER = 300, 1
TRIES = [(4, 0), (2, 2), (0, 4), (1, 2), (3, 1)]
ROUNDS = 13
"""Of two windows and a barrier, as many as the budget of 40 windows pays for; it is the unit."""


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("micro-loop"))


@pytest.fixture(scope="module")
def game(params):
    return optimal_windows.game(params)


@pytest.fixture(scope="module")
def optimum(game):
    return optimal_windows.solve(game)


@pytest.fixture(scope="module")
def play(params):
    """Plays a policy, from clock, waited windows and pairs of all episodes to actions."""
    start = jax.jit(jax.vmap(lambda key: dynamics.reset(params, key)[0]))
    step = jax.jit(jax.vmap(lambda state, action: dynamics.step(params, state, action)))
    whole = np.asarray(params.network.generation.attempts_per_window[:, 0])

    def returns(policy, watch=None):
        state = start(jax.vmap(jax.random.key)(jnp.arange(SEEDS)))
        total, over = np.zeros(SEEDS), np.zeros(SEEDS, bool)
        while not over.all():
            pairs = np.asarray(state.memory.pairs, np.int64)
            tried, fires = policy(np.asarray(state.clock), np.asarray(state.gathered.window), pairs)
            shares = 2 * (tried + 0.01 * (tried > 0)) / whole - 1
            action = np.concatenate([shares, np.where(fires, 1, -1)[:, None]], axis=1)
            before = state
            state, timestep = step(state, jnp.asarray(action, jnp.float32))
            if watch:
                watch(before, timestep.round, tried, over.copy())
            total += np.where(over, 0, timestep.reward)
            over |= np.asarray(timestep.terminated)
        return total

    return returns


@pytest.fixture(scope="module")
def best_returns(game, optimum, play):
    number = {state.tobytes(): place for place, state in enumerate(game.pairs)}

    def policy(clock, waited, pairs):
        places = [number[row.tobytes()] for row in pairs]
        now = np.minimum(clock, game.steps - 1)
        schedule, fires = np.moveaxis(optimum.choices[now, waited, places], -1, 0)
        return game.attempts[schedule], fires

    return play(policy)


def error(returns):
    return returns.std(ddof=1) / np.sqrt(len(returns))


def one_window(state, heralded, rates, gates):
    """Returns what two nodes hold after a window, if they wait and if they fire, and the reward."""
    waited, rested, delivered, oldest = [], [], 0.0, state.shape[1]
    for node, rate in enumerate(rates):
        ages = pair_by_pair.ages_of(state[node])
        ages = pair_by_pair.window(ages, heralded[node], rate, oldest)
        gained, left = pair_by_pair.spend(ages, rate, gates[:, node])
        for _ in range(BARRIER):
            left = pair_by_pair.older(left, rate, oldest)
        delivered += gained / 2
        waited.append(np.bincount(ages, minlength=oldest))
        rested.append(np.bincount(left, minlength=oldest))
    return np.array(waited), np.array(rested), delivered / (pair_by_pair.MEMORIES / 2 * ROUNDS)


def test_transitions_are_those_of_a_window_played_pair_by_pair(params, game):
    rates, gates = pair_by_pair.rates_and_gates(params.network)
    number = {state.tobytes(): place for place, state in enumerate(game.pairs)}
    memories, phases = len(game.pairs), game.phases
    places = np.flatnonzero(game.process.states < phases * memories)
    for pair in np.random.default_rng(0).choice(places, 80, replace=False):
        phase, memory = divmod(game.process.states[pair], memories)
        schedule, fires = game.choices[pair]
        tried, there = game.attempts[schedule], phases if fires else phase + 1
        chances, reward = defaultdict(float), 0.0
        for flat in itertools.product(*(range(most + 1) for most in tried)):
            chance = stats.binom.pmf(flat, tried, pair_by_pair.SUCCESS).prod()
            *after, gained = one_window(game.pairs[memory], flat, rates, gates)
            chances[there * memories + number[after[fires].tobytes()]] += chance
            reward += fires * chance * gained
        row = game.process.chances[[pair]].toarray()[0]
        expected = np.array([chances[place] for place in range(len(row))])
        np.testing.assert_allclose(row, expected, atol=1e-12)
        assert game.process.rewards[pair] == pytest.approx(reward, rel=2e-5)


def test_a_barrier_only_takes_time_and_the_last_window_fires(game):
    memories, process = len(game.pairs), game.process
    resting = process.states >= game.phases * memories
    assert resting.sum() == memories
    np.testing.assert_array_equal(
        process.chances[resting][:, :memories].toarray(), np.eye(memories)
    )
    last = process.states // memories == game.phases - 1
    assert game.choices[last, 1].all()
    assert not game.choices[process.states == 0, 1].all()
    np.testing.assert_allclose(process.chances.sum(axis=1), 1, atol=1e-12)


def test_optimal_policy_earns_what_it_promises(optimum, best_returns):
    """It is played through the environment's own step, from 300 seeds."""
    assert abs(best_returns.mean() - optimum.value) < 4 * error(best_returns)


@pytest.mark.parametrize("cadence", [1, 2, 3, 6])
def test_no_fixed_cadence_beats_the_optimum(optimum, play, cadence):
    def policy(clock, waited, pairs):
        del clock
        fewer = pairs[:, 0].sum(axis=1) <= pairs[:, 1].sum(axis=1)
        return np.where(fewer[:, None], [4, 0], [0, 4]), waited + 1 >= cadence

    returns = play(policy)
    assert 0.2 * optimum.value < returns.mean() < optimum.value + 4 * error(returns)
    assert returns.mean() < 0.99 * optimum.value


def test_bounds_are_above_the_optimum(params, optimum):
    objective = barrier_worth.information(params)
    most = fluid.bound(params, objective).most
    assert optimum.value < most < 2 * optimum.value
    yields, random = figures.of(params), np.random.default_rng(0)
    for prices in market.prices(yields, objective):
        for _ in range(10):
            drawn = Prices(*(each * random.uniform(0.3, 3, 2) for each in prices))
            assert fluid.at_prices(yields, objective, drawn).most > optimum.value


def test_a_plan_knows_what_the_simulator_heralds(params, play):
    """In every window of every round of 20 episodes, for the attempts that were made there."""
    number, seen = 20, []
    find = jax.jit(jax.vmap(lambda key: clairvoyant.heralding_keys(params, key, 20)))
    keys = find(jax.vmap(jax.random.key)(jnp.arange(number)))
    tries = jnp.stack([jnp.stack([jnp.full(1, a), jnp.full(1, b)]) for a, b in TRIES])
    known = jax.jit(jax.vmap(lambda key, at: clairvoyant.pairs(params.network, key, at, tries)))

    def policy(clock, waited, pairs):
        del pairs
        chosen = (np.arange(SEEDS) + clock) % len(TRIES)
        return np.array(TRIES)[chosen], (np.arange(SEEDS) + waited) % 3 == 0

    def watch(before, happened, tried, over):
        rounds = np.asarray(before.round)[:number]
        made = known(keys[np.arange(number), rounds], before.gathered.window[:number])
        expected = np.asarray(made)[
            np.arange(number), [TRIES.index(tuple(t)) for t in tried[:number]]
        ]
        found = np.asarray(happened.gathered.heralded - before.gathered.heralded)[:number]
        np.testing.assert_array_equal(found[~over[:number]], expected[~over[:number]])
        seen.append((~over[:number]).sum())

    play(policy, watch)
    assert sum(seen) > 400


def test_no_episode_is_better_than_a_plan_that_knew_its_luck(params, best_returns):
    """Each of 40 episodes with its own plan, not only their mean."""
    objective = barrier_worth.information(params)
    plans = [clairvoyant.plan(params, objective, jax.random.key(seed)) for seed in range(40)]
    most = np.array([plan.most for plan in plans])
    assert (best_returns[:40] <= most * (1 + 1e-6)).all()
    assert most.mean() < 2.5 * best_returns.mean()
    assert most.std() > 0.01 * most.mean()
    for plan in plans:
        assert (plan.rounds + BARRIER).sum() <= 40


def test_without_limit_on_the_windows_they_do_not_matter():
    """The same optimum from fewer states."""
    few = {"episode.budget_s": 5.0}
    limited, free = (
        optimal_windows.game(parameters.build(config.load("micro-loop", few | changes)))
        for changes in ({"network.most_windows": 4}, {"network.most_windows": 5})
    )
    assert (limited.phases, free.phases) == (4, 1)
    assert optimal_windows.solve(free).value == pytest.approx(optimal_windows.solve(limited).value)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"episode.decision": "round"}, "steps that are rounds"),
        ({"hardware.initial_fidelity": 0.95}, "pairs good enough for key"),
        ({"network.conditions.links": "markov"}, "links that change"),
        ({"network.spend": "on_arrival"}, "pairs that are spent on arrival"),
        ({"network.most_windows": 60, "episode.budget_s": 99.0}, "states are too many"),
    ],
)
def test_what_it_does_not_cover_is_refused(changes, reason):
    other = parameters.build(config.load("micro-loop", changes))
    with pytest.raises(ValueError, match=reason):
        optimal_windows.game(other)
