"""The linear programme against a solver, and availability against a simulated memory."""

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from helpers import compiled, seen
from scipy import optimize

from ceas_agents.policies.closed_loop import linear, prospects
from ceas_gym import config, parameters
from ceas_gym.types import Switch


@jax.jit
def solve(passes, channels, weight, most):
    switch = Switch(channels=channels, passes=passes, quota=jnp.float32(1))
    return linear.solve(switch, weight, most)


def routes_of_a_tree(random, nodes):
    """Returns which routes pass through the hub, and through each edge of a random tree."""
    tree = networkx.random_labeled_tree(nodes + 1, seed=int(random.integers(1 << 30)))
    routes = networkx.single_source_shortest_path(tree, 0)
    passes = [np.ones(nodes)]
    for edge in tree.edges:
        steps = [networkx.utils.pairwise(routes[node]) for node in range(1, nodes + 1)]
        uses = [any(set(edge) == set(step) for step in route) for route in steps]
        passes.append(np.array(uses, float))
    return np.array(passes, np.float32)


def test_greedy_filling_is_the_optimum_on_trees():
    random = np.random.default_rng(1)
    for _ in range(15):
        passes = routes_of_a_tree(random, 9)
        channels = np.concatenate([[3.0], random.uniform(0.3, 1.5, len(passes) - 1)])
        weight = random.uniform(-1, 5, 9).clip(0)
        most = random.uniform(0.2, 1, 9)
        ours = np.asarray(solve(*(jnp.float32(each) for each in (passes, channels, weight, most))))
        limits = [(0, limit) for limit in most]
        best = optimize.linprog(-weight, passes, channels, bounds=limits)
        assert ours.min() >= 0
        assert (ours <= most + 1e-6).all()
        assert (passes @ ours <= channels + 1e-5).all()
        assert weight @ ours == pytest.approx(-best.fun, rel=1e-5)


@pytest.mark.parametrize("name", ["surfnet"])
def test_routes_of_a_graph_form_a_tree(name):
    """Of two bottlenecks, all nodes of one pass through the other, or none."""
    passes = np.asarray(parameters.build(config.load(name)).network.switch.passes)
    assert len(passes) > 2
    shared = passes @ passes.T
    sizes = passes.sum(axis=1)
    nested = (shared == sizes) | (shared == sizes[:, None]) | (shared == 0)
    assert nested.all()


@pytest.mark.parametrize("memories", [1, 2, 5])
def test_availability_is_that_of_a_simulated_memory(memories):
    """Pairs come at random, live a fixed time, and are lost if the memory is full."""
    random, load = np.random.default_rng(memories), 1.3
    expected = float(linear.nonempty(jnp.float32(load), memories))
    ends, busy, now = np.zeros(0), 0.0, 0.0
    for _ in range(20_000):
        before, now = now, now + random.exponential(1 / load)
        busy += max(0.0, min(ends.max(initial=before), now) - before)
        ends = ends[ends > now]
        if len(ends) < memories:
            ends = np.append(ends, now + 1.0)
    # The spread of a share of the time, over about `now` independent lifetimes.
    assert busy / now == pytest.approx(expected, abs=4 * 0.5 / now**0.5)


def test_availability_converges_exponentially_in_the_size_of_the_memory():
    """So does the bound of the source."""
    load = jnp.float32(4.0)
    reached = np.array([float(linear.nonempty(load, size)) for size in range(4, 13)])
    gaps = 1 - np.exp(-4.0) - reached
    assert (gaps > 0).all()
    assert (gaps[1:] < 0.75 * gaps[:-1]).all()


def test_longest_queue_times_rate_is_served_first(looped, start):
    """Everybody has its tags; those in memory are little enough to leave room for more."""
    keyed = seen.stocked(start, looped, shots=np.array([40, 200, 10, 250, 120, 90]))
    action = np.asarray(compiled.compiled(linear.linear_program)(looped, keyed, jax.random.key(0)))
    found = compiled.compiled(prospects.assess)(looped.network, keyed)
    room, pairs = np.asarray(found.room), np.asarray(found.pairs)
    # A quorum and two more take part: all but the one that makes least.
    out = np.argmin(pairs * np.asarray(found.worth[0]))
    left, by_hand = 2.0, np.zeros(6)
    for node in np.argsort(-room * pairs):
        by_hand[node] = 0 if node == out else min(room[node] / pairs[node], 1, left)
        left -= by_hand[node]
    assert (action[:-1] + 1) / 2 == pytest.approx(by_hand, abs=1e-4)
