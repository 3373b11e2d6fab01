"""Settings of authentication, of the hub's rule and of those who attack it."""

from typing import Annotated, Literal

from pydantic import Field

from ceas_gym.scenario.section import Count, Section


class KeySettings(Section, frozen=True):
    """Authentication key, distilled from measured pairs (asymptotic accounting)."""

    security_bits: Annotated[int, Field(ge=1, le=256)] = 32
    """A forged tag passes with probability 2^-security_bits at most."""
    capacity_tags: Annotated[float, Field(ge=1.25, le=1e6)] = 2.0
    """Tags that a node's key pool can hold. No pair is measured whose key would not fit, so a pool
    of just one tag could never be filled."""
    lifetime_rounds: Count | None = 5
    """Key older than this is discarded; none keeps it for ever."""


class ConsensusSettings(Section, frozen=True):
    """How the hub turns the nodes' updates into one."""

    rule: str = "clip+nnm+trimmed_mean"
    weights: str = "fisher"
    lapse: Literal["drop", "cache", "accept"] = "drop"
    """What becomes of a node without a valid tag: not counted, its last accepted update used
    instead, or counted as received (and open to replacement by the adversary)."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of the updates, at the nodes."""
    tolerated_nodes: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Byzantine nodes that the rule is set for; by default as many as there are."""
    share_budget: Annotated[float, Field(ge=1)] = 1.25
    """The heaviest `tolerated_nodes` may carry this times their share under equal votes."""
    largest_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.45
    """No update is made when the heaviest `tolerated_nodes` would carry more."""
    cache_age_rounds: Count = 10
    """Oldest update that `lapse = cache` still uses."""
    key: KeySettings = KeySettings()


class AttackSettings(Section, frozen=True):
    """The coordinated Byzantine nodes."""

    name: str = "white_box"
    byzantine_nodes: Annotated[int, Field(ge=0, le=1000)] = 2
    placement: Literal["random", "best_links", "worst_links"] = "random"
    strength: float | None = Field(default=None, ge=-1e6, le=1e6, allow_inf_nan=False)
    """The attack's one parameter; by default its own."""
