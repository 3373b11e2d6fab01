"""What is compared: a contestant is a policy, and what it changes of the scenario's protocol."""

from typing import NamedTuple

from ceas_agents.policies import POLICIES, Policy, load
from ceas_gym.names import nearest


class Contestant(NamedTuple):
    """A policy by name, and overrides of the scenario by dotted key."""

    name: str
    policy: Policy
    overrides: dict[str, object]


OBLIVIOUS_FAIR: dict[str, object] = {"consensus.weights": "uniform"}
"""Everything as CEAS, but the schedule is uniform and the weights are equal."""
OBLIVIOUS_NAIVE: dict[str, object] = {
    "network.cutoff_fidelity": None,
    "network.spend_order": "oldest_first",
    "consensus.rule": "mean",
    "consensus.weights": "uniform",
    "consensus.lapse": "accept",
}
"""A uniform schedule, the oldest pairs first, no cut-off, everything accepted, a plain mean."""

CONTESTANTS = {name: Contestant(name, policy, {}) for name, policy in POLICIES.items()} | {
    "oblivious-fair": Contestant("oblivious-fair", POLICIES["uniform"], OBLIVIOUS_FAIR),
    "oblivious-naive": Contestant("oblivious-naive", POLICIES["uniform"], OBLIVIOUS_NAIVE),
}


def get(name: str) -> Contestant:
    """Returns the contestant of that name, or a user's own policy under the scenario's protocol.

    Args:
        name: A shipped contestant, or `module:function` for a policy of the user's own.

    Raises:
        ValueError: If the name is unknown.

    Example:
        >>> get("oblivious-fair").overrides
        {'consensus.weights': 'uniform'}
    """
    if name in CONTESTANTS:
        return CONTESTANTS[name]
    if ":" in name:
        return Contestant(name, load(name), {})
    raise ValueError(f"policy {name!r} is unknown; {nearest(name, CONTESTANTS)}")
