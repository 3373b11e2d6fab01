"""Steering: each output does what it says, and reliance is counted by hand."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import jax
import numpy as np
import pytest
from helpers import seen
from helpers.compiled import compiled, reset

from ceas_agents.policies import checkpoints, steering
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.closed_loop import trust
from ceas_agents.policies.closed_loop.ceas import ceas
from ceas_agents.policies.networks import Features
from ceas_agents.training.evolution import weights
from ceas_gym import config, parameters
from ceas_gym.consensus.protocol import quorum
from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.network import forecast

KEY = jax.random.key(0)
OLD, NEW = weights.SIGNS
SEEN = Features((), NEW)
SERVED = 0.01
"""Share of a channel from which a node counts as served."""


@pytest.fixture(scope="module")
def params():
    return parameters.build(config.load("unequal-loop", {"episode.layouts": 1}))


@pytest.fixture(scope="module")
def start(params):
    return reset(params, KEY)[1].observation


@pytest.fixture(scope="module")
def act(params) -> Callable[..., Any]:
    play = compiled(steering.play)
    return lambda observation, *outputs: np.asarray(play(array(outputs), params, observation))


def order(params):
    return np.argsort(-np.asarray(compiled(forecast.quality)(params.network)))


def served(action):
    return set(np.flatnonzero((action[:-1] + 1) / 2 > SERVED))


@pytest.mark.parametrize("second", [-2, 0, 2])
def test_outputs_of_zero_play_ceas_with_an_information_of_choice(params, start, act, second):
    for shown in (start, seen.stocked(start, params, shots=4)):
        plain = compiled(ceas)(params, shown, KEY, half=300 * np.exp(second))
        np.testing.assert_allclose(act(shown, 0, second, -20), plain, atol=1e-5)


@pytest.mark.parametrize(("first", "spare"), [(-20, 0.0), (20, 50.0)])
def test_the_first_output_serves_a_quorum_or_everybody(params, start, act, first, spare):
    plain = compiled(partial(ceas, serve="quorum"))(params, start, KEY, spare=spare)
    np.testing.assert_allclose(act(start, first, 0, -20), plain, atol=1e-5)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (-3, 1), (5, 0), (0, -2)])
def test_freely_the_first_output_is_a_share_of_all_beyond_a_quorum(params, start, first, second):
    room = params.network.nodes - int(quorum(params.consensus))
    options = {"spare": room / (1 + np.exp(2 - first)), "half": 300 * np.exp(second)}
    plain = compiled(partial(ceas, serve="quorum"))(params, start, KEY, **options)
    found = compiled(steering.play_freely)(array([first, second, -20]), params, start)
    np.testing.assert_allclose(found, plain, atol=1e-5)


@pytest.mark.parametrize("room", [0, 1, 2, 24, 499])
def test_the_first_output_moves_what_ceas_would_serve(room):
    adjusted = compiled(steering.adjusted)
    for spare in range(0, room + 1, 7):
        moved = [float(adjusted(array(spare), room, array(by))) for by in (-30, -1, 0, 1, 30)]
        assert moved[0] == 0
        assert moved[2] == spare
        assert moved[4] == room
        assert moved == sorted(moved)
        if 0 < spare < room:
            odds = spare / (room - spare) * np.e
            assert moved[3] == round(room * odds / (1 + odds))


def test_the_last_output_passes_over_the_best_links(params, start, act):
    tolerated, best = int(params.consensus.tolerated), order(params)
    for output in (2.0, 3.0, 4.0, 6.0):
        passed_over = round(tolerated / (1 + np.exp(4 - output)))
        assert not served(act(start, 0, 0, output)) & set(best[:passed_over])
    assert set(best[:3]) <= served(act(start, 0, 0, -20))


def test_reliance_counts_the_best_nodes_that_took_part(params, start):
    reliance, best = compiled(trust.reliance), order(params)
    tolerated = int(params.consensus.tolerated)
    assert reliance(params, start) == 1
    for among in (0, 1, tolerated):
        shots = np.zeros(params.network.nodes)
        shots[best[:among]] = shots[best[tolerated:]] = 0.5
        shown = seen.nodes(start, shots=shots)
        assert reliance(params, shown) == pytest.approx(among / tolerated)


def test_nodes_that_form_teams_are_refused_in_one_line():
    made = Agent("steered", weights.layers(weights.wary(NEW), (5, 3, 3)), SEEN)
    teams = parameters.build(config.load("circuit", {"episode.decision": "window"}))
    shown = reset(teams, KEY)[1].observation
    with pytest.raises(ValueError, match=r"nodes form teams; set learning\.scheme to data"):
        jax.eval_shape(checkpoints.policy(made), teams, shown, KEY)


def distrusts(sees, *shown):
    """Whether a wary start passes over all of the best links that are tolerated, or none."""
    widths = (len(sees) + 1, weights.WARY_HIDDEN, steering.OUTPUTS)
    first, last = weights.layers(weights.wary(sees), widths)
    inner = np.tanh(np.array(shown) @ first.weight + first.bias)
    share = 1 / (1 + np.exp(4 - (inner @ last.weight + last.bias)[-1]))
    assert min(share, 1 - share) < 0.05
    return share > 0.5


@pytest.mark.parametrize("relied", [0.0, 1.0])
def test_a_wary_start_loses_its_trust_and_keeps_to_it(relied):
    """By the rules in words: the accuracy is low, or the loss has risen, or it was so before."""
    for late, accuracy in product((0.05, 0.2, 0.9), (0.2, 0.6, 0.95)):
        lost = relied == 0 or (late > 0.12 and accuracy < 0.4)
        assert distrusts(OLD, late, accuracy, relied) == lost
    for late, loss, lowest in product((0.0, 0.2), (0.3, 0.9), (0.2, 0.7)):
        lost = relied == 0 or (late > 0.06 and loss - lowest > 0.4)
        assert distrusts(NEW, late, 0.5, loss, lowest, relied) == lost
