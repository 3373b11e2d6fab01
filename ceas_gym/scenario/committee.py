"""Settings of the committee of hubs that decide together which updates count."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ceas_gym.scenario.section import Count, Kilometres, Section


class CommitteeSettings(Section, frozen=True):
    """The committee; with one member, it is a single hub, which all nodes trust.

    With several members no hub is trusted: every message has a tag, and every node and member share
    key of their own (`docs/consensus.md`).
    """

    members: Annotated[int, Field(ge=1, le=31)] = 1
    """Number c of members."""
    byzantine: Annotated[int, Field(ge=0, le=10)] = 0
    """Number b of Byzantine members that the protocol withstands: c must be at least 3 b + 1, or
    2 b + 1 with signatures. If an attack needs Byzantine members, b members are Byzantine."""
    signatures: Literal["none", "one_time_hash"] = "none"
    """With `one_time_hash` every member can verify what another one has signed."""
    timeout_windows: Annotated[float, Field(ge=1e-6, le=10_000)] = 0.1
    """Time, in windows, after which the members stop waiting for the messages of an exchange. An
    agreement that has to wait takes the first windows of the next round. Assumption: the default
    is far longer than light takes to cross a metropolitan area, as is usual for time-outs."""
    trap_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    """Share of each node's shots that are traps: states of known outcome, by which nodes find
    members that teleport false data. They teach the node nothing, and their pairs are spent."""
    link_km: Kilometres | None = 0.05
    """Fibre between any two members, in km; null if there is none. Assumption: the members are in
    the same building."""
    link_interfaces: Count = 1
    """Photon interfaces at either end of each such fibre, which serve no node."""

    @model_validator(mode="after")
    def _check(self) -> "CommitteeSettings":
        if self.trap_share and self.members == 1:
            raise ValueError(
                f"trap_share = {self.trap_share} with members = 1: traps find members that lie, "
                "but a single hub is trusted"
            )
        return self
