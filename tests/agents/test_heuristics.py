"""Heuristics: each does what its name says, where what is right can be told by hand."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled

from ceas_agents.policies import heuristics, planning
from ceas_gym import config, parameters
from ceas_gym.task import actions
from ceas_gym.task.observations import NODE_FEATURES
from ceas_gym.types import Observation

COLUMN = {feature.name: column for column, feature in enumerate(NODE_FEATURES)}
KEY = jax.random.key(0)


@pytest.fixture(scope="module")
def params():
    """Six nodes, of which the hub can serve one at a time."""
    lengths = [1.0, 3.0, 6.0, 10.0, 15.0, 20.0]
    changes = {"network.nodes": 6, "network.channels": 1, "network.lengths_km": lengths}
    return parameters.build(config.load("small", changes | {"attack.byzantine_nodes": 1}))


@pytest.fixture(scope="module")
def keyed(params):
    """Returns the first observation, but with a tag's key at every node."""
    start = compiled.reset(params, jax.random.key(0))[1].observation
    return Observation(start.nodes.at[:, COLUMN["tags"]].set(1.0), start.network)


def schedule(params, policy, observation):
    asked = compiled.compiled(policy)(params, observation, KEY)
    return np.asarray(compiled.compiled(actions.decode)(params.network.switch, asked))


def change(observation, name, values):
    return Observation(observation.nodes.at[:, COLUMN[name]].set(values), observation.network)


def test_max_weight_serves_the_fastest_empty_memory_first(params, keyed):
    found = compiled.compiled(planning.assess)(params.network, keyed)
    given = schedule(params, heuristics.max_weight, keyed)
    assert given[0].argmax() == np.argmax(found.room * found.pairs)
    assert given.sum(axis=1).max() <= 1 + 1e-4


def test_max_weight_leaves_full_memories_alone(params, keyed):
    # Pairs that are as good as new, and last the round.
    best = keyed.nodes[:, COLUMN["new_contraction"]]
    full = change(change(keyed, "stored", jnp.arange(6) == 0), "stored_contraction", best)
    lasting = change(full, "survival", 1.0)
    # The scenario's own pairs do not live as long, so that there are too few ages.
    memories = replace(params.network.memories, ages=params.network.windows + 1)
    longer = replace(params, network=replace(params.network, memories=memories))
    found = compiled.compiled(planning.assess)(longer.network, lasting)
    assert float(found.room[0]) == 0
    assert schedule(longer, heuristics.max_weight, lasting)[:, 0] == pytest.approx(0, abs=1e-6)


def test_freshest_first_gives_the_last_window_to_the_best_pairs(params, keyed):
    found = compiled.compiled(planning.assess)(params.network, keyed)
    per_pair = np.asarray(found.value / found.pairs)
    given = schedule(params, heuristics.freshest_first, keyed)
    assert given[-1].argmax() == per_pair[-1].argmax()


def test_earliest_deadline_first_gives_the_last_window_to_the_shortest_life(params, keyed):
    lifetime = jnp.array([0.9, 0.5, 0.8, 0.7, 0.6, 1.0])
    given = schedule(
        params, heuristics.earliest_deadline_first, change(keyed, "lifetime", lifetime)
    )
    found = compiled.compiled(planning.assess)(params.network, keyed)
    alive = np.asarray(found.value[-1] > 0)
    assert given[-1].argmax() == np.where(alive, lifetime, 2).argmin()


def test_proportional_fair_serves_everybody_who_can_be_served(params, keyed):
    found = compiled.compiled(planning.assess)(params.network, keyed)
    given = schedule(params, heuristics.proportional_fair, keyed)
    useful = np.asarray((found.value > 0).any(axis=0) & found.can_tag)
    assert ((given.sum(axis=0) > 0.01) == useful).all()


@pytest.mark.parametrize(
    "policy",
    [
        heuristics.max_weight,
        heuristics.freshest_first,
        heuristics.earliest_deadline_first,
        heuristics.proportional_fair,
    ],
)
def test_key_comes_first(params, keyed, policy):
    poor = change(keyed, "tags", (jnp.arange(6) != 2).astype(jnp.float32))
    assert schedule(params, policy, poor)[0, 2] > 0.01
    needed = float(planning.tag_time(params.network, poor)[2])
    assert schedule(params, policy, poor)[:, 2].sum() >= min(needed, 1) - 1e-4
