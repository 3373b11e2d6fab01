"""CEAS for windows: whom it serves, in which order, and when it fires."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import compiled, seen

from ceas_agents.policies.closed_loop import ceas, expected, prospects, serving
from ceas_agents.policies.rollout import rollout
from ceas_gym.jax_utils import randomness
from ceas_gym.jax_utils.fast_compile import array, once

KEY = jax.random.key(0)
assess = compiled.compiled(prospects.assess)


@cache
def policy(**words):
    return jax.jit(partial(ceas.ceas, **words))


def act(params, observation, **options):
    """Returns the shares that are asked for, and whether the barrier fires."""
    words = {name: value for name, value in options.items() if isinstance(value, str)}
    numbers = {"cadence": 0.0, "spare": 2.0, **options}
    numbers = {name: value for name, value in numbers.items() if name not in words}
    action = np.asarray(policy(**words)(params, observation, KEY, **numbers))
    assert np.abs(action).max() <= 1
    return (action[:-1] + 1) / 2, bool(action[-1] > 0)


def at(observation, params, *, waited=0, left=None):
    """Returns the observation at another time: so many windows waited, and left of the budget."""
    now = {"waited": waited / float(params.network.most_windows)}
    if left is not None:
        now["progress"] = 1 - left / float(params.budget)
    return seen.hub(observation, **now)


def test_it_waits_until_a_quorum_can_be_ready(looped, start):
    slow = seen.nodes(start, condition=0.1)
    shares, fires = act(looped, slow)
    assert not fires
    assert shares.sum() == pytest.approx(2, abs=1e-3)


def test_it_fires_when_what_is_held_is_enough(looped, start):
    """Nearly full memories: another window adds little, and a new cycle would add much."""
    shares, fires = act(looped, seen.stocked(start, looped, shots=250))
    assert fires
    assert (shares * np.asarray(assess(looped.network, start).pairs) <= 12 + 1e-2).all()


def test_below_the_quorum_it_holds_however_much_is_held(looped, start):
    """Two of three that are needed have their key, and the others can't get any in time."""
    tags = np.array([1, 1, 0, 0, 0, 0], np.float32)
    two = seen.nodes(seen.stocked(start, looped, shots=250 * tags, tags=tags), condition=0.05)
    assert not act(looped, two)[1]
    assert act(looped, two, cadence=1.0, hold="none")[1]
    assert not act(looped, two, cadence=1.0)[1]


def test_the_clock_replaces_the_rule(looped, start):
    rich = seen.stocked(start, looped, shots=250)
    assert [act(looped, at(rich, looped, waited=w), cadence=4.0)[1] for w in (0, 2, 3, 4)] == [
        *(False, False),
        *(True, True),
    ]


def test_the_last_chance_is_taken(looped, start):
    """A window and a barrier are left, and little is held: too little to fire before that."""
    poor = seen.nodes(seen.stocked(start, looped, shots=1), condition=0.3)
    assert not act(looped, at(poor, looped, left=100))[1]
    assert act(looped, at(poor, looped, left=2))[1]


def test_without_time_for_another_quorum_it_waits_for_the_end(looped, start):
    """What is held would be spent at once if there were time to begin anew."""
    slow = seen.nodes(seen.stocked(start, looped, shots=200), condition=0.1, survival=1.0)
    fires = {left: act(looped, at(slow, looped, left=left))[1] for left in (100, 4, 3, 2)}
    assert fires == {100: True, 4: False, 3: False, 2: True}


def test_the_barrier_that_fires_by_itself_is_reckoned_with(looped, start):
    """In the last window that waiting allows, it counts on the barrier, and pours for it."""
    most = int(looped.network.most_windows)
    poor = seen.nodes(seen.stocked(start, looped, shots=1), condition=0.3)
    assert act(looped, at(poor, looped, waited=most - 1))[1]


def test_key_comes_first_and_least_need_first(looped, start):
    """Five are served; those whose key fits into the window get it, in order of their need."""
    slow = seen.nodes(start, condition=0.3)
    found = assess(looped.network, slow)
    need = np.minimum(np.asarray(prospects.time_needed(found)), 1)
    shares, _ = act(looped, slow, serve="quorum")
    given, left = np.zeros(6), 2.0
    for node in np.argsort(np.asarray(prospects.time_needed(found))):
        given[node] = min(need[node], left)
        left -= given[node]
    assert left == pytest.approx(0, abs=1e-6)
    assert shares == pytest.approx(given, abs=1e-4)


def test_a_node_that_lags_is_dropped_for_one_that_does_better(looped, start):
    """Only a quorum is served; the fastest lose to slower ones that have their tags."""
    found = assess(looped.network, start)
    fast = np.argsort(-np.asarray(found.pairs))
    tags = np.isin(np.arange(6), fast[3:]).astype(np.float32)
    held = seen.stocked(start, looped, shots=30 * tags, tags=tags)
    slow = seen.nodes(held, condition=np.where(tags > 0, 1.0, 0.05))
    before = act(looped, seen.nodes(start, condition=0.3), spare=0.0)[0]
    after = act(looped, slow, spare=0.0)[0]
    assert before[fast[:3]].min() > 0.01
    assert after[fast[:3]].max() < 1e-6
    assert after[fast[3:]].min() > 0.01


def test_full_memories_get_nothing(looped, start):
    rich = seen.stocked(start, looped, shots=np.array([256, 10, 10, 10, 10, 10]))
    shares, _ = act(looped, rich)
    assert shares[0] == pytest.approx(0, abs=1e-6)
    assert (shares[1:] > 0).all()


@pytest.mark.parametrize(("serve", "number"), [("quorum", 5), ("all", 6)])
def test_as_many_are_served_as_are_asked_for(looped, start, serve, number):
    equal = seen.stocked(start, looped, shots=10)
    lacking = seen.nodes(equal, tags=0.999, ready=0)
    shares, _ = act(looped, lacking, serve=serve)
    assert (shares > 1e-6).sum() == number


def test_number_of_least_loss_depends_on_where_colluders_are(looped, start):
    """With cautious assumptions, more are served than a quorum; if key is dear, fewer than all."""
    found = assess(looped.network, start)
    fresh = compiled.compiled(prospects.emptied)(looped.network, start, found)

    enough = array(3, np.int32)

    def served(params, fresh, placement):
        aim = ceas.Aim(6, 300.0, enough, placement)
        return ceas.number(params, fresh, aim, 2.0, "least_loss")

    least = once(served, static_argnums=2)

    def number(placement, missing):
        dear = fresh._replace(missing=array(np.full(6, missing)), pairs=array(np.full(6, 200.0)))
        return float(least(looped, dear, placement))

    assert number("unknown", 2.0) == 6
    assert number("random", 400.0) <= number("unknown", 400.0) < 6


def test_without_feedback_the_plan_does_not_depend_on_what_is_held(looped, start):
    third = at(seen.nodes(start, condition=0.3), looped, waited=2)
    lucky = seen.stocked(third, looped, shots=[90, 0, 5, 0, 30, 0], tags=[1, 0.2, 1, 0, 1, 0.4])
    one, two = (act(looped, each, feedback="none")[0] for each in (third, lucky))
    assert one == pytest.approx(two, abs=1e-6)
    seen_by, blind = act(looped, third)[0], act(looped, lucky)[0]
    assert np.abs(seen_by - blind).max() > 0.01


def test_without_feedback_a_cycle_that_is_too_long_goes_on(looped, start):
    """Who is not ready by then may still become so: all that are served get time again."""
    slow = seen.nodes(start, condition=0.3)
    late = [act(looped, at(slow, looped, waited=w), feedback="none")[0] for w in range(30, 50)]
    planned = [act(looped, at(slow, looped, waited=w), feedback="none")[0] for w in range(2)]
    assert (np.sum(late, axis=0) > 1)[np.sum(planned, axis=0) > 0.01].all()


def test_expected_holdings_are_the_sums_of_what_is_made(looped, start):
    found = assess(looped.network, seen.nodes(start, condition=0.3))
    everybody, length, waited = jnp.ones(6, bool), jnp.int32(4), jnp.int32(3)
    plan = expected.holdings(looped.network, found, everybody, length, waited)
    missing, held = np.asarray(found.missing), np.zeros(6)
    now = found
    for horizon in (3, 2):
        given = serving.shares(looped.network, now, everybody, jnp.int32(horizon))
        made = np.asarray(given.for_key + given.for_data) * np.asarray(found.pairs)
        held += np.maximum(made - missing, 0) * np.asarray(found.worth[horizon])
        missing = np.maximum(missing - made, 0)
        now = now._replace(missing=jnp.asarray(missing), held=now.held.at[:].set(held))
    assert np.asarray(plan.missing) == pytest.approx(missing, abs=1e-3)
    assert np.asarray(plan.held[0]) == pytest.approx(held, abs=1e-3)


def test_whole_episodes_commit_whenever_they_fire(looped):
    """A margin for key pays: below the quorum, pairs, key and time would be gone."""
    play = partial(rollout, ceas.ceas, 40, looped, record=lambda *step: step[2].metrics)
    played = jax.jit(jax.vmap(play))(randomness.keys([990_000, 990_001]))
    fired, committed = np.asarray(played["fired"]), np.asarray(played["committed"])
    assert (fired.sum(axis=1) >= 5).all()
    assert (committed == fired).all()
