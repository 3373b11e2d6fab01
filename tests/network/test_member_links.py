"""Links between members of the committee, against closed forms."""

import numpy as np
import pytest

from ceas_gym.network import member_links, setup
from ceas_gym.network.durations import Steps
from ceas_gym.scenario import CommitteeSettings, HardwareSettings, KeySettings
from ceas_gym.types import Tags

STEPS = Steps(window_s=1.0, windows=8)
BUDGET = setup.key_budget(KeySettings(), Tags(bits=40), HardwareSettings(readout=1.0), STEPS)


def test_pairs_and_key_of_a_link_that_is_known() -> None:
    """Werner pairs of fidelity F that wait for the flight of their herald in two memories."""
    hardware = HardwareSettings(
        scheme="explicit",
        success_probability=0.01,
        initial_fidelity=0.98,
        modes=3,
        attempt_overhead_s=1e-4,
        fibre_speed_km_per_s=2e5,
        hub_coherence_s=0.01,
    )
    asked = CommitteeSettings(members=4, byzantine=1, link_km=20.0, link_interfaces=2)
    link = member_links.build(asked, hardware, BUDGET, window_s=0.05)
    assert link is not None
    # An attempt takes the overhead and the flight, and 250 fit into the window.
    assert link.pairs == pytest.approx(250 * 3 * 2 * 0.01, rel=1e-6)
    contraction = (4 * 0.98 - 1) / 3 * np.exp(-2 * 1e-4 / 0.01)
    error = (1 - contraction) / 2
    entropy = -error * np.log2(error) - (1 - error) * np.log2(1 - error)
    assert link.bits == pytest.approx(1 - 2 * entropy, rel=1e-4)


def test_pairs_that_are_too_bad_make_no_key() -> None:
    hardware = HardwareSettings(scheme="explicit", success_probability=0.01, initial_fidelity=0.6)
    link = member_links.build(CommitteeSettings(), hardware, BUDGET, window_s=1.0)
    assert link is not None
    assert link.bits == 0


def test_no_fibre_is_no_link() -> None:
    asked = CommitteeSettings(link_km=None)
    assert member_links.build(asked, HardwareSettings(), BUDGET, window_s=1.0) is None
