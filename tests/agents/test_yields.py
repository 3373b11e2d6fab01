"""What channel-time yields at best: by hand, and by linear programs of windows."""

import itertools
import math
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.loop_yields import by_hand
from helpers.networks import altered
from scipy.optimize import linprog

from ceas_agents.bounds import yields
from ceas_gym import config, parameters

LOOP: dict[str, object] = {"episode.decision": "window", "network.barrier_windows": 2}


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("micro-loop"))


def test_micro_loop_is_known_by_hand(params):
    """Four whole attempts of 4.17 fit into a window, seven in ten succeed, and pairs die soon."""
    found = yields.of(params)
    attempts, chance, fidelity, memories = 1 / 0.24, 0.7, 0.8, 4
    rate = 1 / 42
    values = []
    for age in itertools.count():
        decay = [rate + 1 / 4 * factor for factor in _spreads(params)]
        kept = [-math.expm1(-each) / each * math.exp(-each * age) for each in decay]
        contraction = np.array([(4 * fidelity - 1) / 3 * each for each in kept])
        alive = (1 + 3 * contraction) / 4 >= 0.6
        if not alive.any():
            break
        gates = np.asarray(params.network.operations.delivery_contraction, float).sum(axis=0)
        process = ((1 + contraction * gates) / 4) ** 2
        signal = (16 * process - 1) / 15
        values.append(np.where(alive, signal**2 / (signal + 2 * (1 - signal) / 4) / 2, 0))
    np.testing.assert_allclose(found.value, values, rtol=1e-4)
    np.testing.assert_allclose(found.pairs, attempts * chance, rtol=1e-4)
    np.testing.assert_allclose(found.variance, attempts * chance * (1 - chance), rtol=1e-4)
    np.testing.assert_allclose(found.whole, 4 / attempts, rtol=1e-6)
    np.testing.assert_allclose(found.most, memories * np.array(values[0]), rtol=1e-4)
    assert (found.tag_bits, found.barrier, found.longest, found.budget) == (0, 1, 6, 40)


def _spreads(params):
    """By how much the nodes' memories decay faster than the nominal 4 s; the layout draws it."""
    rates = np.asarray(params.network.memories.decay_rate[0], float)
    return rates[np.asarray(params.network.routes.vertex)] * 4


def test_key_costs_what_the_protocol_asks_for():
    params = parameters.build(config.load("tiny", LOOP))
    found = yields.of(params)
    assert found.tag_bits == pytest.approx(float(params.network.key.tag_bits), rel=1e-5)
    assert (found.bits > 0).all()
    assert found.nodes.tolist() == [0, 1, 2, 3]


def test_nodes_that_can_never_take_part_are_left_out():
    changes = {"network.lengths_km": [1.0, 300.0, 5.0, 400.0]}
    found = yields.of(parameters.build(config.load("tiny", LOOP | changes)))
    assert found.nodes.tolist() == [0, 2]
    assert found.passes.shape == (1, 2)


def test_on_arrival_pairs_are_used_when_they_are_new(params):
    spent = replace(params, network=replace(params.network, spends_on_arrival=True))
    usual, found = yields.of(params), yields.of(spent)
    np.testing.assert_array_equal(found.value, np.tile(usual.value[0], (6, 1)))
    np.testing.assert_allclose(found.most, 6 * usual.most)


@pytest.mark.parametrize("chance", [0.3, 0.9])
def test_links_that_fail_vary_more(chance):
    """The greatest variance of an attempt that succeeds with that probability, or a lower one."""
    lower = np.linspace(0, chance, 1001)
    for changes, expected in (
        ({}, chance * (1 - chance)),
        ({"network.conditions.links": "markov"}, (lower * (1 - lower)).max()),
        ({"attack.name": "jamming"}, (lower * (1 - lower)).max()),
    ):
        settings = {"hardware.success_probability": chance, **changes}
        found = yields.of(parameters.build(config.load("micro-loop", settings)))
        np.testing.assert_allclose(found.variance, expected / 0.24, rtol=1e-3)


def test_rounding_adds_no_pairs(params):
    """The greatest number of pairs on average, of every share of a channel in fine steps."""
    from ceas_gym.network import generation

    found, network = yields.of(params), params.network
    shares = np.concatenate(
        [np.linspace(0, 1, 2001), np.arange(5) * 0.24, np.arange(5) * 0.2399999]
    )
    asked = jnp.asarray(np.stack([shares, shares], axis=1), jnp.float32)
    tried = np.asarray(generation.attempts(network, asked))[..., 0]
    assert tried.max() == 4
    assert (tried * 0.7 <= shares[:, None] * found.pairs * (1 + 1e-6)).all()


@pytest.mark.parametrize("seed", range(20))
def test_best_use_of_shared_fibres_is_that_of_a_linear_program(seed):
    random = np.random.default_rng(seed)
    nodes, fibres = 5, random.integers(1, 4)
    passes = np.vstack([np.ones(nodes), random.random((fibres - 1, nodes)) < 0.5]).astype(float)
    channels, whole = random.uniform(0.3, 3, fibres), random.uniform(0.5, 1, nodes)
    worth = random.random(nodes)
    shared = by_hand(passes=tuple(passes), channels=tuple(channels), whole=tuple(whole))
    found = linprog(-worth, passes, channels, bounds=[(0, most) for most in whole])
    assert yields.best_use(shared, worth) == pytest.approx(-found.fun, rel=1e-9)


def test_channels_for_all_leave_nothing_to_pay_for():
    free = by_hand(channels=(2.0,))
    assert yields.hub_price(free, np.array([3.0, 1.0])) == 0
    assert yields.best_use(free, np.array([3.0, 1.0])) == 4


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("tiny", {}, "steps that are rounds"),
        ("surfnet", LOOP, "relays"),
        ("tiny", LOOP | {"network.conditions.coherence": "drifting"}, "drifting coherence"),
        ("tiny", LOOP | {"consensus.verification.pairs": 30}, "verification"),
        ("tiny", LOOP | {"network.purification": "dejmps"}, "purification"),
        ("tiny", LOOP | {"episode.layouts": 2}, "several layouts at once"),
    ],
)
def test_what_is_not_covered_is_refused(name, changes, reason):
    with pytest.raises(ValueError, match=f"do not cover {reason}"):
        yields.of(parameters.build(config.load(name, changes)))


def test_a_shorter_episode_has_shorter_rounds(params):
    short = replace(params, budget=jnp.int32(4))
    assert yields.of(short).longest == 3
    few = altered(params.network, most_windows=jnp.int32(2))
    assert yields.of(replace(params, network=few)).longest == 2
