"""Traps: how they are dealt, whom they expose, and that lying nodes expose nobody who is honest."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from consensus.hubs import delivered

from ceas_gym.consensus import hubs, traps
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.types import Members

DRAWS, ROUNDS = 4000, 40
draw = jax.jit(jax.vmap(traps.draw, in_axes=(None, None, None, 0)))
exposed = jax.jit(jax.vmap(traps.exposed, in_axes=(None, None, 0)))


def committee(members: int = 4, byzantine: int = 1, share: float = 0.3, **fields: Any) -> Members:
    protocol = Committee(members=members, byzantine=byzantine)
    return replace(hubs.members(protocol, None, share), **fields)


# --- How traps are dealt ---


def test_traps_are_the_whole_part_of_their_share_and_shots_are_short_of_them() -> None:
    able = delivered([0, 1, 3, 4, 70], [False, True, True, True, True])
    assert traps.number(committee(), able.shots).tolist() == [0, 0, 0, 1, 21]
    assert traps.set_aside(committee(), able).shots.tolist() == [0, 1, 3, 3, 49]
    assert traps.set_aside(committee(share=0.0), able) is able
    assert traps.start(committee(share=0.0), 5) is None


def test_each_trap_falls_to_a_member_at_random_and_passes_by_its_chance() -> None:
    made, chance = np.array([7, 40]), np.array([[0.1, 0.9, 0.5, 1.0], [0.8, 0.2, 0.5, 0.0]])
    gone = jnp.array([False, False, True, False])
    keys = jax.random.split(jax.random.key(0), DRAWS)
    drawn = np.asarray(draw(gone, jnp.array(made), jnp.asarray(chance, jnp.float32), keys))
    # Multinomial: who is not exposed gets a third of the traps.
    each = chance * [1 / 3, 1 / 3, 0, 1 / 3]
    for node in (0, 1):
        expected = made[node] * (np.diag(each[node]) - np.outer(each[node], each[node]))
        error = np.sqrt(made[node] / DRAWS)
        assert drawn[:, node].mean(axis=0) == pytest.approx(made[node] * each[node], abs=4 * error)
        covariance = np.cov(drawn[:, node].T)
        assert covariance == pytest.approx(expected, abs=0.08 * expected.max())
    assert (drawn.sum(axis=2) <= made).all()
    assert (drawn[:, :, 2] == 0).all()
    assert (drawn[:, 1, 3] == 0).all()


@pytest.mark.parametrize(("gone", "share"), [([], 1 / 4), ([0], 0.0), ([2], 1 / 3)])
def test_who_is_exposed_serves_no_data(gone: list[int], share: float) -> None:
    members = committee()
    start = traps.start(members, 2)
    assert start is not None
    found = replace(start, exposed=jnp.asarray(np.isin(range(4), gone)))
    assert float(traps.served_by_byzantine(members, found)) == pytest.approx(share)
    assert float(traps.served_by_byzantine(members, None)) == pytest.approx(1 / 4)


# --- Whom they expose ---


def wins(passed: np.ndarray, one: int, other: int, tolerated: int, doubt: float) -> bool:
    """Returns whether the bet for `one` against `other` is won whichever nodes are left out."""
    nodes = range(len(passed))
    for stake in (0.5, 0.25, 0.125):
        # One coin after the other.
        capital = [
            np.prod([1 + stake] * passed[k, one] + [1 - stake] * passed[k, other]) for k in nodes
        ]
        left = [np.prod(some) for some in combinations(capital, len(passed) - tolerated)]
        if min(left) >= np.exp(doubt):
            return True
    return False


@pytest.mark.parametrize(("members", "byzantine", "tolerated"), [(4, 1, 2), (7, 2, 1), (4, 1, 0)])
def test_exposed_is_against_whom_b_plus_1_win_without_any_f_nodes(
    members: int, byzantine: int, tolerated: int
) -> None:
    random, doubt = np.random.default_rng(members + tolerated), 2.5
    quality = random.choice([0.1, 0.3, 1.0], (300, 1, members), p=[0.2, 0.2, 0.6])
    passed = random.poisson(12 * quality * np.ones((5, 1)))
    group = committee(members, byzantine, trap_doubt=jnp.float32(doubt))
    found = np.asarray(exposed(group, jnp.int32(tolerated), jnp.asarray(passed)))
    expected = [
        [
            sum(wins(each, j, i, tolerated, doubt) for j in range(members)) > byzantine
            for i in range(members)
        ]
        for each in passed
    ]
    assert (found == np.array(expected)).all()
    assert 0.05 < found.mean() < 0.5


def alarms(liars: int, tolerated: int, byzantine: int, doubt: float) -> float:
    """Returns in which share of the episodes an honest member, number 1, is exposed.

    Lying nodes never report that a trap of this member passed. If a member may be Byzantine,
    member 0 passes every trap.
    """
    random = np.random.default_rng(1)
    chance = np.array([1.0 if byzantine else 0.8, 0.8, 0.8, 0.8])
    coins = random.multinomial(12, [*(chance / 4), 1 - chance.mean()], size=(1000, ROUNDS, 6))
    coins[:, :, :liars, 1] = 0
    passed = coins[..., :4].cumsum(axis=1).reshape(-1, 6, 4)
    group = committee(4, byzantine, trap_doubt=jnp.float32(doubt))
    found = np.asarray(exposed(group, jnp.int32(tolerated), jnp.asarray(passed)))
    return found[:, 1].reshape(1000, ROUNDS).any(axis=1).mean()


def test_honest_members_are_seldom_exposed_whatever_some_nodes_report() -> None:
    alarm, others, stakes = 0.3, 3, 3
    assert traps.doubt(4) == pytest.approx(np.log(others * stakes / 1e-6))
    doubt = np.log(others * stakes / alarm)
    error = np.sqrt(alarm * (1 - alarm) / 1000)
    # Nobody lies, and a single win would do: the bound is not far from the truth.
    assert alarm / 10 < alarms(liars=0, tolerated=0, byzantine=0, doubt=doubt) < alarm + 4 * error
    assert alarms(liars=2, tolerated=2, byzantine=1, doubt=doubt) < alarm + 4 * error
    # If more reports are trusted, the lie works.
    assert alarms(liars=2, tolerated=1, byzantine=1, doubt=doubt) > 0.8
    assert alarms(liars=2, tolerated=0, byzantine=1, doubt=doubt) == 1


def test_a_false_member_is_exposed_after_the_traps_that_the_bet_takes() -> None:
    # Each pass of an honest member is worth ln 3/2, and each of the false one ln 1/2.
    members, nodes, honest, false = committee(), 20, 0.8, 0.2
    worth = honest / 4 * np.log(1.5) + false / 4 * np.log(0.5)
    needed = traps.doubt(4) / worth
    chance = jnp.full((nodes, 4), honest).at[:, 0].set(false)
    made, counts = jnp.full(nodes, 1), []
    results: Any = traps.start(members, nodes)
    record = jax.jit(traps.record)
    for key in jax.random.split(jax.random.key(2), 100):
        results = record(members, jnp.int32(0), results, made, chance, key)
        counts.append(np.asarray(results.exposed))
    first = np.argmax(np.array(counts)[:, 0]) + 1
    assert 0.6 * needed < first * nodes < 1.6 * needed
    assert not np.array(counts)[:, 1:].any()
    # Exposed members serve no data, so no further trap of theirs passes.
    before = np.asarray(results.passed)
    again = record(members, jnp.int32(0), results, made, chance, jax.random.key(3))
    gained = np.asarray(again.passed) - before
    assert (gained[:, 0] == 0).all()
    assert gained.sum() > 0


def test_a_single_hub_is_never_exposed() -> None:
    passed = jnp.array([[[0], [50]]])
    assert not exposed(committee(1, 0), jnp.int32(0), passed).any()
