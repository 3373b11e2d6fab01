"""The barrier: whole shots, who spends, in which order, and the contraction that arrives."""

import math
from collections.abc import Callable
from itertools import combinations, permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_gym.network import barrier
from ceas_gym.types import Delivery, Ledger, Memory, Network

Star = Callable[..., Network]
Outcome = tuple[Memory, Delivery, Ledger]
spend = jax.jit(barrier.spend)
take = jax.jit(barrier.take, static_argnames="oldest_first")
mean_products = jax.jit(barrier.mean_products, static_argnames="most")
VALUES = [0.95, 0.8, 0.55, 0.3]


def at_barrier(network: Network, pairs: list[list[int]], key: list[float]) -> Outcome:
    zero = jnp.zeros(3, jnp.int32)
    memory = Memory(jnp.array(pairs), jnp.zeros((3, 5)).at[:, 2].set(jnp.array(key)))
    return spend(network, memory, Ledger(zero + 9, zero, zero + 1, zero + 2, zero + 3))


# --- Contraction ---


def dealt_at_random(values: list[float], weight: int) -> float:
    """Mean over all deals of the pairs to the qubits of the product over the first `weight`."""
    deals = [math.prod(deal[:weight]) for deal in permutations(values)]
    return float(np.mean(deals))


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("counts", [[4, 0, 0, 0], [1, 2, 0, 1], [0, 3, 2, 1], [2, 1, 3, 0]])
def test_mean_products_equal_all_deals(counts: list[int]) -> None:
    each = [value for value, count in zip(VALUES, counts, strict=True) for _ in range(count)]
    means = mean_products(jnp.array([counts]), jnp.array([VALUES]), most=4)[0]
    expected = [dealt_at_random(each, weight) for weight in range(5)]
    assert means.tolist() == pytest.approx(expected, abs=1e-13)


@pytest.mark.usefixtures("exact")
@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    counts=st.lists(st.integers(0, 4), min_size=4, max_size=4).filter(lambda c: sum(c) >= 3),
    values=st.lists(st.floats(-0.33, 1.0), min_size=4, max_size=4),
)
def test_mean_products_equal_all_choices(counts: list[int], values: list[float]) -> None:
    each = [value for value, count in zip(values, counts, strict=True) for _ in range(count)]
    means = mean_products(jnp.array([counts]), jnp.array([values]), most=3)[0]
    for weight in range(4):
        products = [math.prod(choice) for choice in combinations(each, weight)]
        assert float(means[weight]) == pytest.approx(float(np.mean(products)), abs=1e-12)


def exact_mean_products(counts: list[int], values: list[float], most: int) -> list[float]:
    """The same from the coefficients of prod_j (1 + t x_j)^counts_j, in Python's own integers."""
    means = [1.0] + [0.0] * most
    for count, value in zip(counts, values, strict=True):
        factor = [math.comb(count, k) * value**k for k in range(most + 1)]
        means = [math.fsum(means[i] * factor[k - i] for i in range(k + 1)) for k in range(most + 1)]
    return [mean / math.comb(sum(counts), k) for k, mean in enumerate(means)]


@pytest.mark.parametrize(
    "counts", [[1, 1, 1, 1], [2, 1, 0, 1], [9, 0, 30, 1], [5000, 70_000, 3, 8]]
)
def test_mean_products_hold_in_single_precision(counts: list[int]) -> None:
    means = mean_products(jnp.array([counts]), jnp.array([VALUES]), most=4)[0]
    assert means.tolist() == pytest.approx(exact_mean_products(counts, VALUES, 4), rel=2e-6)


@pytest.mark.usefixtures("exact")
def test_equal_pairs_contract_by_a_power_and_no_pairs_by_nothing() -> None:
    counts = jnp.array([[0, 7, 0, 0], [0, 4_000_000, 0, 0], [0, 0, 0, 0]])
    means = mean_products(counts, jnp.tile(jnp.array(VALUES), (3, 1)), most=4)
    powers = [0.8**weight for weight in range(5)]
    assert means[0].tolist() == pytest.approx(powers, abs=1e-14)
    assert means[1].tolist() == pytest.approx(powers, abs=1e-13)
    assert means[2].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


@pytest.mark.usefixtures("exact")
def test_delivered_contraction_is_that_of_the_spent_pairs_after_their_way(star: Star) -> None:
    table = np.linspace(0.9, 0.2, 18).reshape(3, 6)
    way = np.array([1.0, 0.9, 0.5])
    network = star(contraction=table, delivery_contraction=way, tag_bits=1.0)
    pairs = [[3, 2, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1]]
    _, delivery, _ = at_barrier(network, pairs, [1.0, 1.0, 1.0])
    # Freshest first, two for a shot: the odd oldest pair stays.
    spent = [[0, 0, 0, 1], [0, 1, 2, 3]]
    for node, ages in enumerate(spent):
        arriving = (table[node, ages] * way[node]).tolist()
        expected = [dealt_at_random(arriving, weight) for weight in range(3)]
        assert delivery.contraction[node].tolist() == pytest.approx(expected, abs=1e-13)
    assert delivery.contraction[2].tolist() == [1.0, 0.0, 0.0]


# --- Who spends what ---


def test_only_whole_shots_are_spent_and_the_rest_is_kept(star: Star) -> None:
    pairs = [[1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0], [2, 0, 1, 0, 0, 1]]
    memory, delivery, ledger = at_barrier(star(tag_bits=1.0), pairs, [1.0] * 3)
    assert delivery.shots.tolist() == [0, 1, 2]
    assert ledger.spent.tolist() == [0, 2, 4]
    assert memory.pairs.tolist() == [[1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0] * 6]


@pytest.mark.parametrize("qubits", [1, 6])
def test_a_shot_takes_a_pair_for_each_qubit(star: Star, qubits: int) -> None:
    network = star(tag_bits=1.0, qubits=qubits)
    pairs = [[qubits - 1] + [0] * 5, [qubits] + [0] * 5, [2 * qubits] + [1] * 5]
    _, delivery, ledger = at_barrier(network, pairs, [1.0] * 3)
    assert delivery.shots.tolist() == [0, 1, 2 + 5 // qubits]
    assert ledger.spent.tolist() == [qubits * shots for shots in delivery.shots.tolist()]
    assert delivery.contraction.shape == (3, qubits + 1)


@pytest.mark.parametrize(
    ("oldest_first", "left"),
    [(False, [0, 0, 0, 0, 0, 1]), (True, [1, 0, 0, 0, 0, 0])],
    ids=["freshest", "oldest"],
)
def test_order_in_which_pairs_are_spent(star: Star, oldest_first: bool, left: list[int]) -> None:
    network = star(tag_bits=1.0, oldest_first=oldest_first)
    memory, delivery, _ = at_barrier(network, [[1, 0, 2, 0, 1, 1]] * 3, [1.0] * 3)
    assert memory.pairs.tolist() == [left] * 3
    spent = [0, 2, 2, 4] if not oldest_first else [2, 2, 4, 5]
    arriving = network.contraction[0, jnp.array(spent)] * network.delivery_contraction[0]
    assert float(delivery.contraction[0, 1]) == pytest.approx(float(arriving.mean()), rel=1e-6)


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    pairs=st.lists(st.integers(0, 5), min_size=6, max_size=6),
    amount=st.integers(0, 40),
    oldest_first=st.booleans(),
)
def test_taking_exhausts_an_age_before_the_next(
    pairs: list[int], amount: int, oldest_first: bool
) -> None:
    taken = take(jnp.array([pairs]), jnp.array([amount]), oldest_first=oldest_first)[0].tolist()
    ages = [age for age, count in enumerate(pairs) for _ in range(count)]
    chosen = sorted(ages, reverse=oldest_first)[:amount]
    assert taken == np.bincount(chosen, minlength=6).tolist()


def test_node_without_key_keeps_its_pairs(star: Star) -> None:
    network = star(tag_bits=4.0)
    pairs = [[4, 0, 0, 0, 0, 0]] * 3
    memory, delivery, ledger = at_barrier(network, pairs, [3.9, 4.0, 9.0])
    assert delivery.shots.tolist() == [0, 2, 2]
    assert delivery.authenticated.tolist() == [False, True, True]
    assert memory.pairs.sum(axis=1).tolist() == [4, 0, 0]
    assert ledger.spent.tolist() == [0, 4, 4]
    assert memory.key_bits[:, 3].tolist() == pytest.approx([3.9, 0.0, 5.0])


def test_node_without_key_spends_where_it_is_accepted(star: Star) -> None:
    network = star(tag_bits=4.0, unauthenticated_spend=True)
    memory, delivery, ledger = at_barrier(network, [[4, 0, 0, 0, 0, 0]] * 3, [3.9, 4.0, 0.0])
    assert delivery.shots.tolist() == [2, 2, 2]
    assert delivery.authenticated.tolist() == [False, True, False]
    assert ledger.spent.tolist() == [4, 4, 4]
    # And no key is spent without a tag.
    assert memory.key_bits[:, 3].tolist() == pytest.approx([3.9, 0.0, 0.0])


def test_node_without_a_shot_sends_no_tag(star: Star) -> None:
    pairs = [[1, 0, 0, 0, 0, 0], [0] * 6, [2, 0, 0, 0, 0, 0]]
    memory, delivery, _ = at_barrier(star(tag_bits=4.0), pairs, [9.0] * 3)
    assert delivery.authenticated.tolist() == [False, False, True]
    assert memory.key_bits[:, 3].tolist() == [9.0, 9.0, 5.0]


def test_ledger_keeps_the_other_fates(star: Star) -> None:
    _, _, ledger = at_barrier(star(tag_bits=4.0), [[2, 0, 0, 0, 0, 0]] * 3, [9.0] * 3)
    others = (ledger.generated, ledger.keyed, ledger.expired, ledger.blocked)
    assert [fate.tolist() for fate in others] == [[9] * 3, [1] * 3, [2] * 3, [3] * 3]
