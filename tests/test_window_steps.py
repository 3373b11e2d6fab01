"""Steps of one window: rounds taken apart, and whatever is waited and fired, all adds up."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled
from helpers.comparison import SINGLE, Array, plain, requests, same, vary, waits_and_fires
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays

import ceas_gym
from ceas_gym import clock, parameters
from ceas_gym.scenario import Scenario
from ceas_gym.task import rewards
from ceas_gym.task.observations import NETWORK_FEATURES
from ceas_gym.types import Params, State

Step = Callable[..., Any]
NODES, WINDOWS, ROUNDS = 6, 3, 3
BY_WINDOW = {"episode.decision": "window"}
LASTING = {
    "hardware.node_coherence_s": 1e4,
    "hardware.hub_coherence_s": 1e4,
    "consensus.key.lifetime_s": None,
}
"""Where the end of a round is known, pairs that would expire before it are spared for key. So
rounds can be taken apart only if all pairs last."""
LEARNED = ("model", "workers", "cache", "scores", "report")
FUSED = 8 * 2.0**-23
"""Largest difference, relative to the largest value: in another program, XLA fuses other products
with sums, which are then rounded once; without fusion
(`XLA_FLAGS=--xla_disable_hlo_passes=fusion`), all bits are the same."""
ROUNDING = 1e-5
"""Of key bits, which are differences of numbers in 32 bits, for the same cause."""
PLACES = {feature.name: place for place, feature in enumerate(NETWORK_FEATURES)}
FATES = ("spent", "keyed", "expired", "blocked", "sacrificed", "tested")
AT_BARRIERS = ("shots", "authenticated_nodes", "accepted_nodes", "committed", "gradient_error")
NUMBERS: dict[str, Any] = {
    "network.barrier_windows": 5,
    "network.most_windows": 7,
    "episode.budget_s": 2.5,
}
"""Another value for any of these must not compile anew."""


def pair(shares: Array, fires: Any) -> Array:
    """Returns the action of one window: requests in [-1, 1], and whether the barrier fires."""
    return np.append(shares, 1.0 if fires else -1.0).astype(np.float32)


def close(left: Any, right: Any) -> None:
    """Asserts that trees are equal: floats to `FUSED` of the largest, everything else exactly."""
    for one, other in zip(*map(jax.tree.leaves, (plain(left), plain(right))), strict=True):
        largest = float(np.abs(other).max()) if np.issubdtype(other.dtype, np.floating) else 0.0
        np.testing.assert_allclose(one, other, rtol=0, atol=FUSED * largest)


# --- Rounds taken apart ---


@pytest.mark.parametrize("pause", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_firing_after_every_round_is_what_a_round_is(scenario: Scenario, pause: int) -> None:
    changes = {**LASTING, "network.barrier_windows": pause}
    whole = parameters.build(vary(scenario, changes))
    apart = parameters.build(vary(scenario, changes | BY_WINDOW))
    one, expected = compiled.reset(whole, jax.random.key(3))
    other, _ = compiled.reset(apart, jax.random.key(3))
    same(one, other)
    for schedule in requests(5, ROUNDS, WINDOWS, NODES):
        one, expected = compiled.step(whole, one, schedule)
        told = []
        for window, shares in enumerate(schedule):
            other, seen = compiled.step(apart, other, pair(shares, window == WINDOWS - 1))
            told.append(seen)
        assert np.abs(other.memory.key_bits - one.memory.key_bits).max() <= ROUNDING
        key = replace(other.memory, key_bits=one.memory.key_bits)
        learned = {name: getattr(one, name) for name in LEARNED}
        close({name: getattr(other, name) for name in LEARNED}, learned)
        gathered = replace(other.gathered, memory=key)
        same(replace(other, gathered=gathered, steps=one.steps, **learned), one)
        # What differs is not carried on.
        other = replace(one, steps=other.steps)
        last = told[-1]
        close(last.observation, expected.observation)
        same(last.observation.network, expected.observation.network)
        same((last.reward, last.terminated), (expected.reward, expected.terminated))
        same(last.round.delivery, expected.round.delivery)
        for name in expected.metrics:
            if name.startswith("pairs_") and name != "pairs_stored":
                assert sum(seen.metrics[name] for seen in told) == expected.metrics[name], name
            else:
                close(last.metrics[name], expected.metrics[name])
    assert expected.metrics["utilization"] > 0
    assert int(one.clock) == ROUNDS * (WINDOWS + pause)


# --- Whatever is waited and fired ---


@pytest.fixture(scope="module")
def by_window(scenario: Scenario) -> Params:
    return parameters.build(vary(scenario, BY_WINDOW))


@pytest.fixture(scope="module")
def beginning(by_window: Params) -> State:
    return compiled.reset(by_window, jax.random.key(0))[0]


def paced(params: Params, barrier: int, most: int, budget: int) -> Params:
    """Returns the scenario with other numbers of windows: of a barrier, a round, an episode."""
    pace = {"barrier_windows": jnp.int32(barrier), "most_windows": jnp.int32(most)}
    network = replace(params.network, **pace)
    return replace(params, network=network, budget=jnp.int32(budget))


def check_pairs(before: State, after: State, timestep: Any) -> None:
    """Asserts that every pair of a step has one fate, and at each node since the last barrier."""
    figures, ledger = timestep.metrics, timestep.round.ledger
    gone = sum(figures[f"pairs_{fate}"] for fate in FATES)
    came = before.memory.pairs.sum() + figures["pairs_generated"]
    assert came == gone + after.memory.pairs.sum()
    assert figures["pairs_stored"] == after.memory.pairs.sum()
    assert all((getattr(ledger, fate) >= 0).all() for fate in (*FATES, "generated"))
    so_far = before.gathered.ledger
    for fate in (*FATES, "generated"):
        new = getattr(ledger, fate) - getattr(so_far, fate)
        assert (new >= 0).all()
        assert figures[f"pairs_{fate}"] == new.sum()
    of_nodes = sum(getattr(ledger, fate) - getattr(so_far, fate) for fate in FATES)
    made = ledger.generated - so_far.generated
    same(before.memory.pairs.sum(axis=1) + made, of_nodes + after.memory.pairs.sum(axis=1))


def check_time(params: Params, before: State, after: State, timestep: Any) -> None:
    """Asserts that a step takes its window and its barrier, and that what is seen says so."""
    fired, network = bool(timestep.metrics["fired"]), params.network
    assert after.clock == before.clock + 1 + fired * network.barrier_windows
    assert timestep.metrics["time_s"] == pytest.approx(float(after.clock * network.window_s))
    assert after.gathered.window == (0 if fired else before.gathered.window + 1)
    assert (after.steps, after.round) == (before.steps + 1, before.round + fired)
    shortest = 1 + network.barrier_windows
    assert bool(timestep.terminated) == (after.clock + shortest > params.budget)
    seen = timestep.observation.network
    assert seen[PLACES["progress"]] == pytest.approx(min(after.clock / params.budget, 1))
    assert seen[PLACES["waited"]] == pytest.approx(after.gathered.window / network.most_windows)
    for part in (timestep.observation.nodes, seen):
        assert ((part >= 0) & (part <= 1)).all()


def check_learning(params: Params, before: State, after: State, timestep: Any) -> None:
    """Asserts that the model changes at committed barriers only, and that only they are paid."""
    figures, consensus = timestep.metrics, params.consensus
    kept = ("model", "workers", "cache", "scores", "report", "key")
    if not figures["fired"]:
        for name in kept:
            same(getattr(after, name), getattr(before, name))
        assert all(figures[name] == 0 for name in (*AT_BARRIERS, "pairs_spent"))
        assert timestep.reward == 0
    decrease = before.scores.validation_loss - after.scores.validation_loss
    same(timestep.reward, decrease, SINGLE)
    enough = figures["accepted_nodes"] > consensus.votes_needed * consensus.tolerated
    assert enough or not figures["committed"]
    if not figures["committed"]:
        same(after.model, before.model)
        assert figures["pairs_wasted"] == figures["pairs_spent"]


@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    shares=arrays.arrays(np.float32, (9, NODES), elements=st.floats(-1, 1, width=32)),
    fires=st.lists(st.booleans(), min_size=9, max_size=9),
    pace=st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(4, 14)),
)
def test_any_waiting_and_firing_adds_up(
    by_window: Params,
    beginning: State,
    step: Step,
    shares: Array,
    fires: list[bool],
    pace: tuple[int, int, int],
) -> None:
    params, state, told = paced(by_window, *pace), beginning, []
    before, numbers = plain(beginning), plain(params)
    for asked, fire in zip(shares, fires, strict=True):
        state, timestep = step(params, state, pair(asked, fire))
        after, timestep = plain((state, timestep))
        waited = int(before.gathered.window) + 1
        assert bool(timestep.metrics["fired"]) == (fire or waited >= pace[1])
        check_pairs(before, after, timestep)
        check_time(numbers, before, after, timestep)
        check_learning(numbers, before, after, timestep)
        before, told = after, [*told, timestep]
        if timestep.terminated:
            break
    # No step ends after the budget, and the totals of the episode add up.
    assert before.clock <= pace[2]
    rewards = sum(float(timestep.reward) for timestep in told)
    decrease = float(beginning.scores.validation_loss - before.scores.validation_loss)
    assert rewards == pytest.approx(decrease, abs=1e-5)
    fates = {f: sum(float(t.metrics[f"pairs_{f}"]) for t in told) for f in (*FATES, "generated")}
    assert fates.pop("generated") == sum(fates.values()) + before.memory.pairs.sum()


def test_a_barrier_takes_as_long_as_it_says_and_nothing_is_made(
    by_window: Params, beginning: State, step: Step
) -> None:
    """A barrier of three windows, and one that takes no time before three idle windows."""
    idle, pause = np.full(NODES, -1.0), 3
    first, _ = step(by_window, beginning, pair(np.ones(NODES), False))
    slow = step(paced(by_window, pause, 9, 99), first, pair(np.ones(NODES), True))
    state, timestep = step(paced(by_window, 0, 9, 99), first, pair(np.ones(NODES), True))
    expired = float(timestep.metrics["pairs_expired"])
    stored = int(state.memory.pairs.sum())
    for _ in range(pause):
        state, timestep = step(paced(by_window, 0, 9, 99), state, pair(idle, False))
        assert timestep.metrics["pairs_generated"] == 0
        expired += float(timestep.metrics["pairs_expired"])
    assert 0 < state.memory.pairs.sum() < stored
    same(slow[0].memory.pairs, state.memory.pairs)
    same(slow[0].memory.contraction, state.memory.contraction, SINGLE)
    assert slow[1].metrics["pairs_expired"] == expired
    assert (slow[0].clock, slow[0].gathered.window) == (state.clock, 0)


def test_a_barrier_without_pairs_is_paid_for(
    by_window: Params, beginning: State, step: Step
) -> None:
    nothing = pair(np.full(NODES, -1.0), True)
    after, timestep = step(paced(by_window, 4, 9, 99), beginning, nothing)
    assert int(after.clock) == 5
    assert timestep.metrics["fired"] == 1
    assert timestep.metrics["committed"] == timestep.metrics["shots"] == timestep.reward == 0
    same((after.model, after.memory.pairs), (beginning.model, beginning.memory.pairs))


def test_only_barriers_are_paid_whatever_the_reward(
    by_window: Params, beginning: State, step: Step
) -> None:
    """Accuracy is never zero, but a window that waits pays nothing for it."""
    params = replace(paced(by_window, 2, 9, 50), reward=rewards.validation_accuracy)
    observe, state, paid = jax.jit(clock.observe), beginning, []
    for fires in (False, False, True, False, True):
        after, timestep = step(paced(by_window, 2, 9, 50), state, pair(np.ones(NODES), fires))
        paid.append(float(observe(params, state, after, timestep.round).reward))
        state = after
    accuracy = float(state.scores.validation_accuracy)
    assert [share == 0 for share in paid] == [True, True, False, True, False]
    assert paid[-1] == pytest.approx(accuracy * 4 / 50)


def test_scanned_batches_of_windows_are_single_steps(by_window: Params, step: Step) -> None:
    """With the functions that users call, although a batch computes a barrier in every step."""
    keys, chosen = jax.random.split(jax.random.key(8), 2), jnp.asarray(waits_and_fires(7, 8, NODES))

    @jax.jit
    @jax.vmap
    def episode(key: jax.Array) -> Any:
        def one(state: State, action: jax.Array) -> Any:
            _, state, *told = ceas_gym.step(state.key, state, action, by_window)
            return state, told

        return jax.lax.scan(one, ceas_gym.reset(key, by_window)[1], chosen)

    state, (rewards, ended, cut, figures) = plain(episode(keys))
    assert not cut.any()
    for row, key in enumerate(keys):
        alone = ceas_gym.reset(key, by_window)[1]
        for number, action in enumerate(chosen):
            alone, timestep = step(by_window, alone, action)
            told = {name: values[row, number] for name, values in figures.items()}
            same(told, timestep.metrics, SINGLE)
            same(rewards[row, number], timestep.reward, SINGLE)
            assert ended[row, number] == timestep.terminated
        of_row = jax.tree.map(lambda leaf, row=row: leaf[row], state)
        same((of_row.clock, of_row.memory.pairs), (alone.clock, alone.memory.pairs))
    assert 0 < figures["fired"].sum() < figures["fired"].size


def test_links_change_anew_in_every_window(
    scenario: Scenario, beginning: State, step: Step
) -> None:
    """A link stays with a chance of one half; none stays, or changes, in all of twenty windows."""
    names = [f"network.conditions.{name}_s" for name in ("good", "degraded", "down")]
    changing = {"network.conditions.links": "markov"} | dict.fromkeys(names, 0.2)
    params, state = parameters.build(vary(scenario, BY_WINDOW | changing)), beginning
    seen = [state.conditions.link]
    for _ in range(20):
        state, _ = step(params, state, pair(np.full(NODES, -1.0), False))
        seen.append(state.conditions.link)
    changed = np.diff(np.array(seen), axis=0) != 0
    assert state.round == 0
    assert changed.any(axis=0).all()
    assert not changed.all(axis=0).any()


def test_numbers_of_windows_share_one_compilation(
    scenario: Scenario, by_window: Params, beginning: State, step: Any
) -> None:
    action = pair(np.ones(NODES), False)
    step(by_window, beginning, action)
    compilations = step._cache_size()
    for name, value in NUMBERS.items():
        other = parameters.build(vary(scenario, BY_WINDOW | {name: value}))
        equal = jax.tree.map(np.array_equal, plain(by_window), plain(other))
        assert not all(jax.tree.leaves(equal)), name
        step(other, beginning, action)
        assert step._cache_size() == compilations, name
