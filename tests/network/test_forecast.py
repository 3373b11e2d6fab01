"""What the hub can expect of its links, against the simulation that it speaks of."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built

from ceas_gym.network import forecast, storage
from ceas_gym.physics import memories

RELAXING = {"memory": "t1_t2", "hub_relaxation_s": 60.0, "node_relaxation_s": 30.0}
SUCCESS = np.array([[0.3, 0.1, 0.0], [0.2, 0.5, 0.4], [0.4, 0.0, 0.0]])
store = jax.jit(storage.store)


def test_slowest_link_decides_how_many_pairs_to_expect() -> None:
    graph = built.chains([5.0, 5.0], [5.0, 5.0, 5.0], [5.0])
    network = built.build(graph=graph)
    attempts = [[9.9, 20.0, 0.0], [10.0, 3.2, 4.0], [7.0, 0.0, 0.0]]
    network = built.altered(
        network, attempts_per_window=attempts, modes=jnp.int32(2), success_probability=SUCCESS
    )
    expected = [min(18 * 0.3, 40 * 0.1), min(20 * 0.2, 6 * 0.5, 8 * 0.4), 14 * 0.4]
    assert forecast.expected_pairs(network).tolist() == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_likely_pairs_are_the_mean_over_all_conditions_of_the_route(seed: int) -> None:
    """A route is as slow as its slowest link, which the mean rates of its links do not tell."""
    random = np.random.default_rng(seed)
    network = built.build(
        graph=built.chains([30.0, 10.0, 20.0], [15.0]),
        conditions={"links": "markov", "degraded_rate": 0.3},
    )
    belief = random.dirichlet(np.ones(3), 4)
    tried = np.floor(network.generation.attempts_per_window) * int(network.generation.modes)
    pairs = np.asarray(tried * network.generation.success_probability)
    expected = np.zeros(2)
    for node, hops in enumerate((3, 1)):
        for route in product(range(3), repeat=hops):
            edges = np.asarray(network.routes.edge)[node, :hops]
            chance = np.prod([belief[edge, now] for edge, now in zip(edges, route, strict=True)])
            slowest = min(pairs[node, hop] * (1.0, 0.3, 0.0)[now] for hop, now in enumerate(route))
            expected[node] += chance * slowest
    likely = forecast.likely_pairs(network, jnp.asarray(belief, jnp.float32))
    assert likely.tolist() == pytest.approx(expected.tolist(), rel=1e-5)


def test_new_contraction_is_that_of_pairs_whose_links_are_all_new() -> None:
    network = built.build(graph=built.chains([5.0], [8.0, 3.0]), windows=1)
    links = built.steady(network)
    heralded = jnp.ones((1, 2, 2), jnp.int32) * network.routes.is_hop
    network = built.altered(network, tag_bits=0.0, key_capacity_bits=0.0)
    memory, _ = store(network, links, storage.empty(network), heralded)
    assert memory.pairs[:, 0].tolist() == [1, 1]
    expected = np.asarray(memory.contraction)[0, :, :, 0]
    assert np.asarray(forecast.new_contraction(network, links)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("cutoff", [0.5, 0.7, 0.8, 0.85, 0.9, 0.99])
def test_lifetime_counts_the_window_ends_that_a_new_pair_survives(cutoff: float) -> None:
    network = built.build(
        nodes=3, lengths_km=(1.0, 7.5, 20.0), oldest_windows=20, windows=1, cutoff_fidelity=cutoff
    )
    network = built.altered(network, tag_bits=0.0, key_capacity_bits=0.0)
    links, memory = built.steady(network), storage.empty(network)
    arrivals, seen = jnp.ones((1, 3, 1), jnp.int32), np.zeros(3, int)
    for _ in range(20):
        memory, _ = store(network, links, memory, arrivals)
        seen += np.asarray(memory.pairs).sum(axis=1)
        arrivals = jnp.zeros_like(arrivals)
    assert forecast.lifetime(network, links).tolist() == seen.tolist()


def test_contraction_by_age_is_that_of_a_pair_in_storage() -> None:
    network = built.build(RELAXING, nodes=3, oldest_windows=6, windows=4)
    network = built.altered(
        network, tag_bits=0.0, key_capacity_bits=0.0, cutoff_fidelity=jnp.float32(0)
    )
    links = built.steady(network)
    memory, _ = store(network, links, storage.empty(network), jnp.ones((4, 3, 1), jnp.int32))
    new = forecast.new_contraction(network, links)
    got = forecast.by_age(new, links.decay[-1], windows=4)
    expected = np.asarray(memory.contraction)[0, :, :, :4]
    assert np.asarray(got) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("memory", memories.MEMORIES)
def test_survival_tells_the_decay_of_all_letters(memory: str) -> None:
    network = built.build(
        RELAXING if memory == "t1_t2" else {"memory": memory}, nodes=3, window_s=3.0
    )
    decay = built.steady(network).decay[-1]
    survival = forecast.survival(decay)
    np.testing.assert_array_equal(survival, decay[0])
    told = np.asarray(forecast.decay_of_letters(network, survival))
    if memory == "t1_t2":
        assert told == pytest.approx(np.asarray(decay), rel=1e-6)
    else:
        np.testing.assert_array_equal(told, decay)


def test_survival_is_of_z_where_relaxation_is_faster_than_dephasing() -> None:
    # T2 of the hub is 42 s and of the nodes 20 s; it may be up to twice T1.
    network = built.build(RELAXING | {"hub_relaxation_s": 21.0, "node_relaxation_s": 10.0}, nodes=3)
    decay = np.asarray(built.steady(network).decay[-1])
    assert (decay[2] < decay[0]).all()
    np.testing.assert_array_equal(forecast.survival(jnp.asarray(decay)), decay[2])
    told = forecast.decay_of_letters(network, jnp.asarray(decay[2]))
    assert np.asarray(told) == pytest.approx(decay, rel=1e-6)


def test_quality_is_pairs_times_contraction_squared() -> None:
    network = built.star()
    new = np.asarray(forecast.new_contraction(network, forecast.nominal(network)))
    expected = np.asarray(forecast.expected_pairs(network)) * new.mean(axis=0) ** 2
    assert forecast.quality(network).tolist() == pytest.approx(expected.tolist(), rel=1e-6)
