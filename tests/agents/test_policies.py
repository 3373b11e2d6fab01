"""Baselines: what each one does, on any scenario, and the contestants built on them."""

import jax
import numpy as np
import pytest
from helpers import compiled

from ceas_agents import POLICIES, load
from ceas_agents.evaluation import contestants
from ceas_agents.policies.registry import VERSIONS
from ceas_gym import config, dynamics, parameters
from ceas_gym.network import forecast
from ceas_gym.task import actions
from ceas_gym.types import Observation

BY_ROUND = [name for name, each in VERSIONS.items() if each.round]


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("small", {"network.channels": 3}))


@pytest.fixture(scope="module")
def start(params):
    return compiled.reset(params, jax.random.key(0))[1].observation


def schedule(params, policy, observation, key=0):
    action = compiled.compiled(POLICIES[policy])(params, observation, jax.random.key(key))
    return np.asarray(compiled.compiled(actions.decode)(params.network.switch, action))


@pytest.mark.parametrize("name", BY_ROUND)
def test_action_lies_in_the_action_space(params, start, name):
    action = np.asarray(compiled.compiled(POLICIES[name])(params, start, jax.random.key(0)))
    assert action.shape == (params.network.windows, 10)
    assert np.abs(action).max() <= 1


def test_uniform_serves_all_alike(params, start):
    assert schedule(params, "uniform", start) == pytest.approx(0.3)


def test_round_robin_serves_everybody_equally_often(params, start):
    served = np.zeros(10)
    for number in range(5):
        progress = number / float(params.rounds)
        now = Observation(start.nodes, start.network.at[0].set(progress))
        given = schedule(params, "round_robin", now)
        assert given.sum(axis=1) == pytest.approx(3.0)
        served += given.sum(axis=0)
    assert served == pytest.approx(12.0)


def test_random_follows_its_key(params, start):
    one, same = (schedule(params, "random", start, key=1) for _ in range(2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, schedule(params, "random", start, key=2))


def test_max_rate_fills_the_fastest_links_first(params, start):
    given = schedule(params, "max_rate", start)
    network = params.network
    pairs = np.asarray(forecast.expected_pairs(network))
    needed = np.asarray(network.memories.per_link) / pairs
    fastest = np.argsort(needed)
    assert given[0, fastest[0]] == pytest.approx(min(1, needed[fastest[0]]), rel=1e-3)
    assert given[0].sum() == pytest.approx(3.0)
    assert (given.sum(axis=0) <= needed + 1e-4).all()


def test_names_resolve_or_say_what_is_near():
    assert load("ceas") is POLICIES["ceas"]
    own = contestants.get("ceas_agents.policies.baselines:uniform")
    assert own.policy is VERSIONS["uniform"].round
    with pytest.raises(ValueError, match="did you mean oblivious-fair"):
        contestants.get("oblivious-fare")
    with pytest.raises(ValueError, match="can't be imported"):
        contestants.get("nowhere:policy")


def test_oblivious_contestants_differ_where_the_design_says():
    scenario = config.load("paper")
    fair = config.load(scenario, contestants.get("oblivious-fair").overrides)
    assert fair.consensus.weights == "uniform"
    assert fair.network == scenario.network
    assert fair.consensus.rule == scenario.consensus.rule
    naive = config.load(scenario, contestants.get("oblivious-naive").overrides)
    assert naive.network.cutoff_fidelity is None
    assert naive.network.spend_order == "oldest_first"
    assert (naive.consensus.rule, naive.consensus.unauthenticated_updates) == ("mean", "accept")
    assert naive.attack == scenario.attack


@pytest.mark.parametrize("name", BY_ROUND)
def test_every_policy_acts_where_numbers_have_64_bits(name):
    """It is traced only; observations have 32 bits all the same."""
    with jax.enable_x64(True):
        params, key = parameters.build(config.load("tiny")), jax.random.key(0)
        observation = jax.eval_shape(dynamics.reset, params, key)[1].observation
        action = jax.eval_shape(POLICIES[name], params, observation, key)
    assert action.shape == (params.network.windows, params.network.nodes)
