"""The surplus of a barrier against a search over all sets of nodes, and the models against it."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.loop_yields import by_hand
from scipy.optimize import minimize

from ceas_agents.bounds import barrier_worth
from ceas_agents.bounds.barrier_worth import Prices
from ceas_gym import config, parameters
from ceas_gym.task import readiness

NODES = 5
SEEDS = (0, 1, 2, 3, 5, 7, 10)


@pytest.fixture(scope="module")
def params():
    """Of five nodes, of which the hub needs three."""
    changes = {"network.nodes": NODES, "episode.decision": "window", "episode.rounds": 3}
    return parameters.build(config.load("tiny", changes))


def drawn(seed):
    """Yields and prices of five nodes, from hardly worth it to plenty."""
    random = np.random.default_rng(seed)
    yields = by_hand(
        pairs=(1e4,) * NODES,
        whole=(1.0,) * NODES,
        value=((0.2,) * NODES,),
        bits=(0.5,) * NODES,
        most=tuple(random.uniform(5, 400, NODES)),
        tag_bits=random.uniform(0, 30),
    )
    scale = 10 ** random.uniform(-4, -2.2)
    return yields, Prices(scale * random.uniform(0.5, 2, NODES), scale * random.random(NODES))


def worth_of(params, shots, ready):
    return float(readiness.worth(params, jnp.asarray(shots), jnp.asarray(ready)))


def smoothed_worth(shots, floor):
    """The worth of a quorum of nodes that all take part, in 64 bits."""
    root = np.sqrt(shots * floor / (shots + floor)).sum() ** 2 / len(shots)
    return root / (root + 300)


def best_of_all(yields, prices, quorum, floor):
    """The greatest worth beyond all prices, of any set and any information, by local search."""
    best = 0.0
    for number in range(quorum, NODES + 1):
        for chosen in itertools.combinations(range(NODES), number):
            at = list(chosen)
            tags = prices.key[at].sum() * yields.tag_bits

            def loss(share, at=at):
                shots = np.maximum(share, 1e-9) * yields.most[at]
                return prices.information[at] @ shots - smoothed_worth(shots, floor)

            # The worth of a given set is concave, so any start will do.
            found = minimize(loss, np.full(number, 0.2), bounds=[(1e-6, 1)] * number)
            best = max(best, -found.fun - tags)
    return best


@pytest.mark.parametrize("seed", SEEDS)
def test_surplus_is_the_best_of_all_sets(params, seed):
    yields, prices = drawn(seed)
    quorum, floor = 3, float(params.learning.batch_floor)
    best = best_of_all(yields, prices, quorum, floor)
    found = barrier_worth.worth(params).surplus(yields, prices)
    assert best - 1e-6 <= found <= 1.02 * best + 3e-3


def test_some_of_these_are_worth_their_price_and_some_are_not(params):
    found = [barrier_worth.worth(params).surplus(*drawn(seed)) for seed in SEEDS]
    assert min(found) == 0
    assert 0.1 < max(found) < 1


def test_the_worth_of_a_barrier_is_that_of_the_simulator(params):
    shots = np.array([3.0, 40.0, 9.0, 100.0, 7.0])
    ready = np.array([True, True, False, True, False])
    expected = smoothed_worth(shots[ready], float(params.learning.batch_floor))
    assert worth_of(params, shots, ready) == pytest.approx(expected, rel=1e-5)
    assert worth_of(params, shots, ready & (shots > 5)) == 0


def test_without_a_quorum_there_is_no_surplus(params):
    yields = by_hand(tag_bits=0.0)
    free = Prices(np.full(2, 1e-12), np.zeros(2))
    assert barrier_worth.worth(params).surplus(yields, free) == 0
    assert list(barrier_worth.worth(params).models(yields)) == []


@pytest.mark.parametrize("seed", range(4))
def test_models_are_just_above_the_worth_of_any_delivery(params, seed):
    """Where it is concave in the sum of roots: where it is worth more than a quarter."""
    yields, _ = drawn(seed)
    random, floor = np.random.default_rng(seed), float(params.learning.batch_floor)
    models = list(barrier_worth.worth(params).models(yields))
    assert [model.served for model in models] == [3, 4]
    for model in models:
        shots = random.uniform(0.1, 1, (200, NODES)) * yields.most
        shots[:, model.served :] = 0
        present = np.arange(NODES) < (model.served or 0)
        rise, slope = model.tangents.transpose(2, 0, 1)
        roots = (rise * present[:, None] + slope * shots[:, :, None]).min(axis=2)
        above = (model.lines[:, 0] + model.lines[:, 1] * roots.sum(axis=1)[:, None]).min(axis=1)
        worth = np.array([smoothed_worth(row[: model.served], floor) for row in shots])
        concave = worth > 0.25
        assert concave.sum() > 50
        assert (above >= worth - 1e-9)[concave].all()
        np.testing.assert_allclose(above[concave], worth[concave], rtol=0.02)


@pytest.mark.parametrize("seed", range(6))
def test_surplus_of_information_is_the_best_of_all_corners(params, seed):
    """It is linear, so each node brings everything or nothing."""
    yields, prices = drawn(seed)
    weight = 1 / (NODES * 512 / 2 * 3)
    prices = Prices(prices.information * weight / 1e-3, prices.key * weight)
    shots = np.array(list(itertools.product([0, 1], repeat=NODES)))
    gains = shots * ((weight - prices.information) * yields.most - prices.key * yields.tag_bits)
    found = barrier_worth.information(params).surplus(yields, prices)
    assert found == pytest.approx(gains.sum(axis=1).max(), rel=1e-6)
