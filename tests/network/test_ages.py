"""The ages that are kept against a search through all of them, and episodes with all ages."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.comparison import requests, vary
from helpers.compiled import compiled, reset, step
from hypothesis import given, settings
from hypothesis import strategies as st
from network import built
from reference.variants import PURIFYING, RELAXING, RELAYED

from ceas_gym import config, dynamics, layouts, parameters
from ceas_gym.jax_utils.fast_compile import LEAN
from ceas_gym.network import ages, arrival, conditions, counts, storage, verification
from ceas_gym.network import sabotage as of_the_network
from ceas_gym.scenario import Scenario
from ceas_gym.task import actions
from ceas_gym.types import Memory, Network, Params, Sabotage

HERE = __name__
SEARCHED = 40
"""Ages through which is searched."""
CHAINS = built.chains([10.0, 3.0], [4.0], [1.0, 6.0, 2.0])
NETWORKS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "star": ({}, {}),
    "all dead at birth": ({}, {"cutoff_fidelity": 0.99}),
    "unequal memories": ({"node_coherence_spread": 1.0}, {"layout_seed": 3}),
    "dephasing": ({"memory": "dephasing"}, {"cutoff_fidelity": 0.9}),
    "a better hub": ({"hub_coherence_s": 500.0}, {"window_s": 0.5}),
    "relaxation": (
        {"memory": "t1_t2", "hub_relaxation_s": 60.0, "node_relaxation_s": 30.0},
        {"cutoff_fidelity": 0.7},
    ),
    "links that wait": ({}, {"graph": CHAINS, "window_s": 0.2, "cutoff_fidelity": 0.85}),
    "long routes": ({}, {"graph": CHAINS, "window_s": 0.5, "cutoff_fidelity": 0.7}),
}


def network_of(name: str, **changes: Any) -> Network:
    hardware, given = NETWORKS[name]
    usual: dict[str, Any] = {"oldest_windows": SEARCHED}
    if "graph" not in given:
        usual["nodes"] = 4
    return built.build(hardware, **(usual | given | changes))


def lives(network: Network) -> Iterator[tuple[int, float]]:
    """Yields every age with the fidelity of every pair, in 64 bits, one pair after the other."""
    rate = np.asarray(network.memories.decay_rate, float).T.tolist()
    made = np.asarray(network.generation.contraction, float).transpose(1, 2, 0).tolist()
    swaps = np.asarray(network.operations.swap_contraction, float).T.tolist()
    routes = jax.device_get(network.routes)
    for node, hops in enumerate(routes.is_hop.sum(axis=1).tolist()):
        links = []
        for hop in range(hops):
            rates = summed(rate, routes.ends[node, hop])
            kept = map(mean_of_window, rates)
            links.append(aging([a * b for a, b in zip(made[node][hop], kept, strict=True)], rates))
        for link in links if hops > 1 else ():
            yield from enumerate(map(fidelity, link))
        # Where there are relays, every link may have waited for a while before the swap.
        for waits in product((0, 1, 5) if hops > 1 else (0,), repeat=hops):
            waited = [link[wait] for link, wait in zip(links, waits, strict=True)]
            new = [math.prod(one) * swap for *one, swap in zip(*waited, swaps[node], strict=True)]
            rates = summed(rate, [0, routes.vertex[node]])
            yield from enumerate(map(fidelity, aging(new, rates)))


def summed(rate: list[list[float]], ends: Any) -> list[float]:
    one, other = ends
    return [a + b for a, b in zip(rate[one], rate[other], strict=True)]


def mean_of_window(rate: float) -> float:
    return (1 - math.exp(-rate)) / rate if rate > 0 else 1.0


def aging(new: list[float], rates: list[float]) -> list[list[float]]:
    """Returns the contraction of X, Y and Z at each age."""
    return [
        [value * math.exp(-rate * age) for value, rate in zip(new, rates, strict=True)]
        for age in range(SEARCHED)
    ]


def fidelity(contraction: list[float]) -> float:
    return (1 + sum(contraction)) / 4


def greatest(network: Network) -> int:
    """Returns the greatest age at which a pair is at or above the cut-off; -1 if there is none."""
    cutoff = float(network.memories.cutoff_fidelity)
    return max((age for age, value in lives(network) if value >= cutoff), default=-1)


@pytest.mark.parametrize("name", NETWORKS)
def test_bound_is_the_greatest_age_of_a_search(name: str) -> None:
    network = network_of(name)
    found = greatest(network)
    assert found < SEARCHED - 1
    assert [ages.may_live(network, age) for age in range(SEARCHED)] == [
        age <= found for age in range(SEARCHED)
    ]


def test_the_searched_networks_differ() -> None:
    found = {name: greatest(network_of(name)) for name in NETWORKS}
    assert found["all dead at birth"] == -1
    assert len(set(found.values())) >= 6
    chains = network_of("links that wait")
    alone = replace(chains, routes=replace(chains.routes, is_hop=chains.routes.is_hop[:, :1]))
    assert not ages.may_live(alone, found["links that wait"])


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    new=st.lists(st.floats(-1, 1), min_size=9, max_size=9),
    rates=st.lists(st.floats(0, 0.3), min_size=12, max_size=12),
    cutoff=st.floats(0.26, 0.9),
)
def test_no_pair_outlives_the_bound(new: list[float], rates: list[float], cutoff: float) -> None:
    """Also where contractions are negative, so that some fidelities rise as pairs grow older."""
    network = built.star(
        generation_contraction=np.reshape(new, (3, 3, 1)).astype(np.float32),
        decay_rate=np.reshape(rates, (3, 4)).astype(np.float32),
        cutoff_fidelity=np.float32(cutoff),
    )
    found = greatest(network)
    assert all(ages.may_live(network, age) for age in range(found + 1))
    (kept,) = ages.fitted([replace(network, memories=replace(network.memories, oldest=SEARCHED))])
    assert kept.memories.ages > min(found, SEARCHED - 1)


def test_a_pair_at_the_cutoff_counts_up_to_rounding() -> None:
    network = built.build(nodes=1, lengths_km=(5.0,), oldest_windows=SEARCHED)
    values = {age: value for age, value in lives(network)}
    for off, alive in ((0.0, True), (2e-5, True), (1e-3, False)):
        at = built.altered(network, cutoff_fidelity=np.float32(values[8] + off))
        assert ages.may_live(at, 8) == alive
        (kept,) = ages.fitted([at])
        assert kept.memories.ages == (16 if alive else 8)


# --- How many are kept ---


def kept(*networks: Network) -> set[int]:
    return {network.memories.ages for network in ages.fitted(networks)}


def test_number_is_doubled_until_it_suffices_for_every_layout() -> None:
    short, middle = network_of("all dead at birth"), network_of("star", window_s=0.5)
    assert 8 <= greatest(middle) < 16
    assert kept(short) == {8}
    assert kept(middle) == kept(short, middle) == kept(middle, short) == {16}
    assert kept(network_of("star", window_s=0.5, oldest_windows=12)) == {12}
    assert kept(network_of("star", oldest_windows=3)) == {3}


@pytest.mark.parametrize(
    "changes",
    [
        {"cutoff_fidelity": None},
        {"conditions": {"coherence": "drifting"}},
        {"window_s": 0.02},
    ],
    ids=["no cut-off", "drift", "short windows"],
)
def test_pairs_that_may_live_for_long_keep_all_ages(changes: dict[str, Any]) -> None:
    assert kept(network_of("star", **changes)) == {SEARCHED}


def test_dephased_pairs_stay_above_one_half() -> None:
    assert kept(network_of("dephasing", cutoff_fidelity=0.45)) == {SEARCHED}


def test_layouts_have_the_same_ages() -> None:
    params = parameters.build(config.load("tiny", {"episode.layouts": 3}))
    assert {each.network.memories.ages for each in layouts.every(params)} == {8}
    assert params.network.memories.oldest == 32


immortal = Sabotage(
    about="",
    links=lambda params, coalition, links: replace(links, decay=jnp.ones_like(links.decay)),
)


def test_sabotage_of_ones_own_may_stop_the_decay() -> None:
    found = parameters.build(config.load("tiny", {"attack.name": f"{HERE}:immortal"}))
    assert found.network.memories.ages == 32
    jammed = parameters.build(config.load("tiny", {"attack.name": "jamming"}))
    assert jammed.adversary.sabotage[0].links is of_the_network.jam
    assert jammed.network.memories.ages == 8


# --- The same results ---


@pytest.mark.parametrize("number", [1, 3, 8, 13])
def test_sum_does_not_depend_on_empty_ages(number: int) -> None:
    random = np.random.default_rng(number)
    pairs, values = random.integers(0, 9, (5, 64)), random.normal(size=(5, 64)).astype(np.float32)
    pairs[:, number:] = 0
    total = compiled(counts.total)
    sums = [
        np.asarray(total(pairs[:, :ages], values[:, :ages])).tolist()
        for ages in (number, 16, 24, 64)
    ]
    assert sums[0] == sums[1] == sums[2] == sums[3]
    exact = [math.fsum(row) for row in (pairs * values.astype(float)).tolist()]
    assert sums[0] == pytest.approx(exact, abs=1e-5)


def test_memory_is_widened_by_empty_ages() -> None:
    (network,) = ages.fitted([network_of("star")])
    held = np.arange(32).reshape(4, 8)
    memory = replace(
        storage.empty(network), pairs=jnp.asarray(held), contraction=jnp.ones((1, 3, 4, 8))
    )
    wide = ages.widened(network, memory)
    assert wide.pairs.shape == (4, SEARCHED)
    assert wide.contraction.shape == (1, 3, 4, SEARCHED)
    assert wide.pairs[:, :8].tolist() == held.tolist()
    assert int(wide.pairs.sum()) == held.sum()
    back = ages.narrowed(network, wide)
    for one, other in zip(jax.tree.leaves(back), jax.tree.leaves(memory), strict=True):
        assert one.tolist() == other.tolist()


def test_tests_are_those_of_all_ages() -> None:
    whole = network_of("star", verification={"pairs": 6, "commissioning_pairs": 100})
    (network,) = ages.fitted([whole])
    key = jax.random.key(4)
    evidence = compiled(conditions.start)(whole, key).tests
    nobody, found = np.zeros(4, bool), []
    for each in (network, whole):
        memory, ledger = holding(each, seed=1, sides=2), storage.no_fates(jnp.zeros(4, jnp.int32))
        left, _, outcome = compiled(verification.test)(each, evidence, nobody, memory, ledger, key)
        found.append([outcome, np.asarray(left.pairs)[:, :8]])
    assert float(found[0][0].passed.sum()) > 12
    for one, other in zip(*map(jax.tree.leaves, found), strict=True):
        assert one.tolist() == other.tolist()


def test_shots_on_arrival_are_those_of_all_ages() -> None:
    whole = replace(network_of("star"), spends_on_arrival=True)
    (network,) = ages.fitted([whole])
    found = []
    for each in (network, whole):
        memory = holding(each, seed=0, sides=1)
        after = compiled(arrival.execute)(each, storage.begin(each, memory))
        found.append([after.executed, after.ledger, np.asarray(after.memory.pairs)[:, :8]])
    assert (found[0][0].shots > 4).all()
    for one, other in zip(*map(jax.tree.leaves, found), strict=True):
        assert one.tolist() == other.tolist()


def holding(network: Network, seed: int, sides: int) -> Memory:
    """Returns random pairs of the first eight ages."""
    random = np.random.default_rng(seed)
    pairs, contraction = random.integers(0, 5, (4, 8)), random.uniform(0.5, 1, (sides, 3, 4, 8))
    held, values = (
        np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, network.memories.ages - 8)])
        for x in (pairs, contraction)
    )
    return replace(
        storage.empty(network),
        pairs=jnp.asarray(held, jnp.int32),
        contraction=jnp.asarray(values, jnp.float32),
    )


STEPS = 14
SEEN = ("pairs_expired", "pairs_spent", "pairs_keyed", "pairs_sacrificed", "committed")
"""What must have happened in an episode that is to prove anything."""
VARIANTS: dict[str, dict[str, Any]] = {
    "by window": RELAYED
    | PURIFYING
    | {
        "episode.decision": "window",
        "network.barrier_windows": 2,
        "network.most_windows": 5,
        "network.cutoff_fidelity": 0.85,
    },
    "by round": RELAXING
    | PURIFYING
    | {"network.cutoff_fidelity": 0.8, "network.spend_order": "oldest_first"},
}


def played(step: Callable[..., Any], params: Params) -> list[tuple[Any, Any]]:
    """Returns what the network does in each step of an episode, and all else that happens."""
    state, _ = reset(params, jax.random.key(1))
    told: list[tuple[Any, Any]] = []
    for asked in requests(1, STEPS, *actions.shape(params)):
        state, timestep = step(params, state, jnp.asarray(asked))
        happened = timestep.round
        acts = (happened.ledger, happened.delivery, state.memory.key_bits)
        rest = (happened.gradients, happened.verdict, state.model, timestep.observation)
        told.append((acts, (*rest, timestep.reward, timestep.metrics)))
    return told


def assert_that_ages_do_not_matter(
    scenario: Scenario, name: str, step: Callable[..., Any], tolerance: float
) -> None:
    params = parameters.build(vary(scenario, {"network.oldest_windows": 32} | VARIANTS[name]))
    memories = params.network.memories
    assert (memories.ages, memories.oldest) == (8, 32)
    whole = replace(params.network, memories=replace(memories, ages=32))
    few, every = (played(step, each) for each in (params, replace(params, network=whole)))
    for (acts, rest), (expected, others) in zip(few, every, strict=True):
        jax.tree.map(np.testing.assert_array_equal, acts, expected)
        close = partial(np.testing.assert_allclose, rtol=tolerance, atol=tolerance)
        jax.tree.map(close, rest, others)
    happened = {name: sum(float(rest[-1][name]) for _, rest in few) for name in SEEN}
    assert all(happened.values()), happened


def test_network_does_the_same_with_all_ages(scenario: Scenario) -> None:
    # Tests are compiled with few optimizations, and then gradients are rounded in ways that depend
    # on the rest of the program.
    assert_that_ages_do_not_matter(scenario, "by window", step, tolerance=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_episode_is_that_of_all_ages_to_the_last_bit(scenario: Scenario, name: str) -> None:
    as_users_do = {**LEAN, "xla_backend_optimization_level": 3}
    optimized = jax.jit(dynamics.step, compiler_options=as_users_do)
    assert_that_ages_do_not_matter(scenario, name, optimized, tolerance=0.0)
