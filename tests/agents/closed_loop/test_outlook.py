"""What barriers would be worth: against the hub's estimate, and medians that are drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, seen

from ceas_agents.policies.closed_loop import outlook, prospects
from ceas_agents.policies.closed_loop.outlook import Aim
from ceas_gym import config, parameters
from ceas_gym.task import readiness

assess = compiled.compiled(prospects.assess)
ahead = jax.jit(lambda params, found, number: outlook.ahead(params, found, aim(number)))


def aim(number=5, placement=None, enough=3, half=300.0):
    return Aim(number, half, jnp.int32(enough), placement)


def test_worth_is_that_of_the_observation(looped):
    random = np.random.default_rng(0)
    for _ in range(5):
        information = jnp.asarray(random.uniform(0, 400, 6), jnp.float32)
        counted = jnp.asarray(random.random(6) < 0.6)
        ours = outlook.worth(looped, information, counted, aim())
        expected = readiness.worth(looped, information, counted)
        assert float(ours) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("bad", [0, 2, 4])
def test_colluders_cost_what_they_cost_a_median(bad):
    """The median of honest updates and of colluders that all send infinity, drawn many times."""
    changes = {"network.nodes": 41, "attack.byzantine_nodes": bad, "episode.decision": "window"}
    params = parameters.build(config.load("small", changes))
    information = jnp.full(41, 4.0)
    shots = worth_to_shots(params, information, "unknown")
    floor = float(params.learning.batch_floor)
    root = np.sqrt(4.0 * floor / (4.0 + floor))
    random = np.random.default_rng(bad)
    updates = np.full((20_000, 41), np.inf)
    updates[:, bad:] = random.normal(0, 1 / root, (20_000, 41 - bad))
    squared = np.median(updates, axis=1) ** 2
    error = squared.std() / len(squared) ** 0.5
    # The first order in the bias, and of many nodes, is right to a few per cent.
    assert np.pi / 2 / shots == pytest.approx(squared.mean(), abs=4 * error, rel=0.05)


def worth_to_shots(params, information, placement):
    each = aim(placement=placement, enough=1, half=100.0)
    worth = float(outlook.worth(params, information, jnp.ones(len(information), bool), each))
    return 100 * worth / (1 - worth)


def test_where_colluders_are_assumed_to_be_matters():
    """Unequal nodes: it is worst if colluders have the most, and best if there may be fewer."""
    params = parameters.build(config.load("small", {"episode.decision": "window"}))
    information = jnp.linspace(10, 100, 10)
    counted = jnp.arange(10) >= 4
    of = {
        placement: float(outlook.worth(params, information, counted, aim(placement=placement)))
        for placement in (None, "random", "unknown", "best")
    }
    assert of[None] > of["random"] > of["unknown"] > of["best"] > 0
    bad = int(params.consensus.tolerated)
    floor = float(params.learning.batch_floor)
    roots = np.sqrt(np.asarray(information) * floor / (np.asarray(information) + floor))
    honest = roots[4 : 10 - bad].sum()
    shots = honest**2 / (6 - bad + bad**2)
    assert of["best"] == pytest.approx(shots / (shots + 300), rel=1e-5)


def test_key_goes_to_those_who_lack_least_as_far_as_time_reaches():
    need = jnp.array([0.5, 2.0, 0.25, 0.4, jnp.inf])
    served = jnp.array([[True, True, True, False, True]])
    of = jax.jit(outlook.tagged)
    one = of(need, served, jnp.array([[1]]), jnp.array([[1.0]]))
    assert (np.asarray(one & served)[0]).tolist() == [True, False, True, False, False]
    short = of(need, served, jnp.array([[1]]), jnp.array([[0.7]]))
    assert (np.asarray(short & served)[0]).tolist() == [False, False, True, False, False]
    later = of(need, served, jnp.array([[2]]), jnp.array([[2.75]]))
    assert (np.asarray(later & served)[0]).tolist() == [True, True, True, False, False]


def test_a_barrier_is_worth_something_once_a_quorum_has_its_key(looped, start):
    """Slow links: the three nodes that lack least need two windows of both channels."""
    found = assess(looped.network, seen.nodes(start, condition=0.12))
    need = np.sort(np.asarray(prospects.time_needed(found)))[:3]
    first = int(np.ceil(max(need.max(), need.sum() / 2 / outlook.FITS)))
    worth = np.asarray(ahead(looped, found, 5).worth)
    assert first > 1
    assert not worth[: first - 1].any()
    assert (worth[first - 1 : first + 2] > 0).all()
    assert worth.max() < 1


def test_no_more_than_the_number_are_served_but_those_that_are_ready(looped, start):
    found = assess(looped.network, start)
    assert (np.asarray(ahead(looped, found, 4).served.sum(axis=1)) == 4).all()
    slow = np.argsort(np.asarray(found.pairs))[:2]
    tags = np.isin(np.arange(6), slow).astype(np.float32)
    ready = seen.stocked(start, looped, shots=5 * tags, tags=tags)
    assert np.asarray(ahead(looped, assess(looped.network, ready), 4).served)[:, slow].all()


def test_those_that_lack_least_are_served_if_time_is_too_short_for_key(looped, start):
    found = assess(looped.network, seen.nodes(start, condition=0.1))
    need = np.asarray(prospects.time_needed(found))
    assert need.min() > 2 / 3
    soon = np.asarray(ahead(looped, found, 3).served)[0]
    assert set(np.flatnonzero(soon)) == set(np.argsort(need)[:3])


def test_information_comes_to_what_the_channels_make(looped, start):
    """All nodes alike and nothing stored: key, then the rest in equal parts, by hand."""
    alike = assess(looped.network, start)
    same = alike._replace(
        pairs=jnp.full(6, 100.0),
        missing=jnp.full(6, 36.0),
        worth=jnp.full_like(alike.worth, 0.4),
    )
    worth = np.asarray(ahead(looped, same, 4).worth)
    # Two channels for two windows; the key of four nodes takes 4 * 0.48 of these.
    pairs = 100 * (2 * 2 - 4 * 0.48) / 4
    information = 0.4 * pairs
    floor = float(looped.learning.batch_floor)
    shots = 4 * information * floor / (information + floor)
    assert worth[1] == pytest.approx(shots / (shots + 300), rel=1e-4)
