"""What a user may set: the sections of a scenario, with units in the names and complete defaults.

The physical defaults describe trapped ions with multiplexing, and were fixed before any result
was looked at. Each one names its source; what no experiment gives is marked as an assumption.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Coherence = Annotated[float, Field(gt=0, le=1e9, allow_inf_nan=False)]
Seed = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Section(BaseModel, frozen=True):
    """A part of a scenario: immutable, and no key but the declared ones."""

    model_config = ConfigDict(extra="forbid")


class NetworkSettings(Section, frozen=True):
    """The star of fibre links, its memories, and what a round asks of them."""

    nodes: Annotated[int, Field(ge=1, le=1000)] = 10
    channels: Count = 2
    """Photon interfaces of the hub behind an optical switch: links that can be served at a time.
    The Bell-state analyser of a link stands midway along its fibre."""
    windows: Count = 8
    """Generation windows in a round."""
    window_s: Annotated[float, Field(gt=0, le=3600, allow_inf_nan=False)] = 1.0
    shortest_km: NonNegative = 1.0
    longest_km: NonNegative = 20.0
    """Fibre lengths are drawn uniformly between the two (a metropolitan area)."""
    lengths_km: tuple[NonNegative, ...] | None = None
    """Explicit fibre lengths, one a node, instead of drawn ones."""
    layout_seed: Seed = 0
    """Decides the drawn lengths and coherence times: part of the scenario, not of an episode."""
    memories_per_link: Annotated[int, Field(ge=1, le=10**6)] = 512
    """Memory qubits a link: a crystal of 512 ions was stored and read out site by site (300 of
    them) by Guo et al., Nature 630, 613 (2024), arXiv:2311.17163. That all of them take part in
    networking is an assumption."""
    cutoff_fidelity: Annotated[float, Field(gt=0.25, lt=1)] | None = 0.8
    """Stored pairs below it are discarded; none keeps them all."""
    oldest_windows: Annotated[int, Field(ge=2, le=512)] = 32
    """A pair of this many windows is discarded in any case."""
    spend_order: Literal["freshest_first", "oldest_first"] = "freshest_first"

    @model_validator(mode="after")
    def _check(self) -> "NetworkSettings":
        if self.shortest_km > self.longest_km:
            raise ValueError(
                f"shortest_km = {self.shortest_km} is above longest_km = {self.longest_km}"
            )
        if self.lengths_km is not None and len(self.lengths_km) != self.nodes:
            raise ValueError(
                f"lengths_km has {len(self.lengths_km)} entries for nodes = {self.nodes}"
            )
        return self


class HardwareSettings(Section, frozen=True):
    """Photon interface and memories of the nodes and of the hub."""

    scheme: Literal["double_click", "single_click", "explicit"] = "double_click"
    device_efficiency: Annotated[float, Field(gt=0, le=1)] = 0.111
    """Detection probability without the fibre: trapped-ion set of Avis et al., arXiv:2207.10579."""
    dark_probability: Annotated[float, Field(ge=0, lt=1)] = 1.4e-5
    """Dark count in a detection window; same set."""
    visibility: Probability = 0.89
    """Squared overlap of the two photons; same set."""
    attenuation_db_per_km: NonNegative = 0.25
    """Same set."""
    fibre_speed_km_per_s: Positive = 214_000.0
    """Same set."""
    attempt_overhead_s: Annotated[float, Field(ge=1e-9, allow_inf_nan=False)] = 62.6e-6
    """Initialisation (36 us) and one single-qubit gate (26.6 us); same set. The flight of the
    photon and of its herald comes on top."""
    bright_population: Annotated[float, Field(gt=0, lt=1)] = 0.05
    """Bright-state population of `single_click`."""
    modes: Annotated[int, Field(ge=1, le=10**4)] = 10
    """Ions that attempt side by side: a train of ten photons, each entangled with an ion of its
    own, Canteri et al., arXiv:2406.09480."""
    success_probability: Annotated[float, Field(gt=0, le=1)] | None = None
    """Of one attempt, in place of the model (scheme `explicit`)."""
    initial_fidelity: Annotated[float, Field(gt=0.25, le=1)] | None = None
    """Of a pair when heralded, in place of the model (scheme `explicit`)."""
    hub_coherence_s: Coherence = 42.0
    """1/e time of the hub memory's contraction: an ion-photon pair of fidelity 0.81 after 10 s
    (Drmota et al., PRL 130, 090803 (2023), arXiv:2210.11447) that started at about 0.96 has kept
    exp(-10/42) of its contraction."""
    node_coherence_s: Coherence = 20.0
    """Median over the nodes. Assumption: half of the hub's; other laboratories report from 85 ms
    (set of Avis et al.) to over an hour (Wang et al., Nat. Commun. 12, 233 (2021))."""
    node_coherence_spread: Annotated[float, Field(ge=0, le=5)] = 0.5
    """Standard deviation of the logarithm of the nodes' coherence times. Assumption."""

    @model_validator(mode="after")
    def _check(self) -> "HardwareSettings":
        explicit = (self.success_probability, self.initial_fidelity)
        if self.scheme == "explicit" and None in explicit:
            raise ValueError("scheme = explicit needs success_probability and initial_fidelity")
        if self.scheme != "explicit" and explicit != (None, None):
            raise ValueError(
                "success_probability and initial_fidelity are for scheme = explicit only, "
                f"but scheme = {self.scheme}"
            )
        return self


class KeySettings(Section, frozen=True):
    """Authentication key, distilled from measured pairs (asymptotic accounting)."""

    security_bits: Annotated[int, Field(ge=1, le=256)] = 32
    """A forged tag passes with probability 2^-security_bits at most."""
    capacity_tags: Annotated[float, Field(ge=1.25, le=1e6)] = 2.0
    """Tags that a node's key pool can hold. No pair is measured whose key would not fit, so a pool
    of just one tag could never be filled."""
    lifetime_rounds: Count | None = 5
    """Key older than this is discarded; none keeps it for ever."""


class LearningSettings(Section, frozen=True):
    """Data, circuit, loss and optimizer of the distributed quantum neural network."""

    dataset: str = "digits"
    classes: Annotated[tuple[int, ...], Field(min_length=2, max_length=4)] = (3, 8)
    features: Annotated[int, Field(ge=1, le=64)] = 4
    """Principal components that enter the feature map."""
    data_seed: Seed = 0
    """Decides the split into training, validation and test samples."""
    qubits: Count = 4
    layers: Count = 3
    angles_per_qubit: Count = 2
    """The weights of the ansatz have the shape (layers, qubits, angles_per_qubit)."""
    feature_map: str = "angle"
    ansatz: str = "hardware_efficient"
    batch_size: Count = 16
    """Samples a node draws in a round."""
    partition: Literal["iid", "dirichlet"] = "iid"
    dirichlet_concentration: Positive = 0.5
    logit_scale: Positive = 2.0
    """Logits are this times the expectation values."""
    optimizer: str = "sgd"
    learning_rate: Positive = 0.1

    @model_validator(mode="after")
    def _check(self) -> "LearningSettings":
        if self.qubits > 6:
            raise ValueError(
                f"qubits = {self.qubits} is above 6, the most that Pauli vectors of 4^qubits "
                "entries can carry"
            )
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"classes = {list(self.classes)} names a class twice")
        if len(self.classes) > max(2, self.qubits):
            raise ValueError(
                f"classes = {list(self.classes)} need as many qubits to read out, "
                f"but qubits = {self.qubits}"
            )
        return self


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


class EpisodeSettings(Section, frozen=True):
    """The training budget and what the scheduler is rewarded for."""

    rounds: Count = 60
    reward: str = "loss_decrease"


class Scenario(Section, frozen=True):
    """Everything that is fixed before an episode starts.

    Example:
        >>> Scenario().network.nodes
        10
    """

    name: str = "custom"
    network: NetworkSettings = NetworkSettings()
    hardware: HardwareSettings = HardwareSettings()
    learning: LearningSettings = LearningSettings()
    consensus: ConsensusSettings = ConsensusSettings()
    attack: AttackSettings = AttackSettings()
    episode: EpisodeSettings = EpisodeSettings()

    @property
    def tolerated_nodes(self) -> int:
        """Returns the number of Byzantine nodes that the hub's rule is set for."""
        tolerated = self.consensus.tolerated_nodes
        return self.attack.byzantine_nodes if tolerated is None else tolerated

    @model_validator(mode="after")
    def _check(self) -> "Scenario":
        nodes = self.network.nodes
        for key, bad in (
            ("attack.byzantine_nodes", self.attack.byzantine_nodes),
            ("consensus.tolerated_nodes", self.tolerated_nodes),
        ):
            if 2 * bad >= nodes:
                raise ValueError(
                    f"{key} = {bad} is not below half of network.nodes = {nodes}: "
                    "no rule withstands that many"
                )
        share = self.tolerated_nodes / nodes
        if share > self.consensus.largest_share:
            raise ValueError(
                f"consensus.largest_share = {self.consensus.largest_share} is below the share "
                f"{share:.3f} of the tolerated nodes: no round could ever be committed"
            )
        return self
