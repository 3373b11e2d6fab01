"""Key: edges of what is measured, the pool's limits, and its life over rounds."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_gym.network import barrier, key_pool, storage
from ceas_gym.types import Memory, Network

Star = Callable[..., Network]
measure, spend, expire = (
    jax.jit(key_pool.measure),
    jax.jit(key_pool.spend),
    jax.jit(key_pool.expire),
)


def measured(
    network: Network, held: list[float], arrivals: list[int], windows_left: int = 2
) -> tuple[list[float], list[int]]:
    """Returns key bits and measured pairs of nodes whose pool holds some one-round-old key."""
    pool = jnp.zeros((3, 5)).at[:, 1].set(jnp.array(held))
    after, keyed = measure(network, pool, jnp.array(arrivals), jnp.int32(windows_left))
    assert (after[:, 1:] == pool[:, 1:]).all()
    return after[:, 0].tolist(), keyed.tolist()


@pytest.fixture
def quarter(star: Star) -> Network:
    """A quarter of a bit from each pair, tags of 2 bits, room for 5; no pair lasts, some, all."""
    return star(
        secret_fraction=[0.25, 0.25, 0.25],
        tag_bits=2.0,
        key_capacity_bits=5.0,
        lifetime=[-1, 2, 5],
    )


# --- What is measured ---


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        # Eight pairs make a tag, and twenty fill the pool.
        (0.0, [20, 8, 8]),
        # Pairs that last are measured up to the tag, and the last one is rounded up.
        (1.9, [12, 1, 1]),
        (1.7, [13, 2, 2]),
        (1.75, [13, 1, 1]),
        # A tag is there: only what would be lost anyhow.
        (2.0, [12, 0, 0]),
        # Rounded down to what fits.
        (4.7, [1, 0, 0]),
        (4.8, [0, 0, 0]),
        (5.0, [0, 0, 0]),
    ],
)
def test_edges_of_tag_and_pool(quarter: Network, held: float, expected: list[int]) -> None:
    new, keyed = measured(quarter, [held] * 3, [100] * 3)
    assert keyed == expected
    assert new == [pairs / 4 for pairs in expected]


def test_no_more_is_measured_than_arrives(quarter: Network) -> None:
    assert measured(quarter, [0.0] * 3, [3, 5, 0])[1] == [3, 5, 0]


@pytest.mark.parametrize(
    ("windows_left", "expected"), [(0, [20, 8, 8]), (2, [20, 8, 8]), (3, [20, 20, 8])]
)
def test_pair_lasts_that_reaches_the_barrier_within_its_lifetime(
    quarter: Network, windows_left: int, expected: list[int]
) -> None:
    assert measured(quarter, [0.0] * 3, [100] * 3, windows_left)[1] == expected


def test_tag_that_does_not_fit_the_pool_is_not_overfilled(star: Star) -> None:
    network = star(secret_fraction=[0.3] * 3, tag_bits=2.0, key_capacity_bits=2.0)
    new, keyed = measured(network, [0.0] * 3, [100] * 3)
    assert keyed == [6, 6, 6]
    assert max(new) <= 2.0


def test_pairs_without_secrecy_are_never_measured(star: Star) -> None:
    network = star(secret_fraction=[0.0, -0.5, 1e-9], lifetime=[-1, 5, -1])
    assert measured(network, [0.0] * 3, [0, 1000, 0])[1] == [0, 0, 0]
    assert measured(network, [0.0] * 3, [1000] * 3)[1] == [0, 0, 1000]


@pytest.mark.usefixtures("exact")
def test_pool_never_overflows_and_short_nodes_reach_their_tag(star: Star) -> None:
    random = np.random.default_rng(0)
    nodes = 5000
    pool = random.uniform(0, 1, (nodes, 5)) * random.choice([0.1, 1.0, 3.0], (nodes, 1))
    per_pair = random.uniform(0.01, 1, nodes)
    lifetime = random.choice([-1, 5], nodes)
    arrivals = random.integers(0, 60, nodes)
    network = star(
        secret_fraction=per_pair, lifetime=lifetime, tag_bits=9.0, key_capacity_bits=18.0
    )
    after, keyed = measure(network, jnp.asarray(pool), jnp.asarray(arrivals), jnp.int32(1))
    held, total, keyed = pool.sum(axis=1), np.asarray(after).sum(axis=1), np.asarray(keyed)
    assert total == pytest.approx(held + keyed * per_pair, rel=1e-12)
    assert (total <= 18.0 + 1e-12).all()
    assert ((keyed >= 0) & (keyed <= arrivals)).all()
    left, lasts = keyed < arrivals, lifetime >= 1
    assert min((left & lasts).sum(), (left & ~lasts).sum(), (keyed > 0).sum()) > 100
    # Whoever has pairs left over either has its tag or, if they would be lost, no room for one.
    assert (total[left & lasts] >= 9.0 - 1e-12).all()
    assert (total[left & ~lasts] + per_pair[left & ~lasts] > 18.0 - 1e-12).all()
    # And no node that had its tag before the last of its pairs has measured one that would last.
    assert (total[lasts & (keyed > 0)] - per_pair[lasts & (keyed > 0)] < 9.0 + 1e-12).all()


# --- What is spent, and how long it lives ---


def test_tag_takes_the_oldest_bits_first(star: Star) -> None:
    pool = jnp.array([[5.0, 3.0, 0.0, 0.0, 0.5], [0.0, 0.0, 4.0, 0.0, 0.0], [9.0, 9.0, 0, 0, 0]])
    tagged = jnp.array([True, True, False])
    left = spend(star(tag_bits=4.0), pool, tagged)
    assert left.tolist() == [[4.5, 0.0, 0.0, 0.0, 0.0], [0.0] * 5, [9.0, 9.0, 0.0, 0.0, 0.0]]


@pytest.mark.usefixtures("exact")
def test_a_tag_costs_its_length_and_touches_no_younger_key(star: Star) -> None:
    pool = np.random.default_rng(1).exponential(3.0, (2000, 5))
    pool = pool[pool.sum(axis=1) >= 7.0]
    left = np.asarray(spend(star(tag_bits=7.0), jnp.asarray(pool), jnp.ones(len(pool), bool)))
    used = pool - left
    assert used.sum(axis=1) == pytest.approx(np.full(len(pool), 7.0), rel=1e-12)
    assert (left >= 0).all()
    assert (used >= 0).all()
    older_left = left[:, ::-1].cumsum(axis=1)[:, ::-1] - left
    assert older_left[used > 1e-12].max() <= 1e-12


def test_expiry_moves_key_by_one_round_and_drops_the_oldest(star: Star) -> None:
    pool = jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 4.0], [5.0, 0.0, 0.0]])
    moved = expire(star(key_slots=3), pool)
    assert moved.tolist() == [[0.0, 1.0, 2.0], [0.0, 0.0, 0.0], [0.0, 5.0, 0.0]]


def barriers_until_key_is_gone(network: Network, limit: int) -> int:
    """Counts the barriers at which key of one round suffices for a tag, with no pairs to spend."""
    run_storage, run_barrier = jax.jit(storage.store), jax.jit(barrier.spend)
    memory = Memory(jnp.zeros((3, 6), jnp.int32), jnp.zeros((3, network.key_slots)))
    arrivals = jnp.zeros((4, 3), jnp.int32).at[0].set(8)
    for count in range(limit):
        memory, ledger = run_storage(network, memory, arrivals)
        if (memory.key_bits.sum(axis=1) < network.tag_bits).all():
            return count
        memory, _, _ = run_barrier(network, memory, ledger)
        arrivals = jnp.zeros_like(arrivals)
    return limit


@pytest.mark.parametrize(
    ("slots", "expires", "expected"), [(3, True, 3), (1, True, 1), (1, False, 9)]
)
def test_key_serves_as_many_barriers_as_its_lifetime(
    star: Star, slots: int, expires: bool, expected: int
) -> None:
    network = star(
        secret_fraction=[0.25] * 3,
        tag_bits=2.0,
        key_capacity_bits=5.0,
        lifetime=[-1] * 3,
        key_slots=slots,
        key_expires=expires,
    )
    assert barriers_until_key_is_gone(network, limit=9) == expected
