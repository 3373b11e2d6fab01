"""CEAS: feasible, near the optimum of its objective, votes by certificate, little to expire."""

import cvxpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_agents import ceas
from ceas_gym import actions, config, dynamics, parameters
from ceas_gym.types import Observation

WINDOWS, NODES = 4, 6
allocate = jax.jit(ceas.allocate)


def optimum(market, served, channels, most):
    """Returns the least sum 1 / I over the served nodes, by an interior-point solver."""
    schedule = cvxpy.Variable(market.value.shape, nonneg=True)
    value, room = np.asarray(market.value), np.asarray(market.room)
    info = np.asarray(market.stored) + cvxpy.sum(cvxpy.multiply(value, schedule), axis=0)
    pairs = cvxpy.multiply(np.asarray(market.pairs), cvxpy.sum(schedule, axis=0))
    limits = [schedule <= most, schedule @ np.asarray(market.passes).T <= channels, pairs <= room]
    chosen = np.flatnonzero(served)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(cvxpy.inv_pos(info[chosen]))), limits)
    problem.solve(solver="CLARABEL")
    return float(np.asarray(problem.value))


def objective(market, served, schedule):
    info = np.asarray(market.stored + (market.value * schedule).sum(axis=0))
    return float((1 / info[np.asarray(served)]).sum())


def random_market(seed, fibres=0):
    """Returns a market whose routes share the hub and so many fibres."""
    random = np.random.default_rng(seed)
    passes = np.vstack([np.ones(NODES), random.random((fibres, NODES)) < 0.5])
    pairs = random.uniform(30, 300, NODES)
    lifetime = random.integers(1, WINDOWS + 1, NODES)
    age = np.arange(WINDOWS)[::-1, None]
    fresh = random.uniform(0.3, 0.9, NODES) * random.uniform(0.6, 1.0, NODES) ** age
    value = jnp.asarray(np.where(age < lifetime, pairs * fresh / 4, 0), jnp.float32)
    return ceas.Market(
        value=value,
        pairs=jnp.asarray(pairs, jnp.float32),
        stored=jnp.asarray(random.choice([0.0, 5.0], NODES), jnp.float32),
        room=jnp.asarray(random.uniform(100, 500, NODES), jnp.float32),
        can_tag=jnp.ones(NODES, bool),
        passes=jnp.asarray(passes, jnp.float32),
    )


@pytest.mark.parametrize(("fibres", "largest", "typical"), [(0, 0.07, 0.02), (2, 0.3, 0.15)])
def test_allocation_is_feasible_and_near_the_optimum(fibres, largest, typical):
    excess = []
    for seed in range(12):
        market = random_market(seed, fibres)
        served = jnp.asarray(np.random.default_rng(seed).random(NODES) < 0.8).at[0].set(True)
        channels = jnp.array([[2.0, *[1.0] * fibres]] * WINDOWS)
        most = jnp.ones((WINDOWS, NODES)).at[0, 1].set(0.3)
        schedule = allocate(market, served, channels, most)
        assert float(schedule.min()) >= 0
        assert bool((schedule <= most + 1e-5).all())
        assert bool((schedule @ market.passes.T <= channels + 1e-4).all())
        assert bool(((schedule * market.pairs).sum(axis=0) <= market.room * 1.0001).all())
        best = optimum(market, served, np.asarray(channels), np.asarray(most))
        excess.append(objective(market, served, schedule) / best - 1)
    assert min(excess) > -1e-4
    assert max(excess) < largest
    assert np.median(excess) < typical


def test_allocation_gives_nothing_where_nothing_is_served_or_would_last():
    market = random_market(1)
    served = jnp.arange(NODES) < 3
    channels = jnp.full((WINDOWS, 1), 2.0)
    schedule = allocate(market, served, channels, jnp.ones((WINDOWS, NODES)))
    assert not bool(schedule[:, 3:].any())
    assert not bool(jnp.where(market.value == 0, schedule, 0).any())


def test_early_windows_go_to_long_lived_memories():
    value = jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]]) * 50
    both, hub = jnp.array([True, True]), jnp.ones((1, 2))
    market = ceas.Market(value, jnp.full(2, 100.0), jnp.zeros(2), jnp.full(2, 1e4), both, hub)
    schedule = ceas.allocate(market, both, jnp.ones((3, 1)), jnp.ones((3, 2)))
    assert float(schedule[:2, 0].min()) > 0.9
    assert float(schedule[2, 1]) > 0.9


@pytest.fixture(scope="module")
def tiny():
    return parameters.build(config.load("tiny"))


@pytest.fixture(scope="module")
def start(tiny):
    return dynamics.reset(tiny, jax.random.key(0))[1].observation


plan = jax.jit(ceas.ceas)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31 - 1))
def test_action_is_legal_for_any_observation(tiny, start, seed):
    random = np.random.default_rng(seed)
    observation = Observation(
        jnp.asarray(random.random(start.nodes.shape), jnp.float32),
        jnp.asarray(random.random(start.network.shape), jnp.float32),
    )
    action = plan(tiny, observation, jax.random.key(0))
    assert bool(jnp.isfinite(action).all())
    assert float(jnp.abs(action).max()) <= 1
    asked = (action + 1) / 2
    assert bool((asked.sum(axis=1) <= tiny.network.channels[0] + 1e-4).all())


def test_node_short_of_key_gets_the_earliest_windows(tiny, start):
    column = ceas.COLUMN["tag"]
    rich = Observation(start.nodes.at[:, column].set(1.0), start.network)
    poor = Observation(rich.nodes.at[2, column].set(0.0), start.network)
    none = jax.random.key(0)
    with_key = actions.decode(tiny.network, plan(tiny, rich, none))
    short = actions.decode(tiny.network, plan(tiny, poor, none))
    assert float(short[0, 2]) > float(with_key[0, 2])


def test_count_of_served_nodes_minimises_the_certificate():
    params = parameters.build(config.load("small"))
    _, timestep = dynamics.reset(params, jax.random.key(0))
    market = ceas.survey(params.network, timestep.observation)
    served = ceas.choose(params, market)
    productivity = np.asarray(market.value.sum(axis=0))
    count = int(served.sum())
    # The most productive ones, and no fewer than can commit.
    assert set(np.flatnonzero(served)) == set(np.argsort(-productivity)[:count])
    assert count > 2 * int(params.consensus.tolerated)


def test_hopeless_node_is_left_out():
    params = parameters.build(config.load("small"))
    _, timestep = dynamics.reset(params, jax.random.key(0))
    market = ceas.survey(params.network, timestep.observation)
    weak = market._replace(value=market.value.at[:, 0].multiply(1e-4))
    assert bool(ceas.choose(params, market)[0])
    assert not bool(ceas.choose(params, weak)[0])


def test_who_is_byzantine_changes_nothing(tiny, start):
    other = parameters.build(config.load("tiny", {"attack.placement": "best_links"}))
    one = ceas.ceas(tiny, start, jax.random.key(0))
    two = ceas.ceas(other, start, jax.random.key(0))
    assert bool((one == two).all())


def test_ceas_wastes_less_than_uniform():
    from ceas_agents import contestants, evaluate

    scenario = config.load("small", {"episode.rounds": 4})
    chosen = [contestants.get("ceas"), contestants.get("uniform")]
    params = evaluate.prepare(scenario, chosen)
    wasted = []
    for contestant in chosen:
        (_, rounds), *_ = evaluate.episodes(contestant, params[contestant.name], 4, range(1))
        wasted.append(rounds["pairs_expired"].sum() / rounds["pairs_generated"].sum())
    assert wasted[0] < 0.05 < wasted[1]
