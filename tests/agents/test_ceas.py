"""CEAS: votes by certificate, key first, legal actions, little to expire."""

import compiled
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_agents import ceas, market
from ceas_gym import actions, config, parameters
from ceas_gym.types import Observation


@pytest.fixture(scope="module")
def tiny():
    return parameters.build(config.load("tiny"))


@pytest.fixture(scope="module")
def start(tiny):
    return compiled.reset(tiny, jax.random.key(0))[1].observation


plan, survey, choose = map(compiled.compiled, (ceas.ceas, market.survey, ceas.choose))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31 - 1))
def test_action_is_legal_for_any_observation(tiny, start, seed):
    random = np.random.default_rng(seed)
    observation = Observation(
        random.random(start.nodes.shape, np.float32),
        random.random(start.network.shape, np.float32),
    )
    action = np.asarray(plan(tiny, observation, jax.random.key(0)))
    assert np.isfinite(action).all()
    assert np.abs(action).max() <= 1
    asked = (action + 1) / 2
    assert (asked.sum(axis=1) <= float(tiny.network.channels[0]) + 1e-4).all()


def test_node_short_of_key_gets_the_earliest_windows(tiny, start):
    column = market.COLUMN["tag"]
    rich = Observation(start.nodes.at[:, column].set(1.0), start.network)
    poor = Observation(rich.nodes.at[2, column].set(0.0), start.network)
    none = jax.random.key(0)
    with_key = actions.decode(tiny.network, plan(tiny, rich, none))
    short = actions.decode(tiny.network, plan(tiny, poor, none))
    assert float(short[0, 2]) > float(with_key[0, 2])


def test_count_of_served_nodes_minimises_the_certificate():
    params = parameters.build(config.load("small"))
    _, timestep = compiled.reset(params, jax.random.key(0))
    found = survey(params.network, timestep.observation)
    served = choose(params, found)
    productivity = np.asarray(found.value.sum(axis=0))
    count = int(served.sum())
    # The most productive ones, and no fewer than can commit.
    assert set(np.flatnonzero(served)) == set(np.argsort(-productivity)[:count])
    assert count > 2 * int(params.consensus.tolerated)


@pytest.mark.parametrize("channels", [2, 5])
def test_without_attackers_no_channel_is_left_without_a_node(channels):
    changes = {"network.channels": channels, "attack.byzantine_nodes": 0}
    params = parameters.build(config.load("small", changes))
    _, timestep = compiled.reset(params, jax.random.key(0))
    found = survey(params.network, timestep.observation)
    assert int((found.can_tag & (found.value.sum(axis=0) > 0)).sum()) >= channels
    assert int(choose(params, found).sum()) >= channels


def test_hopeless_node_is_left_out():
    params = parameters.build(config.load("small"))
    _, timestep = compiled.reset(params, jax.random.key(0))
    found = survey(params.network, timestep.observation)
    weak = found._replace(value=found.value.at[:, 0].multiply(1e-4))
    assert bool(choose(params, found)[0])
    assert not bool(choose(params, weak)[0])


@pytest.mark.parametrize("share", [0.3, 0.5, 1.0])
def test_focus_is_on_the_most_productive(share):
    params = parameters.build(config.load("small"))
    seen = compiled.reset(params, jax.random.key(0))[1].observation
    found = survey(params.network, seen)
    asked = ceas.focused(params, seen, jax.random.key(0), share=share) > -1
    productivity = np.asarray(jnp.where(found.can_tag, found.value.sum(axis=0), 0))
    first = set(np.argsort(-productivity)[: round(10 * share)]) & set(np.flatnonzero(productivity))
    assert set(np.flatnonzero(asked.any(axis=0))) == first


def test_who_is_byzantine_changes_nothing(tiny, start):
    other = parameters.build(config.load("tiny", {"attack.placement": "best_links"}))
    one, two = (np.asarray(plan(at, start, jax.random.key(0))) for at in (tiny, other))
    assert (one == two).all()


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
