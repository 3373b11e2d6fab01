"""Teams: who forms them, what their shots take, who pays for the tag, and what shots deliver."""

from collections.abc import Sequence
from functools import partial
from itertools import permutations
from math import comb, prod
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers.comparison import vary
from reference.variants import TEAMS, THREE_QPUS

from ceas_gym import parameters
from ceas_gym.consensus import committee_sabotage, placement
from ceas_gym.learning import setup as learning_setup
from ceas_gym.learning.partitions import features
from ceas_gym.network import barrier, conditions, delivery, key_pool, teams
from ceas_gym.scenario import LearningSettings, Scenario
from ceas_gym.types import Delivery, Ledger, Memory, Network, Shot

FATES = ("spent", "keyed", "expired", "blocked", "sacrificed", "tested")
PLACEMENTS = 20_000
DRAWS = 40_000
SLICES = (2, 7, 40)
"""Shots of three slices."""
COUPLE, OF_THREE = Shot(2, (0, 0), ((0, 1),)), Shot(4, (0, 0, 0), ((0, 1), (1, 2), (1, 0)))
run_barrier = jax.jit(barrier.spend)


@pytest.fixture(scope="module")
def three(scenario: Scenario) -> Network:
    """Three teams of three QPUs, of whose links a shot takes 4, 3 and 3 pairs."""
    network = parameters.build(vary(scenario, THREE_QPUS)).network
    assert network.teams.shot.ends == (4, 3, 3)
    return network


@pytest.fixture(scope="module")
def sliced(scenario: Scenario) -> Network:
    """Four teams of two QPUs, of which each takes two pairs for a shot of its own slice."""
    network = parameters.build(vary(scenario, TEAMS["slices_unauthenticated"])).network
    assert network.teams.shot.ends == (2, 2)
    return network


# --- Who forms a team ---


def test_like_links_form_a_team_and_the_best_of_them_is_the_busiest_qpu() -> None:
    quality = np.array([5.0, 1.0, 9.0, 2.0, 8.0, 4.0])
    assert teams.members(6, 2, quality, COUPLE).tolist() == [[2, 4], [0, 5], [3, 1]]
    assert OF_THREE.ends == (2, 3, 1)
    assert teams.members(6, 3, quality, OF_THREE).tolist() == [[4, 2, 0], [3, 5, 1]]
    assert teams.members(6, 3, None, OF_THREE).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_matched_teams_have_neighbouring_lengths(scenario: Scenario) -> None:
    lengths = {"network.lengths_km": (12.0, 2.0, 11.0, 1.0, 30.0, 4.0, 29.0, 3.0)}
    matched = {**TEAMS["circuit"], **lengths, "network.teams": "matched"}
    grouped = parameters.build(vary(scenario, matched)).network.teams
    assert grouped.nodes.tolist() == [[3, 1], [7, 5], [2, 0], [6, 4]]
    assert grouped.of_node.tolist() == [2, 0, 2, 0, 3, 1, 3, 1]
    assert grouped.qpu.tolist() == [1, 1, 0, 0, 1, 1, 0, 0]


@pytest.mark.parametrize(("nodes", "size", "bad"), [(12, 3, 3), (10, 2, 3), (8, 4, 1)])
def test_chance_that_a_team_has_a_bad_node(nodes: int, size: int, bad: int) -> None:
    grouped = SimpleNamespace(nodes=np.arange(nodes).reshape(-1, size), size=size)
    adversary: Any = SimpleNamespace(placement=placement.random, byzantine_nodes=bad)

    def spoiled(key: jax.Array) -> jax.Array:
        return teams.some(grouped, placement.choose(adversary, key, jnp.zeros(nodes)))  # pyright: ignore[reportArgumentType]

    keys = jax.random.split(jax.random.key(nodes), PLACEMENTS)
    found = np.asarray(jax.jit(jax.vmap(spoiled))(keys)).mean(axis=1)
    expected = 1 - comb(nodes - size, bad) / comb(nodes, bad)
    assert abs(found.mean() - expected) <= 4 * found.std() / np.sqrt(PLACEMENTS) + 1e-6
    # No more teams are spoiled than there are bad nodes.
    assert found.max() * nodes / size <= bad + 1e-3


# --- Shots and pairs ---


def holding(network: Network, seed: int, most: int = 40) -> tuple[Memory, Any]:
    """Returns random pairs of each node by age, and key of which every third node has too little.

    Nodes that read no circuit out have no key.
    """
    random, nodes = np.random.default_rng(seed), network.nodes
    pairs = random.multinomial(random.integers(most // 4, most, nodes), np.ones(6) / 6)
    pairs = np.pad(pairs, ((0, 0), (0, network.memories.oldest - 6)))
    needed = np.asarray(network.key.round_bits)
    kept = np.where(np.arange(nodes) % 4 == 0, 0.5, 3.0) * needed
    slots = np.zeros((nodes, 1, network.key.slots), np.float32)
    slots[:, 0, 0] = kept
    contraction = random.uniform(0.6, 0.9, (1, 3, *pairs.shape))
    memory = Memory(
        pairs=jnp.asarray(pairs, jnp.int32),
        contraction=jnp.asarray(contraction, jnp.float32),
        links=jnp.zeros((nodes, 1, 0), jnp.int32),
        key_bits=jnp.asarray(slots),
    )
    return memory, kept >= needed


def nothing(nodes: int) -> Ledger:
    names = (*FATES, "generated")
    return Ledger(**{name: jnp.zeros(nodes, jnp.int32) for name in names})


@pytest.mark.parametrize("seed", range(5))
def test_shots_are_those_of_the_scarcest_link_and_what_is_left_stays(
    three: Network, seed: int
) -> None:
    memory, rich = holding(three, seed)
    links = conditions.links(three, conditions.steady(three))
    after, given, ledger = run_barrier(
        three, links, memory, nothing(three.nodes), jax.random.key(0)
    )
    held, left = (np.asarray(each.pairs) for each in (memory, after))
    ends, tagged = three.teams.shot.ends, []
    for number, team in enumerate(three.teams.nodes.tolist()):
        # As many as there are, one shot after the other.
        stock, shots = held[team].sum(axis=1), 0
        while all(have >= (shots + 1) * end for have, end in zip(stock, ends, strict=True)):
            shots += 1
        shots *= int(rich[team[0]])
        assert given.shots[number] == shots
        assert bool(given.authenticated[number]) == (shots > 0)
        tagged.append(shots > 0)
        for k, end in zip(team, ends, strict=True):
            freshest = np.repeat(np.arange(held.shape[1]), held[k])[: shots * end]
            assert ledger.spent[k] == shots * end
            spent = np.bincount(freshest, minlength=held.shape[1])
            assert (left[k] == held[k] - spent).all()
    assert any(tagged)
    assert not all(tagged)


@pytest.mark.parametrize("seed", range(3))
def test_only_the_node_that_reads_out_pays_for_the_tag(three: Network, seed: int) -> None:
    memory, _ = holding(three, seed)
    links = conditions.links(three, conditions.steady(three))
    after, given, _ = run_barrier(three, links, memory, nothing(three.nodes), jax.random.key(0))
    paid = np.asarray(memory.key_bits - after.key_bits).sum(axis=(1, 2))
    expected = np.zeros(three.nodes)
    for team, tagged in zip(three.teams.nodes.tolist(), given.authenticated, strict=True):
        expected[team[0]] = float(three.key.tag_bits) * bool(tagged)
    np.testing.assert_allclose(paid, expected, rtol=1e-6)
    assert paid.any()


def test_only_readers_measure_pairs_for_key(three: Network) -> None:
    nodes = three.nodes
    pools = jnp.zeros((nodes, 1, three.key.slots))
    arrivals, bits = jnp.full(nodes, 10_000), jnp.full(nodes, 0.5)
    after, keyed = jax.jit(key_pool.measure)(
        three.key, pools, arrivals, bits, jnp.zeros(nodes, bool)
    )
    reads = np.asarray(three.teams.qpu) == 0
    assert ((np.asarray(keyed) > 0) == reads).all()
    assert (np.asarray(after).any(axis=(1, 2)) == reads).all()
    # Those without a tag to send lack none.
    assert (np.asarray(key_pool.suffices(three.key, pools)) == ~reads).all()
    assert (np.asarray(key_pool.share_of_round(three.key, pools)) == ~reads).all()


def test_slices_have_shots_of_their_own_unless_one_has_none(sliced: Network) -> None:
    pairs = np.zeros(8, int)
    pairs[np.asarray(sliced.teams.nodes)] = [[9, 4], [1, 30], [0, 2], [2, 3]]
    shots = teams.of_qpus(sliced.teams, teams.shots(sliced, jnp.asarray(pairs)))
    assert shots.tolist() == [[4, 2], [0, 0], [0, 0], [1, 1]]


def test_withheld_corrections_take_the_last_shot_of_a_slice() -> None:
    shots = jnp.array([[1, 8], [4, 8], [5, 2]])
    before = Delivery(
        shots=jnp.array([3, 5, 2]),
        contraction=jnp.ones((3, 2, 1)),
        signal=jnp.ones(3),
        authenticated=jnp.ones(3, bool),
        slices=shots,
    )
    params: Any = SimpleNamespace(adversary=SimpleNamespace(onset=0))
    coalition: Any = SimpleNamespace(round=jnp.int32(1), served=jnp.float32(0.25))
    after = committee_sabotage.withhold(params, coalition, before)
    assert after.slices is not None
    assert after.slices.tolist() == [[0, 6], [3, 6], [3, 1]]
    assert after.shots.tolist() == [0, 3, 1]
    assert after.authenticated.tolist() == [False, True, True]


# --- What shots deliver ---


def test_slices_count_as_a_circuit_with_the_same_noise(sliced: Network) -> None:
    settings = LearningSettings(scheme="features", qubits=6, layers=1, features=6, batch_size=4)
    learning = learning_setup.build(settings, 1, qpus=3)
    network: Any = SimpleNamespace(teams=SimpleNamespace(nodes=np.array([[0, 1, 2]]), size=3))
    each = Delivery(
        shots=jnp.array(SLICES),
        contraction=jnp.ones((3, 1)),
        signal=jnp.array([0.5, 0.4, 0.6]),
        authenticated=jnp.zeros(3, bool),
    )
    together = delivery.of_slices(network, each)
    assert together.slices is not None
    assert together.slices.tolist() == [list(SLICES)]
    assert together.shots.tolist() == [int(9 / sum(1 / shots for shots in SLICES))]
    assert together.signal.tolist() == pytest.approx([0.4])
    # Without a gradient, all of a shot is noise.
    slope, none = jnp.full((1, 4, 1), 0.7), jnp.zeros((1, learning.program.angles))
    keys = jax.random.split(jax.random.key(1), DRAWS)
    estimate = jax.jit(jax.vmap(partial(features.estimate, learning, none, slope, together.slices)))
    squares = (np.asarray(estimate(keys), float) ** 2).sum(axis=(1, 2))
    of_one_circuit = learning.program.angles**2 * 0.7**2 * sum(1 / each for each in SLICES) / 9
    assert abs(squares.mean() - of_one_circuit) <= 4 * squares.std() / np.sqrt(DRAWS)


def matched(one: Sequence[float], other: Sequence[float], gates: int) -> float:
    """Returns the mean product of the pairs of a shot's gates, over all ways to match them."""
    ways = [
        prod(one[a] * other[b] for a, b in zip(ours, theirs, strict=True))
        for ours in permutations(range(len(one)), gates)
        for theirs in permutations(range(len(other)), gates)
    ]
    return float(np.mean(ways))


def without_replacement(values: Sequence[float], count: int) -> float:
    """Returns the mean product of so many different values, by elementary symmetric sums."""
    sums = np.zeros(count + 1)
    sums[0] = 1
    for value in values:
        sums[1:] += value * sums[:-1]
    return sums[count] / comb(len(values), count)


def test_random_matching_of_pairs_to_gates() -> None:
    one, other = [0.9, 0.8, 0.55], [0.95, 0.7, 0.6]
    means = np.mean(one) * np.mean(other)
    # Exact for one gate, too high for more, since no pair is taken twice.
    assert matched(one, other, 1) == pytest.approx(means, rel=1e-14)
    for gates in (2, 3):
        exact = without_replacement(one, gates) * without_replacement(other, gates)
        assert matched(one, other, gates) == pytest.approx(exact, rel=1e-14)
        assert 0.01 < means**gates - exact < 0.03


@pytest.mark.parametrize(("pairs", "off"), [(6, 4.0e-3), (30, 5.3e-4), (120, 1.24e-4)])
def test_product_of_means_is_close_where_there_are_many_pairs(pairs: int, off: float) -> None:
    # Three gates, and pairs from fresh ones down to those at a cut-off.
    values = np.linspace(0.7, 0.95, pairs)
    exact = without_replacement(values.tolist(), 3) ** 2
    assert values.mean() ** 6 - exact == pytest.approx(off, rel=0.02)


def test_pair_of_a_gate_is_the_mean_over_all_swaps(three: Network) -> None:
    random = np.random.default_rng(3)
    ends = np.array(three.teams.shot.ends)[np.asarray(three.teams.qpu)]
    contraction = random.uniform(0.5, 1.0, (1, 3, three.nodes, 4)).astype(np.float32)
    taken = random.multinomial(2 * ends, np.ones(4) / 4)
    given = jax.jit(delivery.of_gates)(
        three, jnp.asarray(contraction), jnp.asarray(taken), jnp.full(three.nodes, 2)
    )
    for number, team in enumerate(three.teams.nodes.tolist()):
        for gate, (one, other) in enumerate(three.teams.shot.gates):
            pairs = [
                [contraction[0, :, k, age] for age in range(4) for _ in range(taken[k, age])]
                for k in (team[one], team[other])
            ]
            swapped = np.mean([a * b for a in pairs[0] for b in pairs[1]], axis=0)
            expected = swapped * np.asarray(three.teams.gate_contraction[number, gate])
            np.testing.assert_allclose(given.gates[number, gate], expected, rtol=1e-5)
    assert given.shots.tolist() == [2, 2, 2]
