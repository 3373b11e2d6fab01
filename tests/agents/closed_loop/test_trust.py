"""Trust: when it is lost, for how long, and whom a wary CEAS then serves, in NumPy."""

from functools import partial

import jax
import numpy as np
import pytest
from helpers import seen
from helpers.compiled import compiled, reset

from ceas_agents.evaluation import contestants
from ceas_agents.policies.closed_loop import trust
from ceas_agents.policies.closed_loop.ceas import ceas
from ceas_gym import config, parameters
from ceas_gym.consensus.protocol import quorum
from ceas_gym.network import forecast

KEY = jax.random.key(0)
SERVED = 0.01
"""Share of a channel from which a node counts as served."""
CALM = {"progress": 0.0, "validation_accuracy": 0.9}


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("unequal-loop", {"episode.layouts": 1}))


@pytest.fixture(scope="module")
def start(params):
    return reset(params, KEY)[1].observation


@pytest.fixture(scope="module")
def best_first(params):
    return np.argsort(-np.asarray(compiled(forecast.quality)(params.network)))


@pytest.fixture(scope="module")
def wary():
    return compiled(trust.wary)


def after(start, best_first, took_part: int, **network: float):
    """What the hub sees after a round with so many of the twelve nodes with the best links."""
    shots = np.zeros(best_first.size)
    shots[best_first[:took_part]] = shots[best_first[12:]] = 0.5
    return seen.hub(seen.nodes(start, shots=shots), **network)


@pytest.mark.parametrize("progress", [trust.EARLY - 0.02, trust.EARLY + 0.02, 0.9])
@pytest.mark.parametrize("rise", [trust.RISE - 0.02, trust.RISE + 0.02])
@pytest.mark.parametrize("took_part", [3, 8, 12])
def test_nine_of_fifty_are_passed_over_after_a_relapse_and_then_for_good(
    params, start, best_first, wary, progress, rise, took_part
):
    # Losses are shown as shares of twice the loss of guessing.
    losses = {"lowest_loss": 0.3, "validation_loss": 0.3 + rise / 2}
    shown = after(start, best_first, took_part, progress=progress, **losses)
    lost = took_part / 12 < trust.FEW or (progress > trust.EARLY and rise > trust.RISE)
    passed_over = set(np.flatnonzero(~np.asarray(wary(params, shown))))
    assert passed_over == (set(best_first[:9]) if lost else set())


def test_a_training_that_never_was_good_is_no_relapse(params, start, best_first, wary):
    losses = {"lowest_loss": 0.7, "validation_loss": 1.0}
    shown = after(start, best_first, 12, progress=0.9, validation_accuracy=0.2, **losses)
    assert np.asarray(wary(params, shown)).all()


def test_before_the_first_round_it_trusts(params, start, wary):
    assert np.asarray(wary(params, start)).all()
    assert compiled(trust.reliance)(params, start) == 1


def test_at_least_a_quorum_is_left():
    few = {"network.nodes": 4, "network.channels": 2, "attack.byzantine_nodes": 1}
    small = parameters.build(config.load("unequal-loop", few | {"episode.layouts": 1}))
    room = 4 - int(compiled(quorum)(small.consensus))
    assert float(compiled(trust.most_passed_over)(small)) == min(0.75, room)


def test_a_wary_ceas_is_ceas_until_it_distrusts(params, start, best_first):
    plain, careful = compiled(ceas), compiled(partial(ceas, trust="wary"))
    calm = after(start, best_first, 12, **CALM)
    np.testing.assert_array_equal(plain(params, calm, KEY), careful(params, calm, KEY))
    distrusting = after(start, best_first, 0, **CALM)
    shares = {name: (np.asarray(act(params, distrusting, KEY))[:-1] + 1) / 2
              for name, act in (("plain", plain), ("careful", careful))}  # fmt: skip
    assert (shares["plain"][best_first[:9]] > SERVED).any()
    assert (shares["careful"][best_first[:9]] <= SERVED).all()
    assert (shares["careful"] > SERVED).any()


def test_the_contestant_is_ceas_with_this_option():
    named = contestants.get("ceas-wary")
    assert isinstance(named.policy, partial)
    assert named.policy.keywords == {"trust": "wary"}
    assert not named.overrides
