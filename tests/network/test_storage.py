"""Stored pairs against a pair-by-pair simulation, hand-made cases, and exact waiting-time laws.

A window of ours is a slot of theirs. In a slot, in this order, stored pairs grow older by one and
those past their last age are discarded, new pairs are heralded, and they are stored where a memory
is free, also one that was freed in the same slot. A new pair has age 0 at the slot's end.
"""

from dataclasses import replace
from itertools import combinations
from math import comb, exp

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built
from numpy.typing import NDArray

from ceas_gym.network import barrier, counts, storage
from ceas_gym.network.purification import PURIFICATIONS
from ceas_gym.types import Ledger, Links, Network

store, spend = jax.jit(storage.store), jax.jit(barrier.spend)
NONE = np.zeros((3, 6), int)


def fates(ledger: Ledger) -> dict[str, list[int]]:
    names = ("generated", "spent", "keyed", "expired", "blocked", "sacrificed")
    return {name: getattr(ledger, name).tolist() for name in names}


def keyless(lifetime: list[int], **changes: object) -> tuple[Network, Links]:
    """Returns a star with a cut-off at fidelity 1/2, and pairs too noisy for key."""
    return built.star(cutoff_fidelity=0.5, **changes), built.lasting(lifetime, new=0.6)


def arriving(pairs: NDArray[np.int64] | list[list[int]]) -> jax.Array:
    return jnp.asarray(pairs, jnp.int32)[..., None]


# --- Hand-made cases ---


def test_a_pair_is_gone_just_past_its_lifetime() -> None:
    network, links = keyless([0, 2, 9])
    memory, heralded = built.holding(NONE), np.zeros((4, 3), int)
    heralded[0] = 1
    held, expired = [], []
    for new in (heralded, 0 * heralded, 0 * heralded):
        memory, ledger = store(network, links, memory, arriving(new))
        held.append(memory.pairs.sum(axis=1).tolist())
        expired.append(ledger.expired.tolist())
    # Ages 3, 7 and 11 at the three barriers; the last node's pair would last, but for its age 6.
    assert held == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert expired == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("lifetime", [0, 1, 4, 5])
def test_cutoff_is_inclusive_and_the_window_of_a_discard_attempts_again(lifetime: int) -> None:
    """A pair is kept at its last age, and its memory is free in the window after that."""
    network, links = keyless([lifetime] * 3, memories_per_link=jnp.int32(1), windows=1)
    memory, stored = built.holding(NONE), []
    for _ in range(lifetime + 2):
        memory, _ = store(network, links, memory, arriving([[1, 1, 1]]))
        stored.append(np.argmax(memory.pairs[0]).item())
        assert memory.pairs.sum(axis=1).tolist() == [1, 1, 1]
    assert stored == [*range(lifetime + 1), 0]


def test_pair_exactly_at_the_cutoff_is_kept() -> None:
    # In powers of two: a contraction of 1/2 in all letters is a fidelity of 5/8.
    network, links = built.star(cutoff_fidelity=0.625, windows=1), built.lasting([5] * 3, new=0.5)
    memory, ledger = store(network, links, built.holding(NONE), arriving([[1] * 3]))
    assert memory.pairs[:, 0].tolist() == [1, 1, 1]
    assert ledger.expired.tolist() == [0, 0, 0]


def test_pair_below_the_cutoff_when_new_expires_unstored() -> None:
    network, links = keyless([-1, 5, -1], memories_per_link=jnp.int32(3))
    memory, ledger = store(network, links, built.holding(NONE), arriving([[2] * 3] * 4))
    assert memory.pairs.sum(axis=1).tolist() == [0, 3, 0]
    nothing = [0, 0, 0]
    assert fates(ledger) == {
        "generated": [8, 8, 8],
        "spent": nothing,
        "keyed": nothing,
        "expired": [8, 0, 8],
        "blocked": [0, 5, 0],
        "sacrificed": nothing,
    }


def test_memory_of_an_expired_pair_is_free_in_the_same_window() -> None:
    network, links = keyless([0, 1, 5], memories_per_link=jnp.int32(2))
    memory = built.holding(np.eye(1, 6) * 2 * np.ones((3, 1)), contraction=links.fresh)
    memory, ledger = store(network, links, memory, arriving([[1] * 3] * 4))
    assert memory.pairs.tolist() == [[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 2, 0]]
    assert ledger.expired.tolist() == [5, 3, 0]
    assert ledger.blocked.tolist() == [0, 1, 4]


def test_full_memory_blocks_whatever_its_attempts_herald() -> None:
    """Attempts on a full memory cost their channel-time and gain nothing, not even by replacing."""
    network, links = keyless([5, 5, 5], memories_per_link=jnp.int32(2), windows=1)
    old = np.eye(1, 6, 2, dtype=int) * 2 * np.ones((3, 1), int)
    memory, ledger = store(network, links, built.holding(old), arriving([[0, 1, 9]]))
    assert memory.pairs.tolist() == [[0, 0, 0, 2, 0, 0]] * 3
    assert ledger.blocked.tolist() == [0, 1, 9]


# --- What is stored decays ---


@pytest.mark.usefixtures("exact")
def test_classes_decay_letter_by_letter_whatever_they_started_from() -> None:
    random = np.random.default_rng(0)
    fresh, decay = random.uniform(0.6, 0.7, (1, 3, 3)), random.uniform(0.8, 1, (1, 3, 3))
    before = random.uniform(0.2, 0.7, (3, 3, 6))
    network = built.star(cutoff_fidelity=0.0)
    new = jnp.asarray(fresh[..., None])
    links = Links(
        success_probability=jnp.ones((3, 1)), fresh=new, link_decay=new, decay=jnp.asarray(decay)
    )
    memory = built.holding(NONE, contraction=before)
    memory, _ = store(network, links, memory, arriving([[1] * 3] * 4))
    for age in range(4):
        expected = fresh[0] * decay[0] ** age
        assert np.asarray(memory.contraction[0, :, :, age]) == pytest.approx(expected, rel=1e-12)
    expected = before[:, :, :2] * decay[0, :, :, None] ** 4
    assert np.asarray(memory.contraction[0, :, :, 4:]) == pytest.approx(expected, rel=1e-12)


def test_books_decide_what_expires_and_the_truth_what_is_left() -> None:
    """With drifting memories the two views of a pair decay differently."""
    network = built.star(cutoff_fidelity=0.5, drifts=True, windows=1)
    truth, estimate = built.lasting([9, 0, 9], new=0.6), built.lasting([0, 9, 9], new=0.6)
    links = jax.tree.map(lambda *views: jnp.concatenate(views), truth, estimate)
    links = replace(links, success_probability=truth.success_probability)
    memory = storage.empty(network)
    for new in ([[1] * 3], [[0] * 3]):
        memory, ledger = store(network, links, memory, arriving(new))
    assert ledger.expired.tolist() == [1, 0, 0]
    assert memory.pairs.tolist() == [[0] * 6, [0, 1, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]
    true, estimated = memory.contraction[:, 0, 1, 1].tolist()
    assert true == pytest.approx(float(0.6 * truth.decay[0, 0, 1]))
    assert estimated == pytest.approx(float(0.6 * estimate.decay[0, 0, 1]))


# --- Against single pairs ---


def one_by_one(
    lifetime: int, memories: int, stored: list[int], arrivals: list[int]
) -> tuple[list[int], dict[str, int]]:
    """The same round with a list of ages for a node that makes no key."""
    count: dict[str, int] = {"generated": 0, "expired": 0, "blocked": 0}
    for new in arrivals:
        older = [pair + 1 for pair in stored]
        stored = [pair for pair in older if pair <= min(lifetime, 5)]
        room = memories - len(stored) if lifetime >= 0 else 0
        count["generated"] += new
        count["expired"] += len(older) - len(stored) + (new if lifetime < 0 else 0)
        count["blocked"] += max(0, new - room) if lifetime >= 0 else 0
        stored = stored + [0] * min(new, room)
    return stored, count


@pytest.mark.parametrize("seed", range(5))
def test_round_equals_a_simulation_of_single_pairs(seed: int) -> None:
    random = np.random.default_rng(seed)
    lifetime, memories = random.integers(-1, 7, 3).tolist(), int(random.integers(1, 9))
    network, links = keyless(lifetime, memories_per_link=jnp.int32(memories))
    memory = built.holding(NONE)
    single: list[list[int]] = [[], [], []]
    for _ in range(4):
        arrivals = random.poisson(1.5, (4, 3))
        memory, ledger = store(network, links, memory, arriving(arrivals))
        for node in range(3):
            news = arrivals[:, node].tolist()
            single[node], count = one_by_one(lifetime[node], memories, single[node], news)
            assert memory.pairs[node].tolist() == np.bincount(single[node], minlength=6).tolist()
            assert {name: int(getattr(ledger, name)[node]) for name in count} == count


@pytest.mark.parametrize("purification", ["none", "dejmps"])
def test_every_pair_has_exactly_one_fate(purification: str) -> None:
    random = np.random.default_rng(7)
    network = built.star(
        cutoff_fidelity=0.5,
        memories_per_link=jnp.int32(20),
        tag_bits=9.0,
        key_capacity_bits=18.0,
        purification=PURIFICATIONS[purification],
    )
    links, memory = built.lasting([0, 2, 5], new=0.9), built.holding(NONE)
    seen = np.zeros(6, dtype=int)
    for chance in jax.random.split(jax.random.key(0), 30):
        before = memory.pairs.sum(axis=1)
        arrivals = random.poisson(6.0, (4, 3))
        memory, ledger = store(network, links, memory, arriving(arrivals))
        memory, _, ledger = spend(network, links, memory, ledger, chance)
        gone = sum(np.array(fate) for name, fate in fates(ledger).items() if name != "generated")
        assert ledger.generated.tolist() == arrivals.sum(axis=0).tolist()
        assert (before + ledger.generated).tolist() == (gone + memory.pairs.sum(axis=1)).tolist()
        seen += [sum(fate) for fate in fates(ledger).values()]
    assert (seen > 0).tolist() == [True] * 5 + [purification == "dejmps"]


# --- Waiting-time laws: one attempt line ---


def successes(windows: int) -> NDArray[np.int64]:
    """All patterns of success and failure, shape (patterns, windows)."""
    return np.indices((2,) * windows).reshape(windows, -1).T


@pytest.mark.parametrize(
    ("memories", "expected"), [(1, 0.660131424768), (10, 0.782267685456)], ids=["hold", "freshest"]
)
def test_window_of_n_attempts(memories: int, expected: float) -> None:
    # One memory holds the first success; with room for all, the freshest is the one taken.
    success, slots, decay = 0.2, 10, exp(-0.05)
    patterns = successes(slots)
    nodes = len(patterns)
    network = built.replicas(np.full((nodes, 1), success), 0.05, slots, memories, windows=slots)
    news = arriving(patterns.T)
    memory, _ = store(network, built.steady(network), storage.empty(network), news)
    used = np.asarray(counts.take(memory.pairs, jnp.ones(nodes, jnp.int32), oldest_first=False))
    chance = success ** patterns.sum(axis=1) * (1 - success) ** (slots - patterns.sum(axis=1))
    assert chance @ used @ decay ** np.arange(slots) == pytest.approx(expected, abs=5e-13)
    assert chance @ used.sum(axis=1) == pytest.approx(0.892625817600, abs=5e-13)


def chain(success: float, cutoff: int, memories: int) -> NDArray[np.float64]:
    """Stationary law of the number of stored pairs, from one window of the library's storage."""
    ages = range(cutoff + 1)
    states = [s for k in range(memories + 1) for s in combinations(ages, k)]
    place = {state: index for index, state in enumerate(states)}
    pairs = jnp.array([[int(a in state) for a in ages] for state in states])
    older, _ = counts.age(pairs, jnp.ones(pairs.shape, bool))
    moves = np.zeros((len(states), len(states)))
    for new, chance in ((0, 1 - success), (1, success)):
        after, _ = counts.admit(older, jnp.full(len(states), new), jnp.int32(memories))
        for index, row in enumerate(np.asarray(after)):
            moves[index, place[tuple(np.flatnonzero(row).tolist())]] += chance
    balance = np.vstack([moves.T - np.eye(len(states)), np.ones(len(states))])
    law = np.linalg.lstsq(balance, np.eye(len(balance))[-1], rcond=None)[0]
    sizes = np.array([len(state) for state in states])
    return np.array([law[sizes == size].sum() for size in range(memories + 1)])


@pytest.mark.parametrize(
    ("success", "cutoff", "memories", "mean", "empty", "full"),
    [
        (0.1, 9, 1, 0.526315789474, 0.473684210526, 0.526315789474),
        (0.1, 9, 3, 0.959302325581, 0.353197674419, 0.058139534884),
        (0.2, 7, 2, 1.157894736842, 0.210526315789, 0.368421052632),
        (0.2, 7, 4, 1.562913907285, 0.169536423841, 0.046357615894),
    ],
)
def test_memory_with_cutoff_is_a_truncated_binomial(
    success: float, cutoff: int, memories: int, mean: float, empty: float, full: float
) -> None:
    law = chain(success, cutoff, memories)
    odds = success / (1 - success)
    weights = np.array([comb(cutoff + 1, n) * odds**n for n in range(memories + 1)])
    assert law == pytest.approx(weights / weights.sum(), abs=1e-10)
    assert law @ np.arange(memories + 1) == pytest.approx(mean, abs=1e-10)
    assert (law[0], law[-1]) == pytest.approx((empty, full), abs=1e-10)
