"""Relays against single pairs in lists, and swaps against the Bell states of the two pairs."""

from itertools import permutations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built
from numpy.typing import NDArray

from ceas_gym.network import counts, relays, storage
from ceas_gym.physics import bell
from ceas_gym.types import Links, Network

connect, store = jax.jit(relays.connect), jax.jit(storage.store)
by_age = jax.jit(relays.contraction_by_age)
LONG = {"hub_coherence_s": 1e9, "node_coherence_s": 1e9}


def chains(*hops: int, hardware: dict[str, Any] | None = None, **settings: Any) -> Network:
    """Returns nodes with relays of their own, and so many hops of ten kilometres each."""
    graph = built.chains(*([10.0] * number for number in hops))
    given: dict[str, Any] = {
        "graph": graph,
        "windows": 4,
        "oldest_windows": 6,
        "cutoff_fidelity": None,
    }
    return built.build(hardware, **(given | settings))


def values_of(network: Network, links: Links | None = None) -> jax.Array:
    return by_age(network, built.steady(network) if links is None else links)


def waiting(*hops: list[int]) -> jax.Array:
    """Counts by age of one node's links, filled up with zeros."""
    return jnp.array([[pairs + [0] * (6 - len(pairs)) for pairs in hops]])


# --- Contraction ---


@pytest.mark.parametrize("hops", [2, 3])
def test_swap_multiplies_letters_as_it_convolves_bell_states(hops: int) -> None:
    hardware = {"gate_contraction": 0.97, "readout": 0.98, "scheme": "single_click"} | LONG
    network = chains(hops, hardware=hardware)
    heralded = jnp.ones((1, hops), jnp.int32)
    _, swapped, got = connect(network, values_of(network), waiting(*[[0]] * hops), heralded)
    pairs = bell.from_letters(jnp.moveaxis(network.generation.contraction[:, 0], 0, -1))
    long = pairs[0]
    for pair in pairs[1:]:
        long = bell.swap(long, pair, 0.97, 0.98)
    assert swapped.tolist() == [1]
    assert got[0, :, 0].tolist() == pytest.approx(bell.to_letters(long).tolist(), rel=1e-5)
    assert got[0, 0, 0] < got[0, 2, 0]


def test_pair_of_a_route_waits_for_the_farthest_outcome_of_its_swaps() -> None:
    """A swapped pair is known at both ends when the outcome has flown to the farther one."""
    hardware = {"node_coherence_s": 0.02, "hub_coherence_s": 0.05, "node_coherence_spread": 0.0}
    speed = 214_000.0
    for lengths, farther_km in (([7.0, 12.0], 12.0), ([12.0, 7.0], 12.0), ([3.0, 8.0, 5.0], 13.0)):
        perfect = {"gate_contraction": 1.0, "readout": 1.0}
        network = built.build(hardware | perfect, graph=built.chains(lengths))
        waits = farther_km / speed
        aged = bell.depolarize(bell.werner(1.0), waits, 0.02, 0.05)
        expected = bell.teleport(aged).tolist()
        assert network.operations.swap_contraction[:, 0].tolist() == pytest.approx(
            expected, rel=1e-6
        )


def test_waiting_links_decay_at_their_own_two_ends() -> None:
    network = chains(2, hardware={"node_coherence_s": 3.0, "hub_coherence_s": 5.0})
    decay = np.exp(-np.asarray(network.memories.decay_rate[0], float))
    values = np.asarray(values_of(network))[0, :, 0]
    hub, node, relay = decay
    for hop, ends in enumerate((hub * relay, relay * node)):
        for age in (1, 5):
            ratio = values[:, hop, age] / values[:, hop, 0]
            assert ratio == pytest.approx([ends**age] * 3, rel=1e-5)


def test_coupling_at_random_makes_the_mean_of_products_the_product_of_means() -> None:
    network = chains(2)
    values = values_of(network)
    held = waiting([0, 2, 1], [1, 0, 0])
    left, swapped, got = connect(network, values, held, jnp.array([[0, 2]]))
    # One window later, the first link has ages 2, 2, 3 and the second 0, 0, 1.
    first, second = (np.asarray(values)[0, 0, 0, hop] for hop in range(2))
    one, other = first[[2, 2, 3]], second[[0, 0, 1]]
    coupled = [np.mean(one * other[list(order)]) for order in permutations(range(3))]
    assert int(swapped[0]) == 3
    assert not left.any()
    expected = np.mean(coupled) * float(network.operations.swap_contraction[0, 0])
    assert float(got[0, 0, 0]) == pytest.approx(expected, rel=1e-5)


# --- Which pairs are swapped ---


def test_freshest_links_are_swapped_first_and_the_others_wait() -> None:
    network = chains(2)
    held = waiting([1, 2, 0, 3], [0, 1])
    left, swapped, got = connect(network, values_of(network), held, jnp.array([[1, 1]]))
    assert swapped.tolist() == [2]
    assert left.tolist() == waiting([0, 0, 2, 0, 3], [0]).tolist()
    values = np.asarray(values_of(network))[0, :, 0]
    mean = values[:, 0, [0, 1]].mean(axis=-1) * values[:, 1, [0, 2]].mean(axis=-1)
    expected = mean * np.asarray(network.operations.swap_contraction)[:, 0]
    assert np.asarray(got)[0, :, 0] == pytest.approx(expected, rel=1e-5)


def test_links_wait_from_round_to_round_and_fall_to_the_last_age() -> None:
    network = chains(2)
    links, memory = built.steady(network), storage.empty(network)
    lone = jnp.zeros((4, 1, 2), jnp.int32).at[3, 0, 0].set(1)
    memory, _ = store(network, links, memory, lone)
    assert memory.links.tolist() == waiting([1], [0]).tolist()
    memory, ledger = store(network, links, memory, 0 * lone)
    assert memory.links.tolist() == waiting([0, 0, 0, 0, 1], [0]).tolist()
    assert ledger.generated.tolist() == [0]
    # At age six it would be too old, but its partner comes in the window before.
    partner = jnp.zeros_like(lone).at[0, 0, 1].set(1)
    _, ledger = store(network, links, memory, partner)
    assert ledger.generated.tolist() == [1]
    _, ledger = store(network, links, memory, jnp.roll(partner, 1, axis=0))
    assert ledger.generated.tolist() == [0]


def test_pair_of_a_link_is_kept_down_to_the_cutoff() -> None:
    network = chains(2, hardware={"node_coherence_s": 8.0, "hub_coherence_s": 8.0})
    values = values_of(network)
    fidelity = np.asarray(counts.fidelity(values[0]))[0, 0]
    cut = built.altered(network, cutoff_fidelity=jnp.float32((fidelity[2] + fidelity[3]) / 2))
    left, _, _ = connect(cut, values, waiting([1, 1, 1, 1], [0]), jnp.array([[5, 0]]))
    assert left.tolist() == waiting([5, 1, 1], [0]).tolist()
    hopeless = built.altered(network, cutoff_fidelity=jnp.float32(0.99))
    left, swapped, _ = connect(hopeless, values, waiting([0], [0]), jnp.array([[5, 5]]))
    assert (int(left.sum()), int(swapped[0])) == (0, 0)


def test_full_memory_of_a_relay_blocks_new_links_before_the_swap() -> None:
    network = chains(2, memories_per_link=3)
    left, swapped, _ = connect(network, values_of(network), waiting([2], [0]), jnp.array([[4, 9]]))
    # One of four new pairs found room; the second link could hold three, and all are swapped.
    assert swapped.tolist() == [3]
    assert not left.any()


# --- Any traffic, and routes of any length ---


def one_by_one(
    held: list[list[int]], new: list[int], lifetime: int, memories: int
) -> tuple[list[list[int]], list[list[int]]]:
    """What waits on each hop of a route after a window, and what was swapped, by single pairs."""
    after = []
    for ages, arrivals in zip(held, new, strict=True):
        older = [age + 1 for age in ages if age + 1 <= lifetime]
        room = memories - len(older) if len(held) > 1 else arrivals
        after.append(sorted(older + [0] * min(arrivals, room)))
    swaps = min(map(len, after))
    return [ages[swaps:] for ages in after], [ages[:swaps] for ages in after]


@pytest.mark.parametrize("seed", range(3))
def test_relays_equal_a_simulation_of_single_pairs(seed: int) -> None:
    network = chains(3, 2, 1, memories_per_link=5)
    values, random = values_of(network), np.random.default_rng(seed)
    swap = np.asarray(network.operations.swap_contraction)
    held: list[list[list[int]]] = [[[] for _ in range(hops)] for hops in (3, 2, 1)]
    pairs = jnp.zeros((3, 3, 6), jnp.int32)
    for _ in range(15):
        news: NDArray[np.int64] = random.poisson(1.2, (3, 3)) * np.asarray(network.routes.is_hop)
        pairs, swapped, got = connect(network, values, pairs, jnp.asarray(news, jnp.int32))
        for node, hops in enumerate((3, 2, 1)):
            held[node], gone = one_by_one(held[node], news[node, :hops].tolist(), 5, 5)
            counted = [
                np.bincount(np.array(ages, int), minlength=6).tolist() for ages in held[node]
            ]
            assert pairs[node, :hops].tolist() == counted
            assert not pairs[node, hops:].any()
            assert int(swapped[node]) == len(gone[0])
            if gone[0]:
                each = [
                    np.asarray(values)[0, :, node, hop][:, ages] for hop, ages in enumerate(gone)
                ]
                expected = np.prod([one.mean(axis=1) for one in each], axis=0) * swap[:, node]
                assert np.asarray(got)[0, :, node] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("cutoff", [0.0, 0.6, 0.99])
def test_node_next_to_the_hub_is_served_as_in_a_star(cutoff: float) -> None:
    """Short routes are padded with hops that hold nothing and do nothing."""
    mixed, star = chains(1, 3), built.build(nodes=1, lengths_km=(10.0,), cutoff_fidelity=None)
    same = {"ages": 6, "windows": 4, "key_slots": 5, "cutoff_fidelity": jnp.float32(cutoff)}
    star = built.altered(
        star, decay_rate=mixed.memories.decay_rate[:, :2], memories_per_link=jnp.int32(9), **same
    )
    mixed = built.altered(mixed, memories_per_link=jnp.int32(9), **same)
    # Some windows bring more than the memory holds.
    news = np.random.default_rng(0).poisson(8, (4, 1)).astype(np.int32)
    padded = jnp.zeros((4, 2, 3), jnp.int32).at[:, :1, 0].set(news)
    alone, fate = store(star, built.steady(star), storage.empty(star), jnp.asarray(news)[..., None])
    among, fates = store(mixed, built.steady(mixed), storage.empty(mixed), padded)
    assert among.pairs[0].tolist() == alone.pairs[0].tolist()
    assert among.key_bits[0, 0].tolist() == pytest.approx(alone.key_bits[0, 0].tolist(), rel=1e-5)
    for name in ("generated", "keyed", "expired", "blocked"):
        assert int(getattr(fates, name)[0]) == int(getattr(fate, name)[0]), name
    held = np.asarray(alone.pairs[0]) > 0
    one, other = np.asarray(alone.contraction)[0, :, 0], np.asarray(among.contraction)[0, :, 0]
    assert other[:, held] == pytest.approx(one[:, held], rel=1e-5)
    assert not among.pairs[1].any()


def test_books_decide_and_both_views_are_swapped() -> None:
    network = built.altered(chains(2), drifts=True)
    steady = built.steady(network)
    one = jnp.ones_like(steady.fresh[:1])
    fresh = jnp.concatenate([0.9 * one, 0.8 * one])
    decay = jnp.concatenate([0.2 * one, one])
    links = Links(
        success_probability=steady.success_probability,
        fresh=fresh,
        link_decay=decay,
        decay=decay[..., 0],
    )
    cut = built.altered(network, cutoff_fidelity=jnp.float32(0.8))
    _, swapped, got = connect(cut, by_age(cut, links), waiting([1], [0]), jnp.array([[0, 1]]))
    assert swapped.tolist() == [1]
    noise = float(network.operations.swap_contraction[0, 0])
    assert got[:, 0, 0].tolist() == pytest.approx([0.9 * 0.2 * 0.9 * noise, 0.8**2 * noise])
