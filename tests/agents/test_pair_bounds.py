"""The bounds on useful pairs: by hand, against enumeration and grids, above every contestant."""

import itertools
import math
from dataclasses import replace
from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
from helpers.networks import altered

from ceas_agents.bounds import pair_bounds, pair_supply
from ceas_agents.evaluation import contestants, play
from ceas_gym import config, parameters

CALM: dict[str, object] = {
    "network.windows": 2,
    "network.nodes": 2,
    "attack.name": "none",
    "attack.byzantine_nodes": 0,
}
PAIRS, DECAY, CUTOFF = (20.0, 10.0), (1.0, 0.1), 0.6
NAMES = ("ceas", "oblivious-fair")
LONG = 10
"""Rounds of an episode, as in `examples/own_policy.py`, whose program of CEAS this is."""
SHARES = 10
"""Steps of a channel in the grids."""


def by_hand(pairs=PAIRS, bits=(0.5, 0.25), channels=1.0, quorum=1, decay=DECAY, **changes):
    """Links with these pairs of a whole channel, secret bits of a pair, and decay in a window."""
    params = parameters.build(config.load("tiny", CALM | {"network.nodes": len(pairs)}))
    figures = {
        "attempts_per_window": jnp.array(pairs)[:, None] * 2,
        "modes": jnp.int32(1),
        "success_probability": jnp.full((len(pairs), 1), 0.5),
        "generation_contraction": jnp.ones((3, len(pairs), 1)),
        "decay_rate": jnp.array([(0.0, *decay)] * 3),
        "cutoff_fidelity": jnp.float32(CUTOFF),
        "accounting": lambda pair, block: jnp.array(bits),
        "channels": jnp.array([channels]),
        "memories_per_link": jnp.int32(10_000),
        "tag_bits": jnp.float32(4),
        "key_capacity_bits": jnp.float32(1e6),
        "key_slots": 2,
        "unauthenticated_spend": True,
    }
    consensus = replace(
        params.consensus, votes_needed=jnp.int32(quorum - 1), tolerated=jnp.int32(1)
    )
    network = altered(params.network, **figures | changes)
    return replace(params, network=network, consensus=consensus, rounds=jnp.int32(4))


def lasts(decay, window, windows=2):
    """Whether a pair made at a random time of the window is above the cut-off at the barrier."""
    contraction = (1 - math.exp(-decay)) / decay * math.exp(-decay * (windows - 1 - window))
    return (1 + 3 * contraction) / 4 >= CUTOFF


def test_setting_is_what_it_should_be():
    assert [[lasts(decay, window) for window in (0, 1)] for decay in DECAY] == [
        [False, True],
        [True, True],
    ]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("bits", [(0.5, 0.25), (0.0, 0.25), (0.0, 0.0)])
@pytest.mark.parametrize("pairs", [(20.0, 10.0), (7.0, 11.0)])
def test_without_other_limits_it_is_the_best_vertex(channels, bits, pairs):
    """Whole channels to different links, each for data or for key: all schedules of a round."""
    uses = [(link, use) for link in (0, 1) for use in ("data", "key")]
    choices = [
        chosen
        for number in range(channels + 1)
        for chosen in itertools.combinations(uses, number)
        if len({link for link, _ in chosen}) == number
    ]

    def worth(link, use, window):
        works = bits[link] > 0 if use == "key" else lasts(DECAY[link], window)
        return pairs[link] * works

    best = max(
        sum(worth(*use, window) for window, chosen in enumerate(schedule) for use in chosen)
        for schedule in itertools.product(choices, repeat=2)
    )
    params = by_hand(pairs, bits, float(channels))
    assert pair_bounds.most_useful_pairs(params) == pytest.approx(best, rel=1e-6)


@cache
def _grid(kinds):
    """All ways to share one channel among so many kinds in steps, the rest being idle."""
    bars = np.array(list(itertools.combinations(range(SHARES + kinds), kinds)), float)
    ends = np.hstack([np.full((len(bars), 1), -1.0), bars])
    return (np.diff(ends, axis=1) - 1) / SHARES


def _round(kinds, use):
    """Sums over two windows of what the uses bring, for all pairs of shares: (first, second)."""
    shares = _grid(kinds)
    return (shares @ use[0])[:, None] + (shares @ use[1])[None]


def _of_all_schedules(bits, quorum, memories, tag, most_key):
    """Useful pairs of every schedule in steps that keeps to the limits, minus infinity else."""
    alive = np.array([[lasts(decay, window) for decay in DECAY] for window in (0, 1)])
    columns = np.eye(4)
    useful, least, most = 0.0, [], []
    for link in (0, 1):
        data = _round(4, PAIRS[link] * columns[link] * alive[:, [link]])
        key = _round(4, PAIRS[link] * columns[2 + link] * np.ones((2, 1)))
        held = key * bits[link]
        least.append(data / memories)
        most.append(np.minimum(np.minimum(data / 2, held / tag), 1))
        useful = useful + np.where(held <= most_key + 1e-9, data + key, -np.inf)
    fits = np.all([low <= high + 1e-9 for low, high in zip(least, most, strict=True)], axis=0)
    if quorum == 2:
        # Both are counted in every round that commits, so in equally many.
        fits &= np.maximum(*least) <= np.minimum(*most) + 1e-9
    return np.where(fits, useful, -np.inf)


@pytest.mark.parametrize("quorum", [1, 2])
@pytest.mark.parametrize("memories", [6, 16])
def test_with_all_limits_it_is_the_best_of_a_grid(quorum, memories):
    bits = (0.5, 0.25)
    params = by_hand(
        bits=bits,
        quorum=quorum,
        memories_per_link=jnp.int32(memories + 1),
        key_capacity_bits=jnp.float32(8),
        unauthenticated_spend=False,
    )
    best = _of_all_schedules(bits, quorum, memories, tag=4, most_key=5).max()
    found = pair_bounds.most_useful_pairs(params)
    assert best - 1e-6 <= found <= 1.03 * best


def test_one_node_is_known_by_hand():
    """Of 40 pairs 16 fit into the memories and 10 into the pool, whose 5 bits are four a tag."""
    params = by_hand(
        (20.0,),
        (0.5,),
        decay=(0.1,),
        memories_per_link=jnp.int32(17),
        key_capacity_bits=jnp.float32(8),
        unauthenticated_spend=False,
    )
    assert pair_supply.most_key_bits(params) == pytest.approx((3 * 4 + 8) / 4)
    assert pair_bounds.most_useful_pairs(params) == pytest.approx(26, rel=1e-6)
    assert pair_bounds.most_utilization_when_busy(params) == pytest.approx(26 / 40, rel=1e-6)


def test_no_quorum_no_data():
    """A link that dies too soon for data and key leaves the other one alone, short of two."""
    params = by_hand(bits=(0.0, 0.0), quorum=2, decay=(5.0, 0.1))
    assert pair_bounds.most_useful_pairs(params) == pytest.approx(0, abs=1e-6)
    assert pair_bounds.most_useful_pairs(
        by_hand(bits=(0.0, 0.0), decay=(5.0, 0.1))
    ) == pytest.approx(20)


def test_busy_bound_is_the_best_of_a_grid():
    """Each link's channel-time is for data, for key or wasted; nothing is idle."""
    memories, most_key, bits = 4, 2.5, (0.5, 0.25)
    params = by_hand(
        bits=bits,
        memories_per_link=jnp.int32(memories),
        key_capacity_bits=jnp.float32(2.5),
        tag_bits=jnp.float32(2.5),
        key_expires=False,
    )
    # Data and key of both links; the rest of a window is waste on the slower one.
    shares = _grid(4)
    waste = PAIRS[1] * (1 - shares.sum(axis=1))
    data, key = shares[:, :2] * PAIRS, shares[:, 2:] * PAIRS
    useful = (data + key).sum(axis=1)
    best = 0.0
    for first in range(len(shares)):
        if data[first, 0] > 0:
            continue
        both_data, both_key = data[first] + data, key[first] + key
        fits = (both_data <= memories + 1e-9).all(axis=1)
        fits &= (both_key * bits <= most_key + 1e-9).all(axis=1)
        ratio = (useful[first] + useful) / (useful[first] + useful + waste[first] + waste)
        best = max(best, ratio[fits].max(initial=0.0))
    found = pair_bounds.most_utilization_when_busy(params)
    assert 0.2 < best < 1
    assert best - 1e-6 <= found <= 1.05 * best


@pytest.mark.parametrize(("slots", "capacity"), [(1, 4), (2, 4), (2, 5), (3, 5)])
def test_pool_takes_no_more_key_than_that(slots, capacity):
    """Every way to fill and to use a pool in steps of half a tag, by dynamic programming."""
    rounds, tag = 4, 2

    @cache
    def most(pool, left):
        if left == 0:
            return 0
        best = 0
        for added in range(capacity - sum(pool) + 1):
            filled = [pool[0] + added, *pool[1:]]
            for owed in {0, tag if sum(filled) >= tag else 0}:
                kept = list(filled)
                for slot in reversed(range(slots)):
                    spent = min(kept[slot], owed)
                    kept[slot], owed = kept[slot] - spent, owed - spent
                best = max(best, added + most((0, *kept[:-1]), left - 1))
        return best

    params = by_hand(
        tag_bits=jnp.float32(tag), key_capacity_bits=jnp.float32(capacity), key_slots=slots
    )
    exact = most((0,) * slots, rounds)
    bound = rounds * pair_supply.most_key_bits(params)
    assert exact <= bound + 1e-6
    assert bound <= exact + tag


def test_pool_without_end_is_filled_once():
    params = by_hand(key_capacity_bits=jnp.float32(8), key_slots=1, key_expires=False)
    assert 4 * pair_supply.most_key_bits(params) == pytest.approx(3 * 4 + 8)


def test_more_channels_and_longer_coherence_reach_more():
    channels = [
        pair_bounds.most_useful_pairs(by_hand(bits=(0.0, 0.0), channels=c)) for c in (0.5, 1, 2)
    ]
    assert np.diff(channels).min() > 1
    decays = [tuple(factor * decay for decay in DECAY) for factor in (8, 2, 1, 0.25)]
    lives = [
        pair_bounds.most_useful_pairs(by_hand(bits=(0.0, 0.0), decay=decay)) for decay in decays
    ]
    assert np.diff(lives).min() >= -1e-6
    assert lives[-1] == pytest.approx(40)
    assert lives[0] == pytest.approx(10)


# --- Routes, fibres and links of any kind ---


def test_a_shared_fibre_is_a_bottleneck():
    """Of the hub's two channels, one fits through the fibre that both routes take."""
    free = by_hand(bits=(0.0, 0.0), channels=2.0)
    shared = altered(
        free.network, channels=jnp.array([2.0, 1.0]), passes=jnp.ones((2, 2), jnp.float32)
    )
    # In the first window only the second node's pairs last.
    assert pair_bounds.most_useful_pairs(free) == pytest.approx(10 + 30, rel=1e-6)
    found = pair_bounds.most_useful_pairs(replace(free, network=shared))
    assert found == pytest.approx(10 + 20, rel=1e-6)


def test_a_route_makes_as_many_pairs_as_its_worst_hop():
    """A link's pair may wait at the relay for the other one, so any window will do."""
    rates = jnp.array([[40.0, 12.0], [20.0, 0.0]])
    params = by_hand(
        bits=(0.0, 0.0),
        channels=2.0,
        attempts_per_window=rates,
        success_probability=jnp.full((2, 2), 0.5),
        is_hop=rates > 0,
        generation_contraction=jnp.ones((3, 2, 2)),
        edge=jnp.array([[0, 1], [2, 0]]),
        ends=jnp.array([[[0, 2], [2, 1]], [[0, 2], [0, 0]]]),
        swap_contraction=jnp.ones((3, 2)),
        decay=(1.0, 0.1),
    )
    # Two windows of six pairs and two of ten: the direct one lasts from both, the other from one.
    assert pair_bounds.most_useful_pairs(params) == pytest.approx(2 * 6 + 2 * 10, rel=1e-6)


@pytest.mark.parametrize(("channels", "most"), [(2.0, 15), (1.0, 15), (0.75, 12.5)])
def test_links_that_are_down_half_the_time_carry_half_the_pairs(channels, most):
    """Then a channel serves the other node; with fewer, it serves the better one while it can."""
    params = by_hand(bits=(0.0, 0.0), channels=channels, decay=(0.1, 0.1))
    model = replace(params.network.condition_model, start=jnp.array([0.5, 0.0, 0.5]))
    changing = replace(params.network, condition_model=model)
    found = pair_bounds.most_useful_pairs(replace(params, network=changing))
    assert found == pytest.approx(2 * most, rel=1e-6)


def test_an_attempt_that_a_window_cuts_off_is_not_made():
    rates = jnp.array([[2.75]])
    params = by_hand((20.0,), (0.0,), decay=(0.1,), attempts_per_window=rates)
    assert pair_bounds.most_useful_pairs(params) == pytest.approx(2 * 2 * 0.5, rel=1e-6)


def test_key_has_no_end_where_a_pair_may_be_worth_any():
    """All pairs of the link, though the pool would hold few of them at their best."""
    params = by_hand((20.0,), (0.5,), key_capacity_bits=jnp.float32(8), decay=(0.1,))
    few = altered(params.network, memories_per_link=jnp.int32(2))
    assert pair_bounds.most_useful_pairs(replace(params, network=few)) == pytest.approx(12)
    verified = replace(few, verifies=True)
    assert pair_bounds.most_useful_pairs(replace(params, network=verified)) == pytest.approx(40)


def test_key_of_coherence_that_drifts_is_that_of_three_deviations():
    """A pair is worth half a bit at best, and a fifth at worst, but for one round in 370."""

    def accounting(pair, block):
        contraction = (4 * pair[:, 0] - 1) / 3
        return jnp.where(contraction > 0.99, 0.5, 0.2)

    params = by_hand((20.0,), (), key_capacity_bits=jnp.float32(8), decay=(0.1,))
    model = replace(params.network.condition_model, spread=jnp.float32(0.5))
    network = altered(
        params.network,
        memories_per_link=jnp.int32(2),
        drifts=True,
        condition_model=model,
        accounting=accounting,
        key_contraction=jnp.float32(1),
    )
    found = pair_bounds.most_useful_pairs(replace(params, network=network))
    assert found == pytest.approx(2 + 5 / 0.2 + 0.0027 * 40, rel=1e-5)


def test_coherence_that_drifts_may_last():
    """From a window of which nominal memories keep nothing."""
    params = by_hand((20.0,), (0.0,), decay=(5.0,))
    assert pair_bounds.most_useful_pairs(params) == 0
    drifting = replace(params.network, drifts=True)
    assert pair_bounds.most_useful_pairs(replace(params, network=drifting)) == pytest.approx(40)


# --- What is played ---


def share_of_bound(scenario, name, seeds, **changes):
    """Shares of the bound, one of each seed."""
    contestant = contestants.get(name)
    settings = config.load(config.load(scenario, contestant.overrides), changes)
    params = parameters.build(settings)
    most, rounds = pair_bounds.in_each_layout(params), settings.episode.rounds
    played = play.episodes(contestant, params, rounds, range(seeds))
    return np.array(
        [play.summary(metrics, 1.0, most)["share_of_most_useful"] for _, metrics in played]
    )


def within(shares):
    return shares.mean() < 1 + 4 * shares.std(ddof=1) / np.sqrt(len(shares))


@pytest.mark.parametrize(
    ("scenario", "name", "changes"),
    [
        pytest.param(
            "tiny",
            "max_rate",
            {"network.conditions.links": "markov", "network.conditions.coherence": "drifting"},
            marks=pytest.mark.slow,
        ),
        (
            "tiny",
            "uniform",
            {"consensus.verification.pairs": 4, "network.purification": "dejmps"},
        ),
    ],
)
def test_no_policy_exceeds_the_bound_where_networks_change_or_verify(scenario, name, changes):
    shares = share_of_bound(scenario, name, 8, **changes)
    assert within(shares)
    assert shares.mean() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ceas", "uniform", "max_rate"])
@pytest.mark.parametrize(
    "scenario",
    [
        *("small", "paper", "paper-drift", "metro", "scarce", "unequal", "short-memory", "surfnet"),
        "paper-committee",
    ],
)
def test_no_policy_exceeds_the_bound_in_any_scenario(scenario, name):
    shares = share_of_bound(scenario, name, 6, **{"episode.rounds": 10})
    assert within(shares)
    assert shares.mean() > 0.05


@pytest.mark.parametrize("name", [pytest.param(NAMES[0], marks=pytest.mark.slow), NAMES[1]])
def test_no_contestant_exceeds_the_bounds(name):
    """On average over 30 seeds; a uniform schedule keeps all channels busy."""
    contestant = contestants.get(name)
    params = parameters.build(config.load("tiny", contestant.overrides | {"episode.rounds": LONG}))
    played = play.episodes(contestant, params, LONG, range(30))
    table = [play.summary(metrics, 0.85) for _, metrics in played]
    useful = np.array(
        [row["pairs_spent"] - row["pairs_wasted"] + row["pairs_keyed"] for row in table]
    )
    error = useful.std(ddof=1) / LONG / np.sqrt(30)
    most = pair_bounds.most_useful_pairs(params)
    assert useful.mean() / LONG < most + 4 * error
    assert useful.mean() / LONG > 0.3 * most
    if name == "oblivious-fair":
        shares = useful / np.array([row["pairs_generated"] for row in table])
        limit = pair_bounds.most_utilization_when_busy(params)
        assert shares.mean() < limit + 4 * shares.std(ddof=1) / np.sqrt(30)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("surfnet", {}, "relays"),
        ("tiny", {"network.conditions.links": "markov"}, "links that change"),
        ("tiny", {"network.conditions.coherence": "drifting"}, "drifting coherence"),
        ("tiny", {"consensus.verification.pairs": 30}, "verification"),
        ("tiny", {"attack.name": "white_box+jamming"}, "jamming"),
    ],
)
def test_what_a_busy_channel_makes_is_not_always_known(name, changes, reason):
    params = parameters.build(config.load(name, changes))
    with pytest.raises(ValueError, match=f"not cover {reason};"):
        pair_bounds.most_utilization_when_busy(params)
