"""Plays episodes with the fast step and with the slow one of the reference, with the same luck."""

from collections.abc import Callable, Iterable
from dataclasses import fields, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from reference.variants import ASKED, BUDGETED, COVERED, OF_NETWORK, SEEDS, VARIANTS

from ceas_gym import layouts, parameters
from ceas_gym.jax_utils.randomness import binomial
from ceas_gym.learning import learners
from ceas_gym.network import generation
from ceas_gym.scenario import Scenario
from ceas_gym.task import metrics
from ceas_gym.task.observations import COLUMN, PLACE
from ceas_gym.types import Ledger, Observation, Params, State
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

Draw = Callable[[Array, Array], Array]
ROUNDS = 3
SEEN = ("pairs_spent", "pairs_keyed", "committed", "pairs_expired", "pairs_blocked")
"""What must have happened in an episode that is to prove anything; the first three on a graph,
where what expires or is blocked at a relay is no pair of hub and node yet."""


def variants(*, of_network: bool) -> list[Any]:
    """Returns the names of the variants of the network, or of the other ones, as parameters.

    Args:
        of_network: Whether the variant is of the network.
    """
    names = [name for name in VARIANTS if (name in OF_NETWORK) == of_network]
    return [pytest.param(name, marks=pytest.mark.slow if name in COVERED else ()) for name in names]


def check_variant(scenario: Scenario, name: str) -> None:
    """Asserts that both sides agree in an episode of a variant, in which enough happens."""
    varied = vary(scenario, BUDGETED | VARIANTS[name])
    total = rounds(varied, seed=SEEDS.get(name, 1), asked=ASKED.get(name, 1))
    seen = SEEN[:3] if varied.network.graph is not None else SEEN
    assert all(total[figure] > 0 for figure in (*seen, "byzantine_weight")), total
    assert (total["pairs_sacrificed"] > 0) == (varied.network.purification == "dejmps")
    assert (total["pairs_tested"] > 0) == (varied.consensus.verification.pairs > 0)
    assert (total["waiting"] > 0) == (varied.network.graph is not None)
    if varied.consensus.unauthenticated_updates == "cache":
        assert total["accepted_nodes"] > total["authenticated_nodes"]
    if varied.consensus.unauthenticated_updates == "accept":
        assert total["pairs_wasted"] > 0


def rounds(
    scenario: Scenario, params: Params | None = None, asked: int = 1, **options: Any
) -> dict[str, float]:
    """Compares an episode of three rounds; returns its figures, summed.

    Args:
        scenario: Resolved settings.
        params: The same scenario as arrays; by default, they are built.
        asked: Seed of the actions.
        **options: Of `compare`.
    """
    actions = requests(asked, ROUNDS, scenario.network.windows, scenario.network.nodes)
    return compare(scenario, params or parameters.build(scenario), actions, **options)


def compare(
    scenario: Scenario,
    params: Params,
    actions: Iterable[Any],
    seed: int = 1,
    traitors: tuple[int, ...] | None = None,
) -> dict[str, float]:
    """Asserts that both sides agree in an episode; returns its figures, summed.

    Args:
        scenario: Resolved settings.
        params: The same scenario as arrays, which are played in 64 bits.
        actions: Of all steps, on the first axis; or policies, which are given the observation, and
            the same as the reference shows it.
        seed: Of the episode.
        traitors: The Byzantine nodes, in place of those that the scenario places.
    """
    with jax.enable_x64(True):
        params = precise(params)
        begun, first = compiled.reset(params, jax.random.key(seed))
        fast, shown, seen_by_hub = wide(begun), first.observation, first.observation
        if traitors is not None:
            bad = np.isin(np.arange(len(fast.byzantine)), traitors)
            fast = replace(fast, byzantine=jnp.asarray(bad))
        # Of the layout that this seed plays.
        own = layouts.of(params, fast)
        slow, numbers = plain(fast), plain(own)
        same(fast.scores, reference.score(numbers.learning, slow.model.parameters), DOUBLE)
        total = dict.fromkeys((*metrics.NAMES, "waiting", "terminated"), 0.0)
        for asked in actions:
            decided = asked(seen_by_hub, shown) if callable(asked) else asked
            action, luck = jnp.asarray(decided, jnp.float64), draw(own, fast)
            before, (fast, timestep) = fast, compiled.step(params, fast, action)
            account(own, before, fast, timestep)
            played = reference.step(scenario, numbers, slow, plain(action), luck)
            seen_by_hub = timestep.observation
            slow, shown = played.state, as_shown(seen_by_hub, played)
            check(own, fast, timestep, played)
            figures = played.figures | {
                "waiting": slow.memory.links.sum(),
                "terminated": played.terminated,
            }
            total = {name: total[name] + figures[name] for name in total}
    return total


def check(params: Params, fast: State, timestep: Any, slow: reference.Step) -> None:
    """Asserts that both sides agree in a step."""
    same(replace(held(fast), key=slow.state.key), slow.state, DOUBLE)
    happened = timestep.round
    same(happened.schedule, slow.schedule, DOUBLE)
    tried = compiled.compiled(generation.attempts)(params.network, happened.schedule)
    same(tried, reference.attempts(plain(params.network), slow.schedule))
    same(timestep.metrics, slow.figures, SINGLE)
    same(seen(timestep.observation, slow), slow.seen, SINGLE)
    assert bool(timestep.terminated) == slow.terminated
    # A small difference of two losses.
    np.testing.assert_allclose(timestep.reward, slow.reward, atol=DOUBLE[0])


def account(params: Params, before: State, after: State, timestep: Any) -> None:
    """Asserts that every pair of every node is accounted for, and that shots took their pairs."""
    happened = plain(timestep.round)
    step = plain(metrics.fates(before, happened))
    stored = [np.asarray(state.memory.pairs).sum(axis=1) for state in (before, after)]
    fates = sum(getattr(step, fate.name) for fate in fields(Ledger) if fate.name != "generated")
    np.testing.assert_array_equal(stored[0] + step.generated, fates + stored[1])
    teams, delivery = plain(params.network.teams), happened.delivery
    if teams.size > 1 and happened.fired and not params.adversary.sabotage:
        shots = delivery.shots[:, None] if delivery.slices is None else delivery.slices
        spent = happened.ledger.spent[teams.nodes]
        np.testing.assert_array_equal(spent, shots * np.array(teams.shot.ends))


def held(state: State) -> State:
    """Returns the state without the contraction of ages that no pair has: it means nothing."""
    memory = state.memory
    known = replace(memory, contraction=memory.contraction * (memory.pairs > 0))
    return replace(state, gathered=replace(state.gathered, memory=known))


def seen(
    observation: Observation, slow: reference.Step
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Returns those features of nodes and of the network that the reference knows, by name."""
    of_nodes, of_network = slow.seen
    return (
        {name: observation.nodes[:, COLUMN[name]] for name in of_nodes},
        {name: observation.network[PLACE[name]] for name in of_network},
    )


def as_shown(observation: Observation, slow: reference.Step) -> Observation:
    """Returns the observation with the features that the reference knows in place of the others."""
    nodes, network = np.array(observation.nodes), np.array(observation.network)
    of_nodes, of_network = slow.seen
    for name, values in of_nodes.items():
        nodes[:, COLUMN[name]] = values
    for name, value in of_network.items():
        network[PLACE[name]] = value
    return Observation(jnp.asarray(nodes), jnp.asarray(network))


# --- Luck ---


def draw(params: Params, state: State) -> reference.Luck:
    """Returns the luck of the next step, from the keys that it will use."""
    numbers, keys = _luck(params, state)
    purify, verify = map(_successes, keys[1:3])
    of_members = [_successes(key) for key in keys[3]]
    numbers = plain(numbers)
    true, false = (reference.Draws(**numbers.pop(name)) for name in ("true", "false"))
    return reference.Luck(
        herald=_by_window(keys[0]),
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
    windows = 1 if params.by_window else network.windows
    herald_keys = jax.vmap(partial(jax.random.fold_in, herald_key))(
        state.gathered.window + jnp.arange(windows)
    )
    drawn_key, verify_key = jax.random.split(others[1])
    true_key, false_key, rest_key = jax.random.split(learning_key, 3)
    if not any(each.learn for each in params.adversary.sabotage):
        true_key = learning_key
    if params.by_window:
        conditions_key = jax.random.fold_in(conditions_key, state.gathered.window)
    move_key, shock_key = jax.random.split(conditions_key)
    nodes, vertices = network.routes.vertex.shape, network.memories.decay_rate.shape[1:]
    numbers = {
        "drawn": jax.random.uniform(drawn_key, nodes, precision),
        "true": _draws(params, true_key),
        "false": _draws(params, false_key),
        "rests": jax.random.uniform(rest_key, (network.teams.number,)),
        "moves": jax.random.uniform(move_key, (network.routes.edges,), precision),
        "guesses": jax.random.uniform(others[0], (2, network.teams.number)),
        "shocks": jax.random.normal(shock_key, vertices, precision),
    }
    trap_keys = jax.random.split(others[2], params.consensus.members.is_byzantine.size)
    return numbers, (herald_keys, purify_key, verify_key, trap_keys)


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


def _successes(key: jax.Array) -> Draw:
    # The draw that the step makes with the key.
    def drawn(tried: Array, chance: Array) -> Array:
        return np.asarray(compiled.compiled(binomial)(key, tried, chance))

    return drawn


def _by_window(keys: jax.Array) -> Draw:
    # The draw that the step makes in all its windows, each with a key of its own.
    def drawn(tried: Array, chance: Array) -> Array:
        return np.asarray(compiled.compiled(_in_windows)(keys, tried, chance))

    return drawn


_in_windows = jax.vmap(binomial, in_axes=(0, 0, None))
