"""Changing links and memories: their chains, what the hub believes, and its estimate."""

from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network import built, of_windows
from network.measured import agree
from scipy.stats import binom

from ceas_gym.network import conditions, verification
from ceas_gym.network.durations import Steps
from ceas_gym.types import Conditions, Links, Network, Pace

advance, links_of = of_windows.compiled, jax.jit(conditions.links)
MARKOV: dict[str, Any] = {"links": "markov"}
DRIFTING: dict[str, Any] = {"coherence": "drifting", "coherence_spread": 0.4, "drift_s": 20.0}
ROUNDS = Steps(window_s=1.0, windows=4)
STEPS = {
    "round": Steps(window_s=0.5, windows=4, barrier_windows=2),
    "window": Steps(window_s=0.5, windows=4, barrier_windows=2, by_window=True),
}
MOVE_S = {"round": 3.0, "window": 0.5}
"""Time in s from one move of a link to the next, if no step of a window fires the barrier."""
ROUND = (0, 4, True)
"""Clock before and after the first round, which fires the barrier."""
SUCCESS = np.array([[0.3, 0.1], [0.2, 0.5], [0.4, 0.9]])


def star(steps: Steps = ROUNDS, **settings_: Any) -> Network:
    """Returns a star with such steps."""
    return built.build(
        nodes=3,
        windows=steps.windows,
        window_s=steps.window_s,
        pace=Pace(steps.by_window, steps.barrier_windows),
        oldest_windows=6,
        conditions=settings_,
    )


def many(network: Network, number: int) -> Network:
    """Returns as many fibres and memories as statistics need, under the same model."""
    wide = built.replicas(np.full((number, 1), 0.3), 0.1, 4, 1)
    return built.altered(
        wide,
        condition_model=network.condition_model,
        drifts=network.drifts,
        edges=number,
        edge=jnp.arange(number)[:, None],
    )


def seen(network: Network, tried: int) -> tuple[jax.Array, jax.Array]:
    """Attempts of a round on each link, and none of them heralded."""
    attempts = jnp.full((1, *network.routes.is_hop.shape), tried, jnp.int32)
    return attempts, 0 * attempts


# --- The chain of a link ---


@pytest.mark.parametrize("decision", STEPS)
def test_transition_matrix_by_hand(decision: str) -> None:
    unit = MOVE_S[decision]
    model = star(
        STEPS[decision],
        **MARKOV,
        good_s=10 * unit,
        degraded_s=4 * unit,
        down_s=2 * unit,
        worsening=0.6,
        degraded_rate=0.2,
    ).condition_model
    once = np.array([[0.9, 0.1, 0.0], [0.1, 0.75, 0.15], [0.5, 0.0, 0.5]])
    # A step of one window that fires a barrier of two windows is three moves.
    expected = [once, once @ once @ once if decision == "window" else once]
    assert np.asarray(model.transition) == pytest.approx(np.array(expected), abs=1e-7)
    assert model.rate.tolist() == pytest.approx([1.0, 0.2, 0.0])


durations = st.floats(3.0, 300.0)


@settings(derandomize=True, deadline=None, max_examples=25)
@given(
    good_s=durations,
    degraded_s=durations,
    down_s=durations,
    worsening=st.floats(0.0, 1.0),
    decision=st.sampled_from(list(STEPS)),
)
def test_start_is_as_the_durations_and_the_left_eigenvector_of_any_chain(
    good_s: float, degraded_s: float, down_s: float, worsening: float, decision: str
) -> None:
    """The time in a condition is its mean duration times how often a link gets there."""
    given = {"good_s": good_s, "degraded_s": degraded_s, "down_s": down_s, "worsening": worsening}
    model = star(STEPS[decision], **MARKOV, **given).condition_model
    transition, start = np.asarray(model.transition, float), np.asarray(model.start, float)
    assert transition.sum(axis=2) == pytest.approx(np.ones((2, 3)), abs=1e-6)
    assert (transition >= 0).all()
    times = np.array([good_s, degraded_s, worsening * down_s])
    assert start == pytest.approx(times / times.sum(), abs=1e-6)
    assert start @ transition == pytest.approx(np.stack([start] * 2), abs=1e-6)


class Clock(NamedTuple):
    """The clock in windows before and after every step, and which steps fire the barrier."""

    before: np.ndarray
    after: np.ndarray
    fires: np.ndarray


def played(steps: Steps, length: int, every: int = 1) -> Clock:
    """Returns the clock of an episode in which every so many steps one fires the barrier."""
    fires = np.arange(1, length + 1) % every == 0
    after = np.cumsum(np.where(fires, steps.firing_windows, 1))
    return Clock(np.concatenate([[0], after[:-1]]), after, fires)


@jax.jit
def history(network: Network, clock: Clock, tried: int, seed: int) -> tuple[Any, Any]:
    """Conditions at the start of each step, and the pairs heralded in it, for many links."""
    keys = jax.random.split(jax.random.key(seed), len(clock.fires))

    def step(now: Conditions, given: tuple[jax.Array, Clock]) -> tuple[Conditions, Any]:
        key, times = given
        advance_key, herald_key = jax.random.split(key)
        attempts = jnp.full((1, *network.routes.is_hop.shape), tried, jnp.int32)
        success = conditions.links(network, now).success_probability
        heralded = jax.random.binomial(herald_key, attempts.astype(float), success)
        heralded = heralded.astype(jnp.int32)
        after = advance(network, now, attempts, heralded, *times, advance_key)
        return after, (now, heralded)

    start = conditions.start(network, jax.random.key(seed + 1))
    return jax.lax.scan(step, start, (keys, clock))[1]


class Lives(NamedTuple):
    """The conditions of 600 links over 400 steps, and what the hub believed of them."""

    link: np.ndarray
    belief: np.ndarray
    unit_s: float
    """Mean durations are 8, 4 and 2 times this."""


@pytest.fixture(scope="module", params=STEPS)
def lives(request: pytest.FixtureRequest) -> Lives:
    """Rounds with barriers, or windows that all wait."""
    steps, unit = STEPS[request.param], MOVE_S[request.param]
    network = star(
        steps,
        **MARKOV,
        good_s=8 * unit,
        degraded_s=4 * unit,
        down_s=2 * unit,
        worsening=0.4,
        degraded_rate=0.3,
    )
    clock = played(steps, 400, every=1000 if steps.by_window else 1)
    states, _ = history(many(network, 600), clock, tried=2, seed=0)
    return Lives(np.asarray(states.link), np.asarray(states.belief, float), unit)


@pytest.mark.parametrize(("condition", "stay"), [(0, 8.0), (1, 4.0), (2, 2.0)])
def test_links_stay_in_each_condition_as_long_as_the_scenario_says(
    lives: Lives, condition: int, stay: float
) -> None:
    there = lives.link[:-1] == condition
    left = there & (lives.link[1:] != condition)
    # Time in s that is spent there less the mean stay times the departures: zero on average, link
    # by link.
    spent, mean = lives.unit_s * there, lives.unit_s * stay
    agree((spent - mean * left).mean(axis=0), 0.0, resolved=0.05 * lives.unit_s)


def test_degraded_links_get_worse_or_recover_and_lost_ones_start_anew(lives: Lives) -> None:
    before, after = lives.link[:-1], lives.link[1:]
    worse, better = ((before == 1) & (after == end) for end in (2, 0))
    agree((0.6 * worse - 0.4 * better).mean(axis=0), 0.0, resolved=0.01)
    assert not ((before == 0) & (after == 2)).any()
    assert not ((before == 2) & (after == 1)).any()


def test_links_are_in_each_condition_as_often_as_the_start_says(lives: Lives) -> None:
    # Mean stays times how often each condition is visited: 8, 4, and 2 after four in ten.
    share = np.array([8.0, 4.0, 0.8]) / 12.8
    for condition in range(3):
        agree((lives.link == condition).mean(axis=0), share[condition], resolved=0.02)
        agree(lives.link[0] == condition, share[condition], resolved=0.1)


def test_a_step_that_fires_is_as_many_moves_as_windows() -> None:
    """Links are as they would be if every window of the barrier were a step that waits."""
    network = many(
        star(STEPS["window"], **MARKOV, good_s=2, degraded_s=1, down_s=1, worsening=0.5), 4000
    )
    firing, waiting = played(STEPS["window"], 3, every=2), played(STEPS["window"], 5, every=9)
    assert firing.before.tolist() == [0, 1, 4]
    states, _ = history(network, firing, tried=0, seed=1)
    others, _ = history(network, waiting, tried=0, seed=2)
    for one, other in ((0, 0), (1, 1), (2, 4)):
        for condition in range(3):
            difference = (states.link[one] == condition) - 1.0 * (others.link[other] == condition)
            agree(difference, 0.0, resolved=0.05)
        assert np.asarray(states.belief[one]) == pytest.approx(
            np.asarray(others.belief[other]), abs=1e-6
        )


# --- Belief ---


def two_routes() -> Network:
    """Two nodes behind one relay, which share the fibre to it, and one next to the hub."""
    model = star(**MARKOV).condition_model
    graph = built.graph(
        ("hub", "R", 1), ("R", "A", 1), ("R", "B", 1), ("hub", "C", 1), relays=["R"]
    )
    network = built.build(graph=graph)
    return built.altered(network, condition_model=model, success_probability=jnp.asarray(SUCCESS))


def test_belief_is_bayes_rule_by_hand() -> None:
    network = two_routes()
    assert network.routes.edge.tolist() == [[0, 1], [0, 2], [3, 0]]
    assert network.routes.is_hop.tolist() == [[True, True], [True, True], [True, False]]
    random = np.random.default_rng(0)
    belief = random.dirichlet(np.ones(3), 4)
    tried = random.integers(0, 6, (2, 3, 2)) * np.asarray(network.routes.is_hop)
    heralded = random.binomial(tried, 0.2)
    nominal = conditions.steady(network)
    now = replace(nominal, belief=jnp.asarray(belief))
    seen = jnp.asarray(tried), jnp.asarray(heralded)
    got = advance(network, now, *seen, *ROUND, jax.random.key(0))
    rate, expected = [1.0, 0.3, 0.0], belief.copy()
    for node, hop in np.argwhere(network.routes.is_hop):
        tries, pairs = tried[:, node, hop].sum(), heralded[:, node, hop].sum()
        for state in range(3):
            chance = binom.pmf(pairs, tries, SUCCESS[node, hop] * rate[state])
            expected[network.routes.edge[node, hop], state] *= chance
    after = expected / expected.sum(axis=1, keepdims=True)
    expected = after @ np.asarray(network.condition_model.transition[1])
    assert np.asarray(got.belief) == pytest.approx(expected, abs=1e-5)


def test_one_heralded_pair_proves_that_a_link_was_not_down() -> None:
    network = two_routes()
    now = conditions.start(network, jax.random.key(0))
    tried, none = seen(network, 5)
    for heralded, likely in ((none.at[0, 0, 0].set(1), [1.0, 1.0, 0.0]), (none, [1.0, 1.0, 1.0])):
        got = advance(network, now, tried, heralded, *ROUND, jax.random.key(0)).belief[0]
        moved = np.asarray(network.condition_model.transition[1], float)
        posterior = np.linalg.solve(moved.T, got)
        assert (posterior > 1e-4).tolist() == [one > 0 for one in likely]


def test_certain_links_without_attempts_follow_the_chain_alone() -> None:
    network = two_routes()
    now = conditions.steady(network)
    nothing = jnp.zeros((1, 3, 2), jnp.int32)
    for _ in range(3):
        now = advance(network, now, nothing, nothing, *ROUND, jax.random.key(0))
    once = np.asarray(network.condition_model.transition[1], float)
    expected = np.linalg.matrix_power(once, 3)[0]
    assert np.asarray(now.belief) == pytest.approx(np.tile(expected, (4, 1)), abs=1e-6)


def test_belief_is_right_as_often_as_it_says(lives: Lives) -> None:
    """Among steps in which the hub believes alike, links are in each condition that often."""
    link, belief, _ = lives
    for condition in range(3):
        wrong = (link == condition) - belief[..., condition]
        agree(wrong.mean(axis=0), 0.0, resolved=0.02)
        high = belief[..., condition] > np.median(belief[..., condition])
        assert 0.2 < high.mean() < 0.8
        agree((wrong * high).mean(axis=0), 0.0, resolved=0.02)
    # And it knows more than how often links are good at large.
    surprise = (link == 0) - belief[..., 0]
    agree((surprise**2).mean(axis=0) - 0.625 * 0.375, -belief[..., 0].var(), resolved=0.01)
    assert belief[..., 0].var() > 0.015


def test_condition_of_a_fibre_holds_for_all_routes_over_it() -> None:
    network = two_routes()
    drift = jnp.zeros((1, 5))
    link, belief = jnp.array([1, 0, 2, 0]), jnp.ones((4, 3)) / 3
    now = Conditions(link=link, belief=belief, drift=drift, tests=verification.none(network))
    got = links_of(network, now).success_probability
    rate = np.array([[0.3, 1.0], [0.3, 0.0], [1.0, 0.3]])
    real = np.asarray(network.routes.is_hop)
    assert np.asarray(got)[real] == pytest.approx((SUCCESS * rate)[real], rel=1e-6)


# --- Drift of coherence ---


@pytest.fixture(scope="module")
def drifts() -> np.ndarray:
    """Truth and estimate of 801 memories over 200 rounds of 4 s, shape (rounds, 2, vertices)."""
    network = star(**DRIFTING, calibration_s=28.0)
    clock = played(ROUNDS, 200)
    states, _ = history(many(network, 800), clock, tried=0, seed=5)
    return np.asarray(states.drift, float)


@pytest.mark.parametrize("lag", [0, 1, 3, 10])
def test_coherence_drifts_as_an_autoregressive_process(drifts: np.ndarray, lag: int) -> None:
    """The covariance over a lag is the variance times exp(-lag / (drift_s / 4 s))."""
    truth = drifts[:, 0]
    product = truth[: len(truth) - lag] * truth[lag:]
    agree(product.mean(axis=0), 0.16 * np.exp(-lag / 5), resolved=0.012)
    agree(truth[0], 0.0, resolved=0.1)
    agree(truth[0] ** 2, 0.16, resolved=0.05)


def test_calibration_resets_the_books_and_nothing_else_does(drifts: np.ndarray) -> None:
    truth, estimate = drifts[:, 0], drifts[:, 1]
    for number in range(len(drifts)):
        calibrated = number - number % 7
        assert (estimate[number] == truth[calibrated]).all()
    assert (estimate[6] != truth[6]).all()


@pytest.fixture(scope="module")
def by_window() -> tuple[np.ndarray, np.ndarray]:
    """Clock and drift where every third step fires; a calibration is due every seven windows."""
    steps = STEPS["window"]
    network = star(steps, **DRIFTING | {"drift_s": 6.0}, calibration_s=3.6)
    clock = played(steps, 60, every=3)
    states, _ = history(many(network, 3000), clock, tried=0, seed=6)
    return clock.before, np.asarray(states.drift, float)


@pytest.mark.parametrize("lag", [1, 2, 4])
def test_coherence_drifts_by_the_time_of_every_step(
    by_window: tuple[np.ndarray, np.ndarray], lag: int
) -> None:
    """Its covariance is the variance times exp(-t / drift_s), whatever the steps between."""
    clock, truth = by_window[0], by_window[1][:, 0]
    covariance = (truth[:-lag] * truth[lag:]).mean(axis=1)
    expected = 0.16 * np.exp(-0.5 * (clock[lag:] - clock[:-lag]) / 6.0)
    assert len(set(expected.round(6))) > 1
    for number in range(5, 9):
        agree(truth[number] * truth[number + lag], expected[number], resolved=0.02)
    assert covariance.mean() == pytest.approx(expected.mean(), rel=0.03)


def test_the_hub_calibrates_when_the_clock_passes_a_multiple_of_the_interval(
    by_window: tuple[np.ndarray, np.ndarray],
) -> None:
    clock, (truth, estimate) = by_window[0], by_window[1].swapaxes(0, 1)
    due, latest, inside = 7, 0, 0
    for number, windows in enumerate(clock):
        if windows >= due:
            inside += windows > due
            due, latest = due + 7, number
        assert (estimate[number] == truth[latest]).all()
    # In some steps the interval ends during the barrier.
    assert inside > 3


def test_drift_changes_the_decay_of_both_views() -> None:
    network = star(**DRIFTING)
    drift = jnp.array([[0.5, -0.3, 0.0, 0.2], [0.0, 0.1, 0.0, 0.0]])
    now = conditions.start(network, jax.random.key(0))
    got: Links = links_of(network, replace(now, drift=drift))
    coherence = np.exp(np.asarray(drift, float)) / np.asarray(network.memories.decay_rate[0], float)
    rate = 1 / coherence[:, :1] + 1 / coherence[:, 1:]
    for decay in (got.decay, got.link_decay[..., 0]):
        assert np.asarray(decay)[:, 0] == pytest.approx(np.exp(-rate), rel=1e-5)
    kept = np.asarray(got.fresh / network.generation.contraction)[:, 0, :, 0]
    assert kept == pytest.approx((1 - np.exp(-rate)) / rate, rel=1e-5)


# --- Nothing changes where nothing is to change ---


def test_steady_scenario_is_constant_to_the_last_bit() -> None:
    network = star()
    now = first = conditions.start(network, jax.random.key(1))
    links = links_of(network, first)
    nominal = conditions.steady(network)
    for number in range(25):
        tried, heralded = (jnp.full((4, 3, 1), pairs, jnp.int32) for pairs in (80_000, 37 * number))
        clock = 4 * number, 4 * (number + 1), True
        now = advance(network, now, tried, heralded, *clock, jax.random.key(number))
        for state in (first, nominal):
            for one, other in zip(jax.tree.leaves(now), jax.tree.leaves(state), strict=True):
                assert one.tolist() == other.tolist()
    for one, other in zip(vars(links_of(network, now)).values(), vars(links).values(), strict=True):
        assert one.tolist() == other.tolist()
    assert first.drift.shape == (1, 4)
