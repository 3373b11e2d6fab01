"""CEAS: whom it serves, key first, legal actions, little to expire."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ceas_agents.policies import aims, ceas, planning, serving
from ceas_gym import config, parameters
from ceas_gym.task import actions
from ceas_gym.task.observations import COLUMN
from ceas_gym.types import Observation


@pytest.fixture(scope="module")
def tiny():
    return parameters.build(config.load("tiny"))


@pytest.fixture(scope="module")
def start(tiny):
    return compiled.reset(tiny, jax.random.key(0))[1].observation


plan, assess = compiled.compiled(ceas.ceas), compiled.compiled(planning.assess)
focused = compiled.compiled(ceas.focused)


@functools.partial(jax.jit, static_argnums=3)
def choose(params, found, needed, placement: serving.Placement = "unknown"):
    return serving.choose(params, found, needed, placement)


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
    assert (asked.sum(axis=1) <= float(tiny.network.switch.channels[0]) + 1e-4).all()


def test_node_short_of_key_gets_the_earliest_windows(tiny, start):
    column = COLUMN["tags"]
    rich = Observation(start.nodes.at[:, column].set(1.0), start.network)
    poor = Observation(rich.nodes.at[2, column].set(0.0), start.network)
    none = jax.random.key(0)
    with_key = actions.decode(tiny.network.switch, plan(tiny, rich, none))
    short = actions.decode(tiny.network.switch, plan(tiny, poor, none))
    assert float(short[0, 2]) > float(with_key[0, 2])


@pytest.mark.parametrize("placement", ["unknown", "random"])
def test_most_productive_are_served_and_no_fewer_than_can_commit(placement):
    params = parameters.build(config.load("small"))
    _, timestep = compiled.reset(params, jax.random.key(0))
    found = assess(params.network, timestep.observation)
    needed = planning.tag_time(params.network, timestep.observation)
    served = choose(params, found, needed, placement)
    productivity = np.asarray(found.value.sum(axis=0))
    count = int(served.sum())
    assert set(np.flatnonzero(served)) == set(np.argsort(-productivity)[:count])
    assert count >= int(serving.least_votes(params)) > 2 * int(params.consensus.tolerated)


RICH = {"attack.byzantine_nodes": 1, "network.nodes": 6, "network.channels": 2}


@functools.partial(jax.jit, static_argnums=2)
def losses_of_all(params, observation, placement):
    """The loss of every set that can commit, each with its best schedule, and that of CEAS."""
    network = params.network
    found, needed = planning.assess(network, observation), planning.tag_time(network, observation)
    sets = jnp.array(list(itertools.product([False, True], repeat=6)))

    def of(served):
        def slope(information):
            return -jax.grad(lambda each: serving.loss_of(params, each, served, placement))(
                information
            )

        def give(free, most):
            return planning.allocate(found, served, free, most, slope)

        action = planning.plan(network, found, observation, served, give)
        channel_time = actions.decode(network.switch, action)
        data = channel_time - planning.fill_windows(network, jnp.where(served, needed, 0))
        information = found.stored + (found.value * jnp.maximum(data, 0)).sum(axis=0)
        lost = serving.loss_of(params, information, served, placement)
        return jnp.where(served.sum() >= serving.least_votes(params), lost, jnp.inf)

    return jax.lax.map(of, sets), of(serving.choose(params, found, needed, placement))


CHOICES = [
    ("median", "unknown"),
    pytest.param("median", "best", marks=pytest.mark.slow),
    *(
        pytest.param(rule, "unknown", marks=pytest.mark.slow)
        for rule in aims.AIMS
        if rule != "median"
    ),
    pytest.param("median", "random", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("rule", "placement"), CHOICES)
def test_no_other_set_is_much_better(rule, placement):
    worst = []
    for seed in range(6):
        changes = RICH | {"consensus.rule": rule, "network.layout_seed": seed}
        params = parameters.build(config.load("tiny", changes))
        observation = compiled.reset(params, jax.random.key(seed))[1].observation
        every, ours = losses_of_all(params, observation, placement)
        worst.append(float(ours / every.min()))
    # Which nodes carry most changes with the schedule, so that steps by slope end less near.
    assert max(worst) < (1.15 if placement == "best" else 1.1)


def test_data_given_to_colluders_on_the_best_links_are_lost():
    """Of those that have most, as many as collude do not count."""
    params = parameters.build(config.load("tiny", RICH))
    information, served = jnp.array([1.0, 9, 4, 2, 5, 3]), jnp.ones(6, bool)
    lost = jax.jit(lambda each: serving.loss_of(params, each, served, "best"))
    slope = np.asarray(jax.grad(lost)(information))
    assert slope[1] == 0
    assert (np.delete(slope, 1) < 0).all()


def test_colluders_that_are_reckoned_with():
    params = parameters.build(config.load("paper"))
    nodes, bad = params.network.nodes, int(params.consensus.tolerated)
    law = stats.hypergeom(nodes, bad, 28)
    found = serving.colluders(params, jnp.int32(28), "random")
    assert float(found) == pytest.approx(law.mean() + law.std(), rel=1e-5)
    assert float(serving.colluders(params, jnp.int32(28), "unknown")) == bad
    assert float(serving.colluders(params, jnp.int32(nodes), "random")) == bad


@pytest.mark.parametrize("channels", [2, 5])
def test_without_attackers_no_channel_is_left_without_a_node(channels):
    changes = {"network.channels": channels, "attack.byzantine_nodes": 0}
    params = parameters.build(config.load("small", changes))
    _, timestep = compiled.reset(params, jax.random.key(0))
    found = assess(params.network, timestep.observation)
    assert int((found.can_tag & (found.value.sum(axis=0) > 0)).sum()) >= channels
    needed = planning.tag_time(params.network, timestep.observation)
    assert int(choose(params, found, needed).sum()) >= channels


def test_hopeless_node_is_left_out():
    params = parameters.build(config.load("small"))
    _, timestep = compiled.reset(params, jax.random.key(0))
    found = assess(params.network, timestep.observation)
    weak = found._replace(value=found.value.at[:, 0].multiply(1e-4))
    needed = planning.tag_time(params.network, timestep.observation)
    assert bool(choose(params, found, needed)[0])
    assert not bool(choose(params, weak, needed)[0])


@pytest.mark.parametrize("share", [0.3, 0.5, 1.0])
def test_focus_is_on_the_most_productive(share):
    params = parameters.build(config.load("small"))
    seen = compiled.reset(params, jax.random.key(0))[1].observation
    found = assess(params.network, seen)
    asked = focused(params, seen, jax.random.key(0), share=share) > -1
    productivity = np.asarray(jnp.where(found.can_tag, found.value.sum(axis=0), 0))
    first = set(np.argsort(-productivity)[: round(10 * share)]) & set(np.flatnonzero(productivity))
    assert set(np.flatnonzero(asked.any(axis=0))) == first


def test_who_is_byzantine_changes_nothing(tiny, start):
    other = parameters.build(config.load("tiny", {"attack.placement": "best_links"}))
    one, two = (np.asarray(plan(at, start, jax.random.key(0))) for at in (tiny, other))
    assert (one == two).all()


@pytest.mark.slow
def test_ceas_wastes_less_than_uniform():
    from ceas_agents.evaluation import contestants, play

    scenario = config.load("small", {"episode.rounds": 4})
    chosen = [contestants.get("ceas"), contestants.get("uniform")]
    params = play.prepare(scenario, chosen)
    wasted = []
    for contestant in chosen:
        (_, rounds), *_ = play.episodes(contestant, params[contestant.name], 4, range(1))
        wasted.append(rounds["pairs_expired"].sum() / rounds["pairs_generated"].sum())
    assert wasted[0] < 0.05 < wasted[1]
