"""False data of Byzantine members: its bias, that no rule sees it, and whole rounds with traps."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from consensus.hubs import delivered
from helpers import compiled
from helpers.coalitions import coalition
from helpers.comparison import vary

from ceas_gym import parameters, sabotage
from ceas_gym.consensus import rules
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.learning import learners, pullback
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params, Split

COMMITTEE = {"members": 4, "byzantine": 1}
PLENTY = {
    "network.lengths_km": (1.0,) * 6,
    "network.channels": 6,
    "hardware.modes": 200,
    "network.memories_per_link": 60,
    "consensus.key.security_bits": 4,
    "attack.byzantine_nodes": 0,
    "consensus.tolerated_nodes": 0,
}
"""Nodes that all have key for four members, and tens of shots."""
full_gradient = jax.jit(learners.full_gradient)


@pytest.fixture(scope="module")
def played(scenario: Scenario) -> Callable[..., Params]:
    """Returns a builder of the tiny scenario with a committee under attack."""

    def build(attack: str = "false_data", **fields: Any) -> Params:
        settings = {**PLENTY, "attack.name": attack, "consensus.committee": COMMITTEE | fields}
        return parameters.build(vary(scenario, settings))

    return build


# --- The bias ---


def exact(params: Params, weights: Any, shift: int) -> np.ndarray:
    """Returns the gradient without noise, on labels that are shifted."""
    return np.asarray(_exact(params, weights, shift), float)


@once
def _exact(params: Params, weights: Any, shift: Any) -> Any:
    learning = params.learning
    pulled = pullback.pull(learning.program, weights)
    labels = (learning.training.labels + shift) % learning.readout.shape[0]
    split = Split(learning.training.paulis, labels)
    return full_gradient(learning, pulled, split)


def mixed(
    params: Params, of_true: Any, of_false: Any, shots: list[int], served: float, number: int = 0
) -> np.ndarray:
    """Returns what nodes learn from exact gradients of both parts, in a round."""

    def learn(delivery: Any, poisoned: Any, key: Any) -> Any:
        del key
        chosen = jnp.where(poisoned[:, None], jnp.asarray(of_false), jnp.asarray(of_true))
        return jnp.where(delivery.shots[:, None] > 0, chosen, 0)

    group = coalition([False] * len(shots), served=served, number=number)
    delivery = delivered(shots, [True] * len(shots))
    false = sabotage.learn(params, group, learn)
    keys = jax.random.split(jax.random.key(5), 2000)
    honest = jnp.zeros(len(shots), bool)
    every = jax.jit(jax.vmap(lambda key: false(delivery, honest, key)))(keys)
    return np.asarray(every, float)


def test_false_data_bias_the_gradient_by_their_share_and_no_more(
    played: Callable[..., Params],
) -> None:
    params = played()
    weights = np.random.default_rng(0).normal(size=params.learning.program.parameters)
    weights = jnp.asarray(weights, jnp.float32)
    true, false = exact(params, weights, 0), exact(params, weights, 1)
    assert np.linalg.norm(false - true) > 0.1
    shots = [8, 100, 1, 7, 0]
    drawn = mixed(params, true, false, shots, served=1 / 4)
    # A quarter of 8 and of 100 are whole shots, so nothing is left to chance.
    assert drawn[:, :2] == pytest.approx(
        np.tile(0.75 * true + 0.25 * false, (2000, 2, 1)), abs=1e-6
    )
    mean = drawn.mean(axis=0)
    error = np.linalg.norm(mean - true, axis=1) / np.linalg.norm(false - true)
    assert error[:4] == pytest.approx([0.25] * 4, abs=0.03)
    # A single shot is false or not.
    assert {tuple(row.round(4)) for row in drawn[:, 2]} == {
        tuple(side.round(4)) for side in (true, false)
    }
    assert (drawn[:, 4] == 0).all()
    # Nodes are alike, so whatever the rule makes of them has the same bias.
    alike = jnp.asarray(np.tile(mean[0], (11, 1)), jnp.float32)
    for name in [*rules.RULES, "clip+nnm+trimmed_mean", "bucketing+median"]:
        aggregate = jax.jit(rules.get(name))(alike, jnp.full(11, 1 / 11), jnp.int32(2))
        assert np.asarray(aggregate) == pytest.approx(mean[0], abs=1e-5), name


def test_false_data_begin_with_the_onset(played: Callable[..., Params]) -> None:
    params = played()
    for number, part in ((2, 0.0), (3, 0.25)):
        drawn = mixed(late(params, 3), [1.0], [0.0], [8], served=1 / 4, number=number)
        assert drawn == pytest.approx(1 - part)


def test_both_parts_have_noise_of_their_own(played: Callable[..., Params]) -> None:
    group = coalition([False] * 50, served=1 / 2)
    false = sabotage.learn(
        played(), group, lambda delivery, poisoned, key: jax.random.normal(key, (50, 1))
    )
    delivery = delivered([2] * 50, [True] * 50)
    found = np.asarray(false(delivery, jnp.zeros(50, bool), jax.random.key(0)))
    assert np.std(found) == pytest.approx(np.sqrt(1 / 2), rel=0.35)


# --- Whole rounds ---


def play(params: Params, rounds: int) -> list[tuple[Any, Any]]:
    """Returns the states and metrics of some rounds in which all nodes get all channel-time."""
    state, found = compiled.reset(params, jax.random.key(0))[0], []
    action = jnp.ones((params.network.windows, params.network.nodes))
    for _ in range(rounds):
        state, timestep = compiled.step(params, state, action)
        found.append((state, timestep))
    return found


def hasty(params: Params) -> Params:
    """Returns the scenario in which a bet against a member is soon won."""
    members = replace(params.consensus.members, trap_doubt=jnp.float32(2.5))
    return replace(params, consensus=replace(params.consensus, members=members))


def late(params: Params, onset: int) -> Params:
    """Returns the scenario in which nobody lies before a round."""
    return replace(params, adversary=replace(params.adversary, onset=jnp.int32(onset)))


def left(timestep: Any, share: float) -> list[int]:
    """Returns the shots of each node without the whole part of a share of them."""
    able = np.asarray(timestep.round.ledger.spent) // 3
    return [int(shots) - int(shots * share) for shots in able]


def test_traps_cost_their_shots_also_if_nobody_lies(played: Callable[..., Params]) -> None:
    (_, timestep), *_ = play(late(played(trap_share=0.3), 99), 1)
    shots = np.asarray(timestep.round.delivery.shots)
    assert shots.min() >= 8
    assert shots.tolist() == left(timestep, 0.3)
    assert timestep.metrics["shots"] == shots.sum()
    assert timestep.metrics["exposed_members"] == 0


def test_exposed_member_serves_no_more_false_data(played: Callable[..., Params]) -> None:
    for name in ("false_data", "withheld_confirmation"):
        found = play(hasty(played(name, trap_share=0.3)), 8)
        results = [state.trap_results for state, _ in found]
        counts = [float(timestep.metrics["exposed_members"]) for _, timestep in found]
        first = counts.index(1)
        assert first > 0 or name != "false_data"
        assert counts == [0] * first + [1] * (8 - first)
        # Of four members, the first is the Byzantine one.
        assert np.asarray(results[-1].exposed).tolist() == [True, False, False, False]
        served = [float(timestep.round.coalition.served) for _, timestep in found]
        assert served == [0.25] * (first + 1) + [0.0] * (7 - first)
    # None of its traps passes where it sends no corrections, and no shot is lost once it is out.
    assert np.asarray(results[-1].passed)[:, 0].sum() == 0
    assert np.asarray(found[-1][1].round.delivery.shots).tolist() == left(found[-1][1], 0.3)


def test_traps_of_honest_members_pass_by_the_fidelity_of_the_node(
    played: Callable[..., Params],
) -> None:
    params = played("false_data", trap_share=0.5)
    found = play(params, 6)
    passed = np.asarray(found[-1][0].trap_results.passed).sum(axis=0)
    chances = params.learning.trap_chances
    assert chances is not None
    expected = np.zeros(2)
    for _, timestep in found:
        able = np.asarray(timestep.round.ledger.spent) // 3
        contraction = np.asarray(timestep.round.delivery.contraction)
        for k, each in enumerate((chances.false, chances.honest)):
            expected[k] += (able // 2) @ (contraction @ np.asarray(each)) / 4
    assert abs(passed[0] - expected[0]) < 4 * np.sqrt(expected[0])
    assert abs(passed[1:].sum() - 3 * expected[1]) < 4 * np.sqrt(3 * expected[1])
    assert expected[0] < 0.6 * expected[1]
