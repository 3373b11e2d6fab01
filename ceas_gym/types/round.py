"""What happens within a round."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.types.state import Memory

Metrics = dict[str, Array]
"""Scalars of one round by name; always the same names."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Links:
    """Rates and decay in this round."""

    success_probability: Float[Array, "nodes hops"]
    fresh: Float[Array, "truth_and_estimate xyz nodes hops"]
    """Mean contraction of a link's new pair at its window's end."""
    link_decay: Float[Array, "truth_and_estimate xyz nodes hops"]
    """Factor on the contraction of a link's pair for each further window."""
    decay: Float[Array, "truth_and_estimate xyz nodes"]
    """The same for a pair of hub and node."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What became of the pairs in a round; before + generated = the rest + after."""

    generated: Int[Array, " nodes"]
    spent: Int[Array, " nodes"]
    keyed: Int[Array, " nodes"]
    expired: Int[Array, " nodes"]
    blocked: Int[Array, " nodes"]
    sacrificed: Int[Array, " nodes"]
    """Measured in a purification, or lost by it."""
    tested: Int[Array, " nodes"]
    """Measured by both ends to verify the node's entanglement."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What the network holds after some windows since the last barrier, and how it came to it."""

    memory: Memory
    ledger: Ledger
    """In which nothing is spent yet."""
    tried: Int[Array, "nodes hops"]
    """Attempts of all modes."""
    heralded: Int[Array, "nodes hops"]
    window: Int[Array, ""]
    """How many windows are over."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What the network gives the learners in a round: the only bridge between the two halves."""

    shots: Int[Array, " nodes"]
    """Executions of the circuit."""
    contraction: Float[Array, "nodes pauli_types"]
    """Mean contraction of the encoded data by type of Pauli word, over those shots."""
    signal: Float[Array, " nodes"]
    """The same as one number, by the hub's estimate: that of the twirled register."""
    authenticated: Bool[Array, " nodes"]
    """The node had key for the tag of its update."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pulled:
    """The read-out observables pulled back through the ansatz: common to all nodes."""

    observables: Float[Array, "observables paulis"]
    derivatives: Float[Array, "observables paulis angles"]
    """By each angle of the circuit."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Coalition:
    """The Byzantine nodes in this round."""

    members: Bool[Array, " nodes"]
    acting: Bool[Array, " nodes"]
    """The members, once they have begun; before, nobody."""
    key: Key[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Received:
    """The updates that the hub holds when a round closes."""

    updates: Float[Array, "nodes parameters"]
    information: Float[Array, " nodes"]
    """Fisher information behind an update, in shots of perfect signal, as measured by the hub."""
    counted: Bool[Array, " nodes"]
    forged: Bool[Array, " nodes"]
    """Counted without a tag, so the adversary may have replaced it."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the consensus made of the received updates."""

    update: Float[Array, " parameters"]
    committed: Bool[Array, ""]
    weights: Float[Array, " nodes"]
    """Sum to one over the counted nodes."""
    share: Float[Array, ""]
    """Weight of the heaviest `tolerated` nodes."""
    certificate: Float[Array, ""]
    """Bound on the noise of the update, in root mean square, whoever is Byzantine. What the
    contraction or unequal shards add as bias is not in it."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observation:
    """What the scheduler sees; `observations` names every feature."""

    nodes: Float[Array, "nodes features"]
    network: Float[Array, " features"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Round:
    """What happened in a round, in the order in which it did."""

    coalition: Coalition
    links: Links
    schedule: Float[Array, "windows nodes"]
    """Channel-time that was really given."""
    gathered: Gathered
    """At the barrier, before any pair was tested or spent."""
    ledger: Ledger
    delivery: Delivery
    gradients: Float[Array, "nodes parameters"]
    received: Received
    verdict: Verdict


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TimeStep:
    """What a round returns to the scheduler and to the people who watch."""

    observation: Observation
    reward: Float[Array, ""]
    terminated: Bool[Array, ""]
    metrics: Metrics
    round: Round | None
    """What happened; nothing where an episode starts."""
