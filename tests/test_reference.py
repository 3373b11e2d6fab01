"""The fast step against the slow one, in 64 bits, with the same luck."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference
from comparison import DOUBLE, SINGLE, Array, plain, precise, requests, same, vary, wide

from ceas_gym import actions, dynamics, metrics, parameters
from ceas_gym.learning import learners
from ceas_gym.network import generation
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params, State

ROUNDS, SHAPE = 3, (3, 6)
SEEN = ("pairs_spent", "pairs_keyed", "pairs_expired", "pairs_blocked", "committed")
"""What must have happened in an episode that is to prove anything."""
GOOD_LINKS = {
    "network.lengths_km": (1.0, 3.0, 6.0, 8.0, 10.0, 12.0),
    "network.channels": 4,
    "network.cutoff_fidelity": 0.82,
    "network.memories_per_link": 60,
}
# None of these comes to a tie that only rounding decides, such as that of an update midway between
# two others, equally near to it: there both sides may be right and differ.
VARIANTS: dict[str, dict[str, Any]] = {
    "tiny": {},
    "default": {**GOOD_LINKS, "attack.name": "white_box", "consensus.momentum": 0.5},
    "mean": {
        **GOOD_LINKS,
        "attack.name": "none",
        "consensus.rule": "mean",
        "consensus.key.lifetime_rounds": None,
    },
    "median": {
        "attack.name": "sign_flip",
        "consensus.rule": "median",
        "consensus.lapse": "cache",
        "consensus.cache_age_rounds": 1,
    },
    "clipped_median": {
        **GOOD_LINKS,
        "consensus.rule": "clip+median",
        "consensus.weights": "uniform",
    },
    "trimmed": {
        **GOOD_LINKS,
        "attack.name": "alie",
        "attack.strength": 1.5,
        "consensus.rule": "trimmed_mean",
        "consensus.weights": "inverse_variance",
    },
    "geometric": {
        **GOOD_LINKS,
        "attack.name": "alie",
        "attack.byzantine_nodes": 2,
        "consensus.rule": "geometric_median",
        "consensus.tolerated_nodes": 2,
    },
    "mixing": {
        "attack.name": "white_box",
        "consensus.rule": "nnm+mean",
        "network.cutoff_fidelity": None,
        "network.spend_order": "oldest_first",
    },
    "accept": {
        "attack.name": "scaled_sign_flip",
        "consensus.rule": "nnm+trimmed_mean",
        "consensus.lapse": "accept",
    },
    "three_classes": {
        "attack.name": "label_flip",
        "learning.classes": (0, 1, 2),
        "learning.partition": "dirichlet",
    },
}


def draw(params: Params, state: State, action: Array) -> reference.Luck:
    """Returns the luck of the next round, from the keys that the step will use."""
    _, herald_key, learning_key = jax.random.split(state.key, 3)
    sample_key, shot_key = jax.random.split(learning_key)
    schedule = actions.decode(params.network, action)
    shape = (params.network.lifetime.shape[0], params.learning.program.angles)
    return reference.Luck(
        heralded=np.asarray(generation.herald(params.network, schedule, herald_key)),
        samples=np.asarray(learners.draw(params.learning, sample_key)),
        normals=np.asarray(jax.random.normal(shot_key, shape, params.learning.logit_scale.dtype)),
    )


def compare(
    scenario: Scenario, params: Params, traitors: tuple[int, ...] | None = None
) -> dict[str, float]:
    """Asserts that both sides agree in an episode; returns its figures, summed."""
    fast = wide(dynamics.reset(params, jax.random.key(1))[0])
    if traitors is not None:
        fast = replace(fast, byzantine=jnp.zeros(SHAPE[1], bool).at[jnp.array(traitors)].set(True))
    slow, numbers, total = plain(fast), plain(params), dict.fromkeys(metrics.NAMES, 0.0)
    same(fast.scores, reference.score(numbers.learning, slow.model.parameters), DOUBLE)
    for requested in requests(1, ROUNDS, *SHAPE):
        action = jnp.asarray(requested, jnp.float64)
        luck = draw(params, fast, action)
        fast, timestep = dynamics.step(params, fast, action)
        slow, figures, schedule = reference.step(scenario, numbers, slow, plain(action), luck)
        same(replace(fast, key=slow.key), slow, DOUBLE)
        same(timestep.schedule, schedule, DOUBLE)
        same(timestep.metrics, figures, SINGLE)
        tried = generation.attempts(params.network, timestep.schedule)
        same(tried, reference.attempts(numbers.network, schedule))
        total = {name: total[name] + figures[name] for name in total}
    return total


@pytest.mark.parametrize("name", VARIANTS)
def test_step_equals_the_reference(scenario: Scenario, name: str) -> None:
    varied = vary(scenario, VARIANTS[name])
    params = parameters.build(varied)
    with jax.enable_x64(True):
        total = compare(varied, precise(params))
    assert all(total[figure] > 0 for figure in (*SEEN, "byzantine_weight")), total
    if varied.consensus.lapse == "cache":
        assert total["accepted_nodes"] > total["authenticated_nodes"]
    if varied.consensus.lapse == "accept":
        assert total["pairs_wasted"] > 0


def test_non_finite_updates_are_rejected(scenario: Scenario) -> None:
    varied = vary(scenario, {"attack.name": "scaled_sign_flip"})
    params = parameters.build(varied)
    boundless = replace(params.adversary, strength=jnp.float32(jnp.inf))
    with jax.enable_x64(True):
        total = compare(varied, precise(replace(params, adversary=boundless)))
    assert 0 < total["accepted_nodes"] < total["authenticated_nodes"]
    assert total["byzantine_weight"] == 0


def test_cached_update_of_a_traitor_is_not_an_honest_one(scenario: Scenario) -> None:
    varied = vary(scenario, VARIANTS["median"] | {"consensus.rule": "mean"})
    params = parameters.build(varied)
    with jax.enable_x64(True):
        # Node 3 is accepted in the second round and has lapsed by the third.
        total = compare(varied, precise(params), traitors=(0, 3))
    assert total["accepted_nodes"] > total["authenticated_nodes"]
