"""Choices of rules: what each means, by other ways of computing it, and which are allowed."""

import itertools
from functools import cache
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.compiled import compiled
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import ceas_gym
from ceas_gym.task import actions, dispatch
from ceas_gym.task.observations import COLUMN, NETWORK_FEATURES, NODE_FEATURES
from ceas_gym.types import Observation, Params

NODES, CHANNELS, QUORUM = 6, 2, 3
SCENARIO: dict[str, object] = {
    "network.nodes": NODES,
    "network.channels": CHANNELS,
    "network.window_s": 0.05,
    "consensus.tolerated_nodes": 1,
}
DECISIONS = ("round", "window")
SEEDS = st.integers(0, 10**6)
ROUNDING = 1e-6


@cache
def params(decision: str = "round", **changes: Any) -> Params:
    return ceas_gym.make_params("tiny", SCENARIO | {"episode.decision": decision} | changes)


def observation(seed: int, **columns: Any) -> Observation:
    """Returns a random observation, in which some columns of the nodes are given."""
    random = np.random.default_rng(seed)
    nodes = random.uniform(0.05, 1, (NODES, len(NODE_FEATURES))).astype(np.float32)
    for name, values in columns.items():
        nodes[:, COLUMN[name]] = values
    network = random.uniform(size=len(NETWORK_FEATURES)).astype(np.float32)
    return Observation(jnp.asarray(nodes), jnp.asarray(network))


def column(seen: Observation, name: str) -> Any:
    return np.asarray(seen.nodes[:, COLUMN[name]], float)


def played(decision: str, seen: Observation, rule: str, level: int, fires: int = 0) -> Any:
    """Returns the channels that the nodes get in each window, and the last entry for windows."""
    made, place = params(decision), list(dispatch.RULES).index(rule)
    choice = place * dispatch.LEVELS + level
    choice = 2 * choice + fires if decision == "window" else choice
    action = compiled(dispatch.action)(made, seen, jnp.int32(choice))
    assert action.shape == actions.shape(made)
    asked, last = (action[None, :-1], action[-1]) if decision == "window" else (action, None)
    return np.asarray(actions.decode(made.network.switch, asked)), last


def pairs(made: Params, seen: Observation) -> Any:
    """Returns the pairs of a whole channel in a window, from the attempts that fit into it."""
    generation = made.network.generation
    tried = np.floor(generation.attempts_per_window) * generation.modes
    return (tried * generation.success_probability)[:, 0] * column(seen, "condition")


def productivity(made: Params, seen: Observation) -> Any:
    """Returns pairs over the pairs of a shot times the Fisher information of a depolarized shot.

    A pure state of dimension d that keeps a share s of its signal has the information
    s^2 / (s + 2 (1 - s) / d) of the pure one.
    """
    qubits, delivery = made.network.qubits, np.asarray(made.network.operations.delivery_contraction)
    fidelity = (1 + column(seen, "new_contraction") * delivery.sum(axis=0)) / 4
    dimension = 2**qubits
    signal = (dimension**2 * fidelity**qubits - 1) / (dimension**2 - 1)
    factor = signal**2 / (signal + 2 * (1 - signal) / dimension)
    return pairs(made, seen) / qubits * factor


def best(made: Params, seen: Observation, number: int) -> Any:
    return np.isin(np.arange(NODES), np.argsort(-productivity(made, seen))[:number])


# --- Numbers and nodes ---


def test_levels_go_from_the_quorum_to_all_nodes() -> None:
    assert dispatch.numbers(params()).tolist() == [3, 4, 5, 5, 6]
    # A quorum of all nodes.
    few = ceas_gym.make_params("tiny", {"network.nodes": 3, "consensus.tolerated_nodes": 1})
    assert dispatch.numbers(few).tolist() == [3] * dispatch.LEVELS


def test_productivity_is_the_information_of_a_whole_channel() -> None:
    seen = observation(1)
    found = dispatch.productivity(params().network, seen)
    np.testing.assert_allclose(found, productivity(params(), seen), rtol=1e-4)
    no_key = observation(1, key_rate=np.arange(NODES) % 2)
    found = dispatch.productivity(params().network, no_key)
    assert (np.asarray(found) > 0).tolist() == [False, True] * 3


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, NODES))
def test_the_most_productive_nodes_are_served(seed: int, number: int) -> None:
    seen = observation(seed)
    # Values that differ by less count as equal.
    ranks = np.sort(dispatch.STEPS_OF_RANK * np.log2(productivity(params(), seen)))
    assume(np.diff(ranks).min() > 2)
    served = compiled(dispatch.serve)(params(), seen, number)
    assert served.tolist() == best(params(), seen, number).tolist()


def test_of_equal_nodes_the_first_are_served_whatever_their_last_bits() -> None:
    length = {"network.lengths_km": (5.0,) * NODES}
    equal = ceas_gym.make_params("tiny", SCENARIO | length)
    noise = 1 + 1e-6 * np.random.default_rng(0).normal(size=NODES)
    seen = observation(0, condition=0.7 * noise, new_contraction=0.9)
    assert dispatch.serve(equal, seen, jnp.int32(2)).tolist() == [True] * 2 + [False] * 4


# --- Rules ---


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.sampled_from(list(dispatch.RULES)), st.integers(0, dispatch.LEVELS - 1))
@pytest.mark.parametrize("decision", DECISIONS)
def test_channels_go_to_served_nodes_and_to_no_more_than_there_are(
    decision: str, seed: int, rule: str, level: int
) -> None:
    seen, number = observation(seed), int(dispatch.numbers(params())[level])
    given_to, last = played(decision, seen, rule, level, seed % 2)
    assert (given_to >= 0).all()
    assert (given_to <= 1 + ROUNDING).all()
    np.testing.assert_allclose(given_to.sum(axis=1), CHANNELS, rtol=1e-5)
    assert not given_to[:, ~best(params(), seen, number)].any()
    assert last is None or last == (1 if seed % 2 else -1)


@pytest.mark.parametrize("decision", DECISIONS)
def test_even_shares_equally(decision: str) -> None:
    seen = observation(3)
    for level, number in enumerate(dispatch.numbers(params()).tolist()):
        given_to, _ = played(decision, seen, "even", level)
        expected = np.where(best(params(), seen, number), CHANNELS / number, 0)
        np.testing.assert_allclose(given_to, np.broadcast_to(expected, given_to.shape), atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_information_makes_the_most_of_root_information(seed: int) -> None:
    """Against every way to give the two channels of four windows to the three best nodes."""
    made, seen = params(), observation(seed)
    network, served = made.network, np.flatnonzero(best(made, seen, QUORUM))
    unit = float(network.memories.per_link / network.qubits)
    held, new = column(seen, "information_later") * unit, productivity(made, seen)

    def worth(windows: Any) -> float:
        return np.sqrt(held[served] + new[served] * windows).sum()

    given_to, _ = played("round", seen, "information", 0)
    ways = itertools.product(range(network.windows + 1), repeat=QUORUM)
    most = max(worth(np.array(way)) for way in ways if sum(way) == CHANNELS * network.windows)
    # Gains that differ by less than a thousandth count as equal.
    assert worth(given_to.sum(axis=0)[served]) == pytest.approx(most, rel=1e-3)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_key_comes_first_and_for_the_least_need_first(seed: int) -> None:
    made, seen = params(), observation(seed, key_rate=0.5)
    served = best(made, seen, 4)
    bits = pairs(made, seen) * 0.5
    missing = np.where(
        served, (1 - column(seen, "tags")) * float(made.network.key.node_bits) / bits, 0
    )
    given_to, _ = played("round", seen, "key_first", 1)
    for window in given_to:
        left, for_key = float(CHANNELS), np.zeros(NODES)
        for node in sorted(np.flatnonzero(missing > 0), key=lambda node: missing[node]):
            for_key[node] = min(1.0, missing[node], left)
            left -= for_key[node]
        room = np.where(served, 1 - for_key, 0)
        expected = for_key + room * min(1, left / room.sum())
        np.testing.assert_allclose(window, expected, atol=1e-4)
        missing = np.maximum(missing - for_key, 0)


def test_time_for_key_is_what_the_missing_bits_take() -> None:
    seen = observation(5, tags=0.25, key_rate=[0.5, 0, *[0.5] * 4])
    found = np.asarray(dispatch.missing_windows(params().network, seen))
    bits = float(params().network.key.node_bits)
    expected = 0.75 * bits / (0.5 * pairs(params(), seen))
    np.testing.assert_allclose(found, np.where(np.arange(NODES) == 1, 0, expected), rtol=1e-5)


# --- Masks ---


def allowed(decision: str, seen: Observation) -> Any:
    mask = np.asarray(compiled(dispatch.mask)(params(decision), seen))
    return mask.reshape(dispatch.shape(params(decision)))


def test_levels_that_serve_the_same_nodes_are_masked() -> None:
    assert dispatch.size(params()) == 15
    seen = observation(2)
    assert allowed("round", seen).tolist() == [[True, True, True, False, True]] * 3
    # Four nodes can make key; then two, which is less than a quorum.
    four, two = (observation(2, key_rate=np.arange(NODES) < able) for able in (4, 2))
    assert allowed("round", four).tolist() == [[True, True, False, False, False]] * 3
    assert allowed("round", two).tolist() == [[True, False, False, False, False]] * 3


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.lists(st.sampled_from((0.0, 1.0)), min_size=NODES, max_size=NODES))
def test_firing_needs_a_quorum_that_is_ready_and_lasts(seed: int, ready: list[float]) -> None:
    lasts = np.random.default_rng(seed).integers(0, 2, NODES)
    seen = observation(seed, ready=ready, information_later=0.3 * lasts)
    mask, levels = allowed("window", seen), allowed("round", seen)
    assert mask.shape == (3, 5, 2)
    assert (mask[..., 0] == levels).all()
    may = (np.array(ready) * lasts).sum() >= QUORUM
    assert (mask[..., 1] == (levels & may)).all()
