"""Time in episodes whose steps are windows: what drifts and ages, and when the hub calibrates."""

from itertools import pairwise
from typing import Any

import jax
import numpy as np
import pytest
from helpers import compiled
from helpers.comparison import plain, vary

from ceas_gym import parameters
from ceas_gym.scenario import Scenario
from ceas_gym.task import actions, observations
from ceas_gym.types import Params

BY_WINDOW = {
    "episode.decision": "window",
    "network.barrier_windows": 2,
    "network.conditions.coherence": "drifting",
    "network.conditions.calibration_s": 0.4,
    "network.conditions.drift_s": 1.0,
    "consensus.key.lifetime_s": 0.6,
}
"""Windows take 0.1 s, so a calibration is due every four, and key lives for two slots of three."""
FIRES = [False, False, True, False, True, True, False, False, False, False, True, False]
CLOCK = [0, 1, 2, 5, 6, 9, 12, 13, 14, 15, 16, 19, 20]


@pytest.fixture(scope="module")
def played(scenario: Scenario) -> tuple[Params, list[Any], list[Any]]:
    """Parameters; the states, and what is observed, at the start and after every step."""
    params = parameters.build(vary(scenario, BY_WINDOW))
    state, timestep = compiled.reset(params, jax.random.key(4))
    states, seen = [plain(state)], [plain(timestep.observation)]
    for fires in FIRES:
        action = np.full(actions.shape(params), 0.8, np.float32)
        action[-1] = 1.0 if fires else -1.0
        state, timestep = compiled.step(params, state, action)
        states.append(plain(state))
        seen.append(plain(timestep.observation))
    return params, states, seen


def test_the_hub_calibrates_in_steps_that_pass_a_multiple_of_the_interval(played: Any) -> None:
    _, states, seen = played
    assert [int(state.clock) for state in states] == CLOCK
    column = [feature.name for feature in observations.NETWORK_FEATURES].index("calibration")
    latest = 0
    for number, (state, windows) in enumerate(zip(states, CLOCK, strict=True)):
        if windows // 4 > CLOCK[max(number - 1, 0)] // 4:
            latest = number
        assert (state.conditions.drift[1] == states[latest].conditions.drift[0]).all()
        assert seen[number].network[column] == pytest.approx(windows % 4 / 4)


def test_coherence_drifts_in_every_step(played: Any) -> None:
    _, states, _ = played
    drifts = [state.conditions.drift[0] for state in states]
    assert all((one != other).all() for one, other in pairwise(drifts))


def test_key_is_gone_when_its_slots_are_over(played: Any) -> None:
    """In steps that wait no key is used, so all of it is there, or has expired."""
    params, states, _ = played
    assert int(params.network.key.slot_windows) == 3
    aged = 0
    for number in (number for number, fires in enumerate(FIRES) if not fires):
        before, after = (states[n].memory.key_bits for n in (number, number + 1))
        slots = CLOCK[number + 1] // 3 - CLOCK[number] // 3
        if slots:
            assert (after[..., 0] == 0).all()
            assert (after[..., 1] >= before[..., 0]).all()
            aged += before[..., 1].sum() > 0
        else:
            assert (after[..., 0] >= before[..., 0]).all()
            assert (after[..., 1] == before[..., 1]).all()
    assert aged > 0
