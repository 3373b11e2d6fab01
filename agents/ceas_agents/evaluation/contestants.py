"""Contestants: an evaluation compares policies, each with its changes to the protocol."""

from collections.abc import Iterable
from functools import partial
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
    has_cadence: bool = False
    """Whether its barriers follow a cadence that can be tuned, where a step is a window."""

    @property
    def is_open_loop(self) -> bool:
        """Returns whether it decides by rounds, also where the scenario decides by windows."""
        return self.overrides.get(DECISION) == "round"

    @property
    def without_options(self) -> Policy:
        """Returns its policy with the default of every option."""
        return self.policy.func if isinstance(self.policy, partial) else self.policy

    def version(self, decision: Decision) -> Policy | None:
        """Returns the function by which it acts, or None if it can't play.

        Args:
            decision: What a step of the scenario is.
        """
        own = "round" if self.is_open_loop else decision
        return registry.version(self.without_options, own)


DECISION, CADENCE = "episode.decision", "cadence"
OPEN_LOOP: dict[str, object] = {DECISION: "round"}
"""Whole rounds are scheduled in advance, with the budget and the barriers of the scenario."""
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

ADAPTIVE = ("ceas",)
"""Policies that decide by themselves when the barrier fires, unless they are given a cadence."""


ON_ARRIVAL: dict[str, object] = OBLIVIOUS_FAIR | {"network.spend": "on_arrival"}
"""Shots are executed as soon as their pairs are there, so that no pair has to last."""
UNTUNED = "serve=quorum,cadence=8"
"""As many nodes as `static-subset` serves, and windows from one barrier to the next, unless they
are tuned."""
BLIND = f"{UNTUNED},feedback=none"
"""The same, planned by what nodes are expected to hold."""


def _of_policy(name: str) -> Contestant:
    policy = POLICIES[name]
    has_cadence = CADENCE in options.options(policy) and name not in ADAPTIVE
    return Contestant(name, policy, {}, has_cadence)


def _named(*contestants: Contestant) -> dict[str, Contestant]:
    return {each.name: each for each in contestants}


UNIFORM, CEAS = POLICIES["uniform"], POLICIES["ceas"]
BY_WINDOW = _named(
    Contestant("oblivious-fixed", UNIFORM, OBLIVIOUS_FAIR),
    Contestant("subset-hold", POLICIES["subset_hold"], OBLIVIOUS_FAIR, has_cadence=True),
    Contestant("ceas-open", CEAS, OPEN_LOOP, has_cadence=True),
    Contestant("ceas-paced", options.chosen("ceas-paced", CEAS, UNTUNED), {}, has_cadence=True),
    Contestant("ceas-blind", options.chosen("ceas-blind", CEAS, BLIND), {}, has_cadence=True),
    Contestant("ceas-wary", options.chosen("ceas-wary", CEAS, "trust=wary"), {}),
    Contestant("on-arrival", UNIFORM, ON_ARRIVAL, has_cadence=True),
)
"""Contestants that are others' equals where a step is a round, or can't play there."""
CONTESTANTS = {
    **{name: _of_policy(name) for name in POLICIES},
    **_named(
        Contestant("oblivious-fair", UNIFORM, OBLIVIOUS_FAIR, has_cadence=True),
        Contestant("oblivious-naive", UNIFORM, OBLIVIOUS_NAIVE, has_cadence=True),
        Contestant("static-subset", POLICIES["static_subset"], OBLIVIOUS_FAIR, has_cadence=True),
    ),
    **BY_WINDOW,
}


def fitting(decision: Decision) -> list[str]:
    """Returns the names of the contestants that can play where a step is a round, or a window.

    Args:
        decision: What a step is.

    Example:
        >>> "ceas-open" in fitting("round"), "ceas-open" in fitting("window")
        (False, True)
    """
    others = BY_WINDOW if decision == "round" else {}
    names = [name for name in CONTESTANTS if name not in others]
    return [name for name in names if CONTESTANTS[name].version(decision)]


WEIGHTS = (".npy", ".pt", ".pth", ".pkl", ".zip", ".safetensors", ".onnx", ".msgpack")
"""How names of files end that hold weights of other libraries."""


def get(name: str) -> Contestant:
    """Returns the contestant of that name, or a policy under the scenario's own protocol.

    Args:
        name: A shipped contestant, with options of its policy or without, such as
            `oblivious-fair:cadence=4`; or any name that `load` takes.

    Raises:
        ValueError: If the name or an option is unknown, or the policy can't be read.

    Example:
        >>> get("oblivious-fair").overrides
        {'consensus.weights': 'uniform'}
    """
    name = name.strip()
    if name in CONTESTANTS:
        return CONTESTANTS[name]
    shipped, colon, rest = name.partition(":")
    if colon and shipped in CONTESTANTS:
        base = CONTESTANTS[shipped]
        chosen = options.given(options.chosen(shipped, base.without_options, rest))
        return Contestant(name, partial(base.policy, **chosen), base.overrides)
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
    if name.endswith(WEIGHTS):
        raise ValueError(
            f"policy {name!r} is a file of weights; write a function that loads them, and name it "
            "as module:function (docs/own-functions.md)"
        )
    hint = nearest(name, [*known, *agents])
    raise ValueError(f"policy {name!r} is unknown; {hint} (or name your own as module:function)")
