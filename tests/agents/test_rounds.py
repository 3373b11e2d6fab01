"""The exact optimum of a round's game: its transitions, its value, and what it refuses."""

import itertools
from collections import defaultdict

import jax
import numpy as np
import pytest
from helpers import pair_by_pair
from scipy import stats

from ceas_agents.bounds import optimal_rounds, oracle, outcomes
from ceas_agents.evaluation import contestants, play
from ceas_gym import config, dynamics, parameters
from ceas_gym.network import generation
from ceas_gym.task import actions

ROUNDS = 20


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("micro"))


@pytest.fixture(scope="module")
def game(params):
    return optimal_rounds.game(params)


@pytest.fixture(scope="module")
def optimum(game):
    return optimal_rounds.solve(game, ROUNDS)


def one_round(states, heralded, rates, gates):
    """Returns what two nodes with so many pairs of each age hold afterwards, and deliver."""
    after, delivered, oldest = [], 0.0, states.shape[1]
    for node, rate in enumerate(rates):
        ages = pair_by_pair.ages_of(states[node])
        for made in heralded:
            ages = pair_by_pair.window(ages, made[node], rate, oldest)
        gained, left = pair_by_pair.spend(ages, rate, gates[:, node])
        delivered += gained / 2
        after.append(np.bincount(left, minlength=oldest))
    return np.array(after), delivered / (pair_by_pair.MEMORIES / 2 * ROUNDS)


def test_transitions_are_those_of_a_round_played_pair_by_pair(params, game):
    rates, gates = pair_by_pair.rates_and_gates(params.network)
    number = {state.tobytes(): place for place, state in enumerate(game.states)}
    random = np.random.default_rng(0)
    for pair in random.choice(len(game.process.states), 60, replace=False):
        state = game.states[game.process.states[pair]]
        tried = game.attempts[pair % len(game.attempts)]
        chances, reward = defaultdict(float), 0.0
        for flat in itertools.product(*(range(most + 1) for most in tried.ravel())):
            chance = stats.binom.pmf(flat, tried.ravel(), pair_by_pair.SUCCESS).prod()
            after, gained = one_round(state, np.reshape(flat, tried.shape), rates, gates)
            chances[number[after.tobytes()]] += chance
            reward += chance * gained
        row = game.process.chances[[pair]].toarray()[0]
        expected = np.array([chances[place] for place in range(len(game.states))])
        np.testing.assert_allclose(row, expected, atol=1e-12)
        assert game.process.rewards[pair] == pytest.approx(reward, rel=2e-5)


def test_chances_add_up_to_one(game):
    np.testing.assert_allclose(game.process.chances.sum(axis=1), 1, atol=1e-12)


def test_every_schedule_can_be_asked_for(params, game):
    for tried in game.attempts:
        schedule = actions.decode(params.network.switch, outcomes.request(params.network, tried))
        np.testing.assert_array_equal(generation.attempts(params.network, schedule)[..., 0], tried)


def test_optimal_policy_earns_what_it_promises(params, game, optimum):
    """It is played through the environment's own step, from 300 seeds."""
    number = {state.tobytes(): place for place, state in enumerate(game.states)}
    asked = np.stack([outcomes.request(params.network, tried) for tried in game.attempts])
    start = jax.jit(jax.vmap(lambda key: dynamics.reset(params, key)[0]))
    step = jax.jit(jax.vmap(lambda state, action: dynamics.step(params, state, action)))
    state = start(jax.random.split(jax.random.key(5), 300))
    returns = np.zeros(300)
    for now in range(ROUNDS):
        places = [number[row.tobytes()] for row in np.asarray(state.memory.pairs, np.int64)]
        state, timestep = step(state, asked[optimum.schedules[now, places]])
        returns += timestep.reward
    error = returns.std(ddof=1) / np.sqrt(300)
    assert abs(returns.mean() - optimum.value) < 4 * error


@pytest.mark.parametrize("name", [pytest.param("ceas", marks=pytest.mark.slow), "round_robin"])
def test_nobody_beats_the_optimum(params, optimum, name):
    played = play.episodes(contestants.get(name), params, ROUNDS, range(200))
    returns = np.array([play.summary(metrics, 1.0)["return"] for _, metrics in played])
    assert returns.mean() - 4 * returns.std(ddof=1) / np.sqrt(200) < optimum.value


def test_oracle_bounds_the_optimum(params, optimum):
    most = oracle.bound(params, jax.random.key(0)).information
    assert optimum.value < most < 2 * optimum.value


def test_optimum_of_no_round_is_nothing(game):
    assert optimal_rounds.solve(game, 0).value == 0


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"hardware.initial_fidelity": 0.95}, "pairs good enough for key"),
        ({"consensus.unauthenticated_updates": "drop"}, "tags"),
        ({"network.purification": "dejmps"}, "purification"),
        ({"network.conditions.coherence": "drifting"}, "drifting coherence"),
        ({"network.conditions.links": "markov"}, "links that change"),
        ({"hardware.modes": 1000}, "of a window are too many"),
        ({"network.windows": 4}, "of a round are too many"),
        ({"episode.decision": "window"}, "steps that are windows"),
        ({"network.spend": "on_arrival"}, "pairs that are spent on arrival"),
    ],
)
def test_what_it_does_not_cover_is_refused(changes, reason):
    other = parameters.build(config.load("micro", changes))
    with pytest.raises(ValueError, match=reason):
        optimal_rounds.game(other)
