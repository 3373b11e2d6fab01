"""Test pairs: how they are drawn, how they pass, what they prove, and what the hub makes of it."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from network import built
from network.measured import agree
from physics import density

from ceas_gym.network import conditions, storage, verification
from ceas_gym.physics import bell
from ceas_gym.types import Evidence, Ledger, Memory, Network

check, draw = jax.jit(verification.test), jax.jit(verification.draw)
remember = jax.jit(verification.remember)
trust, links_of = jax.jit(verification.trust), jax.jit(conditions.links)
begin = jax.jit(conditions.start)
PERFECT = np.array([1.0, 0.0, 0.0, 0.0])


def verified(network: Network | None = None, pairs: int = 40, **changes: Any) -> Network:
    """A star that tests so many pairs, read without error."""
    network = built.star(ages=4) if network is None else network
    settings = replace(network.verification, pairs=jnp.int32(pairs))
    plain = {"verifies": True, "verification": settings, "key_contraction": 1.0}
    return built.altered(network, **(plain | changes))


def evidence(passed: Any, made: Any, promised: Any = None, nodes: int = 3) -> Evidence:
    """What was learnt; by default of pairs that were promised to be perfect."""
    sums = {"passed": passed, "made": made, "promised": made if promised is None else promised}
    wide = {name: jnp.broadcast_to(jnp.asarray(each, float), nodes) for name, each in sums.items()}
    return Evidence(**wide)


def holding(pairs: Any, truth: Any, estimated: Any = 1.0) -> Memory:
    """Pairs of which truth and estimate differ."""
    memory = built.holding(pairs)
    shape = memory.contraction.shape[1:]
    views = [jnp.broadcast_to(jnp.asarray(view, float), shape) for view in (truth, estimated)]
    return replace(memory, contraction=jnp.stack(views))


def nothing(nodes: int) -> Ledger:
    zero = jnp.zeros(nodes, jnp.int32)
    return storage.no_fates(zero)


def outcomes(network: Network, memory: Memory, fakes: Any = False, seed: int = 0) -> Evidence:
    """How the tests of one round went, with trust in the calibration."""
    nodes = len(memory.pairs)
    perfect = evidence(1e6, 1e6, 1e-9, nodes)
    cheats = jnp.broadcast_to(jnp.asarray(fakes), (nodes,))
    return check(network, perfect, cheats, memory, nothing(nodes), jax.random.key(seed))[2]


# --- How a pair passes ---


@pytest.mark.parametrize("quadruple", [*density.random_pairs(3), PERFECT])
def test_chance_of_passing_is_that_of_projections(quadruple: np.ndarray) -> None:
    state, wanted = density.density(quadruple), density.density(PERFECT)
    chance = 0.0
    for letter in density.PAULIS[1:]:
        # Both ends measure the letter; outcomes agree as those of the wanted pair always would.
        sign = np.trace(wanted @ np.kron(letter, letter)).real
        for one in (1, -1):
            mine = (density.IDENTITY + one * letter) / 2
            other = (density.IDENTITY + sign * one * letter) / 2
            chance += np.trace(state @ np.kron(mine, other)).real / 3
    assert chance == pytest.approx((1 + 2 * quadruple[0]) / 3)
    number = 20_000
    truth = bell.to_letters(jnp.asarray(quadruple))[:, None, None]
    network, memory = verified(pairs=20), holding(np.full((number, 1), 20), truth)
    passed = np.asarray(outcomes(network, memory).passed) / 20
    if chance > 1 - 1e-9:
        assert (passed == 1).all()
    else:
        agree(passed, chance, resolved=0.004)


def test_misreading_lets_good_pairs_fail_and_is_in_the_estimate() -> None:
    network = verified(pairs=20, key_contraction=(2 * 0.95 - 1) ** 2)
    outcome = outcomes(network, holding(np.full((20_000, 1), 20), 1.0))
    agree(outcome.passed / 20, 0.95**2 + 0.05**2, resolved=0.003)
    assert outcome.promised[0] / 20 == pytest.approx(0.81)


@pytest.mark.parametrize(
    ("tests", "needed", "share", "detected"),
    [
        # From the table: no entanglement left in the node, a pair of fidelity 1/2, and one of 0.85.
        *((10, 8, 0.0, 0.945), (20, 17, 0.0, 0.999)),
        *((10, 8, 1 / 3, 0.701), (20, 17, 1 / 3, 0.940)),
        *((10, 8, 0.8, 0.070), (20, 17, 0.8, 0.133), (50, 45, 0.8, 0.384)),
    ],
)
def test_poor_pairs_are_detected_as_often_as_the_sheet_says(
    tests: int, needed: int, share: float, detected: float
) -> None:
    memory = holding(np.full((40_000, 1), tests), share)
    caught = np.asarray(outcomes(verified(pairs=tests), memory).passed) < needed
    error = np.sqrt(detected * (1 - detected) / len(caught))
    assert abs(caught.mean() - detected) < 4 * error + 5e-4


# --- How pairs are drawn ---


PAIRS = np.array([[3, 0, 4, 1], [0, 0, 0, 2], [0, 0, 0, 0], [5, 5, 5, 5]])


@pytest.mark.parametrize("number", [1, 2, 3, 7, 8, 50])
def test_every_pair_is_drawn_with_the_same_probability(number: int) -> None:
    # Any offset is as good as the others of the same whole number: all of them are tried.
    offsets = (np.arange(840) + 0.5) / 840
    drawn = np.stack([draw(jnp.asarray(PAIRS), number, jnp.full(4, u)) for u in offsets])
    stored = PAIRS.sum(axis=1)
    wanted = np.minimum(number, stored)
    assert (drawn.sum(axis=2) == wanted).all()
    assert ((drawn >= 0) & (drawn <= PAIRS)).all()
    share = wanted / np.maximum(stored, 1)
    np.testing.assert_allclose(drawn.mean(axis=0), share[:, None] * PAIRS, atol=1e-12)
    assert (np.abs(drawn - share[:, None] * PAIRS) < 2).all()


def test_largest_numbers_are_exact() -> None:
    pairs = np.array([[40_000, 1, 6_000]])
    for luck in (0.0, 0.37, 1 - 2**-24):
        drawn = np.asarray(draw(jnp.asarray(pairs), 45_999, jnp.array([luck], jnp.float32)))[0]
        step, offset = Fraction(45_999, 46_001), Fraction(float(np.float32(luck)))
        marks = [int(step * place + offset) for place in (0, 40_000, 40_001, 46_001)]
        assert drawn.tolist() == np.diff(marks).tolist()


def test_more_pairs_than_can_be_drawn_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"verification\.pairs = 50000 .*memories_per_link = 60000"
    ):
        built.build(verification={"pairs": 50_000}, nodes=3, memories_per_link=60_000)


def test_tested_pairs_are_gone_and_in_the_ledger() -> None:
    memory = holding(PAIRS, 0.9)
    fakes = jnp.zeros(4, bool)
    after, ledger, outcome = check(
        verified(pairs=3), evidence(9, 9, 9, 4), fakes, memory, nothing(4), jax.random.key(0)
    )
    assert ledger.tested.tolist() == outcome.made.tolist() == [3, 2, 0, 3]
    assert (after.pairs.sum(axis=1) + ledger.tested).tolist() == PAIRS.sum(axis=1).tolist()
    assert (after.contraction == memory.contraction).all()


# --- What the hub makes of it ---


def test_trust_is_the_bound_over_the_promise() -> None:
    network = verified()
    doubt = replace(network.verification, doubt=jnp.log(20.0))
    network = built.altered(network, verification=doubt)
    got = trust(network, evidence([950, 950, 500], 1000, [920, 700, 900]))
    # The root of 1000 KL(0.95 | q) = ln 20.
    shown = 2 * 0.931315 - 1
    assert got.tolist() == pytest.approx([shown / 0.92, 1.0, 0.0], abs=1e-5)


def test_without_a_test_there_is_no_trust() -> None:
    assert trust(verified(), evidence(0, 0)).tolist() == [0, 0, 0]


def test_only_authenticated_tests_count_and_older_ones_fade() -> None:
    network = verified()
    fading = replace(network.verification, persistence=jnp.float32(0.8))
    network = built.altered(network, verification=fading)
    before = replace(conditions.steady(network), tests=evidence(90, 100, 95))
    outcome = evidence([6, 6, 0], [8, 8, 0], [7, 7, 0])
    after = remember(network, before, outcome, jnp.array([True, False, True])).tests
    assert after.passed.tolist() == pytest.approx([78, 90, 90])
    assert after.made.tolist() == pytest.approx([88, 100, 100])
    assert after.promised.tolist() == pytest.approx([83, 95, 95])


def test_trust_is_on_the_first_hop_of_the_books_only() -> None:
    network = verified(built.build(graph=built.chains([2.0, 1.0], [3.0]), nodes=2))
    steady = conditions.steady(network)
    tests = evidence([970, 900], 1000, 960, nodes=2)
    plain, doubted = (links_of(network, replace(steady, tests=t)) for t in (steady.tests, tests))
    trusted = np.asarray(trust(network, tests))
    assert ((trusted > 0.7) & (trusted < 1)).all()
    ratio = np.asarray(doubted.fresh / plain.fresh)
    assert (ratio[0] == 1).all()
    np.testing.assert_allclose(ratio[1, :, :, 0], np.tile(trusted, (3, 1)), rtol=1e-6)
    assert (ratio[1, :, 0, 1] == 1).all()
    same = replace(doubted, fresh=plain.fresh)
    assert all(
        (a == b).all() for a, b in zip(jax.tree.leaves(same), jax.tree.leaves(plain), strict=True)
    )


def test_commissioning_tests_new_pairs_of_the_first_round() -> None:
    network = built.build(
        verification={"pairs": 2, "commissioning_pairs": 10**6}, nodes=3, oldest_windows=6
    )
    first = begin(network, jax.random.key(0))
    new = built.steady(network).fresh[0, :, :, 0] * network.operations.swap_contraction
    read = float(network.key.contraction) * np.asarray(new.mean(axis=0))
    shown = 2 * np.asarray(first.tests.passed) / 10**6 - 1
    np.testing.assert_allclose(shown, read, atol=4e-3)
    np.testing.assert_allclose(first.tests.promised, 10**6 * read, rtol=1e-5)
    assert ((trust(network, first.tests) > 0.98) & (trust(network, first.tests) < 1)).all()


def rounds(network: Network, truth: Any, fakes: Any, number: int = 150) -> np.ndarray:
    """Trust of each node after a session in which the calibration promises perfect pairs.

    Every round has twenty new pairs of each node, estimated with the trust of the round.
    """
    nodes = len(truth)
    nominal = conditions.steady(network)
    start = replace(nominal, tests=evidence(100, 100, 100, nodes))
    cheats, tagged = jnp.asarray(fakes), jnp.ones(nodes, bool)

    @jax.jit
    def step(now: Any, key: jax.Array) -> tuple[Any, jax.Array]:
        pairs = jnp.full((nodes, 1), 20, jnp.int32)
        believed = trust(network, now.tests)
        views = jnp.stack([jnp.asarray(truth, float), believed])[:, None, :, None]
        memory = replace(
            built.holding(pairs), contraction=jnp.broadcast_to(views, (2, 3, nodes, 1))
        )
        _, _, outcome = verification.test(network, now.tests, cheats, memory, nothing(nodes), key)
        return verification.remember(network, now, outcome, tagged), believed

    _, trusts = jax.lax.scan(step, start, jax.random.split(jax.random.key(5), number))
    return np.asarray(trusts)


def fading(pairs: int, memory_rounds: float = 25.0) -> Network:
    settings = {"pairs": pairs, "memory_rounds": memory_rounds}
    return built.altered(
        built.build(verification=settings, nodes=3, oldest_windows=6), key_contraction=1.0
    )


def test_trust_follows_the_truth_where_the_books_err() -> None:
    truth = np.repeat([1.0, 0.9, 0.7], 300)
    trusts = rounds(fading(20), truth, np.zeros(900, bool))
    # From then on the start is forgotten, and no more than one bound in twenty is too high.
    for late in trusts[[100, 125, 149]]:
        assert (late[300:] > truth[300:]).mean() < 0.05
        assert (np.abs(late - truth) < 0.2).all()
    assert (trusts[0] > 0.9).all()


def test_a_liar_lowers_its_own_trust_only() -> None:
    truth = np.full(6, 0.95)
    honest = rounds(fading(4), truth, np.zeros(6, bool))
    lied = rounds(fading(4), truth, np.arange(6) == 2)
    others = np.arange(6) != 2
    assert (lied[:, others] == honest[:, others]).all()
    assert (lied[1:, 2] < honest[1:, 2]).all()
    assert lied[-1, 2] == 0


def test_without_trust_nothing_is_promised_less_than_it_may_have_been() -> None:
    memory = holding([[5, 0, 0, 0]] * 3, 0.9, estimated=0.0)
    none = evidence(0, 100)
    outcome = check(
        verified(pairs=5), none, jnp.zeros(3, bool), memory, nothing(3), jax.random.key(1)
    )[2]
    assert outcome.promised.tolist() == [5, 5, 5]


def test_no_more_is_promised_than_can_be_read_of_a_perfect_pair() -> None:
    # Booked when the trust was higher than it is now.
    memory, doubted = holding([[5, 0, 0, 0]] * 3, 0.9, estimated=0.9), evidence(90, 100)
    assert float(trust(verified(), doubted).max()) < 0.9
    network = verified(pairs=5)
    outcome = check(network, doubted, jnp.zeros(3, bool), memory, nothing(3), jax.random.key(1))[2]
    assert outcome.promised.tolist() == [5, 5, 5]
