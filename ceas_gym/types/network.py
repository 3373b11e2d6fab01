"""The network between hub and nodes, which is fixed during an episode, part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.types.fields import static
from ceas_gym.types.teams import Teams


class Tags(NamedTuple):
    """The tags that the protocol asks of the links between nodes and members of the committee."""

    bits: int
    """Length of a tag; at least 1."""
    number: int = 1
    """Tags that a node and each member exchange in a round; at least 1."""
    members: int = 1
    """Members of the committee; at least 1."""


class Pace(NamedTuple):
    """How a scenario divides time into steps and rounds."""

    by_window: bool = False
    """Whether a step is a window; otherwise it is a round."""
    barrier_windows: int = 0
    """Windows that a barrier takes; at least 0."""


class MemberLink(NamedTuple):
    """The fibre between two members of the committee, whose pairs all become key."""

    pairs: float
    """Expected pairs in a window; at least 0."""
    bits: float
    """Secret bits of a pair, in [0, 1]."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ConditionModel:
    """How links and memories change from step to step, and how often the hub calibrates."""

    transition: Float[Array, "waits_and_fires conditions conditions"]
    """Probability that a link in the condition of the row is in that of the column after a step
    that waits, and after a step that fires the barrier."""
    start: Float[Array, " conditions"]
    """Probability of each condition in the first step."""
    rate: Float[Array, " conditions"]
    """Factor of each condition on the success probability; in [0, 1]."""
    persistence: Float[Array, " waits_and_fires"]
    """Correlation of the logarithm of a memory's coherence time before and after a step that waits,
    and a step that fires; in [0, 1]."""
    spread: Float[Array, ""]
    """Standard deviation of that logarithm over many steps; at least 0."""
    calibration_windows: Int[Array, ""]
    """Windows from one calibration of the coherence times to the next; at least 1."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Verification:
    """Test pairs, and what the hub concludes from them (`network.verification`)."""

    pairs: Int[Array, ""]
    """Pairs of each node tested in a round; all that are stored, if those are fewer."""
    doubt: Float[Array, ""]
    """Natural logarithm of one over the probability that a bound is wrong; above 0."""
    persistence: Float[Array, ""]
    """Factor on the weight of earlier tests when new ones are added; in [0, 1]."""
    commissioning_pairs: Int[Array, ""]
    """Pairs of each node tested before the first round."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Routes:
    """Where the nodes are, and over which links the hub reaches them."""

    is_hop: Bool[Array, "nodes hops"]
    """Whether the route has this hop; routes differ in length."""
    edge: Int[Array, "nodes hops"]
    """Number of the fibre edge that the hop uses."""
    ends: Int[Array, "nodes hops 2"]
    """The two vertices that hold the halves of the hop's pairs; the hub is vertex 0."""
    vertex: Int[Array, " nodes"]
    """Vertex at which the node is."""
    latency: Float[Array, " nodes"]
    """Time of a signal from the hub to the node, in windows."""
    edges: int = static()
    """Number of fibre edges."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Generation:
    """How links generate pairs (`network.generation`)."""

    attempts_per_window: Float[Array, "nodes hops"]
    """Attempts of one mode in a window on a whole channel; at least 0."""
    modes: Int[Array, ""]
    """Qubits of a link that attempt side by side."""
    success_probability: Float[Array, "nodes hops"]
    """Success probability of one attempt on a link in good condition; in [0, 1]."""
    contraction: Float[Array, "xyz nodes hops"]
    """Contraction of a link's pair when both ends learn of it; in [-1, 1]."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Switch:
    """What routes share: photon interfaces of the hub, and fibre edges (`network.switch`)."""

    channels: Float[Array, " bottlenecks"]
    """Channels of the hub, then of every fibre edge that several routes share."""
    passes: Float[Array, "bottlenecks nodes"]
    """One where the node's route passes through the bottleneck, else zero."""
    quota: Float[Array, ""]
    """Channel-time up to which a node may ask for more than the schedule gives it, in windows of a
    whole channel for each window."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Memories:
    """The memories that hold halves of pairs, and for how long (`network.storage`)."""

    decay_rate: Float[Array, "xyz vertices"]
    """Decay rate of a memory's contraction of X, Y and Z, per window (`physics.memories`)."""
    cutoff_fidelity: Float[Array, ""]
    """Fidelity below which a pair is discarded; in [0, 1)."""
    per_link: Int[Array, ""]
    """Memories for the pairs of hub and node; on a route with relays, both ends of each hop have as
    many again for pairs that wait for a swap."""
    ages: int = static()
    """Number of ages that are kept apart; no pair lives longer, unless it is `oldest`."""
    oldest: int = static()
    """Age in windows at which any pair is discarded; at least `ages`."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Operations:
    """Noise of the operations on pairs: swaps, teleportation, purification."""

    swap_contraction: Float[Array, "xyz nodes"]
    """Contraction by all swaps of the route, and by the wait for their outcomes; in [-1, 1]."""
    delivery_contraction: Float[Array, "xyz nodes"]
    """Contraction by the teleportation at the barrier: gate, readout, and the wait for outcomes."""
    gate_contraction: Float[Array, ""]
    """Contraction of two qubits by a gate on both; in [0, 1]."""
    readout: Float[Array, ""]
    """Probability that the outcome of measuring one qubit is read correctly; in [0, 1]."""
    purification_fidelity: Float[Array, ""]
    """Fidelity below which a pair is purified at the barrier; in [0, 1]."""
    purification: Callable[..., Any] = static()
    """Function that chooses the pairs and purifies them (`network.purification`)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class KeyBudget:
    """How much key a pair yields, and how much a round uses up (`network.key_pool`)."""

    tag_bits: Float[Array, ""]
    """Secret bits that one tag uses up."""
    tags: Float[Array, "*nodes"]
    """Tags that a node and each member of the committee exchange in a round. Where nodes form
    teams, only the first node of a team exchanges any, and each node has its own number."""
    capacity_bits: Float[Array, "*nodes"]
    """Secret bits that a node can hold for each member; 0 for a node without tags."""
    block_pairs: Float[Array, ""]
    """Pairs that are distilled into key together."""
    contraction: Float[Array, ""]
    """Contraction by the readout of both halves when a pair is measured for key or as a test."""
    accounting: Callable[..., Array] = static()
    """Function that returns the secret bits of a pair (`network.key_pool.ACCOUNTINGS`)."""
    slot_windows: Int[Array, ""]
    """Windows of a slot; at least 1."""
    slots: int = static()
    """Number of ages, in slots, by which the pool keeps key apart."""
    expires: bool = static()
    """Whether key beyond the last of these ages is discarded."""
    members: int = static()
    """Members of the committee; each has key of its own with every node."""

    @property
    def round_bits(self) -> Float[Array, "*nodes"]:
        """Returns the secret bits that a node uses up in a round with each member; at least 0."""
        return self.tags * self.tag_bits

    @property
    def node_bits(self) -> Float[Array, "*nodes"]:
        """Returns the secret bits that a node uses up in a round with all members; at least 0."""
        return self.members * self.round_bits


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Network:
    """Everything between hub and nodes, part by part."""

    routes: Routes
    generation: Generation
    switch: Switch
    memories: Memories
    operations: Operations
    key: KeyBudget
    teams: Teams
    condition_model: ConditionModel
    verification: Verification
    barrier_windows: Int[Array, ""]
    """Windows that a barrier takes, in which pairs age and none are generated; at least 0."""
    most_windows: Int[Array, ""]
    """Where a step is a window, the barrier fires by itself after so many; at least 1."""
    window_s: Float[Array, ""]
    """Duration of a window in s."""
    windows: int = static()
    """Windows in a round; where a step is a window, rounds differ in length, and this is the unit
    in which long times are given."""
    oldest_first: bool = static()
    """Whether the oldest pairs are spent first; otherwise the newest."""
    unauthenticated_spend: bool = static()
    """Whether a node without a tag takes part in the barrier too."""
    spends_on_arrival: bool = static()
    """Whether pairs become shots in the window in which they arrive; otherwise at the barrier."""
    drifts: bool = static()
    """Whether the coherence times drift between calibrations."""
    verifies: bool = static()
    """Whether the hub tests pairs, and corrects its calibration by their results."""

    @property
    def nodes(self) -> int:
        """Returns the number of nodes."""
        return self.routes.vertex.shape[0]

    @property
    def qubits(self) -> int:
        """Returns the qubits of the register whose fidelity counts as the signal, at least 1."""
        return self.teams.shot.qubits

    @property
    def estimate_may_differ(self) -> bool:
        """Returns whether the hub's estimate may differ from the truth, so that both are stored."""
        return self.drifts or self.verifies
