"""What is fixed during an episode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array, Float, Int

from ceas_gym.types.fields import static
from ceas_gym.types.network import Network


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
    """Arrays that differ between the layouts of a scenario, which are their first axis.

    They go by their places, such as `.memories.decay_rate`.
    """

    network: dict[str, Array]
    learning: dict[str, Array]
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
