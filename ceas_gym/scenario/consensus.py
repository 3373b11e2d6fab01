"""Settings of authentication, of the hub's rule and of the attack."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ceas_gym.scenario.committee import CommitteeSettings
from ceas_gym.scenario.section import Duration, Section


class KeySettings(Section, frozen=True):
    """Authentication key, distilled from measured pairs."""

    accounting: Literal["asymptotic", "finite"] = "asymptotic"
    """How much key a measured pair yields. `asymptotic`: its secret fraction in the limit of many
    pairs. `finite`: an even share of the key of a block of `block_pairs`, which is provably secret
    and correct."""
    block_pairs: Annotated[int, Field(ge=2000, le=10**9)] = 100_000
    """Pairs that are distilled together if the accounting is finite. Smaller blocks than allowed
    here yield no key for nearly all fidelities."""
    security_bits: Annotated[int, Field(ge=1, le=256)] = 32
    """A forged tag passes with a probability of at most 2^-security_bits."""
    capacity_rounds: Annotated[float, Field(ge=1.25, le=10_000)] = 2.0
    """Number of rounds for whose tags a key pool can hold key. A pair is not measured if its key
    would not fit, so a pool for exactly one round might never be filled. In a pool of more than
    allowed here, numbers of 32 bits could not resolve the key of a single pair."""
    lifetime_s: Duration | None = 40.0
    """Key older than this is discarded; with null, key is kept for ever. Its age is counted in
    rounds, with the one in which it was made: it lasts for as many rounds as this time has, rounded
    up, of which there may be a thousand."""


class VerificationSettings(Section, frozen=True):
    """Test pairs: both ends measure them in X, Y or Z, and the hub counts how often they agree."""

    pairs: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Pairs of each node that are tested in a round, or all that are stored if those are fewer.
    With 0, the hub trusts its calibration. Few tests give a low bound on the fidelity: the tests
    that are remembered, about `pairs * memory_rounds`, must suffice for a positive key rate."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence of the lower bound on a node's fidelity, from which weights and key are computed.
    """
    memory_rounds: Annotated[float, Field(gt=1, le=1e6)] = 25.0
    """Number of rounds with tests after which an old test has the weight 1/e."""
    commissioning_pairs: Annotated[int, Field(ge=0, le=10**7)] = 1000
    """Pairs of each node that are tested before the first round, because a node without any test
    gets no key."""

    @model_validator(mode="after")
    def _check(self) -> "VerificationSettings":
        if self.pairs and not self.commissioning_pairs:
            raise ValueError(
                f"pairs = {self.pairs} without commissioning_pairs: no test would ever count, "
                "since a node whose fidelity is unknown gets no key"
            )
        return self


class ConsensusSettings(Section, frozen=True):
    """How the hub combines the nodes' updates into one."""

    rule: str = "median"
    """Name of the aggregation rule. The default had the best worst case over all attacks in
    `configs/worst-case.yaml`."""
    weights: str = "fisher"
    """Name of the weights before the cap; in the paper they are the Fisher information, as the hub
    measures it."""
    committee: CommitteeSettings = CommitteeSettings()
    tagged_messages: Literal["updates", "all"] | None = None
    """Which messages have a tag. `updates`: those from the nodes, one tag a round. `all`: those to
    the nodes, too, with the model and the corrections of teleportation, which makes two. By default
    `updates` with a single hub, and `all` with a committee, which needs them."""
    unauthenticated_updates: Literal["drop", "cache", "accept"] = "drop"
    """What happens to an update without a valid tag: it is not counted (`drop`), the node's last
    accepted update is counted instead (`cache`), or it is counted as received (`accept`), so that
    the adversary may have replaced it."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Momentum of the updates, at the nodes."""
    tolerated_nodes: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Number of Byzantine nodes that the rule is set for; by default `attack.byzantine_nodes`."""
    share_budget: Annotated[float, Field(ge=1, le=1000)] = 1.25
    """The weight of the heaviest `tolerated_nodes` is at most this times their weight under equal
    weights. Used only with the cap of the same name."""
    cap: Literal["certificate", "share_budget", "none"] = "certificate"
    """How weights are capped: so that the certificate is least, by the share budget, or not at all.
    """
    largest_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.45
    """A round is not committed if the heaviest `tolerated_nodes` have more weight than this."""
    cache_age_rounds: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """Greatest age of an update that `unauthenticated_updates = cache` still uses."""
    key: KeySettings = KeySettings()
    verification: VerificationSettings = VerificationSettings()

    @model_validator(mode="after")
    def _check_committee(self) -> "ConsensusSettings":
        members = self.committee.members
        if members == 1:
            return self
        if self.tagged_messages == "updates":
            raise ValueError(
                f"tagged_messages = updates with committee.members = {members}: a node trusts no "
                "single member, so all messages need tags"
            )
        if self.unauthenticated_updates == "accept":
            raise ValueError(
                f"unauthenticated_updates = accept with committee.members = {members}: members "
                "can't agree on updates that anybody may have replaced; set it to drop"
            )
        if self.committee.link_km is None:
            raise ValueError(
                f"committee.link_km = null with committee.members = {members}: each of the "
                f"c (c - 1) / 2 = {members * (members - 1) // 2} pairs of members needs a link "
                "for its key"
            )
        return self


class AttackSettings(Section, frozen=True):
    """The attack of the Byzantine nodes, who act together."""

    name: str = "white_box"
    """Name of what the Byzantine nodes send and do. In `white_box`, they send the worst vector that
    they find by trying out the hub's own rule."""
    byzantine_nodes: Annotated[int, Field(ge=0, le=1000)] = 2
    """Number of Byzantine nodes."""
    placement: Literal["random", "best_links", "worst_links"] | None = None
    """Which nodes are Byzantine; by default random ones, but those on the best links in
    `ceas_adversary`."""
    strength: float | None = Field(default=None, ge=-1e6, le=1e6, allow_inf_nan=False)
    """The parameter of the attack; each attack has its own default."""
    onset_round: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Round in which the attack begins. Before, they sabotage nothing and send the mean of the
    honest updates, which is better than any single one (their own updates in `none` and
    `label_flip`). By default it is the first round; in `sleeper`, that after a third of the budget.
    """
    request_factor: Annotated[float, Field(ge=1, le=1e6)] = 4.0
    """In `exhaustion`, they ask for this times the channel-time that the schedule gives them."""
    claim_factor: Annotated[float, Field(ge=1, le=1e6)] = 10.0
    """In `over_claiming`, they claim this times the Fisher information behind their updates."""
    jammed_rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    """In `jamming`, the factor on the success probability of the honest nodes' links."""
