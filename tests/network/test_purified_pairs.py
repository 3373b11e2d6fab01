"""Purification at the barrier: which pairs, how many survive and how good, what is given up."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built
from network.measured import agree

from ceas_gym.network import barrier, purification, storage
from ceas_gym.physics import bell
from ceas_gym.types import Links, Memory, Network

dejmps, spend = jax.jit(purification.dejmps), jax.jit(barrier.spend)
ALL = jnp.ones(3, bool)
LETTERS = np.array([0.8, 0.7, 0.85])
"""Of a pair that is no Werner state."""


def purifying(**changes: Any) -> Network:
    return built.star(
        **{
            "purification": purification.dejmps,
            "purification_fidelity": 0.95,
            "operations_gate_contraction": 1.0,
            "readout": 1.0,
            "latency": [0.0, 0.0, 0.0],
            "cutoff_fidelity": 0.0,
            "tag_bits": 0.0,
            "qubits": 1,
        }
        | changes
    )


def links(decay: float = 0.5) -> Links:
    kept = jnp.full((1, 3, 3), decay)
    return Links(
        success_probability=jnp.full((3, 1), 0.1),
        fresh=kept[..., None],
        link_decay=kept[..., None],
        decay=kept,
    )


def uniform(pairs: list[list[int]], letters: np.ndarray = LETTERS) -> Memory:
    return built.holding(pairs, contraction=letters[:, None, None])


def purified(network: Network, memory: Memory, seed: int = 0, **kept: float) -> purification.Offer:
    return dejmps(network, links(**kept), memory, ALL, jax.random.key(seed))


def pauli_dejmps(letters: np.ndarray) -> tuple[float, np.ndarray]:
    """DEJMPS of two equal pairs in letters, from the recurrence of Deutsch et al. (1996).

    Their quadruple (A, B, C, D) is of (Phi+, Psi-, Psi+, Phi-).
    """
    x, y, z = letters
    a, b = (1 + x + y + z) / 4, (1 - x + y - z) / 4
    c, d = (1 + x - y - z) / 4, (1 - x - y + z) / 4
    chance = (a + b) ** 2 + (c + d) ** 2
    a, b, c, d = (
        (a**2 + b**2) / chance,
        2 * c * d / chance,
        (c**2 + d**2) / chance,
        2 * a * b / chance,
    )
    return chance, np.array([a + c - b - d, a + b - c - d, a + d - b - c])


# --- Identity ---


def test_none_is_the_identity() -> None:
    memory = uniform([[1, 2, 3, 0, 0, 0], [7] * 6, [0] * 6])
    offer = purification.none(built.star(), links(), memory, ALL, jax.random.key(0))
    assert offer.pairs is memory.pairs
    assert offer.contraction is memory.contraction


def test_purification_by_its_name() -> None:
    assert purification.get("none") is purification.none
    assert purification.get("dejmps") is purification.dejmps
    with pytest.raises(ValueError, match="did you mean dejmps"):
        purification.get("dejmp")


# --- State and probability ---


def test_survivor_is_that_of_the_recurrence() -> None:
    chance, better = pauli_dejmps(LETTERS)
    offer = purified(purifying(), uniform([[2, 0, 0, 0, 0, 0]] * 3))
    assert np.asarray(offer.contraction)[0, :, 0, 0] == pytest.approx(better, abs=1e-6)
    pair = bell.from_letters(jnp.asarray(LETTERS))
    assert float(bell.purify(pair, pair, "dejmps")[0]) == pytest.approx(chance, abs=1e-6)


@pytest.mark.parametrize("noise", [(1.0, 1.0), (0.98, 0.97)])
def test_rounds_succeed_as_often_as_two_pairs_purify(noise: tuple[float, float]) -> None:
    gate, readout = noise
    network = purifying(operations_gate_contraction=gate, readout=readout, purification_fidelity=1.0)
    pair = bell.from_letters(jnp.asarray(LETTERS))
    chance, better = bell.purify(pair, pair, "dejmps", gate, readout)
    memory = uniform([[41, 0, 0, 0, 0, 0]] * 3)
    offers = [purified(network, memory, seed) for seed in range(250)]
    kept = np.array([offer.pairs[:, 0] for offer in offers]).ravel()
    agree(kept, 20 * float(chance), resolved=0.4)
    agree((kept - kept.mean()) ** 2, 20 * float(chance * (1 - chance)), resolved=1.0)
    expected = bell.to_letters(better)
    assert offers[0].contraction[0, :, 0, 0].tolist() == pytest.approx(expected.tolist(), abs=1e-6)


def test_survivor_has_aged_by_the_latency_of_the_outcomes() -> None:
    """Both ends know whether a round succeeded one flight later."""
    memory = uniform([[2, 0, 0, 0, 0, 0]] * 3)
    now = np.asarray(purified(purifying(), memory).contraction)[0, :, :, 0]
    network = purifying(latency=[0.0, 0.01, 0.3])
    later = np.asarray(purified(network, memory, decay=0.6).contraction)[0, :, :, 0]
    waited = 0.6 ** np.array([0.0, 0.01, 0.3])
    assert later == pytest.approx(now * waited, rel=1e-6)


def test_books_and_truth_are_purified_each_by_itself() -> None:
    """Success is drawn from the true pairs; whether it helps is decided by the estimate."""
    network = purifying(drifts=True)
    memory = uniform([[400, 0, 0, 0, 0, 0]] * 3)
    truth, estimate = np.array([0.5, 0.5, 0.5]), LETTERS
    both = np.broadcast_to(np.stack([truth, estimate])[..., None, None], (2, 3, 3, 6))
    kept = jnp.full((2, 3, 3), 0.9)
    memory = Memory(
        pairs=memory.pairs,
        contraction=jnp.asarray(both),
        links=memory.links,
        key_bits=memory.key_bits,
    )
    views = Links(
        success_probability=jnp.ones((3, 1)),
        fresh=kept[..., None],
        link_decay=kept[..., None],
        decay=kept,
    )
    offer = dejmps(network, views, memory, ALL, jax.random.key(0))
    for view, letters in enumerate((truth, estimate)):
        got = np.asarray(offer.contraction)[view, :, 0, 0]
        assert got == pytest.approx(pauli_dejmps(letters)[1], abs=1e-6)
    chance = pauli_dejmps(truth)[0]
    spread = np.sqrt(600 * chance * (1 - chance))
    assert abs(int(offer.pairs[:, 0].sum()) - 600 * chance) <= 4 * spread
    assert 600 * (pauli_dejmps(estimate)[0] - chance) > 5 * spread


@pytest.mark.parametrize(("truth", "estimate", "left"), [(0.5, 0.8, 0), (0.8, 0.5, 6)])
def test_hub_expects_a_shot_by_its_estimate(truth: float, estimate: float, left: int) -> None:
    """Of six pairs, more than two are left on average with the better pairs only."""
    both = np.broadcast_to(np.array([truth, estimate])[:, None, None, None], (2, 3, 3, 6))
    memory = built.holding([[6, 0, 0, 0, 0, 0]] * 3)
    memory = Memory(
        pairs=memory.pairs,
        contraction=jnp.asarray(both),
        links=memory.links,
        key_bits=memory.key_bits,
    )
    kept = jnp.full((2, 3, 3), 0.9)
    views = Links(
        success_probability=jnp.ones((3, 1)),
        fresh=kept[..., None],
        link_decay=kept[..., None],
        decay=kept,
    )
    offer = dejmps(purifying(drifts=True, qubits=2), views, memory, ALL, jax.random.key(0))
    assert offer.pairs[:, 6].tolist() == [left] * 3


# --- Which pairs ---


def test_pairs_of_equal_age_are_coupled_and_an_odd_one_is_left() -> None:
    memory = uniform([[1, 2, 3, 0, 5, 6], [0] * 6, [1] * 6])
    offer = purified(purifying(), memory)
    assert offer.pairs[:, 6:].tolist() == [[1, 0, 1, 0, 1, 0], [0] * 6, [1] * 6]
    assert (np.asarray(offer.pairs[:, :6]) <= [[0, 1, 1, 0, 2, 3], [0] * 6, [0] * 6]).all()
    assert np.array_equal(offer.contraction[..., 6:], memory.contraction)


def test_only_pairs_below_the_fidelity_are_purified_and_only_where_it_helps() -> None:
    # Above the fidelity; below it and of use; Werner below 1/2, where DEJMPS makes it worse.
    contraction = np.broadcast_to(np.array([0.95, 0.8, 0.25]), (3, 3))[..., None] * np.ones(6)
    memory = built.holding([[4, 0, 0, 0, 0, 0]] * 3, contraction=contraction)
    offer = purified(purifying(), memory)
    assert offer.pairs[:, 6].tolist() == [4, 0, 4]
    # A gate so noisy, or a latency so long, that nothing is gained.
    for useless in (purifying(operations_gate_contraction=0.8), purifying(latency=[2.0] * 3)):
        assert purified(useless, memory).pairs[:, 6].tolist() == [4, 4, 4]


def test_only_nodes_that_take_part_purify() -> None:
    memory = uniform([[4, 0, 0, 0, 0, 0]] * 3)
    part = jnp.array([True, False, True])
    offer = dejmps(purifying(), links(), memory, part, jax.random.key(0))
    assert offer.pairs[:, 6].tolist() == [0, 4, 0]


# --- At the barrier ---


def barrier_of(
    network: Network, memory: Memory, seed: int = 0
) -> tuple[Memory, np.ndarray, np.ndarray, np.ndarray]:
    zero = jnp.zeros(3, jnp.int32)
    ledger = storage.no_fates(zero)
    left, delivery, ledger = spend(network, links(), memory, ledger, jax.random.key(seed))
    contraction = np.asarray(delivery.contraction)
    return left, contraction, np.asarray(ledger.spent), np.asarray(ledger.sacrificed)


def test_failed_round_destroys_both_pairs() -> None:
    memory = uniform([[4, 0, 0, 0, 0, 0]] * 3)
    network = purifying(qubits=1)
    seen = set()
    for seed in range(40):
        left, _, spent, sacrificed = barrier_of(network, memory, seed)
        assert not left.pairs.any()
        seen |= set(zip(spent.tolist(), sacrificed.tolist(), strict=True))
    # In each of two rounds, either one pair is spent and the other was measured, or both are gone.
    assert seen == {(2, 2), (1, 3), (0, 4)}


def test_every_pair_is_spent_or_measured_or_lost() -> None:
    random = np.random.default_rng(0)
    for seed in range(30):
        memory = uniform(random.integers(0, 7, (3, 6)).tolist())
        left, _, spent, sacrificed = barrier_of(purifying(qubits=1), memory, seed)
        total = np.asarray(left.pairs).sum(axis=1) + spent + sacrificed
        assert total.tolist() == memory.pairs.sum(axis=1).tolist()


def test_shots_have_the_state_of_the_purified_pairs() -> None:
    network = purifying(qubits=2, delivery_contraction=np.ones((3, 3)))
    memory = uniform([[20, 0, 0, 0, 0, 0]] * 3)
    left, contraction, spent, _ = barrier_of(network, memory)
    x, y, z = pauli_dejmps(LETTERS)[1]
    assert (spent > 0).all()
    # Kinds of weight one, X, Y and Z, then XX.
    assert contraction[0, 1:5] == pytest.approx([x, y, z, x * x], abs=1e-5)
    assert not left.pairs.any()


def test_purified_pairs_left_over_are_given_up() -> None:
    memory = uniform([[6, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0], [2, 0, 0, 0, 0, 0]])
    network, seen = purifying(qubits=2, delivery_contraction=np.ones((3, 3))), set()
    for seed in range(20):
        left, _, spent, sacrificed = barrier_of(network, memory, seed)
        assert not left.pairs[0].any()
        assert (np.asarray(left.pairs).sum(axis=1) + spent + sacrificed).tolist() == [6, 3, 2]
        seen.add((int(spent[0]), int(sacrificed[0])))
    # Of three rounds, two or three succeed, and two pairs make the only shot; or all are lost.
    assert seen == {(2, 4), (0, 6)}


def test_pairs_are_left_alone_where_no_shot_could_be_expected() -> None:
    network = purifying(qubits=2, tag_bits=4.0)
    # Of two pairs less than one would be left on average, of six slightly more than two.
    counts = [[2, 0, 0, 0, 0, 0], [6, 0, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0]]
    memory = built.holding(counts, key=[4.0] * 3, contraction=0.8)
    offer = purified(network, memory)
    assert offer.pairs[0].tolist() == [*[0] * 6, 2, *[0] * 5]
    assert not offer.pairs[1, 6:].any()


def test_node_whose_purification_fails_sends_no_tag() -> None:
    network = purifying(qubits=2, tag_bits=4.0)
    memory = built.holding([[6, 0, 0, 0, 0, 0]] * 3, key=[4.0] * 3, contraction=0.8)
    for seed in range(40):
        left, _, spent, sacrificed = barrier_of(network, memory, seed)
        failed = spent == 0
        assert (sacrificed[failed] == 6).all()
        assert left.key_bits.sum(axis=(1, 2)).tolist() == np.where(failed, 4.0, 0.0).tolist()
        if failed.any() and not failed.all():
            return
    raise AssertionError("no failure among 40 draws of three")
