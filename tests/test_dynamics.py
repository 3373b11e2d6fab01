"""The whole step: pairs conserved, pure, one compilation, and ending when it should."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled
from helpers.comparison import (
    DOUBLE,
    SINGLE,
    Array,
    plain,
    precise,
    requests,
    same,
    vary,
    wide,
)
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from reference import count
from reference.variants import FORKED

from ceas_gym import dynamics, parameters
from ceas_gym.jax_utils.fast_compile import LEAN
from ceas_gym.network import barrier, conditions, generation, storage
from ceas_gym.scenario import Scenario
from ceas_gym.task import actions, metrics, observations
from ceas_gym.types import Memory, Network, Params, State

Step = Callable[..., Any]
ROUNDS, SHAPE = 3, (3, 6)
ROUNDING = 1e-4
"""Of key bits in 32 bits."""
PURIFYING = {
    "network.purification": "dejmps",
    "network.purification_fidelity": 0.95,
    "network.lengths_km": (1.0, 2.0, 3.0, 6.0, 12.0, 40.0),
    "network.channels": 5,
}
RELAYED = {**PURIFYING, **FORKED}
NUMBERS: dict[str, Any] = {
    "network.channels": 1,
    "network.barrier_windows": 1,
    "network.cutoff_fidelity": None,
    "hardware.node_coherence_s": 9.0,
    "learning.learning_rate": 0.3,
    "consensus.momentum": 0.0,
    "consensus.key.security_bits": 20,
    "attack.byzantine_nodes": 2,
    "attack.strength": 3.0,
    "episode.rounds": 9,
    "episode.budget_s": 2.0,
}
"""Another value for any of these must not compile anew."""


def play(params: Params, state: State, step: Step, chosen: Array) -> tuple[list[State], list[Any]]:
    """Returns all states, the first one included, and all time steps."""
    states, timesteps = [state], []
    for action in chosen:
        state, timestep = step(params, state, action)
        states.append(state)
        timesteps.append(timestep)
    return states, timesteps


# --- pairs ---


def in_order(key: jax.Array, windows: int) -> jax.Array:
    """Returns the keys of the first windows of a round: each is the round's, with its number."""
    return jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(windows))


@jax.jit
def fates(network: Network, state: State, action: Array) -> tuple[Any, ...]:
    """Returns the network's half of the next round, node by node."""
    _, herald_key, purify_key, *_ = jax.random.split(state.key, 5)
    links = conditions.links(network, state.conditions)
    tried = generation.attempts(network, actions.decode(network.switch, action))
    window_keys = in_order(herald_key, network.windows)
    heralded = jax.vmap(partial(generation.herald, links))(tried, window_keys)
    stored, ledger = storage.store(network, links, state.memory, heralded)
    return heralded.sum(axis=0), *barrier.spend(network, links, stored, ledger, purify_key)


def test_a_round_is_one_window_after_the_other(params: Params, start: State, step: Step) -> None:
    """A round heralds in one pass; window by window, each with its key, the pairs are the same."""
    happened = step(params, start, jnp.full(SHAPE, 0.3))[1].round
    window, gathered = jax.jit(dynamics.window), storage.begin(params.network, start.memory)
    of_round = dynamics.Keys(*jax.random.split(start.key, len(dynamics.Keys._fields)))
    keys = in_order(of_round.heralding, SHAPE[0])
    for shares, key in zip(happened.schedule, keys, strict=True):
        gathered = window(params, happened.links, gathered, shares, key)
    assert int(gathered.window) == SHAPE[0]
    assert gathered.heralded.sum() > 0
    same(gathered, happened.gathered, SINGLE)


def check_fates(network: Network, before: Memory, heralded: Array, *after: Any) -> None:
    """Asserts that every pair of a round has one fate, and that no memory is overfull."""
    before, heralded, (memory, delivery, ledger) = plain((before, heralded, after))
    held, left = before.pairs.sum(axis=1), memory.pairs.sum(axis=1)
    gone = ledger.spent + ledger.keyed + ledger.expired + ledger.blocked + ledger.sacrificed
    same(held + ledger.generated, gone + left)
    same(ledger.spent, delivery.shots * network.qubits)
    # A pair of hub and node takes one pair of every link; others wait, expire or are blocked.
    links_before, links_left = before.links.sum(axis=2), memory.links.sum(axis=2)
    lost = links_before + heralded - ledger.generated[:, None] - links_left
    assert (lost[network.routes.is_hop] >= 0).all()
    assert all((fate >= 0).all() for fate in jax.tree.leaves((ledger, memory.pairs, memory.links)))
    assert (left <= network.memories.per_link).all()
    assert (links_left <= network.memories.per_link).all()
    assert (memory.key_bits.sum(axis=2) <= network.key.capacity_bits + ROUNDING).all()


@settings(derandomize=True, deadline=None, max_examples=20)
@given(chosen=arrays.arrays(np.float32, (2, *SHAPE), elements=st.floats(-1, 1, width=32)))
def test_every_pair_has_one_fate(params: Params, start: State, step: Step, chosen: Array) -> None:
    state, network = start, params.network
    for action in chosen:
        heralded, memory, delivery, ledger = fates(network, state, action)
        check_fates(network, state.memory, heralded, memory, delivery, ledger)
        same(ledger.generated, heralded[:, 0])
        state, timestep = step(params, state, action)
        # At the end of the round, key is a round older.
        older = np.pad(memory.key_bits[..., :-1], ((0, 0), (0, 0), (1, 0)))
        # Bits of key are sums, whose last digits may differ in another program.
        assert np.abs(state.memory.key_bits - older).max() <= ROUNDING
        same(replace(state.memory, key_bits=memory.key_bits), memory)
        for fate in ("generated", "spent", "keyed", "expired", "blocked", "sacrificed"):
            assert timestep.metrics[f"pairs_{fate}"] == getattr(ledger, fate).sum()
        assert timestep.metrics["pairs_stored"] == memory.pairs.sum()


@pytest.fixture(
    scope="module",
    params=[pytest.param(PURIFYING, marks=pytest.mark.slow), RELAYED],
    ids=["purifying", "relayed"],
)
def deeper(request: pytest.FixtureRequest, scenario: Scenario) -> tuple[Network, State]:
    """A network that purifies, and one with relays as well; and how an episode starts there."""
    params = parameters.build(vary(scenario, request.param))
    return params.network, compiled.reset(params, jax.random.key(0))[0]


@settings(derandomize=True, deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_every_pair_of_a_deeper_network_has_one_fate(
    deeper: tuple[Network, State], seed: int
) -> None:
    network, state = deeper
    sacrificed, shape = 0, (network.windows, *network.routes.vertex.shape)
    for action in requests(seed, ROUNDS, *shape):
        heralded, memory, *others = fates(network, state, np.maximum(action, 0.5))
        check_fates(network, state.memory, heralded, memory, *others)
        sacrificed += others[-1].sacrificed.sum()
        gathered = storage.begin(network, memory)
        state = replace(state, gathered=gathered, key=jax.random.split(state.key)[0])
    assert sacrificed > 0


@settings(derandomize=True, deadline=None, max_examples=20)
@given(chosen=arrays.arrays(np.float32, (2, *SHAPE), elements=st.floats(-1, 1, width=32)))
def test_metrics_add_up(params: Params, start: State, step: Step, chosen: Array) -> None:
    states, timesteps = play(params, start, step, chosen)
    stored, useful = 0.0, 0
    for state, timestep in zip(states[1:], timesteps, strict=True):
        figures = {name: float(value) for name, value in timestep.metrics.items()}
        assert set(figures) == set(metrics.NAMES)
        # There is no bound with half of the weight and more in the wrong hands, or without votes.
        voted = bool(state.report.weights.any())
        unbounded = set() if voted and state.report.share < 0.5 else {"certificate"}
        assert {name for name in figures if not np.isfinite(figures[name])} == unbounded

        parts = ("spent", "keyed", "expired", "blocked", "sacrificed", "stored")
        assert stored + figures["pairs_generated"] == sum(figures[f"pairs_{p}"] for p in parts)
        worked = count(state.useful) - useful
        used = figures["pairs_spent"] + figures["pairs_keyed"]
        assert 0 <= worked <= used
        assert figures["pairs_wasted"] == used - worked
        part = count(state.useful) / max(count(state.generated), 1)
        assert figures["utilization"] == pytest.approx(part)
        stored, useful = figures["pairs_stored"], count(state.useful)


# --- purity ---


@pytest.fixture(scope="module")
def exact(params: Params) -> Params:
    """The scenario in 64 bits."""
    with jax.enable_x64(True):
        return precise(params)


def settled(params: Params, key: jax.Array) -> State:
    """Returns the start of an episode, every number in the type that a step returns it in."""
    start = wide(compiled.reset(params, key)[0])
    after, _ = jax.eval_shape(dynamics.step, params, start, jnp.zeros(SHAPE))

    def convert(leaf: jax.Array, made: Any) -> jax.Array:
        return leaf if leaf.dtype == made.dtype else leaf.astype(made.dtype)

    return jax.tree.map(convert, start, after)


def test_optimized_equals_quickly_compiled(exact: Params) -> None:
    """What users run, and what the tests run."""
    optimized = LEAN | {"xla_backend_optimization_level": 3}
    with jax.enable_x64(True):
        state = settled(exact, jax.random.key(1))
        action = jnp.asarray(requests(0, *SHAPE), jnp.float64)
        fast = jax.jit(dynamics.step, compiler_options=optimized)(exact, state, action)
        same(fast, compiled.step(exact, state, action), DOUBLE)


@pytest.mark.slow
def test_compiled_equals_eager(exact: Params) -> None:
    """A minute of operations that are compiled one by one."""
    with jax.enable_x64(True):
        state = settled(exact, jax.random.key(1))
        action = jnp.asarray(requests(0, *SHAPE), jnp.float64)
        whole = compiled.step(exact, state, action)
        same(whole, dynamics.step(exact, state, action), DOUBLE)


def test_batched_scan_equals_a_loop_of_steps(exact: Params) -> None:
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(2), 3)
        chosen = jnp.asarray(requests(0, 3, ROUNDS, *SHAPE), jnp.float64)
        starts = [settled(exact, key) for key in keys]

        @jax.jit
        @jax.vmap
        def episode(start: State, chosen: jax.Array) -> Any:
            return jax.lax.scan(lambda state, a: dynamics.step(exact, state, a), start, chosen)

        batch = episode(jax.tree.map(lambda *leaves: jnp.stack(leaves), *starts), chosen)
        for row, start in enumerate(starts):
            states, timesteps = play(exact, start, compiled.step, chosen[row])
            stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *timesteps)
            alone = states[-1], stacked
            same(jax.tree.map(lambda leaf, row=row: leaf[row], batch), alone, DOUBLE)


def test_same_key_same_result_and_inputs_left_alone(
    params: Params, start: State, step: Step, key: jax.Array
) -> None:
    action = requests(0, *SHAPE)
    inputs = jax.tree.map(np.copy, plain((params, start, action)))
    first = step(params, start, action)
    same(first, step(params, start, action))
    same((params, start, action), inputs)
    same(compiled.reset(params, key)[0], start)
    _, other = step(params, replace(start, key=jax.random.key(7)), action)
    assert other.metrics["pairs_generated"] != first[1].metrics["pairs_generated"]


def test_numbers_of_the_scenario_share_one_compilation(
    scenario: Scenario, params: Params, start: State, step: Any
) -> None:
    action = requests(0, *SHAPE)
    step(params, start, action)
    compilations = step._cache_size()
    for name, value in NUMBERS.items():
        other = parameters.build(vary(scenario, {name: value}))
        equal = jax.tree.map(np.array_equal, plain(params), plain(other))
        assert not all(jax.tree.leaves(equal)), name
        step(other, start, action)
        assert step._cache_size() == compilations, name


# --- the end, the quorum, and what is seen ---


def test_episode_ends_with_its_budget_and_stays_finite(
    scenario: Scenario, params: Params, start: State, step: Step
) -> None:
    rounds = scenario.episode.rounds
    states, timesteps = play(params, start, step, requests(1, rounds, *SHAPE))
    assert [bool(step.terminated) for step in timesteps] == [False] * (rounds - 1) + [True]
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(plain(states)))
    for timestep, before, after in zip(timesteps, states, states[1:], strict=False):
        decrease = before.scores.validation_loss - after.scores.validation_loss
        same(timestep.reward, decrease, SINGLE)
        for seen in jax.tree.leaves(timestep.observation):
            assert ((seen >= 0) & (seen <= 1)).all()
            assert seen.dtype == jnp.float32


def test_diverged_model_ends_the_episode(params: Params, start: State, step: Step) -> None:
    lost = replace(start.model, parameters=start.model.parameters * jnp.nan)
    _, timestep = step(params, replace(start, model=lost), requests(0, *SHAPE))
    assert timestep.terminated
    for seen in jax.tree.leaves(timestep.observation):
        assert ((seen >= 0) & (seen <= 1)).all()


@pytest.mark.parametrize(
    ("served", "largest_share", "committed"),
    [([], 0.45, False), ([0, 1], 0.45, False), ([0, 1, 2], 0.3, False), ([0, 1, 2], 0.45, True)],
)
def test_model_moves_only_with_a_quorum(
    params: Params,
    start: State,
    step: Step,
    served: list[int],
    largest_share: float,
    committed: bool,
) -> None:
    action = np.full(SHAPE, -1.0, np.float32)
    action[:, served] = 1.0
    protocol = replace(params.consensus, largest_share=jnp.float32(largest_share))
    after, timestep = step(replace(params, consensus=protocol), start, action)
    assert timestep.metrics["authenticated_nodes"] == len(served)
    assert bool(timestep.metrics["committed"]) == committed
    assert (timestep.metrics["pairs_wasted"] == 0) == (committed or not served)
    if committed:
        assert (after.model.parameters != start.model.parameters).any()
    else:
        same(after.model, start.model)
        same(after.scores, start.scores, SINGLE)
        same(timestep.reward, jnp.float32(0), SINGLE)


def test_one_counted_node_leaves_all_metrics_meaningful(
    params: Params, start: State, step: Step
) -> None:
    action = np.full(SHAPE, -1.0, np.float32)
    action[:, 0] = 1.0
    _, timestep = step(params, start, action)
    assert timestep.metrics["accepted_nodes"] == 1
    assert not any(np.isnan(value) for value in timestep.metrics.values())


def test_starved_rounds_only_age(params: Params, start: State, step: Step) -> None:
    chosen = np.concatenate([requests(1, 1, *SHAPE), np.full((2, *SHAPE), -1.0, np.float32)])
    (_, full, *starved), _ = play(params, start, step, chosen)
    assert full.memory.key_bits.sum() > 0
    for state in starved:
        assert count(state.generated) == count(full.generated) > 0
        assert (state.memory.pairs.sum(axis=1) <= full.memory.pairs.sum(axis=1)).all()
        same((state.model, state.scores), (full.model, full.scores))
    # Key lives for two rounds.
    assert starved[-1].memory.key_bits.sum() == 0


def test_scheduler_sees_neither_traitors_nor_the_test_split(
    params: Params, start: State, step: Step
) -> None:
    action, observe = requests(1, *SHAPE), jax.jit(observations.observe)
    state, timestep = step(params, start, action)
    blamed = replace(state, byzantine=~state.byzantine)
    graded = replace(state, scores=replace(state.scores, accuracy=jnp.float32(0.123)))
    for hidden in (blamed, graded):
        same(observe(params, hidden), observe(params, state))

    test = params.learning.test
    inverted = replace(params.learning, test=replace(test, labels=1 - test.labels))
    other_state, other = step(replace(params, learning=inverted), start, action)
    same((other.observation, other.reward), (timestep.observation, timestep.reward))
    same(other_state.model, state.model)
    assert other.metrics["accuracy"] != timestep.metrics["accuracy"]
