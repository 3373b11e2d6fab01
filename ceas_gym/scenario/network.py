"""Settings of the fibre network, its memories, and the windows of a round."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ceas_gym.scenario.graph import GraphSettings, MapSettings
from ceas_gym.scenario.section import Count, Duration, Kilometres, Probability, Section, Seed

MOST_BARRIER_WINDOWS = 10_000
"""Most windows that a barrier may take, as many as a round may have."""


class ConditionSettings(Section, frozen=True):
    """How links and memories change from step to step.

    Every figure is an assumption, because experiments report what they reach in good condition, but
    hardly ever how long that lasts. The effects are well known: lasers and filter cavities lose
    their lock and are locked again; the polarisation in a deployed fibre drifts until it is
    compensated; the noise of magnetic fields, traps and cryostats changes the coherence of a memory
    over hours, but is measured only at a calibration.
    """

    links: Literal["steady", "markov"] = "steady"
    """With `markov` each link is good, degraded or down, and may change after every step: from good
    to degraded, from degraded to good or down, and from down to good (locked again from scratch). A
    condition lasts for at least a step, so no mean duration may be shorter."""
    good_s: Duration = 160.0
    """Mean duration of the condition good, until a lock is lost or the polarisation has drifted."""
    degraded_s: Duration = 40.0
    """Mean duration of the condition degraded, until it is compensated or the link goes down."""
    down_s: Duration = 24.0
    """Mean duration of the condition down, until the lock is found again."""
    worsening: Probability = 0.3
    """Probability that a link that leaves the condition degraded goes down, not back to good."""
    degraded_rate: Probability = 0.3
    """Factor on the success probability of a degraded link; it is 0 for a link that is down."""
    coherence: Literal["steady", "drifting"] = "steady"
    """With `drifting` the logarithm of each coherence time is an Ornstein-Uhlenbeck process, of
    which the hub knows only the value at the last calibration."""
    coherence_spread: Annotated[float, Field(ge=0, le=5)] = 0.3
    """Standard deviation of the logarithm of a coherence time over a long time."""
    drift_s: Duration = 160.0
    """Time in which a deviation from the nominal value decays to 1/e; at least that of a step, in
    which nothing drifts."""
    calibration_s: Duration = 80.0
    """Time from one calibration to the next, rounded to whole windows, and at least one. The hub
    calibrates at the end of the step in which the time since the start passes a multiple of it."""


class NetworkSettings(Section, frozen=True):
    """The fibres from hub to nodes, the memories at their ends, and the windows of a round.

    Without a graph the network is a star: one fibre from the hub to each node.
    """

    nodes: Annotated[int, Field(ge=1, le=1000)] = 10
    """Number of nodes. If it is left out and there is a graph, it is that of the graph."""
    team_size: Annotated[int, Field(ge=1, le=10)] = 1
    """Number of nodes that make an update together; 1 with `learning.scheme: data`."""
    teams: Literal["index", "matched"] = "index"
    """Which nodes form a team. `index`: consecutive ones. `matched`: those whose links deliver
    about as much, so that fewer pairs of the better links are left over."""
    channels: Count = 2
    """Photon interfaces of the hub behind an optical switch: as many links can be served at the
    same time. The heralding station of a link stands midway along its fibre."""
    windows: Annotated[int, Field(ge=1, le=10_000)] = 8
    """Number of generation windows in a round. Where a step is a window, rounds differ in length,
    and this is only the unit in which long times are given."""
    barrier_windows: Annotated[int, Field(ge=0, le=MOST_BARRIER_WINDOWS)] | None = None
    """Whole windows that a barrier takes; pairs age in them, and none are made. With null it is 0
    if `episode.decision` is `round`. If it is `window`, it follows from the travel of light, the
    times of gates and readout, and the number of shots (`docs/model.md`)."""
    most_windows: Annotated[int, Field(ge=1, le=10_000)] = 64
    """Where a step is a window, the barrier fires by itself after so many windows."""
    window_s: Annotated[float, Field(ge=1e-9, le=3600, allow_inf_nan=False)] = 1.0
    """Duration of a window. Assumption: a round of eight windows lasts about as long as the
    memories of the worse nodes."""
    shortest_km: Kilometres = 1.0
    """Shortest fibre; see `longest_km`."""
    longest_km: Kilometres = 20.0
    """Fibre lengths are drawn uniformly from `shortest_km` to this (a metropolitan area). Star
    only."""
    lengths_km: tuple[Kilometres, ...] | None = None
    """Explicit fibre lengths, one for each node, instead of drawn ones. Star only."""
    graph: GraphSettings | None = None
    """Graph of fibres in place of the star. In a file it may also be the name of a shipped graph,
    or the path of a graph in YAML, or of a map in GraphML or SNDlib's native format (`.txt`)."""
    map: MapSettings = MapSettings()
    edge_channels: Count = 4
    """Channels that a fibre carries at the same time; nodes whose routes share it compete for them.
    Used with a graph only, and an edge may have its own number."""
    layout_seed: Seed = 0
    """Seed of the drawn lengths and coherence times. They belong to the scenario, not to an
    episode."""
    memories_per_link: Annotated[int, Field(ge=1, le=10**6)] = 512
    """Memory qubits of each link. Guo et al., Nature 630, 613 (2024), arXiv:2311.17163, stored a
    crystal of 512 ions and read out 300 of them one by one. That all ions take part in networking
    is an assumption."""
    cutoff_fidelity: Annotated[float, Field(gt=0.25, lt=1)] | None = 0.8
    """Stored pairs of lower fidelity are discarded; with null, none are."""
    oldest_windows: Annotated[int, Field(ge=2, le=512)] = 32
    """A pair of this age is discarded in any case."""
    quota: Annotated[float, Field(ge=1, le=1e6)] = 1.25
    """Limit for a node that asks for more channel-time than the schedule gives it: over a round, it
    gets at most this times an equal share of the hub's channels."""
    spend: Literal["at_barrier", "on_arrival"] = "at_barrier"
    """When pairs become shots: all at the barrier, or in the window in which they arrive, as soon
    as a node has pairs for a whole shot (without purification and test pairs)."""
    spend_order: Literal["freshest_first", "oldest_first"] = "freshest_first"
    """Which pairs a node spends first at the barrier if it can't spend all."""
    purification: str = "none"
    """Name of the purification at the barrier, before pairs are spent: `none` or `dejmps`."""
    purification_fidelity: Annotated[float, Field(gt=0.25, le=1)] = 0.9
    """Stored pairs of lower fidelity are purified at the barrier."""
    conditions: ConditionSettings = ConditionSettings()

    @model_validator(mode="after")
    def _check(self) -> "NetworkSettings":
        if self.shortest_km > self.longest_km:
            raise ValueError(
                f"shortest_km = {self.shortest_km} is above longest_km = {self.longest_km}"
            )
        if self.spend == "on_arrival" and self.purification != "none":
            raise ValueError(
                f"spend = on_arrival, but purification = {self.purification}: pairs are purified "
                "at the barrier; set purification to none"
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
            # The section is frozen for its users, but its own check may still set this field.
            object.__setattr__(self, "nodes", len(graph.nodes))
        if self.nodes != len(graph.nodes):
            raise ValueError(
                f"nodes = {self.nodes} does not agree with the graph, which has {len(graph.nodes)}"
            )
