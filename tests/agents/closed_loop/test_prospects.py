"""Prospects against memories that really age, and against sums by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, seen

from ceas_agents.policies.closed_loop import prospects
from ceas_gym import config, parameters
from ceas_gym.network import conditions, storage
from ceas_gym.task import readiness

assess = compiled.compiled(prospects.assess)
LATER = 4


@pytest.fixture(scope="module")
def one_window(looped):
    """The state and observation after one window of whole channels, shared by all."""
    state = compiled.reset(looped, jax.random.key(1))[0]
    asked = jnp.full(7, 2 / 6 * 2 - 1).at[-1].set(-1)
    state, timestep = compiled.step(looped, state, asked)
    return state, timestep.observation


@jax.jit
def as_they_age(params, state):
    """Returns what nodes could bring to a barrier after each number of windows of rest."""
    links = conditions.links(params.network, state.conditions)

    def rested(windows):
        memory, _ = storage.rest(params.network, links, state.memory, windows)
        gathered = storage.begin(params.network, memory)
        return readiness.assess(params, links, gathered).information

    return jnp.stack([rested(windows) for windows in range(LATER + 1)])


def test_held_is_what_stored_pairs_are_worth_as_they_age(looped, one_window):
    state, observation = one_window
    found = assess(looped.network, observation)
    real = np.asarray(as_they_age(looped, state))
    assert real[0].max() > 20
    assert np.asarray(found.held[:LATER]) == pytest.approx(real[1:], rel=2e-3, abs=0.05)
    assert (np.asarray(found.age)[real[0] > 0] == 0).all()


def test_worth_is_that_of_a_new_pair_as_it_ages(looped, one_window):
    state, observation = one_window
    found = assess(looped.network, observation)
    shots = np.asarray(state.memory.pairs.sum(axis=1)) // looped.network.qubits
    expected = np.asarray(found.worth[: LATER + 1]) * looped.network.qubits * shots
    assert expected == pytest.approx(np.asarray(as_they_age(looped, state)), rel=2e-3, abs=0.05)


def test_pairs_of_a_channel_are_those_that_are_made(looped, one_window):
    """Within four standard errors; a third of a channel for each node."""
    state, observation = one_window
    made = np.asarray(state.gathered.ledger.generated)
    expected = np.asarray(assess(looped.network, observation).pairs) / 3
    assert (np.abs(made - expected) < 4 * np.sqrt(expected) + 1).all()


def test_age_is_found_again(looped, one_window):
    state, _ = one_window
    links = conditions.links(looped.network, state.conditions)
    memory, _ = storage.rest(looped.network, links, state.memory, jnp.int32(1))
    mean = (memory.pairs * memory.contraction[-1].mean(axis=0)).sum(axis=1)
    mean = mean / jnp.maximum(memory.pairs.sum(axis=1), 1)
    older = seen.nodes(one_window[1], stored_contraction=mean)
    holds = np.asarray(memory.pairs.sum(axis=1)) > 0
    assert (np.asarray(assess(looped.network, older).age)[holds] == 1).all()


def test_missing_pairs_are_those_for_tags_and_a_shot(looped, start):
    network = looped.network
    asked = seen.nodes(start, tags=0.25, key_rate=0.5)
    by_hand = 0.75 * float(network.key.node_bits) / 0.5 + network.qubits
    assert np.asarray(assess(network, asked).missing) == pytest.approx(by_hand, rel=1e-6)
    ready = seen.stocked(start, looped, shots=2)
    assert np.asarray(assess(network, ready).missing) == pytest.approx(0)
    # One pair is stored, and a shot takes two.
    half = seen.nodes(ready, stored=1 / float(network.memories.per_link), ready=0)
    assert np.asarray(assess(network, half).missing) == pytest.approx(1, rel=1e-4)


def test_every_further_member_may_need_a_pair_more():
    changes = {"episode.decision": "window", "consensus.committee.members": 4}
    network = parameters.build(config.load("small", changes)).network
    empty = jnp.zeros((network.nodes, len(seen.COLUMN)))
    nothing = seen.nodes(seen.Observation(empty, jnp.zeros(len(seen.PLACE))), key_rate=0.5)
    by_hand = float(network.key.node_bits) / 0.5 + 3 + network.qubits
    assert np.asarray(assess(network, nothing).missing) == pytest.approx(by_hand, rel=1e-6)


def test_pairs_that_expire_leave_room(looped, start):
    full = seen.stocked(start, looped, shots=256)
    assert np.asarray(assess(looped.network, full).room) == pytest.approx(0)
    dying = seen.nodes(full, information_later=0)
    found = assess(looped.network, dying)
    assert np.asarray(found.room) == pytest.approx(512)
    assert not np.asarray(found.held).any()


def test_nothing_is_left_after_a_barrier(looped, start):
    full = seen.stocked(start, looped, shots=256)
    found = assess(looped.network, full)
    fresh = prospects.emptied(looped.network, full, found)
    nothing = assess(looped.network, start)
    for name in ("pairs", "worth", "held", "room", "missing", "able"):
        expected = np.asarray(getattr(nothing, name))
        assert np.asarray(getattr(fresh, name)) == pytest.approx(expected, rel=1e-6)


def test_shots_executed_on_arrival_neither_age_nor_take_room():
    changes = {"episode.decision": "window", "network.spend": "on_arrival"}
    network = parameters.build(config.load("tiny", changes)).network
    empty = jnp.zeros((network.nodes, len(seen.COLUMN)))
    shown = seen.nodes(
        seen.Observation(empty, jnp.zeros(len(seen.PLACE))),
        **{"key_rate": 0.5, "tags": 1.0, "survival": 0.9, "information_later": 0.1},
    )
    found = assess(network, shown)
    assert np.asarray(found.held) == pytest.approx(0.1 * 512 / 2, rel=1e-5)
    assert np.isinf(np.asarray(found.room)).all()
    assert np.asarray(found.missing) == pytest.approx(0)
    assert np.asarray(found.worth[-1]) == pytest.approx(np.asarray(found.worth[0]))


def test_time_for_key_has_a_margin(looped, start):
    found = assess(looped.network, seen.nodes(start, condition=[1, 1, 1, 1, 1, 0.5]))
    need = np.asarray(prospects.time_needed(found))
    missing, pairs = np.asarray(found.missing), np.asarray(found.pairs)
    assert need == pytest.approx((missing + 2 * np.sqrt(missing)) / pairs, rel=1e-5)
    dead = found._replace(able=jnp.zeros(6, bool))
    assert np.isinf(np.asarray(prospects.time_needed(dead))).all()
