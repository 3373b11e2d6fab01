"""The frozen records that the stages of a round hand to each other.

Axes have the same names everywhere: `nodes`, `windows`, `ages` (whole windows since the end of the
one in which a pair was heralded), `slots` (rounds since key was distilled), `parameters` (of the
circuit), `paulis` (4 to the number of qubits), `weights` (of a Pauli word, 0 to that number).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

Metrics = dict[str, Array]
"""Scalars of one round by name; always the same names."""


def static() -> Any:  # noqa: ANN401 - stands for a value of the field's type
    """Marks a field as part of the compiled program: another value compiles anew."""
    return field(metadata={"static": True})


# --- fixed during an episode --------------------------------------------------------------------


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Network:
    """Links, memories and key rates of the star."""

    attempts_per_window: Float[Array, " nodes"]
    """Attempts of one mode on a whole channel in a window."""
    modes: Int[Array, ""]
    success_probability: Float[Array, " nodes"]
    """Of one attempt."""
    contraction: Float[Array, "nodes ages"]
    """Mean contraction at a window's end of a pair of this age."""
    delivery_contraction: Float[Array, " nodes"]
    """Further factor on the way through the teleportation at the barrier."""
    lifetime: Int[Array, " nodes"]
    """Greatest age, in windows, at which a pair is still kept; -1 if even a new one is not."""
    memories: Int[Array, ""]
    channels: Float[Array, ""]
    secret_fraction: Float[Array, " nodes"]
    """Secret bits from a pair measured at once."""
    tag_bits: Float[Array, ""]
    key_capacity_bits: Float[Array, ""]
    windows: int = static()
    qubits: int = static()
    """Pairs that one shot takes."""
    key_slots: int = static()
    """Rounds of key that the pool keeps apart by age."""
    key_expires: bool = static()
    oldest_first: bool = static()
    unauthenticated_spend: bool = static()
    """Whether a node without a tag takes part all the same."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """Encoded samples of one split."""

    paulis: Float[Array, "samples paulis"]
    """Expectation value of every Pauli word in the encoded state."""
    labels: Int[Array, " samples"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Learning:
    """Data, circuit and optimizer of the quantum neural network."""

    training: Split
    validation: Split
    test: Split
    shards: Int[Array, "nodes shard"]
    """Training samples that a node may draw, padded."""
    shard_sizes: Int[Array, " nodes"]
    weight_of_pauli: Float[Array, "weights paulis"]
    """One where the Pauli word has that weight."""
    readout: Float[Array, "classes observables"]
    """Logits are `logit_scale * readout @ expectation values`."""
    logit_scale: Float[Array, ""]
    learning_rate: Float[Array, ""]
    batch_floor: Float[Array, ""]
    """Shots at which shot noise has fallen to the noise of the minibatch."""
    noise_scale: Float[Array, ""]
    """Squared norm of the shot noise of a single shot, for an undecided classifier."""
    batch_size: int = static()
    program: Any = static()
    optimizer: Callable[..., Any] = static()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Consensus:
    """The hub's protocol."""

    tolerated: Int[Array, ""]
    """Byzantine nodes that the rule is set for."""
    momentum: Float[Array, ""]
    share_budget: Float[Array, ""]
    largest_share: Float[Array, ""]
    cache_age: Int[Array, ""]
    rule: Callable[..., Array] = static()
    weighting: Callable[..., Array] = static()
    lapse: Callable[..., Received] = static()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Adversary:
    """The coalition of Byzantine nodes."""

    byzantine_nodes: Int[Array, ""]
    strength: Float[Array, ""]
    attack: Callable[..., Array] = static()
    placement: Callable[..., Array] = static()
    poisons_labels: bool = static()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Params:
    """Everything that is fixed during an episode."""

    network: Network
    learning: Learning
    consensus: Consensus
    adversary: Adversary
    rounds: Int[Array, ""]
    reward: Callable[..., Array] = static()


# --- moves within an episode --------------------------------------------------------------------


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Memory:
    """Bell pairs and key held now."""

    pairs: Int[Array, "nodes ages"]
    key_bits: Float[Array, "nodes slots"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Ledger:
    """What became of the pairs in a round; before + generated = the rest + after."""

    generated: Int[Array, " nodes"]
    spent: Int[Array, " nodes"]
    keyed: Int[Array, " nodes"]
    expired: Int[Array, " nodes"]
    blocked: Int[Array, " nodes"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Delivery:
    """What the network gives the learners in a round: the only bridge between the two halves."""

    shots: Int[Array, " nodes"]
    """Executions of the circuit."""
    contraction: Float[Array, "nodes weights"]
    """Mean contraction of the encoded data by Pauli weight, over those shots."""
    authenticated: Bool[Array, " nodes"]
    """The node had key for the tag of its update."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Model:
    """The global quantum neural network."""

    parameters: Float[Array, " parameters"]
    optimizer_state: PyTree


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pulled:
    """The read-out observables pulled back through the ansatz: common to all nodes."""

    observables: Float[Array, "observables paulis"]
    derivatives: Float[Array, "observables paulis angles"]
    """By each angle of the circuit."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Workers:
    """What the nodes and the hub remember of the nodes' updates."""

    momentum: Float[Array, "nodes parameters"]
    accepted: Float[Array, "nodes parameters"]
    """Last accepted update."""
    accepted_information: Float[Array, " nodes"]
    accepted_age: Int[Array, " nodes"]
    """Rounds since then."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Received:
    """The updates that the hub holds when a round closes."""

    updates: Float[Array, "nodes parameters"]
    information: Float[Array, " nodes"]
    """Fisher information behind an update, in shots of perfect signal, as measured by the hub."""
    counted: Bool[Array, " nodes"]
    forged: Bool[Array, " nodes"]
    """Counted without a tag, so the adversary may have replaced it."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
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
class Scores:
    """Quality of the global model, evaluated without noise."""

    validation_loss: Float[Array, ""]
    validation_accuracy: Float[Array, ""]
    accuracy: Float[Array, ""]
    """On the test split: reported, never part of the reward or of an observation."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Report:
    """What the hub remembers of the last round, for its next observation."""

    shots: Int[Array, " nodes"]
    signal: Float[Array, " nodes"]
    weights: Float[Array, " nodes"]
    share: Float[Array, ""]
    committed: Bool[Array, ""]
    authenticated: Float[Array, ""]
    counted: Float[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class State:
    """All that moves in an episode; `useful` and `generated` count its pairs so far."""

    memory: Memory
    model: Model
    workers: Workers
    scores: Scores
    report: Report
    useful: Int[Array, ""]
    generated: Int[Array, ""]
    byzantine: Bool[Array, " nodes"]
    round: Int[Array, ""]
    key: Key[Array, ""]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observation:
    """What the scheduler sees; `observations` names every feature."""

    nodes: Float[Array, "nodes features"]
    network: Float[Array, " features"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TimeStep:
    """What a round returns to the scheduler and to the people who watch."""

    observation: Observation
    reward: Float[Array, ""]
    terminated: Bool[Array, ""]
    metrics: Metrics
    schedule: Float[Array, "windows nodes"]
    """Channel-time that was really given."""
    stock: Int[Array, "nodes ages"]
    """Pairs that waited at the barrier, before any was spent."""
