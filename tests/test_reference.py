"""The fast step against the slow one, in 64 bits, with the same luck."""

import math
from collections.abc import Callable
from dataclasses import replace
from functools import reduce
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
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
from reference.pairs import MEMORIES, PERFECT, convolve, depolarizing, letters, misread
from reference.variants import (
    ASKED,
    BUDGETED,
    COVERED,
    FALSE_DATA,
    NOISY,
    RELAXING,
    RELAYED,
    SEEDS,
    VARIANTS,
)

from ceas_gym import parameters
from ceas_gym.jax_utils.randomness import binomial
from ceas_gym.learning import learners
from ceas_gym.network import generation, setup
from ceas_gym.scenario import Scenario
from ceas_gym.task import metrics
from ceas_gym.types import Memory, Params, State

ROUNDS = 3
SEEN = ("pairs_spent", "pairs_keyed", "committed", "pairs_expired", "pairs_blocked")
"""What must have happened in an episode that is to prove anything; the first three on a graph,
where what expires or is blocked at a relay is no pair of hub and node yet."""


def successes(key: jax.Array) -> Callable[[Array, Array], Array]:
    """Returns the draw that the step makes with the key."""

    def drawn(tried: Array, chance: Array) -> Array:
        return np.asarray(compiled.compiled(binomial)(key, tried, chance))

    return drawn


def by_window(keys: jax.Array) -> Callable[[Array, Array], Array]:
    """Returns the draw that the step makes in all windows, each with a key of its own."""

    def drawn(tried: Array, chance: Array) -> Array:
        every = compiled.compiled(in_windows)
        return np.asarray(every(keys, tried, chance))

    return drawn


in_windows = jax.vmap(binomial, in_axes=(0, 0, None))


def draw(params: Params, state: State) -> reference.Luck:
    """Returns the luck of the next round, from the keys that the step will use."""
    numbers, keys = _luck(params, state)
    purify, verify = map(successes, keys[1:3])
    of_members = [successes(key) for key in keys[3]]
    herald = by_window(jax.random.split(keys[0], params.network.windows))
    numbers = plain(numbers)
    true, false = (reference.Draws(**numbers.pop(name)) for name in ("true", "false"))
    return reference.Luck(
        herald=herald,
        purify=purify,
        verify=verify,
        trap=lambda member, number, chance: of_members[member](number, chance),
        true=true,
        false=false,
        **numbers,
    )


@jax.jit
def _luck(params: Params, state: State) -> tuple[dict[str, Any], tuple[jax.Array, ...]]:
    network, precision = params.network, params.learning.logit_scale.dtype
    _, herald_key, purify_key, learning_key, conditions_key, *others = jax.random.split(
        state.key, 8
    )
    drawn_key, verify_key = jax.random.split(others[1])
    true_key, false_key, rest_key = jax.random.split(learning_key, 3)
    if not any(each.learn for each in params.adversary.sabotage):
        true_key = learning_key
    move_key, shock_key = jax.random.split(conditions_key)
    nodes, vertices = network.routes.vertex.shape, network.memories.decay_rate.shape[1:]
    numbers = {
        "drawn": jax.random.uniform(drawn_key, nodes, precision),
        "true": _draws(params, true_key),
        "false": _draws(params, false_key),
        "rests": jax.random.uniform(rest_key, nodes),
        "moves": jax.random.uniform(move_key, (network.routes.edges,), precision),
        "guesses": jax.random.uniform(others[0], (2, *nodes)),
        "shocks": jax.random.normal(shock_key, vertices, precision),
    }
    trap_keys = jax.random.split(others[2], params.consensus.members.is_byzantine.size)
    return numbers, (herald_key, purify_key, verify_key, trap_keys)


def _draws(params: Params, key: jax.Array) -> dict[str, jax.Array]:
    learning, precision = params.learning, params.learning.logit_scale.dtype
    sample_key, slope_key, shot_key = jax.random.split(key, 3)
    samples = learners.draw(learning, sample_key)
    predictions = (*samples.shape, learning.program.observables)
    flat = (samples.shape[1] * predictions[2], len(samples))
    shape = (len(samples), learning.program.angles)
    return {
        "samples": samples,
        "luck_of_slopes": jax.random.uniform(slope_key, flat).T.reshape(predictions),
        "normals": jax.random.normal(shot_key, shape, precision),
    }


def held(memory: Memory) -> Memory:
    """Returns the memory without the contraction of ages that no pair has: it means nothing."""
    return replace(memory, contraction=memory.contraction * (memory.pairs > 0))


def compare(
    scenario: Scenario,
    params: Params,
    seed: int = 1,
    asked: int = 1,
    traitors: tuple[int, ...] | None = None,
) -> dict[str, float]:
    """Asserts that both sides agree in an episode; returns its figures, summed."""
    fast = wide(compiled.reset(params, jax.random.key(seed))[0])
    if traitors is not None:
        bad = np.isin(np.arange(len(fast.byzantine)), traitors)
        fast = replace(fast, byzantine=jnp.asarray(bad))
    slow, numbers = plain(fast), plain(params)
    total = dict.fromkeys((*metrics.NAMES, "waiting"), 0.0)
    same(fast.scores, reference.score(numbers.learning, slow.model.parameters), DOUBLE)
    for requested in requests(asked, ROUNDS, scenario.network.windows, scenario.network.nodes):
        action, luck = jnp.asarray(requested, jnp.float64), draw(params, fast)
        fast, timestep = compiled.step(params, fast, action)
        slow, figures, schedule = reference.step(scenario, numbers, slow, plain(action), luck)
        same(replace(fast, key=slow.key, memory=held(fast.memory)), slow, DOUBLE)
        same(timestep.round.schedule, schedule, DOUBLE)
        same(timestep.metrics, figures, SINGLE)
        tried = compiled.compiled(generation.attempts)(params.network, timestep.round.schedule)
        same(tried, reference.attempts(numbers.network, schedule))
        figures["waiting"] = slow.memory.links.sum()
        total = {name: total[name] + figures[name] for name in total}
    return total


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in COVERED else name for name in VARIANTS],
)
def test_step_equals_the_reference(scenario: Scenario, name: str) -> None:
    varied = vary(scenario, BUDGETED | VARIANTS[name])
    params = parameters.build(varied)
    with jax.enable_x64(True):
        total = compare(varied, precise(params), SEEDS.get(name, 1), ASKED.get(name, 1))
    seen = SEEN[:3] if varied.network.graph is not None else SEEN
    assert all(total[figure] > 0 for figure in (*seen, "byzantine_weight")), total
    assert (total["pairs_sacrificed"] > 0) == (varied.network.purification == "dejmps")
    assert (total["pairs_tested"] > 0) == (varied.consensus.verification.pairs > 0)
    assert (total["waiting"] > 0) == (varied.network.graph is not None)
    if varied.consensus.unauthenticated_updates == "cache":
        assert total["accepted_nodes"] > total["authenticated_nodes"]
    if varied.consensus.unauthenticated_updates == "accept":
        assert total["pairs_wasted"] > 0


def test_non_finite_updates_are_rejected(scenario: Scenario) -> None:
    varied = vary(scenario, BUDGETED | {"attack.name": "scaled_sign_flip"})
    params = parameters.build(varied)
    boundless = replace(params.adversary, strength=jnp.float32(jnp.inf))
    with jax.enable_x64(True):
        total = compare(varied, precise(replace(params, adversary=boundless)))
    assert 0 < total["accepted_nodes"] < total["authenticated_nodes"]
    assert total["byzantine_weight"] == 0


def test_cached_update_of_a_traitor_is_not_an_honest_one(scenario: Scenario) -> None:
    varied = vary(scenario, BUDGETED | VARIANTS["median"] | {"consensus.rule": "mean"})
    params = parameters.build(varied)
    with jax.enable_x64(True):
        # Node 0 is accepted in the second round and has no tag in the third, in which 2 attacks.
        total = compare(varied, precise(params), asked=ASKED["median"], traitors=(0, 2))
    assert total["accepted_nodes"] > total["authenticated_nodes"]


def test_traps_expose_a_false_member(scenario: Scenario) -> None:
    varied = vary(scenario, BUDGETED | FALSE_DATA)
    params = parameters.build(varied)
    # A bet is won so soon that the member is exposed before the last round.
    members = replace(params.consensus.members, trap_doubt=jnp.float32(0.5))
    hasty = replace(params, consensus=replace(params.consensus, members=members))
    with jax.enable_x64(True):
        total = compare(varied, precise(hasty))
    assert 0 < total["exposed_members"] < ROUNDS
    assert total["committed"] > 0


def kept(time_s: float, t2_s: float, t1_s: float) -> tuple[float, float, float]:
    """Returns what a wait leaves of X and Y, and of Z where the memory has a T1."""
    xy, z = math.exp(-time_s / t2_s), math.exp(-time_s / t1_s)
    return xy, xy, z


@pytest.mark.parametrize("memory", MEMORIES)
def test_losses_equal_the_reference_step_by_step(scenario: Scenario, memory: str) -> None:
    # Memories so short that the flight of a message counts.
    short = {"hardware.memory": memory, "hardware.node_coherence_s": 1e-3}
    t1 = RELAXING if memory == "t1_t2" else {}
    varied = vary(scenario, {**RELAYED, **NOISY, **t1, **short})
    network, hardware = parameters.build(varied).network, varied.hardware
    _, (hub_s, *nodes_s) = setup.layout(varied.network, hardware)
    hub_t1_s, node_t1_s = hardware.hub_relaxation_s or 1.0, hardware.node_relaxation_s or 1.0
    nodes_t1_s = [node_t1_s * node_s / hardware.node_coherence_s for node_s in nodes_s]
    measured = convolve(depolarizing(hardware.gate_contraction), misread(hardware.readout))
    # Of A, B and C; the vertices are H, A, B, C, R.
    for k, hops_km in enumerate(([4.0, 3.0], [4.0, 3.0, 2.0], [1.0])):
        flight_s = sum(hops_km) / hardware.fibre_speed_km_per_s
        # The swaps' outcomes travel from the first relay to the node or from the last to the hub.
        outcomes_s = max(sum(hops_km[1:]), sum(hops_km[:-1])) / hardware.fibre_speed_km_per_s
        waits = [kept(outcomes_s, hub_s, hub_t1_s), kept(outcomes_s, nodes_s[k], nodes_t1_s[k])]
        swapped = reduce(convolve, [measured] * (len(hops_km) - 1), PERFECT)
        swapped = reduce(convolve, map(MEMORIES[memory], waits), swapped)
        same(network.operations.swap_contraction[:, k], letters(swapped), SINGLE)
        delivered = convolve(measured, MEMORIES[memory](kept(flight_s, nodes_s[k], nodes_t1_s[k])))
        same(network.operations.delivery_contraction[:, k], letters(delivered), SINGLE)
    # Both halves are read, and two errors make none.
    flipped = 2 * hardware.readout * (1 - hardware.readout)
    same((1 - network.key.contraction) / 2, np.array(flipped), SINGLE)
