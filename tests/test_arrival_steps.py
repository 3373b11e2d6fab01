"""Pairs that are spent on arrival, over the windows of a round: where and when they count."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled

from ceas_gym import config, parameters

LOOPED = {
    "episode.decision": "window",
    "network.barrier_windows": 1,
    "network.spend": "on_arrival",
    "attack.name": "none",
    "attack.byzantine_nodes": 0,
}


@pytest.fixture(scope="module")
def steps():
    """Metrics of twelve windows, with a barrier at the end of the sixth and of the twelfth."""
    params = parameters.build(config.load("tiny", LOOPED))
    state, _ = compiled.reset(params, jax.random.key(0))
    step, found = partial(compiled.step, params), []
    for window in range(12):
        fire = 1.0 if window % 6 == 5 else -1.0
        state, timestep = step(state, jnp.append(jnp.full(4, -0.5), fire))
        found.append({name: float(value) for name, value in timestep.metrics.items()})
    return found


def sums(steps, name):
    return np.array([step[name] for step in steps]).reshape(2, 6).sum(axis=1)


def test_pairs_are_spent_before_the_barrier(steps):
    assert all(step["pairs_spent"] > 0 for step in steps[2:5])
    assert all(step["shots"] == 0 for step in steps[:5])


def test_shots_of_a_round_are_those_of_all_its_windows(steps):
    qubits = 2
    for end, spent in zip((5, 11), sums(steps, "pairs_spent"), strict=True):
        assert steps[end]["committed"] == 1
        assert steps[end]["authenticated_nodes"] == 4
        assert steps[end]["shots"] == spent / qubits


def test_what_is_counted_is_not_wasted(steps):
    assert sums(steps, "pairs_wasted").tolist() == [0, 0]
    useful = (
        np.cumsum([step["pairs_keyed"] for step in steps])[-1] + sums(steps, "pairs_spent").sum()
    )
    generated = sum(step["pairs_generated"] for step in steps)
    assert steps[-1]["utilization"] == pytest.approx(useful / generated, rel=1e-6)
