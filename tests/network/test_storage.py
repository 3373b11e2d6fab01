"""Stored pairs against a pair-by-pair simulation, hand-made cases, and exact waiting-time laws."""

from collections.abc import Callable
from itertools import combinations
from math import comb, exp

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from ceas_gym.network import barrier, storage
from ceas_gym.types import Ledger, Memory, Network

Star = Callable[..., Network]
NOTHING = jnp.zeros((3, 5))
store, age, admit = jax.jit(storage.store), jax.jit(storage.age), jax.jit(storage.admit)


def fates(ledger: Ledger) -> dict[str, list[int]]:
    names = ("generated", "spent", "keyed", "expired", "blocked")
    return {name: getattr(ledger, name).tolist() for name in names}


def keyless(star: Star, **changes: object) -> Network:
    """Returns a network that makes no key, so that all pairs go to storage."""
    return star(secret_fraction=[0.0, 0.0, 0.0], **changes)


# --- Hand-made cases ---


def test_a_pair_is_gone_just_past_its_lifetime(star: Star) -> None:
    network = keyless(star, lifetime=[0, 2, 5])
    memory = Memory(jnp.zeros((3, 6), jnp.int32), NOTHING)
    heralded = jnp.zeros((4, 3), jnp.int32).at[0].set(1)
    held, expired = [], []
    for arrivals in [heralded, *[0 * heralded] * 2]:
        memory, ledger = store(network, memory, arrivals)
        held.append(memory.pairs.sum(axis=1).tolist())
        expired.append(ledger.expired.tolist())
    # Ages 3, 7 and 11 at the three barriers; the table of the last node ends at age 5.
    assert held == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert expired == [[1, 1, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("lifetime", [0, 1, 4, 5])
def test_oldest_kept_age_is_the_lifetime(lifetime: int) -> None:
    pairs = jnp.eye(1, 6, dtype=jnp.int32)
    survived = 0
    while (pairs := age(pairs, jnp.array([lifetime]))[0]).any():
        survived += 1
        assert pairs[0, survived] == 1
    assert survived == lifetime


def test_pair_below_the_cutoff_when_new_expires_unstored(star: Star) -> None:
    network = keyless(star, lifetime=[-1, 5, -1], memories=jnp.int32(3))
    memory = Memory(jnp.zeros((3, 6), jnp.int32), NOTHING)
    memory, ledger = store(network, memory, jnp.full((4, 3), 2, jnp.int32))
    assert memory.pairs.sum(axis=1).tolist() == [0, 3, 0]
    assert fates(ledger) == {
        "generated": [8, 8, 8],
        "spent": [0, 0, 0],
        "keyed": [0, 0, 0],
        "expired": [8, 0, 8],
        "blocked": [0, 5, 0],
    }


def test_memory_of_an_expired_pair_is_free_in_the_same_window(star: Star) -> None:
    network = keyless(star, lifetime=[0, 1, 5], memories=jnp.int32(2))
    memory = Memory(jnp.zeros((3, 6), jnp.int32).at[:, 0].set(2), NOTHING)
    memory, ledger = store(network, memory, jnp.full((4, 3), 1, jnp.int32))
    assert memory.pairs.tolist() == [[1, 0, 0, 0, 0, 0], [1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 2, 0]]
    assert ledger.expired.tolist() == [5, 3, 0]
    assert ledger.blocked.tolist() == [0, 1, 4]


def test_full_memory_blocks_the_new_pairs_and_keeps_the_old(star: Star) -> None:
    pairs = jnp.array([[0, 3, 2], [0, 5, 0], [4, 0, 0]])
    stored, blocked = admit(pairs, jnp.array([1, 7, 2]), jnp.int32(5))
    assert stored.tolist() == [[0, 3, 2], [0, 5, 0], [5, 0, 0]]
    assert blocked.tolist() == [1, 7, 1]


# --- Against single pairs ---


def one_by_one(
    network: Network, stored: list[int], arrivals: NDArray[np.int64], node: int
) -> tuple[list[int], dict[str, int]]:
    """The same round with a list of ages for a node that makes no key."""
    count: dict[str, int] = {"generated": 0, "expired": 0, "blocked": 0}
    lifetime = min(int(network.lifetime[node]), network.contraction.shape[1] - 1)
    for new in arrivals[:, node].tolist():
        older = [pair + 1 for pair in stored]
        stored = [pair for pair in older if pair <= lifetime]
        room = int(network.memories) - len(stored) if lifetime >= 0 else 0
        count["generated"] += new
        count["expired"] += len(older) - len(stored) + (new if lifetime < 0 else 0)
        count["blocked"] += max(0, new - room) if lifetime >= 0 else 0
        stored = stored + [0] * min(new, room)
    return stored, count


@pytest.mark.parametrize("seed", range(5))
def test_round_equals_a_simulation_of_single_pairs(star: Star, seed: int) -> None:
    random = np.random.default_rng(seed)
    lifetime = random.integers(-1, 6, 3)
    network = keyless(star, lifetime=lifetime, memories=jnp.int32(random.integers(1, 9)))
    memory = Memory(jnp.zeros((3, 6), jnp.int32), NOTHING)
    single: list[list[int]] = [[], [], []]
    for _ in range(4):
        arrivals = random.poisson(1.5, (4, 3))
        memory, ledger = store(network, memory, jnp.asarray(arrivals, jnp.int32))
        for node in range(3):
            single[node], count = one_by_one(network, single[node], arrivals, node)
            assert memory.pairs[node].tolist() == np.bincount(single[node], minlength=6).tolist()
            assert {name: int(getattr(ledger, name)[node]) for name in count} == count


def test_every_pair_has_exactly_one_fate(star: Star) -> None:
    random = np.random.default_rng(7)
    network = star(
        lifetime=[0, 2, 5], secret_fraction=[0.6, 0.2, 0.4], memories=jnp.int32(20), tag_bits=9.0
    )
    memory = Memory(jnp.zeros((3, 6), jnp.int32), NOTHING)
    seen = np.zeros(5, dtype=int)
    for _ in range(30):
        before = memory.pairs.sum(axis=1)
        arrivals = jnp.asarray(random.poisson(6.0, (4, 3)), jnp.int32)
        memory, ledger = store(network, memory, arrivals)
        memory, _, ledger = barrier.spend(network, memory, ledger)
        gone = ledger.spent + ledger.keyed + ledger.expired + ledger.blocked
        assert ledger.generated.tolist() == arrivals.sum(axis=0).tolist()
        assert (before + ledger.generated).tolist() == (gone + memory.pairs.sum(axis=1)).tolist()
        seen += [sum(fate) for fate in fates(ledger).values()]
    assert (seen > 0).all()


# --- Waiting-time laws: one attempt line, a window of ours being one slot of theirs ---


def successes(windows: int) -> NDArray[np.int64]:
    """All patterns of success and failure, shape (patterns, windows)."""
    return np.indices((2,) * windows).reshape(windows, -1).T


@pytest.mark.parametrize(
    ("memories", "expected"), [(1, 0.660131424768), (10, 0.782267685456)], ids=["hold", "freshest"]
)
def test_window_of_n_attempts(star: Star, memories: int, expected: float) -> None:
    # One memory holds the first success; with room for all, the freshest is the one taken.
    success, slots, decay = 0.2, 10, exp(-0.05)
    patterns = successes(slots)
    nodes = len(patterns)
    network = star(
        lifetime=np.full(nodes, slots - 1),
        secret_fraction=np.zeros(nodes),
        memories=jnp.int32(memories),
        windows=slots,
    )
    empty = Memory(jnp.zeros((nodes, slots), jnp.int32), jnp.zeros((nodes, 5)))
    memory, _ = store(network, empty, jnp.asarray(patterns.T, jnp.int32))
    used = np.asarray(barrier.take(memory.pairs, jnp.ones(nodes, jnp.int32), oldest_first=False))
    chance = success ** patterns.sum(axis=1) * (1 - success) ** (slots - patterns.sum(axis=1))
    assert chance @ used @ decay ** np.arange(slots) == pytest.approx(expected, abs=5e-13)
    assert chance @ used.sum(axis=1) == pytest.approx(0.892625817600, abs=5e-13)


def chain(success: float, cutoff: int, memories: int) -> NDArray[np.float64]:
    """Stationary law of the number of stored pairs, from one window of the library's storage."""
    ages = range(cutoff + 1)
    states = [s for k in range(memories + 1) for s in combinations(ages, k)]
    place = {state: index for index, state in enumerate(states)}
    pairs = jnp.array([[int(a in state) for a in ages] for state in states])
    older, _ = storage.age(pairs, jnp.full(len(states), cutoff))
    moves = np.zeros((len(states), len(states)))
    for new, chance in ((0, 1 - success), (1, success)):
        after, _ = storage.admit(older, jnp.full(len(states), new), jnp.int32(memories))
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
