"""The barrier: whole shots, who spends, in which order, and the contraction that arrives."""

import math
from itertools import permutations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built

from ceas_gym.network import barrier, storage
from ceas_gym.types import Delivery, Ledger, Memory, Network

Outcome = tuple[Memory, Delivery, Ledger]
spend = jax.jit(barrier.spend)
KINDS = ("", "X", "Y", "Z", "XX", "XY", "XZ", "YY", "YZ", "ZZ")
"""Pauli words on two qubits, one of each type, in the order of `pauli_types`."""


def star(**changes: Any) -> Network:
    return built.star(**changes)


def at_barrier(
    network: Network, pairs: list[list[int]], key: list[float], contraction: Any = 0.8
) -> Outcome:
    zero = jnp.zeros(3, jnp.int32)
    ledger = Ledger(
        generated=zero + 9,
        spent=zero,
        keyed=zero + 1,
        expired=zero + 2,
        blocked=zero + 3,
        sacrificed=zero,
        tested=zero,
    )
    memory = built.holding(pairs, key, contraction)
    links = built.steady(network)
    return spend(network, links, memory, ledger, jax.random.key(0))


# --- What arrives ---


def assigned_at_random(values: list[dict[str, float]], word: str) -> float:
    """Mean over all assignments of the pairs to the qubits of what is left of a Pauli word."""
    assignments = permutations(values, len(word))
    products = [
        math.prod(p[letter] for p, letter in zip(assignment, word, strict=True))
        for assignment in assignments
    ]
    return float(np.mean(products))


def twirled(values: list[dict[str, float]]) -> float:
    """Mean over all assignments and all 15 Pauli words of two qubits but the identity."""
    identity = {letter: 1.0 for letter in "I"}
    words = [one + other for one in "IXYZ" for other in "IXYZ" if one + other != "II"]
    return float(np.mean([assigned_at_random([v | identity for v in values], w) for w in words]))


@pytest.mark.usefixtures("exact")
def test_delivered_contraction_is_that_of_the_spent_pairs_after_their_way() -> None:
    random = np.random.default_rng(0)
    table, way = random.uniform(0.2, 0.9, (3, 3, 6)), random.uniform(0.5, 1, (3, 3))
    network = star(delivery_contraction=way, tag_bits=1.0)
    pairs = [[3, 2, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1]]
    _, delivery, _ = at_barrier(network, pairs, [1.0, 1.0, 1.0], table)
    # Freshest first, two for a shot: the odd oldest pair stays.
    spent = [[0, 0, 0, 1], [0, 1, 2, 3]]
    for node, ages in enumerate(spent):
        arriving = [
            dict(zip("XYZ", table[:, node, age] * way[:, node], strict=True)) for age in ages
        ]
        expected = [assigned_at_random(arriving, word) for word in KINDS]
        assert delivery.contraction[node].tolist() == pytest.approx(expected, abs=1e-12)
        assert float(delivery.signal[node]) == pytest.approx(twirled(arriving), abs=1e-12)
    assert delivery.contraction[2].tolist() == [1.0] + [0.0] * 9
    assert float(delivery.signal[2]) == 0.0


def test_learners_get_the_truth_and_the_hub_its_estimate() -> None:
    network = star(tag_bits=1.0, drifts=True, delivery_contraction=np.ones((3, 3)))
    memory = built.holding([[2, 0, 0, 0, 0, 0]] * 3, [1.0] * 3)
    both = jnp.concatenate([0.5 * memory.contraction, memory.contraction])
    memory = Memory(
        pairs=memory.pairs, contraction=both, links=memory.links, key_bits=memory.key_bits
    )
    zero = jnp.zeros(3, jnp.int32)
    ledger = storage.no_fates(zero)
    _, delivery, _ = spend(network, built.steady(network), memory, ledger, jax.random.key(0))
    assert delivery.contraction[0, 1:5].tolist() == pytest.approx([0.45] * 3 + [0.45**2])
    # Of two Werner pairs 6 words have weight one and 9 have weight two.
    assert float(delivery.signal[0]) == pytest.approx((6 * 0.9 + 9 * 0.81) / 15)


# --- Who spends what ---


def test_only_whole_shots_are_spent_and_the_rest_is_kept() -> None:
    pairs = [[1, 0, 0, 0, 0, 0], [1, 1, 1, 0, 0, 0], [2, 0, 1, 0, 0, 1]]
    memory, delivery, ledger = at_barrier(star(tag_bits=1.0), pairs, [1.0] * 3)
    assert delivery.shots.tolist() == [0, 1, 2]
    assert ledger.spent.tolist() == [0, 2, 4]
    assert memory.pairs.tolist() == [[1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0] * 6]


@pytest.mark.parametrize("qubits", [1, 6])
def test_a_shot_takes_a_pair_for_each_qubit(qubits: int) -> None:
    network = star(tag_bits=1.0, qubits=qubits)
    pairs = [[qubits - 1] + [0] * 5, [qubits] + [0] * 5, [2 * qubits] + [1] * 5]
    _, delivery, ledger = at_barrier(network, pairs, [1.0] * 3)
    assert delivery.shots.tolist() == [0, 1, 2 + 5 // qubits]
    assert ledger.spent.tolist() == [qubits * shots for shots in delivery.shots.tolist()]
    assert delivery.contraction.shape == (3, math.comb(qubits + 3, 3))


@pytest.mark.parametrize(
    ("oldest_first", "left"),
    [(False, [0, 0, 0, 0, 0, 1]), (True, [1, 0, 0, 0, 0, 0])],
    ids=["freshest", "oldest"],
)
def test_order_in_which_pairs_are_spent(oldest_first: bool, left: list[int]) -> None:
    network = star(tag_bits=1.0, oldest_first=oldest_first)
    values = np.linspace(0.9, 0.4, 6)
    memory, delivery, _ = at_barrier(network, [[1, 0, 2, 0, 1, 1]] * 3, [1.0] * 3, values)
    assert memory.pairs.tolist() == [left] * 3
    spent = [0, 2, 2, 4] if not oldest_first else [2, 2, 4, 5]
    arriving = values[spent] * float(network.operations.delivery_contraction[0, 0])
    assert float(delivery.contraction[0, 1]) == pytest.approx(float(arriving.mean()), rel=1e-6)


def test_node_without_key_keeps_its_pairs() -> None:
    network = star(tag_bits=4.0)
    pairs = [[4, 0, 0, 0, 0, 0]] * 3
    memory, delivery, ledger = at_barrier(network, pairs, [3.9, 4.0, 9.0])
    assert delivery.shots.tolist() == [0, 2, 2]
    assert delivery.authenticated.tolist() == [False, True, True]
    assert memory.pairs.sum(axis=1).tolist() == [4, 0, 0]
    assert ledger.spent.tolist() == [0, 4, 4]
    assert memory.key_bits[:, 0, 2].tolist() == pytest.approx([3.9, 0.0, 5.0])


def test_node_without_key_spends_where_it_is_accepted() -> None:
    network = star(tag_bits=4.0, unauthenticated_spend=True)
    memory, delivery, ledger = at_barrier(network, [[4, 0, 0, 0, 0, 0]] * 3, [3.9, 4.0, 0.0])
    assert delivery.shots.tolist() == [2, 2, 2]
    assert delivery.authenticated.tolist() == [False, True, False]
    assert ledger.spent.tolist() == [4, 4, 4]
    # And no key is spent without a tag.
    assert memory.key_bits[:, 0, 2].tolist() == pytest.approx([3.9, 0.0, 0.0])


def test_node_without_a_shot_sends_no_tag() -> None:
    pairs = [[1, 0, 0, 0, 0, 0], [0] * 6, [2, 0, 0, 0, 0, 0]]
    memory, delivery, _ = at_barrier(star(tag_bits=4.0), pairs, [9.0] * 3)
    assert delivery.authenticated.tolist() == [False, False, True]
    assert memory.key_bits[:, 0, 2].tolist() == [9.0, 9.0, 5.0]


def test_ledger_keeps_the_other_fates() -> None:
    _, _, ledger = at_barrier(star(tag_bits=4.0), [[2, 0, 0, 0, 0, 0]] * 3, [9.0] * 3)
    assert ledger.sacrificed.tolist() == [0, 0, 0]
    others = (ledger.generated, ledger.keyed, ledger.expired, ledger.blocked)
    assert [fate.tolist() for fate in others] == [[9] * 3, [1] * 3, [2] * 3, [3] * 3]
