"""The fast step against the slow one, in 64 bits, with the same luck, where a step is a window."""

from typing import Any

import pytest
from helpers import beside
from helpers.comparison import vary, waits_and_fires
from reference.variants import BUDGETED, VARIANTS

from ceas_gym import parameters
from ceas_gym.scenario import Scenario

STEPS, MOST = 12, 3
BY_WINDOW = {**BUDGETED, "episode.decision": "window", "network.most_windows": MOST}
SABOTAGED = {
    **VARIANTS["committee"],
    "attack.name": "white_box+leader_stall+withheld_confirmation+exhaustion+jamming",
    "attack.jammed_rate": 0.7,
    # Key for all members within a window or two.
    "hardware.modes": 150,
}
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "no time": ({}, 0),
    "a window": ({}, 1),
    "three windows": ({}, 3),
    "sabotaged": (SABOTAGED, 1),
    "everything": (VARIANTS["everything"], 2),
}
"""Settings, and the windows that a barrier takes; numbers of the first three share a program."""


@pytest.mark.parametrize("name", CASES)
def test_waiting_and_firing_equal_the_reference(scenario: Scenario, name: str) -> None:
    settings, pause = CASES[name]
    varied = vary(scenario, {**BY_WINDOW, **settings, "network.barrier_windows": pause})
    actions = waits_and_fires(7, STEPS, varied.network.nodes)
    asked = (actions[:, -1] > 0).sum()
    total = beside.compare(varied, parameters.build(varied), actions)
    # Some barriers fire by themselves, and some are below the quorum.
    assert asked < total["fired"] < STEPS
    assert 0 < total["committed"] < total["fired"] + bool(settings)
    assert all(total[f"pairs_{fate}"] > 0 for fate in ("spent", "keyed"))
    assert (total["pairs_tested"] > 0) == (varied.consensus.verification.pairs > 0)
    assert (total["waiting"] > 0) == (varied.network.graph is not None)
    assert 0 < total["terminated"] < STEPS
