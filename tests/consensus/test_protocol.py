"""The hub's round on hand-made cases: momentum, lapses, rejection, quorum, memory."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceas_gym.consensus import protocol, setup, weights
from ceas_gym.consensus.attacks import View
from ceas_gym.scenario import AttackSettings, ConsensusSettings
from ceas_gym.types import Delivery, Params, Received, Verdict, Workers

NODES = 6
blend, decide = jax.jit(protocol.blend), jax.jit(protocol.decide)
NOBODY = jnp.zeros(NODES, bool)
UPDATES = jnp.array([[1.0, 2.0], [1.5, 1.0], [0.5, 3.0], [2.0, 2.5], [1.0, 1.0], [0.0, 2.0]])
Outcome = tuple[Workers, Received, Verdict]


def hub(params: Params, tolerated: int = 1, attack: str = "none", **settings: Any) -> Params:
    """Returns the scenario with another protocol and coalition."""
    settings = {"weights": "uniform", "rule": "mean", "momentum": 0.9} | settings
    return dataclasses.replace(
        params,
        consensus=setup.build(ConsensusSettings.model_validate(settings), tolerated),
        adversary=setup.build_adversary(AttackSettings(name=attack)),
    )


def delivered(shots: list[int], tagged: list[int]) -> Delivery:
    return Delivery(
        shots=jnp.array(shots, jnp.int32),
        contraction=jnp.full((NODES, 10), jnp.nan),  # The learners' concern, not the hub's.
        signal=jnp.full(NODES, 0.85),
        authenticated=jnp.isin(jnp.arange(NODES), jnp.array(tagged, jnp.int32)),
    )


def at_work(updates: jax.Array = UPDATES) -> Workers:
    """Workers that have something to send, and have never been accepted."""
    return dataclasses.replace(protocol.start(NODES, jnp.zeros(2)), momentum=updates)


ALL = list(range(NODES))
FULL = delivered([4] * NODES, ALL)

# --- Momentum ---


def test_momentum_moves_only_where_there_are_shots(params: Params) -> None:
    consensus = hub(params).consensus
    workers = at_work()
    gradients = jnp.ones((NODES, 2)) * 7
    after = blend(consensus, workers, gradients, delivered([5, 0, 1, 0, 0, 9], [])).momentum
    moved = np.array([True, False, True, False, False, True])
    expected = np.where(moved[:, None], 0.9 * np.asarray(UPDATES) + 0.1 * 7, np.asarray(UPDATES))
    assert np.asarray(after) == pytest.approx(expected, rel=1e-6)


def test_without_momentum_the_gradient_is_sent(params: Params) -> None:
    gradients = jnp.ones((NODES, 2)) * 7
    after = blend(hub(params, momentum=0.0).consensus, at_work(), gradients, FULL)
    assert (after.momentum == gradients).all()


# --- Lapses ---

# 0 and 1 have a tag, 2 has shots only, 3 to 5 have nothing; 3 was accepted of late, 4 long ago.
MIXED = delivered([4, 2, 3, 0, 0, 0], [0, 1])


def remembered(params: Params, limit: int) -> Workers:
    del params
    return dataclasses.replace(
        at_work(),
        accepted=-UPDATES,
        accepted_information=jnp.arange(10.0, 10.0 + NODES),
        accepted_age=jnp.array([0, 0, 3, limit - 1, limit, 10**9]),
    )


def received_by(params: Params, lapse: str, limit: int = 5) -> Received:
    consensus = hub(params, lapse=lapse, cache_age_rounds=limit).consensus
    measured = jnp.arange(1.0, 1.0 + NODES)
    return consensus.lapse(consensus, remembered(params, limit), MIXED, measured)


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
    scenario = hub(params, lapse="cache", cache_age_rounds=limit)
    workers, _, _ = decide(scenario, at_work(), FULL, NOBODY)
    lapsed = delivered([4] * 5 + [0], ALL[:5])
    counted = []
    for _ in range(limit + 2):
        workers, received, _ = decide(scenario, workers, lapsed, NOBODY)
        counted.append(bool(received.counted[5]))
    assert counted == [True] * limit + [False] * 2


def test_node_that_was_never_accepted_has_no_cache(params: Params) -> None:
    _, received, _ = decide(hub(params, lapse="cache"), at_work(), MIXED, NOBODY)
    assert np.flatnonzero(received.counted).tolist() == [0, 1]


def test_what_was_sent_is_remembered(params: Params) -> None:
    scenario = hub(params, attack="sign_flip", lapse="drop")
    byzantine = jnp.arange(NODES) == 1
    before = remembered(params, 5)
    after, received, _ = decide(scenario, before, MIXED, byzantine)
    assert (after.accepted[0] == UPDATES[0]).all()
    assert (after.accepted[1] == -UPDATES[0]).all()
    assert (after.accepted[2:] == before.accepted[2:]).all()
    assert after.accepted_age.tolist() == [0, 0, *(before.accepted_age[2:] + 1).tolist()]
    assert (after.accepted_information[:2] == received.information[:2]).all()
    assert (after.accepted_information[2:] == before.accepted_information[2:]).all()
    assert (after.momentum == before.momentum).all()


# --- Who is replaced ---


def test_forged_rows_are_replaced_where_they_are_accepted(params: Params) -> None:
    scenario = hub(params, attack="sign_flip", lapse="accept")
    delivery = delivered([4] * NODES, [0, 1, 2])
    byzantine = jnp.arange(NODES) == 2
    _, received, _ = decide(scenario, at_work(), delivery, byzantine)
    expected = jnp.concatenate([UPDATES[:2], jnp.tile(-UPDATES[:2].mean(axis=0), (4, 1))])
    assert received.updates.tolist() == expected.tolist()
    assert received.counted.all()


def test_untagged_rows_are_dropped_before_they_can_harm(params: Params) -> None:
    scenario = hub(params, attack="scaled_sign_flip", lapse="drop")
    _, received, verdict = decide(scenario, at_work(), delivered([4] * NODES, [0, 1, 2]), NOBODY)
    assert verdict.update.tolist() == pytest.approx(UPDATES[:3].mean(axis=0).tolist())
    assert verdict.weights.tolist() == pytest.approx([1 / 3] * 3 + [0.0] * 3)
    assert received.counted.tolist() == [True] * 3 + [False] * 3


def test_byzantine_node_without_shots_has_nothing_to_send(params: Params) -> None:
    scenario = hub(params, attack="sign_flip", lapse="cache")
    byzantine = jnp.arange(NODES) == 3
    _, received, _ = decide(scenario, remembered(params, 10), MIXED, byzantine)
    # Its cached update counts, as it was accepted.
    assert bool(received.counted[3])
    assert (received.updates[3] == -UPDATES[3]).all()


# --- Quorum ---


@pytest.mark.parametrize(
    ("tolerated", "counted", "committed"),
    [(2, 4, False), (2, 5, True), (1, 2, False), (1, 3, True), (0, 1, True), (0, 0, False)],
)
def test_quorum_is_more_than_twice_the_tolerated(
    params: Params, tolerated: int, counted: int, committed: bool
) -> None:
    delivery = delivered([4] * NODES, ALL[:counted])
    _, _, verdict = decide(hub(params, tolerated), at_work(), delivery, NOBODY)
    assert bool(verdict.committed) == committed
    assert np.isfinite(verdict.update).all()


@pytest.mark.parametrize(("largest", "committed"), [(0.45, True), (0.41, True), (0.39, False)])
def test_no_update_is_made_when_too_much_is_at_stake(
    params: Params, largest: float, committed: bool
) -> None:
    # Two of five under equal votes carry 0.4.
    delivery = delivered([4] * NODES, ALL[:5])
    _, _, verdict = decide(hub(params, 2, largest_share=largest), at_work(), delivery, NOBODY)
    assert float(verdict.share) == pytest.approx(0.4)
    assert bool(verdict.committed) == committed


# --- Information ---

measured_information = jax.jit(protocol.measured_information, static_argnames="qubits")


@pytest.mark.parametrize("qubits", [1, 2, 5])
def test_information_is_shots_times_the_fisher_factor_of_the_books(qubits: int) -> None:
    signal = [0.9, 0.9, 0.3, 1.0, 0.0, 0.5]
    delivery = delivered([0, 7, 7, 100, 3, 2], [])
    delivery = dataclasses.replace(delivery, signal=jnp.array(signal))
    factors = [left**2 / (left + 2 * (1 - left) / 2**qubits) for left in signal]
    expected = [n * factor for n, factor in zip([0, 7, 7, 100, 3, 2], factors, strict=True)]
    assert measured_information(delivery, qubits=qubits).tolist() == pytest.approx(expected)


def test_information_is_that_of_as_many_qubits_as_a_shot_has(params: Params) -> None:
    _, received, _ = decide(hub(params), at_work(), FULL, NOBODY)
    expected = measured_information(FULL, qubits=params.network.qubits)
    assert received.information.tolist() == pytest.approx(expected.tolist(), rel=1e-6)


# --- Weights ---

UNEVEN = delivered([1, 2, 5, 40, 10, 3], ALL)


def test_fisher_weights_are_capped_by_the_budget(params: Params) -> None:
    _, received, verdict = decide(hub(params, weights="fisher"), at_work(), UNEVEN, NOBODY)
    raw = np.asarray(received.information) / float(received.information.sum())
    assert raw.max() > 1.25 / 6
    assert float(verdict.share) == pytest.approx(1.25 / 6, rel=1e-5)
    assert float(verdict.weights.sum()) == pytest.approx(1.0)
    assert (np.diff(np.asarray(verdict.weights)[raw.argsort()]) >= 0).all()
    assert verdict.update.tolist() == pytest.approx((verdict.weights @ UPDATES).tolist())


def test_no_update_can_change_its_weight(params: Params) -> None:
    scenario = hub(params, weights="fisher", attack="scaled_sign_flip")
    plain = decide(scenario, at_work(), UNEVEN, NOBODY)[2]
    loud = decide(scenario, at_work(UPDATES * 1e3), UNEVEN, jnp.arange(NODES) == 3)[2]
    assert (plain.weights == loud.weights).all()
    assert plain.share == loud.share
    assert plain.certificate == loud.certificate


def test_certificate_is_that_of_the_measured_noise(params: Params) -> None:
    scenario = hub(params, weights="fisher")
    _, received, verdict = decide(scenario, at_work(), UNEVEN, NOBODY)
    learning = scenario.learning
    noise = 1 / np.asarray(received.information) + 1 / float(learning.batch_floor)
    variances = jnp.asarray(float(learning.noise_scale) * noise)
    expected = weights.certificate(verdict.weights, verdict.share, variances)
    assert float(verdict.certificate) == pytest.approx(float(expected), rel=1e-5)


# --- Non-finite updates ---


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_non_finite_update_is_rejected_and_the_rest_reweighed(
    params: Params, poison: float
) -> None:
    scenario = hub(params)
    broken = at_work(UPDATES.at[2, 1].set(poison))
    after, received, verdict = decide(scenario, broken, FULL, NOBODY)
    without = decide(scenario, at_work(), delivered([4] * NODES, [0, 1, 3, 4, 5]), NOBODY)[2]
    assert np.flatnonzero(received.counted).tolist() == [0, 1, 3, 4, 5]
    assert verdict.weights.tolist() == pytest.approx(without.weights.tolist())
    assert verdict.update.tolist() == pytest.approx(without.update.tolist())
    assert float(verdict.share) == pytest.approx(float(without.share))
    # It is not remembered either.
    assert (after.accepted[2] == 0).all()
    assert int(after.accepted_age[2]) > 10**8


def test_rejected_update_is_missing_from_the_quorum(params: Params) -> None:
    delivery = delivered([4] * NODES, ALL[:5])
    broken = at_work(UPDATES.at[0].set(jnp.nan))
    assert bool(decide(hub(params, 2), at_work(), delivery, NOBODY)[2].committed)
    assert not bool(decide(hub(params, 2), broken, delivery, NOBODY)[2].committed)


def sends_nan(view: View) -> jax.Array:
    return view.mean * jnp.nan


def test_coalition_that_sends_nothing_finite_only_removes_itself(params: Params) -> None:
    scenario = hub(params, attack=f"{__name__}:sends_nan")
    byzantine = jnp.arange(NODES) < 2
    _, received, verdict = decide(scenario, at_work(), FULL, byzantine)
    assert received.counted.tolist() == [False] * 2 + [True] * 4
    assert verdict.update.tolist() == pytest.approx(UPDATES[2:].mean(axis=0).tolist())


def test_round_in_which_nobody_counts_changes_nothing(params: Params) -> None:
    workers, received, verdict = decide(
        hub(params, weights="fisher"), at_work(), delivered([0] * NODES, []), NOBODY
    )
    assert not received.counted.any()
    assert not bool(verdict.committed)
    assert verdict.update.tolist() == [0.0, 0.0]
    assert verdict.weights.tolist() == [0.0] * NODES
    assert float(verdict.certificate) == np.inf
    assert (workers.momentum == UPDATES).all()
