"""Settings of the fibre network, its memories, and what a round asks of them."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ceas_gym.scenario.graph import GraphSettings
from ceas_gym.scenario.section import Count, Kilometres, Probability, Rounds, Section, Seed


class ConditionSettings(Section, frozen=True):
    """What changes from round to round: the links' success, and the memories' coherence.

    Every figure is an assumption: experiments report what they reach in their good hours, hardly
    ever how long those last. What is modelled is known to every laboratory: lasers and filter
    cavities fall out of lock and are locked again, the polarisation in a deployed fibre drifts
    until it is compensated, and the noise of magnetic fields, traps and cryostats changes the
    coherence of a memory over hours, while it is measured only when one calibrates.
    """

    links: Literal["steady", "markov"] = "steady"
    """With `markov` each link is good, degraded or down, and moves once a round: a good one to
    degraded, a degraded one to good or down, one that is down to good (locked again from scratch).
    """
    good_rounds: Rounds = 20.0
    """Mean stay in the good condition, until a lock is lost or the polarisation has drifted."""
    degraded_rounds: Rounds = 5.0
    """Mean stay in the degraded condition, until it is compensated or lost altogether."""
    down_rounds: Rounds = 3.0
    """Mean stay in the condition down: finding a lock again."""
    worsening: Probability = 0.3
    """Probability that a link that leaves `degraded` goes down rather than back to good."""
    degraded_rate: Probability = 0.3
    """What a degraded link keeps of its success probability; one that is down has none."""
    coherence: Literal["steady", "drifting"] = "steady"
    """With `drifting` the logarithm of each coherence time is an Ornstein-Uhlenbeck process, and
    the hub knows its value as of the last calibration only."""
    coherence_spread: Annotated[float, Field(ge=0, le=5)] = 0.3
    """Standard deviation of the logarithm of a coherence time over many rounds."""
    coherence_rounds: Rounds = 20.0
    """Rounds over which a deviation is forgotten by a factor e."""
    calibration_rounds: Count = 10
    """Rounds from one calibration to the next."""


class NetworkSettings(Section, frozen=True):
    """The fibres from hub to nodes, the memories at their ends, and what a round asks of them.

    Without a graph the network is a star, one fibre from the hub to each node.
    """

    nodes: Annotated[int, Field(ge=1, le=1000)] = 10
    """Left out, it is as many as the graph has."""
    channels: Count = 2
    """Photon interfaces of the hub behind an optical switch: links that can be served at a time.
    The Bell-state analyser of a link stands midway along its fibre."""
    windows: Annotated[int, Field(ge=1, le=10_000)] = 8
    """Generation windows in a round."""
    window_s: Annotated[float, Field(ge=1e-9, le=3600, allow_inf_nan=False)] = 1.0
    """Assumption: a round of eight lasts about as long as the memories of the worse nodes."""
    shortest_km: Kilometres = 1.0
    """As `longest_km`."""
    longest_km: Kilometres = 20.0
    """Fibre lengths are drawn uniformly between the two (a metropolitan area). Star only."""
    lengths_km: tuple[Kilometres, ...] | None = None
    """Explicit fibre lengths, one a node, instead of drawn ones. Star only."""
    graph: GraphSettings | None = None
    """Routed network in place of the star; in a file also a shipped graph's name, or the path of a
    graph in YAML or GraphML."""
    edge_channels: Count = 4
    """Channels that a fibre edge carries at a time; nodes whose routes share it compete. Used with
    a graph only, and an edge may have its own."""
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
    quota: Annotated[float, Field(ge=1, le=1e6)] = 1.25
    """A node that asks for more channel-time than the schedule gives it gets no more, over a round,
    than this times an equal share of the hub's channels."""
    spend_order: Literal["freshest_first", "oldest_first"] = "freshest_first"
    """Which pairs a node spends first at the barrier, when it can't spend all."""
    purification: str = "none"
    """What the barrier does with pairs before it spends them: `none` or `dejmps`."""
    purification_fidelity: Annotated[float, Field(gt=0.25, le=1)] = 0.9
    """Stored pairs below it are purified at the barrier."""
    conditions: ConditionSettings = ConditionSettings()

    @model_validator(mode="after")
    def _check(self) -> "NetworkSettings":
        if self.shortest_km > self.longest_km:
            raise ValueError(
                f"shortest_km = {self.shortest_km} is above longest_km = {self.longest_km}"
            )
        if self.graph is not None:
            self._check_graph(self.graph)
        elif self.lengths_km is not None and len(self.lengths_km) != self.nodes:
            raise ValueError(
                f"lengths_km has {len(self.lengths_km)} entries for nodes = {self.nodes}"
            )
        return self

    def _check_graph(self, graph: GraphSettings) -> None:
        if self.lengths_km is not None:
            raise ValueError("lengths_km is for the star only; a graph's edges have their own")
        if "nodes" not in self.model_fields_set:
            # Frozen for its users, but not yet for its own check.
            object.__setattr__(self, "nodes", len(graph.nodes))
        if self.nodes != len(graph.nodes):
            raise ValueError(
                f"nodes = {self.nodes} does not agree with the graph, which has {len(graph.nodes)}"
            )
