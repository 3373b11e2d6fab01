"""Records of what happens within a round."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_gym.types.stores import Delivery, Gathered, Ledger

Metrics = dict[str, Array]
"""Scalars of one step by name; the names are the same in every step."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Links:
    """Success probabilities, and how pairs decay, in this round."""

    success_probability: Float[Array, "nodes hops"]
    """Probability that one attempt succeeds; in [0, 1]."""
    fresh: Float[Array, "truth_and_estimate xyz nodes hops"]
    """Mean contraction of a link's new pair at the end of its window; in [-1, 1]."""
    link_decay: Float[Array, "truth_and_estimate xyz nodes hops"]
    """Factor on the contraction of a link's pair for each further window; in [0, 1]."""
    decay: Float[Array, "truth_and_estimate xyz nodes"]
    """The same for a pair of hub and node."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Pulled:
    """The readout observables pulled back through the ansatz without noise."""

    observables: Float[Array, "observables paulis"]
    derivatives: Float[Array, "observables paulis angles"]
    """Derivative of each observable by each angle of the circuit."""
    parameters: Float[Array, " parameters"]
    """The weights of the ansatz, in radians."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Coalition:
    """The Byzantine nodes in this round."""

    members: Bool[Array, " nodes"]
    """Whether the node is Byzantine."""
    acting: Bool[Array, " nodes"]
    """The Byzantine nodes from the round of `onset` on; before that, none."""
    teams: Bool[Array, " teams"]
    """Whether a node of the team is Byzantine, so that the team's update may be false."""
    acting_teams: Bool[Array, " teams"]
    """Whether a node of the team is acting."""
    key: Key[Array, ""]
    """Random key for what they draw."""
    round: Int[Array, ""]
    """Number of the round, from 0; the kings of the committee change from round to round."""
    window: Int[Array, ""]
    """Number of the step's first window in the round, from 0."""
    served: Float[Array, ""]
    """Share of the data that Byzantine members of the committee serve; in [0, 1]."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Received:
    """The updates that the hub holds when a round closes."""

    updates: Float[Array, "teams parameters"]
    information: Float[Array, " teams"]
    """Fisher information behind each update as measured by the hub, in shots of perfect signal."""
    counted: Bool[Array, " teams"]
    """Whether the update takes part in the aggregation."""
    forged: Bool[Array, " teams"]
    """Counted although the coalition may have replaced it: it has no tag, or a forged one."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the hub made of the received updates."""

    update: Float[Array, " parameters"]
    """The aggregate of the counted updates."""
    committed: Bool[Array, ""]
    """Whether the update is applied."""
    weights: Float[Array, " teams"]
    """Share of each team in the aggregation; they sum to one over the counted teams."""
    share: Float[Array, ""]
    """Weight of the heaviest `tolerated` nodes; in [0, 1]."""
    certificate: Float[Array, ""]
    """Bound on the root mean square noise of the update, whichever nodes are Byzantine. It does not
    include the bias from contraction or from unequal shards."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Observation:
    """What the scheduler sees; `task.observations` names every feature."""

    nodes: Float[Array, "nodes features"]
    network: Float[Array, " features"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Round:
    """All that happened in a round, in order of time.

    Where a step is a window and the barrier does not fire, everything from `delivery` on is zero.
    """

    coalition: Coalition
    links: Links
    schedule: Float[Array, "windows nodes"]
    """Share of a channel that each node really got in the step; in [0, 1]."""
    gathered: Gathered
    """What the network held after the last window, before any pair was tested or spent."""
    fired: Bool[Array, ""]
    """Whether the barrier fired."""
    ledger: Ledger
    """What became of pairs since the last barrier."""
    delivery: Delivery
    gradients: Float[Array, "teams parameters"]
    exact: Float[Array, " parameters"]
    """Noiseless gradient of the training loss at the model before the barrier, in nats a radian."""
    received: Received
    verdict: Verdict
    member_pairs: Float[Array, ""]
    """Pairs that the links between members of the committee used up; at least 0."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TimeStep:
    """What a step returns: to the scheduler, and as metrics and record to people."""

    observation: Observation
    reward: Float[Array, ""]
    terminated: Bool[Array, ""]
    metrics: Metrics
    round: Round | None
    """The record of the round; None at the start of an episode."""
