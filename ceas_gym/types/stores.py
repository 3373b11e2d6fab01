"""Records of what the network holds, and of what it gives the learners."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jaxtyping import Array, Bool, Float, Int


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Memory:
    """Pairs and key that are stored."""

    pairs: Int[Array, "nodes ages"]
    """Pairs of the hub and each node."""
    contraction: Float[Array, "truth_and_estimate xyz nodes ages"]
    """Mean contraction of these pairs; in [-1, 1]."""
    links: Int[Array, "nodes hops ages"]
    """Pairs of single links that wait for a swap; none on a route of one hop."""
    key_bits: Float[Array, "nodes members slots"]
    """Secret bits that a node shares with each member of the committee, by age."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What became of each node's pairs in a round.

    Pairs stored before + `generated` = the sum of the other counts + pairs stored after.
    """

    generated: Int[Array, " nodes"]
    """New pairs of hub and node."""
    spent: Int[Array, " nodes"]
    """Used for shots, at the barrier or on arrival."""
    keyed: Int[Array, " nodes"]
    """Measured into key when a window closed."""
    expired: Int[Array, " nodes"]
    """Discarded because they fell below the cut-off or grew too old."""
    blocked: Int[Array, " nodes"]
    """Lost because the memory was full."""
    sacrificed: Int[Array, " nodes"]
    """Measured in a purification, or lost by it."""
    tested: Int[Array, " nodes"]
    """Measured by both ends to verify the node's entanglement."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What the network gives the learners in a round: the only link between the two halves."""

    shots: Int[Array, " teams"]
    """Executions of the circuit that a team's pairs allow beside its traps. Where QPUs execute
    slices of their own, as many as would give the same noise if all slices had equally many."""
    contraction: Float[Array, "teams *slices pauli_types"]
    """Mean contraction of the teleported data over these shots, by type of Pauli word; in [-1, 1].
    Where no data are teleported, there are no types."""
    signal: Float[Array, " teams"]
    """Contraction of the twirled register by the hub's estimate, one number; 0 without a shot."""
    authenticated: Bool[Array, " teams"]
    """Whether the team had a shot, and key for all its tags of the round."""
    slices: Int[Array, "teams slices"] | None = None
    """Shots of each slice; None where QPUs execute no slices of their own."""
    gates: Float[Array, "teams gates xyz"] | None = None
    """Mean contraction of the pair of each teleported gate, readout included, in [-1, 1]; None
    where no gate is teleported."""
    idle: Float[Array, "teams runs qpus xyz"] | None = None
    """Factor on X, Y and Z of each QPU's qubits while signals of a run of gates travel; in
    [0, 1]."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What the network holds after some windows since the last barrier, and what led to it."""

    memory: Memory
    ledger: Ledger
    """What became of pairs so far; none is sacrificed or tested before the barrier, and none spent
    unless they are spent on arrival."""
    tried: Int[Array, "nodes hops"]
    """Attempts of all modes in these windows."""
    heralded: Int[Array, "nodes hops"]
    """Attempts that succeeded."""
    window: Int[Array, ""]
    """Number of these windows."""
    executed: Delivery | None
    """Shots that were executed in these windows; None where pairs are spent at the barrier only."""
