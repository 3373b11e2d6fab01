"""What is fixed during an episode, between hub and nodes: the network, part by part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.types.fields import static


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class ConditionModel:
    """How links and memories change from round to round, and how often the hub looks."""

    transition: Float[Array, "conditions conditions"]
    """Probability that a link in the one condition (row) is in the other a round later."""
    start: Float[Array, " conditions"]
    """Of a link's condition in the first round."""
    rate: Float[Array, " conditions"]
    """Factor of the condition on the probability of success."""
    persistence: Float[Array, ""]
    """Of a memory's coherence from round to round, as a correlation."""
    spread: Float[Array, ""]
    """Standard deviation of the logarithm of a memory's coherence time over many rounds."""
    calibration_rounds: Int[Array, ""]
    """Rounds from one calibration of the coherence times to the next."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Verification:
    """Test pairs, and what the hub concludes from them (`network.verification`)."""

    pairs: Int[Array, ""]
    """Tested of each node in a round, if so many are stored."""
    doubt: Float[Array, ""]
    """Natural logarithm of one over the chance that a bound is wrong."""
    persistence: Float[Array, ""]
    """Factor on the count of earlier tests when new ones count."""
    commissioning_pairs: Int[Array, ""]
    """Tested of each node before the first round."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Routes:
    """Where the nodes are, and over which links the hub reaches them."""

    is_hop: Bool[Array, "nodes hops"]
    """Whether the route is that long."""
    edge: Int[Array, "nodes hops"]
    """Which fibre edge the hop uses."""
    ends: Int[Array, "nodes hops 2"]
    """At which vertices the hop has its two memories; the hub is vertex 0."""
    vertex: Int[Array, " nodes"]
    """Where the node is."""
    latency: Float[Array, " nodes"]
    """From the hub to the node, in windows."""
    edges: int = static()
    """Number of fibre edges."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Generation:
    """How links make pairs (`network.generation`)."""

    attempts_per_window: Float[Array, "nodes hops"]
    """Attempts of one mode on a whole channel in a window."""
    modes: Int[Array, ""]
    """Qubits of a link that attempt side by side."""
    success_probability: Float[Array, "nodes hops"]
    """Of one attempt, on a link in good condition; in [0, 1]."""
    contraction: Float[Array, "xyz nodes hops"]
    """Of a link's pair, when both ends know of it; in [-1, 1]."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Switch:
    """What the routes share: photon interfaces of the hub, and fibre edges (`network.switch`)."""

    channels: Float[Array, " bottlenecks"]
    """Of the hub, then of every fibre edge that nodes share."""
    passes: Float[Array, "bottlenecks nodes"]
    """One where the node's route goes through the bottleneck, else zero."""
    quota: Float[Array, ""]
    """Windows of a channel in a round, up to which a node may ask for more than it is given."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Memories:
    """Where halves of pairs wait, and how long they are of use (`network.storage`)."""

    decay_rate: Float[Array, "xyz vertices"]
    """Of a memory's contraction of X, Y and Z, per window (`physics.memories`)."""
    cutoff_fidelity: Float[Array, ""]
    """A pair below it is discarded; in [0, 1)."""
    per_link: Int[Array, ""]
    """For the pairs of hub and node, and as many again for the waiting pairs of each hop of a route
    with relays, at both its ends."""
    ages: int = static()
    """Windows after which any pair is discarded."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Operations:
    """What measurements on pairs leave of them: swaps, teleportation, purification."""

    swap_contraction: Float[Array, "xyz nodes"]
    """What the swaps of the whole route, and the way of their outcomes, leave."""
    delivery_contraction: Float[Array, "xyz nodes"]
    """What the teleportation at the barrier leaves: gate, readout, and the way of its outcomes."""
    gate_contraction: Float[Array, ""]
    """Of two qubits by a gate on both; in [0, 1]."""
    readout: Float[Array, ""]
    """Probability that one outcome of a measurement is read correctly."""
    purification_fidelity: Float[Array, ""]
    """A pair below it is purified at the barrier."""
    purification: Callable[..., Any] = static()
    """Which pairs it takes, and what it makes of them (`network.purification`)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class KeyBudget:
    """What a pair yields as key, and what a tag takes of it (`network.key_pool`)."""

    tag_bits: Float[Array, ""]
    """Secret bits that one tag uses up."""
    capacity_bits: Float[Array, ""]
    """That the pool of a node can hold."""
    block_pairs: Float[Array, ""]
    """Pairs that are distilled into key together."""
    contraction: Float[Array, ""]
    """What the readout of both halves leaves when a pair is measured into key, or tested."""
    accounting: Callable[..., Array] = static()
    """Secret bits of a measured pair (`network.key_pool.ACCOUNTINGS`)."""
    slots: int = static()
    """Rounds of key that the pool keeps apart by age."""
    expires: bool = static()
    """Whether key is discarded when it is older than that."""


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
    condition_model: ConditionModel
    verification: Verification
    windows: int = static()
    """Of a round."""
    qubits: int = static()
    """Pairs that one shot takes."""
    oldest_first: bool = static()
    """Whether the oldest pairs are spent first, else the newest."""
    unauthenticated_spend: bool = static()
    """Whether a node without a tag takes part all the same."""
    drifts: bool = static()
    """Whether the coherence times drift between calibrations."""
    verifies: bool = static()
    """Whether the hub tests pairs, and trusts its calibration only as far as they bear it out."""

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return self.routes.vertex.shape[0]

    @property
    def estimate_may_differ(self) -> bool:
        """Whether the hub's estimate may differ from the truth, so that both are kept."""
        return self.drifts or self.verifies
