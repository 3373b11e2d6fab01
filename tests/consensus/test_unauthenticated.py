"""What becomes of updates without a tag, and how often there are any, by closed form and by
simulation."""

from math import ceil
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from consensus import hubs
from consensus.hubs import Remembered, at_work, hub
from consensus.hubs import delivered as delivered_to
from helpers.coalitions import coalition
from scipy.stats import binom

from ceas_gym import sabotage
from ceas_gym.types import Cache, Delivery, Params, Received

NODES = 6
decide = jax.jit(hubs.decide)
NOBODY = coalition([False] * NODES)
UPDATES = jnp.array([[1.0, 2.0], [1.5, 1.0], [0.5, 3.0], [2.0, 2.5], [1.0, 1.0], [0.0, 2.0]])
WORKERS = at_work(UPDATES)
ALL = list(range(NODES))


def delivered(shots: list[int], tagged: list[int]) -> Delivery:
    return delivered_to(shots, jnp.isin(jnp.arange(NODES), jnp.array(tagged, jnp.int32)))


FULL = delivered([4] * NODES, ALL)

# --- By hand ---

# 0 and 1 have a tag, 2 has shots only, 3 to 5 have nothing; 3 was accepted of late, 4 long ago.
MIXED = delivered([4, 2, 3, 0, 0, 0], [0, 1])


def remembered(limit: int) -> Remembered:
    held = Cache(
        updates=-UPDATES,
        information=jnp.arange(10.0, 10.0 + NODES),
        age=jnp.array([0, 0, 3, limit - 1, limit, 10**9]),
    )
    return WORKERS._replace(cache=held)


def received_by(params: Params, handling: str, limit: int = 5) -> Received:
    consensus = hub(params, unauthenticated_updates=handling, cache_age_rounds=limit).consensus
    measured = jnp.arange(1.0, 1.0 + NODES)
    return consensus.unauthenticated_updates(consensus, *remembered(limit), MIXED, measured)


def test_drop_counts_the_authenticated(params: Params) -> None:
    received = received_by(params, "drop")
    assert np.flatnonzero(received.counted).tolist() == [0, 1]
    assert (received.updates == UPDATES).all()
    assert not received.forged.any()


def test_cache_uses_the_last_accepted_update_up_to_its_age(params: Params) -> None:
    received = received_by(params, "cache")
    assert np.flatnonzero(received.counted).tolist() == [0, 1, 2, 3]
    assert (received.updates[:2] == UPDATES[:2]).all()
    assert (received.updates[2:4] == -UPDATES[2:4]).all()
    assert received.information[:4].tolist() == [1.0, 2.0, 12.0, 13.0]
    assert not received.forged.any()


def test_accept_counts_all_who_sent_and_leaves_the_untagged_open(params: Params) -> None:
    received = received_by(params, "accept")
    assert np.flatnonzero(received.counted).tolist() == [0, 1, 2]
    assert np.flatnonzero(received.forged).tolist() == [2]
    assert (received.updates == UPDATES).all()


@pytest.mark.parametrize("limit", [1, 3])
def test_cached_update_serves_as_many_rounds_as_its_limit(params: Params, limit: int) -> None:
    scenario = hub(params, unauthenticated_updates="cache", cache_age_rounds=limit)
    workers, _, _ = decide(scenario, WORKERS, FULL, NOBODY)
    untagged = delivered([4] * 5 + [0], ALL[:5])
    counted = []
    for _ in range(limit + 2):
        workers, received, _ = decide(scenario, workers, untagged, NOBODY)
        counted.append(bool(received.counted[5]))
    assert counted == [True] * limit + [False] * 2


def test_node_that_was_never_accepted_has_no_cache(params: Params) -> None:
    _, received, _ = decide(hub(params, unauthenticated_updates="cache"), WORKERS, MIXED, NOBODY)
    assert np.flatnonzero(received.counted).tolist() == [0, 1]


def test_what_was_sent_is_remembered(params: Params) -> None:
    scenario = hub(params, attack="sign_flip", unauthenticated_updates="drop")
    byzantine = coalition(jnp.arange(NODES) == 1)
    before = remembered(5)
    after, received, _ = decide(scenario, before, MIXED, byzantine)
    kept, held = after.cache, before.cache
    assert (kept.updates[0] == UPDATES[0]).all()
    assert (kept.updates[1] == -UPDATES[0]).all()
    assert (kept.updates[2:] == held.updates[2:]).all()
    assert kept.age.tolist() == [0, 0, *(held.age[2:] + 1).tolist()]
    assert (kept.information[:2] == received.information[:2]).all()
    assert (kept.information[2:] == held.information[2:]).all()


def test_byzantine_node_without_shots_has_nothing_to_send(params: Params) -> None:
    scenario = hub(params, attack="sign_flip", unauthenticated_updates="cache")
    byzantine = coalition(jnp.arange(NODES) == 3)
    _, received, _ = decide(scenario, remembered(10), MIXED, byzantine)
    # Its cached update counts, as it was accepted.
    assert bool(received.counted[3])
    assert (received.updates[3] == -UPDATES[3]).all()


# --- How often: 50 nodes, of which the honest have a tag with the same chance each ---

MANY, ROUNDS = 50, 4000


def simulated(
    scenario: Params, bad: int, chance: float, sends: bool = False
) -> tuple[Any, Received, Any]:
    """Masks of tags, and what the hub made of each; who has no tag still sends, if told so."""
    members = jnp.arange(MANY) < bad
    tagged = members | (jax.random.uniform(jax.random.key(1), (ROUNDS, MANY)) < chance)
    workers, group = at_work(jnp.ones((MANY, 1))), coalition(members)

    def one_round(tags: jax.Array) -> tuple[Received, Any]:
        shots = jnp.where(tags | sends, 4, 0)
        able = delivered_to(shots, tags)
        delivery = sabotage.delivery(scenario, group, able)
        return hubs.decide(scenario, workers, delivery, group)[1:]

    return tagged, *jax.jit(jax.vmap(one_round))(tagged)


def agree(rate: Any, chance: Any, trials: int) -> bool:
    """Whether a rate is within four standard errors of a chance, which must be uncertain."""
    error = np.sqrt(chance * (1 - chance) / trials)
    return bool(error > 0 and abs(rate - chance) <= 4 * error)


@pytest.mark.parametrize(
    ("bad", "chance", "expected"),
    [
        *((15, 0.7, 0.999), (15, 0.6, 0.970), (15, 0.5, 0.750)),
        *((20, 0.7, 0.589), (20, 0.6, 0.176), (10, 0.5, 0.999)),
    ],
)
def test_quorum(params: Params, bad: int, chance: float, expected: float) -> None:
    exact = binom.sf(bad, MANY - bad, chance)
    assert exact == pytest.approx(expected, abs=6e-4)
    _, _, verdict = simulated(hub(params, bad, largest_share=0.499), bad, chance)
    assert agree(verdict.committed.mean(), exact, ROUNDS)


@pytest.mark.parametrize(
    ("bad", "chance", "expected"),
    [
        *((10, 0.7, 0.994), (10, 0.6, 0.870), (12, 0.7, 0.774)),
        *((15, 0.95, 0.971), (15, 0.9, 0.731), (15, 0.8, 0.143)),
    ],
)
def test_quorum_against_withholding(
    params: Params, bad: int, chance: float, expected: float
) -> None:
    exact = binom.sf(2 * bad, MANY - bad, chance)
    assert exact == pytest.approx(expected, abs=6e-4)
    scenario = hub(params, bad, attack="withholding", largest_share=0.499)
    _, received, verdict = simulated(scenario, bad, chance)
    assert agree(verdict.committed.mean(), exact, ROUNDS)
    assert not received.counted[:, :bad].any()
    assert (verdict.weights[:, :bad] == 0).all()


@pytest.mark.parametrize(("bad", "chance"), [(15, 0.6), (20, 0.8), (10, 0.4)])
def test_largest_share_asks_for_more(params: Params, bad: int, chance: float) -> None:
    # Under equal votes, the tolerated nodes carry at most 0.45 of the votes from so many on.
    needed = max(2 * bad + 1, ceil(bad / 0.45))
    _, _, verdict = simulated(hub(params, bad), bad, chance)
    assert needed > 2 * bad + 1
    assert agree(verdict.committed.mean(), binom.sf(needed - bad - 1, MANY - bad, chance), ROUNDS)


@pytest.mark.parametrize("bad", [10, 15])
@pytest.mark.parametrize("chance", [0.9, 0.5])
def test_byzantine_fraction_when_untagged_nodes_are_dropped(
    params: Params, bad: int, chance: float
) -> None:
    scenario = hub(params, bad, attack="sign_flip")
    tagged, received, verdict = simulated(scenario, bad, chance, sends=True)
    assert (received.counted == tagged).all()
    # All honest updates are one, and all others minus one.
    fraction = (1 - np.asarray(verdict.update[:, 0])) / 2
    counted = np.asarray(received.counted.sum(axis=1))
    assert fraction == pytest.approx(bad / counted, abs=1e-5)
    honest = (counted - bad).sum()
    assert agree(honest / (ROUNDS * (MANY - bad)), chance, ROUNDS * (MANY - bad))
    expected = bad / (bad + chance * (MANY - bad))
    assert bad / counted.mean() == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("bad", [10, 15])
@pytest.mark.parametrize(
    "chance", [0.9, *(pytest.param(c, marks=pytest.mark.slow) for c in (0.75, 0.6))]
)
def test_byzantine_fraction_when_untagged_nodes_are_accepted(
    params: Params, bad: int, chance: float
) -> None:
    scenario = hub(params, bad, attack="sign_flip", unauthenticated_updates="accept")
    tagged, received, verdict = simulated(scenario, bad, chance, sends=True)
    assert received.counted.all()
    assert (received.forged == ~tagged).all()
    fraction = (1 - np.asarray(verdict.update[:, 0])) / 2
    expected = (bad + (1 - chance) * (MANY - bad)) / MANY
    error = np.sqrt((MANY - bad) * chance * (1 - chance) / ROUNDS) / MANY
    assert abs(fraction.mean() - expected) <= 4 * error
    # The honest lose their majority where the sheet says: below 0.625 and 0.714.
    assert (fraction.mean() > 0.5) == (chance < {10: 0.625, 15: 0.714}[bad])


@pytest.mark.parametrize(("chance", "limit"), [(0.3, 1), (0.3, 3), (0.6, 2)])
def test_cached_nodes_are_counted_for_so_long(params: Params, chance: float, limit: int) -> None:
    # Counted: with a tag in this round or in one of the `limit` before.
    scenario, runs = hub(params, unauthenticated_updates="cache", cache_age_rounds=limit), 200
    nobody = coalition([False] * MANY)
    luck = jax.random.uniform(jax.random.key(2), (runs, limit + 3, MANY)) < chance

    def one_round(workers: Remembered, tags: jax.Array) -> tuple[Remembered, jax.Array]:
        delivery = delivered_to(jnp.where(tags, 4, 0), tags)
        workers, received, _ = hubs.decide(scenario, workers, delivery, nobody)
        return workers, received.counted

    def run(tags: jax.Array) -> jax.Array:
        return jax.lax.scan(one_round, at_work(jnp.ones((MANY, 1))), tags)[1]

    counted = np.asarray(jax.jit(jax.vmap(run))(luck))
    for age in range(limit + 3):
        exact = 1 - (1 - chance) ** (min(age, limit) + 1)
        assert agree(counted[:, age].mean(), exact, runs * MANY)
    recent = np.asarray(luck)[:, -limit - 1 :].any(axis=1)
    assert (counted[:, -1] == recent).all()
