"""Key: what a pair is worth, edges of what is measured, the pool's limits, and its life."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built

from ceas_gym.network import barrier, key_pool, storage
from ceas_gym.physics import bell, key
from ceas_gym.types import Network

bits_per_pair, measure = jax.jit(key_pool.bits_per_pair), jax.jit(key_pool.measure)
spend, expire = jax.jit(key_pool.spend), jax.jit(key_pool.expire)
run_storage, run_barrier = jax.jit(storage.store), jax.jit(barrier.spend)
LASTS = [False, True, True]


def measured(
    network: Network, held: list[float], arrivals: list[int], worth: float = 0.25
) -> tuple[list[float], list[int]]:
    """Returns new key bits and measured pairs of nodes whose pool holds some one-round-old key."""
    pool = jnp.zeros((3, 1, 5)).at[:, 0, 1].set(jnp.array(held))
    per_pair, lasts = jnp.full(3, worth), jnp.array(LASTS)
    after, keyed = measure(network.key, pool, jnp.array(arrivals), per_pair, lasts)
    assert (after[:, :, 1:] == pool[:, :, 1:]).all()
    return after[:, 0, 0].tolist(), keyed.tolist()


@pytest.fixture
def small() -> Network:
    """Tags of 2 bits, room for 5; a pair is worth a quarter of a bit where nothing else is said."""
    return built.star(tag_bits=2.0, key_capacity_bits=5.0)


# --- What a pair is worth ---


@pytest.mark.usefixtures("exact")
def test_key_of_a_pair_is_that_of_its_two_error_rates_read_with_noise() -> None:
    # Of a Werner pair, from the reference sheet; of a dephased one, and read wrongly, by hand.
    contraction = jnp.array([[0.95, 0.95, 0.95], [0.8, 0.8, 1.0], [1.0, 1.0, 1.0]]).T
    perfect = bits_per_pair(built.star(key_contraction=1.0).key, contraction)
    assert perfect.tolist() == pytest.approx([0.662678137007, 1 - entropy(0.1), 1.0], rel=1e-10)
    noisy = bits_per_pair(built.star(key_contraction=0.95).key, contraction)
    third = 0.662678137007
    second = 1 - entropy((1 - 0.76) / 2) - entropy(0.025)
    assert noisy[1:].tolist() == pytest.approx([second, third], rel=1e-10)


@pytest.mark.usefixtures("exact")
def test_each_half_of_a_key_pair_is_read_with_its_own_error() -> None:
    network = built.build({"readout": 0.97}, nodes=3)
    both = 0.97**2 + 0.03**2
    # A perfect pair differs where one of the two readings is wrong.
    error = 1 - both
    perfect = bits_per_pair(network.key, jnp.ones((3, 3)))
    assert perfect.tolist() == pytest.approx([1 - 2 * entropy(error)] * 3, rel=1e-6)


def entropy(probability: float) -> float:
    return -sum(p * np.log2(p) for p in (probability, 1 - probability))


def test_secret_fraction_keeps_the_two_bases_apart() -> None:
    letters = jnp.array([[0.9, 0.85, 0.95], [0.6, 0.6, 1.0], [0.7, 0.7, 0.7]])
    expected = key.secret_fraction(bell.from_letters(letters))
    worth = bits_per_pair(built.star(key_contraction=1.0).key, letters.T)
    assert worth.tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert expected[1] > 0.2
    assert expected[2] == 0


@pytest.mark.usefixtures("exact")
def test_finite_accounting_is_a_block_over_its_pairs() -> None:
    # A block of 1e5 pairs of contraction 0.95 yields 0.3845 bits a pair, and one of 1e4 0.1635.
    for block, expected in ((100_000, 0.384505), (10_000, 0.163488)):
        settings = {"accounting": "finite", "block_pairs": block}
        network = built.build({}, settings, nodes=3)
        perfect = built.altered(network, key_contraction=1.0)
        worth = bits_per_pair(perfect.key, jnp.full((3, 3), 0.95))
        assert worth.tolist() == pytest.approx([expected] * 3, abs=1e-3)
        noisy = bits_per_pair(built.altered(network, key_contraction=0.95).key, jnp.ones((3, 3)))
        assert noisy.tolist() == pytest.approx(worth.tolist(), rel=1e-9)


def test_finite_key_is_never_worth_more_than_the_asymptotic() -> None:
    contraction = jnp.linspace(0.7, 1.0, 30)[None].repeat(3, axis=0)
    asymptotic = bits_per_pair(built.build(nodes=3).key, contraction)
    before = jnp.zeros(30)
    for block in (2000, 10**4, 10**6, 10**9):
        network = built.build({}, {"accounting": "finite", "block_pairs": block}, nodes=3)
        finite = bits_per_pair(network.key, contraction)
        assert (finite <= asymptotic).all()
        assert (finite >= before).all()
        before = finite
    assert (before[-10:] > 0.9 * asymptotic[-10:] - 0.1).all()


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
def test_edges_of_tag_and_pool(small: Network, held: float, expected: list[int]) -> None:
    new, keyed = measured(small, [held] * 3, [100] * 3)
    assert keyed == expected
    assert new == [pairs / 4 for pairs in expected]


def test_no_more_is_measured_than_arrives(small: Network) -> None:
    assert measured(small, [0.0] * 3, [3, 5, 0])[1] == [3, 5, 0]


@pytest.mark.parametrize("lifetime", range(-1, 6))
def test_pair_lasts_that_reaches_the_barrier_above_the_cutoff(lifetime: int) -> None:
    """A pair that would be dead at the barrier is measured though the node has its tag."""
    network = built.star(tag_bits=2.0, key_capacity_bits=9.0, cutoff_fidelity=0.5)
    links = built.lasting([lifetime] * 3, new=0.95)
    memory = built.holding(np.zeros((3, 6)), key=[2.0, 2.0, 2.0])
    for window in range(4):
        heralded = jnp.zeros((4, 3, 1), jnp.int32).at[window].set(1)
        _, ledger = run_storage(network, links, memory, heralded)
        # A pair of contraction 0.3 makes no key at all.
        doomed = 0 <= lifetime < 3 - window
        assert ledger.keyed.tolist() == [int(doomed)] * 3


def test_pair_older_than_any_age_does_not_last() -> None:
    # At the barrier the first pair would still be above the cut-off.
    network = built.star(tag_bits=2.0, key_capacity_bits=9.0, cutoff_fidelity=0.5, ages=3)
    links = built.lasting([9] * 3, new=0.95)
    memory = built.holding(np.zeros((3, 3)), key=[2.0, 2.0, 2.0])
    heralded = jnp.ones((4, 3, 1), jnp.int32)
    stored, ledger = run_storage(network, links, memory, heralded)
    assert ledger.keyed.tolist() == [1, 1, 1]
    assert stored.pairs.tolist() == [[1, 1, 1]] * 3


def test_tag_that_does_not_fit_the_pool_is_not_overfilled() -> None:
    network = built.star(tag_bits=2.0, key_capacity_bits=2.0)
    new, keyed = measured(network, [0.0] * 3, [100] * 3, worth=0.3)
    assert keyed == [6, 6, 6]
    assert max(new) <= 2.0


def test_pairs_without_secrecy_are_never_measured(small: Network) -> None:
    assert measured(small, [0.0] * 3, [1000] * 3, worth=0.0)[1] == [0, 0, 0]
    assert measured(small, [0.0] * 3, [1000] * 3, worth=-0.5)[1] == [0, 0, 0]
    assert measured(small, [0.0] * 3, [1000] * 3, worth=1e-9)[1] == [1000] * 3


@pytest.mark.usefixtures("exact")
def test_pool_never_overflows_and_short_nodes_reach_their_tag() -> None:
    random = np.random.default_rng(0)
    nodes = 5000
    pool = random.uniform(0, 1, (nodes, 5)) * random.choice([0.1, 1.0, 3.0], (nodes, 1))
    per_pair = random.uniform(0.01, 1, nodes)
    lasts = random.choice([False, True], nodes)
    arrivals = random.integers(0, 60, nodes)
    network = built.star(tag_bits=9.0, key_capacity_bits=18.0)
    given = (jnp.asarray(array) for array in (pool[:, None], arrivals, per_pair, lasts))
    after, keyed = measure(network.key, *given)
    held, total, keyed = pool.sum(axis=1), np.asarray(after).sum(axis=(1, 2)), np.asarray(keyed)
    assert total == pytest.approx(held + keyed * per_pair, rel=1e-12)
    assert (total <= 18.0 + 1e-12).all()
    assert ((keyed >= 0) & (keyed <= arrivals)).all()
    left = keyed < arrivals
    assert min((left & lasts).sum(), (left & ~lasts).sum(), (keyed > 0).sum()) > 100
    # Whoever has pairs left over either has its tag or, if they would be lost, no room for one.
    assert (total[left & lasts] >= 9.0 - 1e-12).all()
    assert (total[left & ~lasts] + per_pair[left & ~lasts] > 18.0 - 1e-12).all()
    # And no node that had its tag before the last of its pairs has measured one that would last.
    assert (total[lasts & (keyed > 0)] - per_pair[lasts & (keyed > 0)] < 9.0 + 1e-12).all()


# --- Several members ---


@pytest.fixture
def of_three() -> Network:
    """Returns a network with two tags of 2 bits for each of three members, and pools of 5 bits."""
    return built.star(tag_bits=2.0, tags=2.0, key_capacity_bits=5.0, key_members=3)


@pytest.mark.parametrize(
    ("held", "arrivals", "expected"),
    [
        # Sixteen pairs of a quarter of a bit make the tags of a member.
        ([0, 0, 0], 40, [16, 16, 8]),
        ([0, 3, 0], 40, [20, 4, 16]),
        # Members that lack key come first, then the pools are filled; none takes more than 20.
        ([0, 0, 0], 50, [18, 16, 16]),
        ([4, 4, 0], 20, [4, 0, 16]),
        ([0, 0, 0], 100, [20, 20, 20]),
        ([5, 0, 4.9], 100, [0, 20, 0]),
    ],
)
def test_pairs_are_dealt_to_the_members_that_lack_key(
    of_three: Network, held: list[float], arrivals: int, expected: list[int]
) -> None:
    """The first node's pairs would be lost at the barrier; those of the others last until then."""
    pools = jnp.zeros((3, 3, 5)).at[:, :, 1].set(jnp.array(held, float))
    given = jnp.full(3, arrivals), jnp.full(3, 0.25), jnp.array(LASTS)
    after, keyed = measure(of_three.key, pools, *given)
    dealt = after[:, :, 0] * 4
    assert dealt[0].tolist() == expected
    needed = np.minimum(np.maximum(16 - 4 * np.array(held), 0), expected)
    assert dealt[1].tolist() == dealt[2].tolist() == needed.tolist()
    assert keyed.tolist() == [sum(expected), sum(needed), sum(needed)]


def test_node_with_key_for_some_members_only_keeps_it(of_three: Network) -> None:
    pools = jnp.zeros((3, 3, 5)).at[:, :, 2].set(jnp.array([[4.0, 4, 4], [4, 4, 3.9], [5, 0, 5]]))
    ready = key_pool.suffices(of_three.key, pools)
    assert ready.tolist() == [True, False, False]
    shares = key_pool.share_of_round(of_three.key, pools)
    assert shares.tolist() == pytest.approx([1.0, (4 + 4 + 3.9) / 12, 8 / 12])
    left = spend(of_three.key, pools, ready)
    assert left[:, :, 2].tolist() == [[0.0] * 3, *pools[1:, :, 2].tolist()]


# --- What is spent, and how long it lives ---


def test_tag_takes_the_oldest_bits_first() -> None:
    pool = jnp.array([[5.0, 3.0, 0.0, 0.0, 0.5], [0.0, 0.0, 4.0, 0.0, 0.0], [9.0, 9.0, 0, 0, 0]])
    tagged = jnp.array([True, True, False])
    left = spend(built.star(tag_bits=4.0).key, pool[:, None], tagged)[:, 0]
    assert left.tolist() == [[4.5, 0.0, 0.0, 0.0, 0.0], [0.0] * 5, [9.0, 9.0, 0.0, 0.0, 0.0]]


@pytest.mark.usefixtures("exact")
def test_a_tag_costs_its_length_and_touches_no_younger_key() -> None:
    pool = np.random.default_rng(1).exponential(3.0, (2000, 5))
    pool = pool[pool.sum(axis=1) >= 7.0]
    every = jnp.ones(len(pool), bool)
    left = np.asarray(spend(built.star(tag_bits=7.0).key, jnp.asarray(pool)[:, None], every))[:, 0]
    used = pool - left
    assert used.sum(axis=1) == pytest.approx(np.full(len(pool), 7.0), rel=1e-12)
    assert (left >= 0).all()
    assert (used >= 0).all()
    older_left = left[:, ::-1].cumsum(axis=1)[:, ::-1] - left
    assert older_left[used > 1e-12].max() <= 1e-12


@pytest.mark.parametrize(
    ("before", "after", "slots"), [(8, 11, 0), (8, 12, 1), (11, 13, 1), (10, 16, 2), (0, 99, 3)]
)
def test_expiry_moves_key_by_the_slots_that_end_and_drops_the_oldest(
    before: int, after: int, slots: int
) -> None:
    """A slot is four windows."""
    pool = jnp.array([[1.0, 2.0, 3.0], [0.0, 0.0, 4.0], [5.0, 0.0, 0.0]])
    moved = expire(built.star(key_slots=3).key, pool[:, None], before, after)[:, 0]
    assert moved.tolist() == [([0.0] * slots + row)[:3] for row in pool.tolist()]


def test_key_ages_by_slots_of_the_clock_over_waits_and_barriers() -> None:
    """Every step makes a bit; a step that fires, a third of them, takes three windows."""
    budget, bits, made, clock = built.star(key_slots=3).key, jnp.zeros((1, 1, 3)), [], 0
    for fires in np.random.default_rng(0).random(60) < 1 / 3:
        after = clock + (3 if fires else 1)
        made.append(clock)
        bits = expire(budget, bits.at[:, :, 0].add(1.0), clock, after)
        clock = after
        ages = clock // 4 - np.array(made) // 4
        assert bits[0, 0].tolist() == [(ages == age).sum() for age in range(3)]


def test_key_that_never_expires_stays_where_it_is() -> None:
    pool = jnp.ones((3, 1, 1))
    budget = built.star(key_slots=1, key_expires=False).key
    assert expire(budget, pool, 0, 99).tolist() == pool.tolist()


def barriers_until_key_is_gone(network: Network, limit: int) -> int:
    """Counts the barriers at which key of one round suffices for a tag, with no pairs to spend."""
    links, chance = built.lasting([0, 0, 0], new=0.95), jax.random.key(0)
    memory = built.holding(np.zeros((3, 6)), slots=network.key.slots)
    arrivals = jnp.zeros((4, 3, 1), jnp.int32).at[0].set(8)
    for count in range(limit):
        memory, ledger = run_storage(network, links, memory, arrivals)
        if (memory.key_bits.sum(axis=(1, 2)) < network.key.tag_bits).all():
            return count
        memory, _, _ = run_barrier(network, links, memory, ledger, chance)
        clock = 4 * count, 4 * (count + 1)
        memory = replace(memory, key_bits=expire(network.key, memory.key_bits, *clock))
        arrivals = jnp.zeros_like(arrivals)
    return limit


@pytest.mark.parametrize(
    ("slots", "expires", "expected"), [(3, True, 3), (1, True, 1), (1, False, 9)]
)
def test_key_serves_as_many_barriers_as_its_lifetime(
    slots: int, expires: bool, expected: int
) -> None:
    network = built.star(
        tag_bits=2.0,
        key_capacity_bits=5.5,
        cutoff_fidelity=0.5,
        key_slots=slots,
        key_expires=expires,
    )
    assert barriers_until_key_is_gone(network, limit=9) == expected
