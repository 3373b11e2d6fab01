"""Baselines and heuristics for windows: what each does, where it can be told by hand."""

import jax
import numpy as np
import pytest
from helpers import compiled, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_agents.policies import scarcity
from ceas_agents.policies.closed_loop import baselines, heuristics, prospects
from ceas_agents.policies.registry import POLICIES, VERSIONS
from ceas_gym.network import forecast
from ceas_gym.types import Observation

NAMES = [name for name, each in VERSIONS.items() if each.window]
KEY = jax.random.key(0)
assess = compiled.compiled(prospects.assess)


def act(policy, params, observation, key=KEY, **options):
    """Returns the shares that are asked for, and whether the barrier fires."""
    action = np.asarray(compiled.compiled(policy)(params, observation, key, **options))
    return (action[:-1] + 1) / 2, bool(action[-1] > 0)


def waiting(observation, params, windows):
    return seen.hub(observation, waited=windows / float(params.network.most_windows))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**31 - 1))
def test_every_action_is_legal_feasible_and_the_same_again(looped, start, name, seed):
    random = np.random.default_rng(seed)
    drawn = Observation(
        random.random(start.nodes.shape, np.float32).round(random.integers(0, 3)),
        random.random(start.network.shape, np.float32),
    )
    policy, key = compiled.compiled(POLICIES[name]), jax.random.key(seed % 7)
    action = np.asarray(policy(looped, drawn, key))
    assert action.shape == (7,)
    assert np.isfinite(action).all()
    assert np.abs(action).max() <= 1
    assert (action == np.asarray(policy(looped, drawn, key))).all()
    if name != "random":
        assert ((action[:-1] + 1) / 2).sum() <= 2 + 1e-4


@pytest.mark.parametrize("policy", [baselines.uniform, baselines.max_rate, baselines.static_subset])
def test_the_clock_fires_every_cadence_whoever_is_ready(looped, start, policy):
    of = [act(policy, looped, waiting(start, looped, w), cadence=3.0)[1] for w in range(4)]
    assert of == [False, False, True, True]
    own = [act(policy, looped, waiting(start, looped, w), cadence=0.0)[1] for w in range(5)]
    assert own == [w + 1 >= looped.network.windows for w in range(5)]


def test_uniform_serves_all_alike(looped, start):
    assert act(baselines.uniform, looped, start, cadence=0.0)[0] == pytest.approx(1 / 3)


def test_round_robin_serves_everybody_equally_often(looped, start):
    served = np.zeros(6)
    for window in range(6):
        now = seen.hub(start, progress=window / float(looped.budget))
        shares = act(baselines.round_robin, looped, now, cadence=0.0)[0]
        assert shares.sum() == pytest.approx(2)
        served += shares
    assert served == pytest.approx(2)


def test_random_fires_once_in_a_cadence_on_average(looped, start):
    draw = jax.jit(jax.vmap(lambda key: baselines.random(looped, start, key, 4.0)[-1] > 0))
    fires = np.asarray(draw(jax.random.split(KEY, 4_000)))
    assert fires.mean() == pytest.approx(1 / 4, abs=4 * (0.25 * 0.75 / 4_000) ** 0.5)


def test_max_rate_goes_on_where_the_last_window_left_off(looped, start):
    """Least need first; by hand, a window after the other."""
    needed = 512 / np.asarray(forecast.expected_pairs(looped.network))
    for window in range(3):
        shares = act(baselines.max_rate, looped, waiting(start, looped, window), cadence=0.0)[0]
        left, by_hand = 2.0, np.zeros(6)
        for node in np.argsort(needed):
            by_hand[node] = min(needed[node], 1, left)
            left -= by_hand[node]
        assert shares == pytest.approx(by_hand, abs=1e-3)
        needed = needed - by_hand


def test_the_subset_is_a_quorum_and_two_more(looped, start):
    shares = act(baselines.static_subset, looped, start, cadence=0.0)[0]
    share = 2 / 5
    left = share * looped.network.windows - np.asarray(scarcity.tag_windows(looped.network))
    assert (left > 0).all()
    worst = np.argmin(np.asarray(forecast.quality(looped.network)) * left)
    assert shares == pytest.approx(np.where(np.arange(6) == worst, 0, share))


@pytest.mark.parametrize(
    "policy",
    [
        baselines.subset_hold,
        heuristics.max_weight,
        heuristics.freshest_first,
        heuristics.earliest_deadline_first,
        heuristics.proportional_fair,
    ],
)
def test_barriers_wait_for_a_quorum_and_for_their_cadence(looped, start, policy):
    tags = np.array([1, 1, 0, 0, 0, 0], np.float32)
    two = seen.stocked(start, looped, shots=30 * tags, tags=tags)
    three = seen.stocked(start, looped, shots=30)
    fires = [
        act(policy, looped, waiting(held, looped, windows), cadence=3.0)[1]
        for held, windows in ((two, 2), (two, 40), (three, 1), (three, 2))
    ]
    assert fires == [False, False, False, True]


@pytest.fixture
def keyed(looped, start):
    """Everybody has its tags; half of the memories are full, on average."""
    return seen.stocked(start, looped, shots=np.array([40, 200, 10, 250, 120, 90]))


def slowest(found):
    """Returns the one that is beyond a quorum and two more, if nobody lacks anything."""
    return np.argmin(np.asarray(found.pairs * found.worth[0]))


def in_order(looped, observation, policy, score):
    """Checks that whoever is served before others by its score gets all it can use."""
    shares = act(policy, looped, observation, cadence=1.0)[0]
    found = assess(looped.network, observation)
    wanted = np.minimum(np.asarray(found.room) / np.asarray(found.pairs), 1)
    wanted = np.where(np.arange(6) == slowest(found), 0, wanted)
    left, by_hand = 2.0, np.zeros(6)
    for node in np.argsort(-np.asarray(score(found)), kind="stable"):
        by_hand[node] = min(wanted[node], left)
        left -= by_hand[node]
    assert shares == pytest.approx(by_hand, abs=1e-3)


def test_max_weight_serves_free_memories_times_rate(looped, keyed):
    in_order(looped, keyed, heuristics.max_weight, lambda found: found.room * found.pairs)


def test_freshest_first_serves_the_best_new_pairs(looped, keyed):
    best = seen.COLUMN["new_contraction"]
    in_order(
        looped, keyed, heuristics.freshest_first, lambda found: np.asarray(keyed.nodes[:, best])
    )


def test_earliest_deadline_first_serves_who_loses_its_pairs_first(looped, keyed):
    """Node 2 holds pairs that live for two more windows only, by their contraction."""
    found = assess(looped.network, keyed)
    left = np.asarray(heuristics.deadline(found))
    lifetime = np.asarray((found.worth > 0).sum(axis=0))
    # What it holds is fresh, and the window that comes is the first of its life.
    assert (left == lifetime - 1).all()
    in_order(looped, keyed, heuristics.earliest_deadline_first, lambda found: -left)


def test_nodes_that_hold_nothing_have_the_deadline_of_new_pairs(looped, start):
    found = assess(looped.network, start)
    lifetime = np.asarray((found.worth > 0).sum(axis=0))
    assert (np.asarray(heuristics.deadline(found)) == lifetime).all()


def test_proportional_fair_makes_the_sum_of_logarithms_greatest(looped, keyed):
    """No small transfer of channel-time between two nodes raises it."""
    shares = act(heuristics.proportional_fair, looped, keyed, cadence=1.0)[0]
    found = assess(looped.network, keyed)
    value = np.asarray(found.pairs * found.worth[0])
    slope = value / (np.asarray(found.held[0]) + value * shares)
    most = np.minimum(np.asarray(found.room) / np.asarray(found.pairs), 1)
    most[slowest(found)] = 0
    assert shares.sum() == pytest.approx(2, abs=1e-3)
    gives, takes = shares > 1e-4, shares < most - 1e-4
    assert slope[gives].min() >= slope[takes].max() * (1 - 1e-2)


@pytest.mark.parametrize(
    "policy", [heuristics.max_weight, heuristics.proportional_fair, heuristics.freshest_first]
)
def test_key_comes_first_for_those_that_lack_least(looped, start, policy):
    """Four have their tags; of the others, the one that lacks less gets the time for them."""
    tags = np.array([1, 1, 1, 1, 0.2, 0], np.float32)
    poor = seen.stocked(start, looped, shots=20 * (tags == 1), tags=tags)
    need = np.asarray(prospects.time_needed(assess(looped.network, poor)))
    assert 0 < need[4] < need[5]
    shares = act(policy, looped, poor, cadence=1.0)[0]
    assert shares[4] >= need[4] - 1e-4
    assert shares[5] == pytest.approx(0, abs=1e-6)
