"""What lasts from round to round within an episode."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Sums over the test pairs of each node, in which older tests count less.

    There are no nodes in it where nothing is tested.
    """

    passed: Float[Array, " nodes"]
    made: Float[Array, " nodes"]
    promised: Float[Array, " nodes"]
    """Of what the calibration promised: the mean contraction of X, Y and Z as both ends read it."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The state of links and memories, and what the hub believes of it."""

    link: Int[Array, " edges"]
    """Condition: 0 is good, 1 degraded, 2 down."""
    belief: Float[Array, "edges conditions"]
    """Probability of each condition in the coming round, given all that was heralded."""
    drift: Float[Array, "truth_and_estimate vertices"]
    """Logarithm of the coherence time over its nominal value."""
    tests: Evidence


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Memory:
    """Bell pairs and key held now."""

    pairs: Int[Array, "nodes ages"]
    """Between the hub and each node."""
    contraction: Float[Array, "truth_and_estimate xyz nodes ages"]
    """Mean over these pairs."""
    links: Int[Array, "nodes hops ages"]
    """Pairs of single links that wait at a relay; none where the route has but one hop."""
    key_bits: Float[Array, "nodes slots"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Model:
    """The global quantum neural network."""

    parameters: Float[Array, " parameters"]
    optimizer_state: PyTree


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Workers:
    """What the nodes remember of their own gradients."""

    momentum: Float[Array, "nodes parameters"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Cache:
    """What the hub remembers of the last update that it accepted from each node."""

    updates: Float[Array, "nodes parameters"]
    information: Float[Array, " nodes"]
    age: Int[Array, " nodes"]
    """Rounds since then."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Scores:
    """Quality of the global model, evaluated without noise."""

    validation_loss: Float[Array, ""]
    validation_accuracy: Float[Array, ""]
    accuracy: Float[Array, ""]
    """On the test split: reported, never part of the reward or of an observation."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
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
@dataclass(frozen=True, kw_only=True)
class State:
    """All that moves in an episode; `useful` and `generated` tally its pairs so far (`tally`)."""

    conditions: Conditions
    memory: Memory
    model: Model
    workers: Workers
    cache: Cache
    scores: Scores
    report: Report
    useful: Int[Array, " words"]
    generated: Int[Array, " words"]
    byzantine: Bool[Array, " nodes"]
    layout: Int[Array, ""]
    """Number of the layout that the episode plays."""
    round: Int[Array, ""]
    key: Key[Array, ""]
