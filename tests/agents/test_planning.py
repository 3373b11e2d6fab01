"""Planning of a round: feasible schedules near the optimum of their objective."""

import functools

import cvxpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_agents.policies import planning

WINDOWS, NODES = 4, 6
LOSSES = {
    2: cvxpy.inv_pos,
    1: lambda info: -cvxpy.log(info),
    0.5: lambda info: -cvxpy.sqrt(info),
}
"""Of a node's information, by fairness."""


@functools.partial(jax.jit, static_argnames="fairness")
def allocate(found, served, channels, most, fairness=2):
    return planning.allocate(found, served, channels, most, planning.fair(fairness))


def optimum(found, served, channels, most, fairness):
    """Returns the least sum of the losses by an interior point."""
    schedule = cvxpy.Variable(found.value.shape, nonneg=True)
    value, room = np.asarray(found.value), np.asarray(found.room)
    info = np.asarray(found.stored) + cvxpy.sum(cvxpy.multiply(value, schedule), axis=0)
    pairs = cvxpy.multiply(np.asarray(found.pairs), cvxpy.sum(schedule, axis=0))
    limits = [schedule <= most, schedule @ np.asarray(found.passes).T <= channels, pairs <= room]
    chosen = np.flatnonzero(served)
    loss = LOSSES[fairness]
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum(loss(info[chosen]))), limits)
    problem.solve(solver="CLARABEL")
    return float(np.asarray(problem.value))


def objective(found, served, schedule, fairness):
    info = np.asarray(found.stored + (found.value * schedule).sum(axis=0))[np.asarray(served)]
    return float({2: 1 / info, 1: -np.log(info), 0.5: -np.sqrt(info)}[fairness].sum())


def random_opportunities(seed, fibres=0):
    """Returns opportunities whose routes share the hub and so many fibres."""
    random = np.random.default_rng(seed)
    passes = np.vstack([np.ones(NODES), random.random((fibres, NODES)) < 0.5])
    pairs = random.uniform(30, 300, NODES)
    lifetime = random.integers(1, WINDOWS + 1, NODES)
    age = np.arange(WINDOWS)[::-1, None]
    fresh = random.uniform(0.3, 0.9, NODES) * random.uniform(0.6, 1.0, NODES) ** age
    value = jnp.asarray(np.where(age < lifetime, pairs * fresh / 4, 0), jnp.float32)
    return planning.Opportunities(
        value=value,
        pairs=jnp.asarray(pairs, jnp.float32),
        stored=jnp.asarray(random.choice([0.0, 5.0], NODES), jnp.float32),
        room=jnp.asarray(random.uniform(100, 500, NODES), jnp.float32),
        can_tag=jnp.ones(NODES, bool),
        passes=jnp.asarray(passes, jnp.float32),
    )


@pytest.mark.parametrize(("fibres", "largest", "typical"), [(0, 0.07, 0.02), (2, 0.3, 0.15)])
def test_allocation_is_feasible_and_near_the_optimum(fibres, largest, typical):
    excess = []
    for seed in range(12):
        found = random_opportunities(seed, fibres)
        served = jnp.asarray(np.random.default_rng(seed).random(NODES) < 0.8).at[0].set(True)
        channels = jnp.array([[2.0, *[1.0] * fibres]] * WINDOWS)
        most = jnp.ones((WINDOWS, NODES)).at[0, 1].set(0.3)
        schedule = allocate(found, served, channels, most)
        assert float(schedule.min()) >= 0
        assert bool((schedule <= most + 1e-5).all())
        assert bool((schedule @ found.passes.T <= channels + 1e-4).all())
        assert bool(((schedule * found.pairs).sum(axis=0) <= found.room * 1.0001).all())
        best = optimum(found, served, np.asarray(channels), np.asarray(most), 2)
        excess.append(objective(found, served, schedule, 2) / best - 1)
    assert min(excess) > -1e-4
    assert max(excess) < largest
    assert np.median(excess) < typical


def found_and_best(fairness):
    """Returns the objective reached for six rounds, and the least there is."""
    pairs = []
    for seed in range(6):
        found, served = random_opportunities(seed), jnp.arange(NODES) < 5
        channels, most = jnp.full((WINDOWS, 1), 2.0), jnp.ones((WINDOWS, NODES))
        schedule = allocate(found, served, channels, most, fairness=fairness)
        best = optimum(found, served, np.asarray(channels), np.asarray(most), fairness)
        pairs.append((objective(found, served, schedule, fairness), best))
    return np.array(pairs).T


def test_proportional_fairness_is_near_its_optimum():
    reached, best = found_and_best(1)
    # In nats of information a node.
    short = (reached - best) / 5
    assert min(short) > -1e-3
    assert max(short) < 0.15
    assert np.median(short) < 0.05


def test_sum_of_roots_is_near_its_optimum():
    reached, best = found_and_best(0.5)
    share = reached / best
    assert max(share) < 1.001
    assert min(share) > 0.92
    assert np.median(share) > 0.95


def test_allocation_gives_nothing_where_nothing_is_served_or_would_last():
    found = random_opportunities(1)
    served = jnp.arange(NODES) < 3
    channels = jnp.full((WINDOWS, 1), 2.0)
    schedule = allocate(found, served, channels, jnp.ones((WINDOWS, NODES)))
    assert not bool(schedule[:, 3:].any())
    assert not bool(jnp.where(found.value == 0, schedule, 0).any())


def test_early_windows_go_to_long_lived_memories():
    value = jnp.array([[1.0, 0.0], [1.0, 0.0], [1.0, 1.0]]) * 50
    both, hub = jnp.array([True, True]), jnp.ones((1, 2))
    found = planning.Opportunities(
        value, jnp.full(2, 100.0), jnp.zeros(2), jnp.full(2, 1e4), both, hub
    )
    schedule = allocate(found, both, jnp.ones((3, 1)), jnp.ones((3, 2)))
    assert float(schedule[:2, 0].min()) > 0.9
    assert float(schedule[2, 1]) > 0.9
