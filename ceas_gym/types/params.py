"""What is fixed during an episode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
from jaxtyping import Array, Bool, Float, Int


def static() -> Any:  # noqa: ANN401 - stands for a value of the field's type
    """Marks a field as part of the compiled program: another value compiles anew."""
    return field(metadata={"static": True})


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
class Network:
    """Routes from the hub to the nodes, memories, and what teleportation and key need."""

    attempts_per_window: Float[Array, "nodes hops"]
    """Attempts of one mode on a whole channel in a window."""
    modes: Int[Array, ""]
    success_probability: Float[Array, "nodes hops"]
    """Of one attempt, on a link in good condition."""
    is_hop: Bool[Array, "nodes hops"]
    """Whether the route is that long."""
    edge: Int[Array, "nodes hops"]
    """Which fibre edge the hop uses."""
    ends: Int[Array, "nodes hops 2"]
    """At which vertices the hop has its two memories; the hub is vertex 0."""
    vertex: Int[Array, " nodes"]
    """Where the node is."""
    link_contraction: Float[Array, "xyz nodes hops"]
    """Of a link's pair, when both ends know of it."""
    swap_contraction: Float[Array, "xyz nodes"]
    """What the swaps of the whole route, and the way of their outcomes, leave."""
    delivery_contraction: Float[Array, "xyz nodes"]
    """What the teleportation at the barrier leaves: gate, readout, and the way of its outcomes."""
    key_contraction: Float[Array, ""]
    """What the readout of both halves leaves when a pair is measured into key, or tested."""
    decay_rate: Float[Array, "xyz vertices"]
    """Of a memory's contraction of X, Y and Z, per window (`physics.memories`)."""
    cutoff_fidelity: Float[Array, ""]
    """A pair below it is discarded."""
    purification_fidelity: Float[Array, ""]
    """A pair below it is purified at the barrier."""
    gate_contraction: Float[Array, ""]
    readout: Float[Array, ""]
    """Probability that one outcome of a measurement is read correctly."""
    latency: Float[Array, " nodes"]
    """From the hub to the node, in windows."""
    memories: Int[Array, ""]
    """For the pairs of hub and node, and as many again for the waiting pairs of each hop of a route
    with relays, at both its ends."""
    channels: Float[Array, " bottlenecks"]
    """Of the hub, then of every fibre edge that nodes share."""
    passes: Float[Array, "bottlenecks nodes"]
    """One where the node's route goes through the bottleneck."""
    quota: Float[Array, ""]
    """Windows of a channel in a round, up to which a node may ask for more than it is given."""
    tag_bits: Float[Array, ""]
    key_capacity_bits: Float[Array, ""]
    block_pairs: Float[Array, ""]
    """Pairs that are distilled into key together."""
    condition_model: ConditionModel
    verification: Verification
    accounting: Callable[..., Array] = static()
    """Secret bits of a measured pair (`network.key_pool.ACCOUNTINGS`)."""
    purification: Callable[..., Any] = static()
    edges: int = static()
    windows: int = static()
    ages: int = static()
    """Windows after which any pair is discarded."""
    qubits: int = static()
    """Pairs that one shot takes."""
    key_slots: int = static()
    """Rounds of key that the pool keeps apart by age."""
    key_expires: bool = static()
    oldest_first: bool = static()
    unauthenticated_spend: bool = static()
    """Whether a node without a tag takes part all the same."""
    drifts: bool = static()
    """Whether the coherence times drift between calibrations."""
    verifies: bool = static()
    """Whether the hub tests pairs, and trusts its calibration only as far as they bear it out."""

    @property
    def estimate_may_differ(self) -> bool:
        """Whether the hub's estimate may differ from the truth, so that both are kept."""
        return self.drifts or self.verifies


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """Encoded samples of one split."""

    paulis: Float[Array, "samples paulis"]
    """Expectation value of every Pauli word in the encoded state."""
    labels: Int[Array, " samples"]


@dataclass(frozen=True, kw_only=True)
class Partition:
    """How the network is split over the nodes' processors, as the round asks for it."""

    about: str
    """One line, for lists."""
    pairs_per_shot: Callable[[int], int]
    """Pairs of a node that a shot takes, from the qubits of the register."""
    gradients: Callable[..., Array]
    """Of all nodes, shape (nodes, parameters), from the `Learning`, the `Pulled` observables, the
    `Delivery`, the nodes whose labels are poisoned, and a key (`learning.learners.gradients`)."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Learning:
    """Data, circuit and optimizer of the quantum neural network."""

    training: Split
    validation: Split
    test: Split
    shards: Int[Array, "nodes shard"]
    """Training samples that a node may draw, padded."""
    shard_sizes: Int[Array, " nodes"]
    type_of_pauli: Float[Array, "pauli_types paulis"]
    """One where the Pauli word is of that type (`physics.register.pauli_types`)."""
    readout: Float[Array, "classes observables"]
    """Logits are `logit_scale * readout @ expectation values`."""
    logit_scale: Float[Array, ""]
    learning_rate: Float[Array, ""]
    batch_floor: Float[Array, ""]
    """Shots at which shot noise has fallen to the noise of the minibatch."""
    slope_share: Float[Array, ""]
    """Of a node's shots, that measure its predictions."""
    noise_scale: Float[Array, ""]
    """Squared norm of the shot noise of a single shot, for an undecided classifier."""
    batch_size: int = static()
    scheme: Partition = static()
    program: Any = static()
    optimizer: Callable[..., Any] = static()


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The hub's protocol."""

    tolerated: Int[Array, ""]
    """Byzantine nodes that the rule is set for."""
    votes_needed: Int[Array, ""]
    """The hub acts when more nodes than this times `tolerated` are counted."""
    momentum: Float[Array, ""]
    share_budget: Float[Array, ""]
    largest_share: Float[Array, ""]
    cache_age: Int[Array, ""]
    forgery_probability: Float[Array, ""]
    """That one forged tag is taken for a valid one."""
    rule: Callable[..., Array] = static()
    weighting: Callable[..., Array] = static()
    cap: Callable[..., Array] = static()
    unauthenticated_updates: Callable[..., Any] = static()
    trusts_claims: bool = static()
    """Whether weights are made of what nodes claim."""
    clips: bool = static()
    """Whether the rule clips the updates before all else."""


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """What a coalition does beside sending updates: hooks, called where a round passes them.

    Every hook is given the parameters and the `Coalition`, and what it may change, which it
    returns. It acts where `coalition.acting` is true. One of a user's own is a part of
    `attack.name`, as in `white_box+module:RECORD`.
    """

    about: str
    """One line, for lists."""
    schedule: Callable[[Params, Any, Array], Array] | None = None
    """Channel-time, shape (windows, nodes), before it is used."""
    links: Callable[[Params, Any, Any], Any] | None = None
    """`Links` of the round."""
    tests: Callable[[Params, Any, Array], Array] | None = None
    """Which nodes report a failure of every verification pair, shape (nodes,)."""
    delivery: Callable[[Params, Any, Any], Any] | None = None
    """`Delivery`, as the hub comes to know it."""
    received: Callable[[Params, Any, Any, Any], Any] | None = None
    """`Received`, before it is weighed; the `Delivery` comes last."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Adversary:
    """The coalition of Byzantine nodes."""

    byzantine_nodes: Int[Array, ""]
    strength: Float[Array, ""]
    onset: Int[Array, ""]
    """Round in which they begin."""
    request_factor: Float[Array, ""]
    claim_factor: Float[Array, ""]
    jammed_rate: Float[Array, ""]
    attack: Callable[..., Array] = static()
    """What they send."""
    sabotage: tuple[Sabotage, ...] = static()
    """What else they do, one after the other."""
    placement: Callable[..., Array] = static()
    poisons_labels: bool = static()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Layouts:
    """What differs between the layouts of a scenario, by field; every array has them in front."""

    network: dict[str, Any]
    learning: dict[str, Any]
    count: int = static()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Params:
    """Everything that is fixed during an episode.

    Where there are several layouts, network and learning are those of the first;
    `ceas_gym.layouts.of` puts those of an episode in their place.
    """

    network: Network
    learning: Learning
    consensus: Consensus
    adversary: Adversary
    rounds: Int[Array, ""]
    reward: Callable[..., Array] = static()
    layouts: Layouts | None = None
