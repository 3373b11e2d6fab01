"""The short fibres between the members of the committee, whose pairs all become key."""

import numpy as np

from ceas_gym.jax_utils.fast_compile import array, once
from ceas_gym.network import key_pool, link_budget
from ceas_gym.physics import memories
from ceas_gym.registry import asked_by
from ceas_gym.scenario import CommitteeSettings, HardwareSettings
from ceas_gym.types import KeyBudget, MemberLink

_bits_per_pair = once(key_pool.bits_per_pair)


def build(
    committee: CommitteeSettings, hardware: HardwareSettings, budget: KeyBudget, window_s: float
) -> MemberLink | None:
    """Returns what the link of two members makes, with the hub's hardware at both ends.

    Both halves of a pair are measured as soon as it is heralded. Each interface has all modes of
    the hardware, and never waits for a switch.

    Args:
        committee: Length of the fibre, and its interfaces.
        hardware: Photon interface and memory.
        budget: Accounting of key, and readout.
        window_s: Duration of a window, in s.

    Returns:
        The link, or None if there is no fibre.
    """
    if committee.link_km is None:
        return None
    with asked_by("hardware.memory"):
        decay = memories.decay_rates(
            hardware.memory,
            np.array([hardware.hub_coherence_s]),
            np.array([hardware.hub_relaxation_s or np.inf]),
        )
    length = np.array([[committee.link_km]])
    both_ends = np.repeat(decay[:, :, None, None], 2, axis=-1)
    success, contraction = link_budget.new_pairs(hardware, array(length), array(both_ends))
    attempts = np.floor(window_s / link_budget.attempt_period_s(hardware, length))
    tried = attempts * hardware.modes * committee.link_interfaces
    bits = _bits_per_pair(budget, contraction[..., 0])
    return MemberLink(pairs=float(tried[0, 0] * success[0, 0]), bits=max(float(bits[0]), 0.0))
