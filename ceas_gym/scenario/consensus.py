"""Settings of authentication, of the hub's rule and of those who attack it."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ceas_gym.scenario.section import Section


class KeySettings(Section, frozen=True):
    """Authentication key, distilled from measured pairs."""

    accounting: Literal["asymptotic", "finite"] = "asymptotic"
    """What a measured pair is worth: its secret fraction in a run without end, or in blocks of
    `block_pairs`, provably secret and correct, spread evenly over the pairs of a block."""
    block_pairs: Annotated[int, Field(ge=2000, le=10**9)] = 100_000
    """Pairs that are distilled together, where the accounting is finite. Smaller blocks than
    allowed here leave no key of nearly any pair."""
    security_bits: Annotated[int, Field(ge=1, le=256)] = 32
    """A forged tag passes with probability 2^-security_bits at most."""
    capacity_tags: Annotated[float, Field(ge=1.25, le=10_000)] = 2.0
    """Tags that a node's key pool can hold. No pair is measured whose key would not fit, so a pool
    of just one tag could never be filled; in one of more than allowed here, 32 bits would lose the
    bits of a pair."""
    lifetime_rounds: Annotated[int, Field(ge=1, le=1000)] | None = 5
    """Key older than this is discarded; none keeps it for ever."""


class VerificationSettings(Section, frozen=True):
    """Test pairs: both ends measure them in X, Y or Z, and the hub counts how often they agree."""

    pairs: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Tested of each node in a round, or all that are stored if those are fewer; none, and the hub
    trusts its calibration. Few tests make a low bound: the tests of all rounds that are remembered,
    some `pairs * memory_rounds`, must leave key."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Of the lower bound on a node's fidelity, with which weights and key are reckoned."""
    memory_rounds: Annotated[float, Field(gt=1, le=1e6)] = 25.0
    """Rounds of tests after which an old one counts 1/e."""
    commissioning_pairs: Annotated[int, Field(ge=0, le=10**7)] = 1000
    """Tested of each node before the first round: with no test at all, a node has no key."""

    @model_validator(mode="after")
    def _check(self) -> "VerificationSettings":
        if self.pairs and not self.commissioning_pairs:
            raise ValueError(
                f"pairs = {self.pairs} without commissioning_pairs: no test would ever count, "
                "since a node whose fidelity is unknown gets no key"
            )
        return self


class ConsensusSettings(Section, frozen=True):
    """How the hub turns the nodes' updates into one."""

    rule: str = "median"
    """The default had the best worst case over all attacks in `configs/worst-case.yaml`."""
    weights: str = "fisher"
    """Of the updates, before the cap; the paper has Fisher information, as the hub measures it."""
    unauthenticated_updates: Literal["drop", "cache", "accept"] = "drop"
    """What becomes of a node without a valid tag: not counted, its last accepted update used
    instead, or counted as received (and open to replacement by the adversary)."""
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Of the updates, at the nodes."""
    tolerated_nodes: Annotated[int, Field(ge=0, le=1000)] | None = None
    """Byzantine nodes that the rule is set for; by default as many as there are."""
    share_budget: Annotated[float, Field(ge=1, le=1000)] = 1.25
    """The heaviest `tolerated_nodes` may carry this times their share under equal votes. Used with
    the cap of that name only."""
    cap: Literal["certificate", "share_budget", "none"] = "certificate"
    """What cuts the weights: the least certificate, the share budget, or nothing."""
    largest_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.45
    """No update is made when the heaviest `tolerated_nodes` would carry more."""
    cache_age_rounds: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    """Oldest update that `unauthenticated_updates = cache` still uses."""
    key: KeySettings = KeySettings()
    verification: VerificationSettings = VerificationSettings()


class AttackSettings(Section, frozen=True):
    """The coordinated Byzantine nodes."""

    name: str = "white_box"
    """What the Byzantine nodes send and do: by default the worst vector that they find by trying
    the hub's own rule."""
    byzantine_nodes: Annotated[int, Field(ge=0, le=1000)] = 2
    """How many there are."""
    placement: Literal["random", "best_links", "worst_links"] | None = None
    """Where they sit; by default at random, but on the best links in `ceas_adversary`."""
    strength: float | None = Field(default=None, ge=-1e6, le=1e6, allow_inf_nan=False)
    """The one parameter of what is sent; by default its own."""
    onset_round: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    """Until then they sabotage nothing and send the honest nodes' mean, better work than anybody's
    (their own work in `none` and `label_flip`); by default they begin at once, but after a third of
    the rounds in `sleeper`."""
    request_factor: Annotated[float, Field(ge=1, le=1e6)] = 4.0
    """In `exhaustion`, they ask for this times the channel-time that they are given."""
    claim_factor: Annotated[float, Field(ge=1, le=1e6)] = 10.0
    """In `over_claiming`, they claim this times the information that their updates hold."""
    jammed_rate: Annotated[float, Field(ge=0, le=1)] = 0.5
    """In `jamming`, the factor on the success probability of the honest nodes' links."""
