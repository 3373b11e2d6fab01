"""The hub's round on hand-made cases: momentum, what is replaced, quorum, weights, rejection."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from consensus import hubs
from consensus.hubs import at_work, hub
from consensus.hubs import delivered as delivered_to
from helpers.coalitions import coalition

from ceas_gym.consensus import protocol, weights
from ceas_gym.consensus.attacks import View
from ceas_gym.types import Delivery, Params

NODES = 6
blend, decide = jax.jit(protocol.blend), jax.jit(hubs.decide)
NOBODY = coalition([False] * NODES)
UPDATES = jnp.array([[1.0, 2.0], [1.5, 1.0], [0.5, 3.0], [2.0, 2.5], [1.0, 1.0], [0.0, 2.0]])
WORKERS = at_work(UPDATES)


def delivered(shots: list[int], tagged: list[int]) -> Delivery:
    return delivered_to(shots, jnp.isin(jnp.arange(NODES), jnp.array(tagged, jnp.int32)))


ALL = list(range(NODES))
FULL = delivered([4] * NODES, ALL)

# --- Momentum ---


def test_momentum_moves_only_where_there_are_shots(params: Params) -> None:
    consensus = hub(params).consensus
    gradients = jnp.ones((NODES, 2)) * 7
    after = blend(consensus, WORKERS.workers, gradients, delivered([5, 0, 1, 0, 0, 9], [])).momentum
    moved = np.array([True, False, True, False, False, True])
    expected = np.where(moved[:, None], 0.9 * np.asarray(UPDATES) + 0.1 * 7, np.asarray(UPDATES))
    assert np.asarray(after) == pytest.approx(expected, rel=1e-6)


def test_without_momentum_the_gradient_is_sent(params: Params) -> None:
    gradients = jnp.ones((NODES, 2)) * 7
    after = blend(hub(params, momentum=0.0).consensus, WORKERS.workers, gradients, FULL)
    assert (after.momentum == gradients).all()


# --- Who is replaced ---


def test_forged_rows_are_replaced_where_they_are_accepted(params: Params) -> None:
    scenario = hub(params, attack="sign_flip", unauthenticated_updates="accept")
    delivery = delivered([4] * NODES, [0, 1, 2])
    byzantine = coalition(jnp.arange(NODES) == 2)
    _, received, _ = decide(scenario, WORKERS, delivery, byzantine)
    expected = jnp.concatenate([UPDATES[:2], jnp.tile(-UPDATES[:2].mean(axis=0), (4, 1))])
    assert received.updates.tolist() == expected.tolist()
    assert received.counted.all()


def test_untagged_rows_are_dropped_before_they_can_harm(params: Params) -> None:
    scenario = hub(params, attack="scaled_sign_flip", unauthenticated_updates="drop")
    _, received, verdict = decide(scenario, WORKERS, delivered([4] * NODES, [0, 1, 2]), NOBODY)
    assert verdict.update.tolist() == pytest.approx(UPDATES[:3].mean(axis=0).tolist())
    assert verdict.weights.tolist() == pytest.approx([1 / 3] * 3 + [0.0] * 3)
    assert received.counted.tolist() == [True] * 3 + [False] * 3


# --- Quorum ---


@pytest.mark.parametrize(
    ("tolerated", "counted", "committed"),
    [(2, 4, False), (2, 5, True), (1, 2, False), (1, 3, True), (0, 1, True), (0, 0, False)],
)
def test_quorum_is_more_than_twice_the_tolerated(
    params: Params, tolerated: int, counted: int, committed: bool
) -> None:
    delivery = delivered([4] * NODES, ALL[:counted])
    _, _, verdict = decide(hub(params, tolerated), WORKERS, delivery, NOBODY)
    assert bool(verdict.committed) == committed
    assert np.isfinite(verdict.update).all()


@pytest.mark.parametrize(("largest", "committed"), [(0.45, True), (0.41, True), (0.39, False)])
def test_no_update_is_made_when_too_much_is_at_stake(
    params: Params, largest: float, committed: bool
) -> None:
    # Two of five under equal votes carry 0.4.
    delivery = delivered([4] * NODES, ALL[:5])
    _, _, verdict = decide(hub(params, 2, largest_share=largest), WORKERS, delivery, NOBODY)
    assert float(verdict.share) == pytest.approx(0.4)
    assert bool(verdict.committed) == committed


# --- Information ---

measured_information = jax.jit(protocol.measured_information, static_argnames="qubits")


@pytest.mark.parametrize("qubits", [1, 2, 5])
def test_information_is_shots_times_the_estimated_fisher_factor(qubits: int) -> None:
    signal = [0.9, 0.9, 0.3, 1.0, 0.0, 0.5]
    delivery = delivered([0, 7, 7, 100, 3, 2], [])
    delivery = dataclasses.replace(delivery, signal=jnp.array(signal))
    factors = [left**2 / (left + 2 * (1 - left) / 2**qubits) for left in signal]
    expected = [n * factor for n, factor in zip([0, 7, 7, 100, 3, 2], factors, strict=True)]
    assert measured_information(delivery, qubits=qubits).tolist() == pytest.approx(expected)


def test_information_is_that_of_as_many_qubits_as_a_shot_has(params: Params) -> None:
    _, received, _ = decide(hub(params), WORKERS, FULL, NOBODY)
    expected = measured_information(FULL, qubits=params.network.qubits)
    assert received.information.tolist() == pytest.approx(expected.tolist(), rel=1e-6)


# --- Weights ---

UNEVEN = delivered([1, 2, 5, 40, 10, 3], ALL)


def test_fisher_weights_are_capped_by_the_budget(params: Params) -> None:
    budgeted = hub(params, weights="fisher", cap="share_budget")
    _, received, verdict = decide(budgeted, WORKERS, UNEVEN, NOBODY)
    raw = np.asarray(received.information) / float(received.information.sum())
    assert raw.max() > 1.25 / 6
    assert float(verdict.share) == pytest.approx(1.25 / 6, rel=1e-5)
    assert float(verdict.weights.sum()) == pytest.approx(1.0)
    assert (np.diff(np.asarray(verdict.weights)[raw.argsort()]) >= 0).all()
    assert verdict.update.tolist() == pytest.approx((verdict.weights @ UPDATES).tolist())


def test_no_update_can_change_its_weight(params: Params) -> None:
    scenario = hub(params, weights="fisher", attack="scaled_sign_flip")
    plain = decide(scenario, WORKERS, UNEVEN, NOBODY)[2]
    loud = decide(scenario, at_work(UPDATES * 1e3), UNEVEN, coalition(jnp.arange(NODES) == 3))[2]
    assert (plain.weights == loud.weights).all()
    assert plain.share == loud.share
    assert plain.certificate == loud.certificate


def test_certificate_is_that_of_the_measured_noise(params: Params) -> None:
    scenario = hub(params, weights="fisher")
    _, received, verdict = decide(scenario, WORKERS, UNEVEN, NOBODY)
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
    without = decide(scenario, WORKERS, delivered([4] * NODES, [0, 1, 3, 4, 5]), NOBODY)[2]
    assert np.flatnonzero(received.counted).tolist() == [0, 1, 3, 4, 5]
    assert verdict.weights.tolist() == pytest.approx(without.weights.tolist())
    assert verdict.update.tolist() == pytest.approx(without.update.tolist())
    assert float(verdict.share) == pytest.approx(float(without.share))
    # It is not remembered either.
    assert (after.cache.updates[2] == 0).all()
    assert int(after.cache.age[2]) > 10**8


def test_rejected_update_is_missing_from_the_quorum(params: Params) -> None:
    delivery = delivered([4] * NODES, ALL[:5])
    broken = at_work(UPDATES.at[0].set(jnp.nan))
    assert bool(decide(hub(params, 2), WORKERS, delivery, NOBODY)[2].committed)
    assert not bool(decide(hub(params, 2), broken, delivery, NOBODY)[2].committed)


def sends_nan(view: View) -> jax.Array:
    return view.mean * jnp.nan


def test_coalition_that_sends_nothing_finite_only_removes_itself(params: Params) -> None:
    scenario = hub(params, attack=f"{__name__}:sends_nan")
    byzantine = coalition(jnp.arange(NODES) < 2)
    _, received, verdict = decide(scenario, WORKERS, FULL, byzantine)
    assert received.counted.tolist() == [False] * 2 + [True] * 4
    assert verdict.update.tolist() == pytest.approx(UPDATES[2:].mean(axis=0).tolist())


def test_round_in_which_nobody_counts_changes_nothing(params: Params) -> None:
    _, received, verdict = decide(
        hub(params, weights="fisher"), WORKERS, delivered([0] * NODES, []), NOBODY
    )
    assert not received.counted.any()
    assert not bool(verdict.committed)
    assert verdict.update.tolist() == [0.0, 0.0]
    assert verdict.weights.tolist() == [0.0] * NODES
    assert float(verdict.certificate) == np.inf
