"""Contestants: an evaluation compares policies, each with its changes to the protocol."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from ceas_agents.policies import checkpoints, options, registry
from ceas_agents.policies.base import Policy
from ceas_agents.policies.registry import POLICIES
from ceas_agents.policies.versions import Decision
from ceas_gym.registry import imported, nearest


class Contestant(NamedTuple):
    """A policy by name, and overrides of the scenario by dotted key."""

    name: str
    policy: Policy
    overrides: dict[str, object]


OBLIVIOUS_FAIR: dict[str, object] = {"consensus.weights": "uniform"}
"""The same protocol as for CEAS, with a uniform schedule and equal weights."""
OBLIVIOUS_NAIVE: dict[str, object] = {
    "network.cutoff_fidelity": None,
    "network.spend_order": "oldest_first",
    "consensus.rule": "mean",
    "consensus.weights": "uniform",
    "consensus.unauthenticated_updates": "accept",
    "consensus.committee.members": 1,
    "consensus.committee.byzantine": 0,
    "consensus.committee.trap_share": 0.0,
}
"""A uniform schedule, no cut-off, oldest pairs first, a single hub that accepts all updates, and a
plain mean."""

CONTESTANTS = {name: Contestant(name, policy, {}) for name, policy in POLICIES.items()} | {
    "oblivious-fair": Contestant("oblivious-fair", POLICIES["uniform"], OBLIVIOUS_FAIR),
    "oblivious-naive": Contestant("oblivious-naive", POLICIES["uniform"], OBLIVIOUS_NAIVE),
    "static-subset": Contestant("static-subset", POLICIES["static_subset"], OBLIVIOUS_FAIR),
    "subset-hold": Contestant("subset-hold", POLICIES["subset_hold"], OBLIVIOUS_FAIR),
}


def fitting(decision: Decision) -> list[str]:
    """Returns the names of the shipped contestants whose policies have a version for a decision.

    Args:
        decision: What a step is.

    Example:
        >>> "subset-hold" in fitting("round"), "focused" in fitting("round")
        (False, True)
    """
    return [
        name
        for name, contestant in CONTESTANTS.items()
        if registry.version(contestant.policy, decision) is not None
    ]


def get(name: str) -> Contestant:
    """Returns the contestant of that name, or a policy under the scenario's own protocol.

    Args:
        name: A shipped contestant, or any name that `load` takes.

    Raises:
        ValueError: If the name or an option is unknown, or the policy can't be read.

    Example:
        >>> get("oblivious-fair").overrides
        {'consensus.weights': 'uniform'}
    """
    name = name.strip()
    if name in CONTESTANTS:
        return CONTESTANTS[name]
    return Contestant(name, _policy(name, CONTESTANTS), {})


def load(name: str) -> Policy:
    """Returns a policy, whose actions are in [-1, 1] and of the shape that the decision asks for.

    Args:
        name: A shipped policy, with options or without, such as `ceas:placement=random`; a learned
            agent; the path of an agent of the user's own, which ends in `.npz`; or
            `module:function` for the user's own policy.

    Raises:
        ValueError: If the name or an option is unknown, or the policy can't be read.

    Example:
        >>> load("uniform") is POLICIES["uniform"]
        True
    """
    return _policy(name, POLICIES)


def _policy(name: str, known: Iterable[str]) -> Policy:
    agents = checkpoints.shipped()
    if name in POLICIES:
        return POLICIES[name]
    if name in agents:
        return checkpoints.policy(checkpoints.load(checkpoints.shipped_file(name)))
    if name.endswith(".npz"):
        return checkpoints.policy(checkpoints.load(Path(name)))
    shipped, colon, rest = name.partition(":")
    if colon and shipped in POLICIES:
        return options.chosen(shipped, POLICIES[shipped], rest)
    if ":" in name:
        return imported("policy", name)
    hint = nearest(name, [*known, *agents])
    raise ValueError(f"policy {name!r} is unknown; {hint} (or name your own as module:function)")
