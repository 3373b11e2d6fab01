"""Records that last from round to round within an episode."""

from __future__ import annotations

from dataclasses import dataclass

import jax
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from ceas_gym.types.stores import Gathered, Memory


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Weighted sums over the test pairs of each node; older tests have less weight.

    Where nothing is tested, the arrays are empty.
    """

    passed: Float[Array, " nodes"]
    """Weight of the tests that passed."""
    made: Float[Array, " nodes"]
    """Weight of all tests."""
    promised: Float[Array, " nodes"]
    """Weighted sum of the contractions that the calibration predicts for the tested pairs: the mean
    over X, Y and Z, readout included."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Conditions:
    """The condition of links and memories, and the hub's estimate of it."""

    link: Int[Array, " edges"]
    """Condition of each link: 0 is good, 1 degraded, 2 down."""
    belief: Float[Array, "edges conditions"]
    """Probability of each condition in the coming round, given all heralds so far."""
    drift: Float[Array, "truth_and_estimate vertices"]
    """Natural logarithm of each memory's coherence time over its nominal value."""
    tests: Evidence
    """Results of the verification pairs."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Model:
    """The global quantum neural network."""

    parameters: Float[Array, " parameters"]
    optimizer_state: PyTree


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Workers:
    """What the teams remember of their own gradients: their updates."""

    momentum: Float[Array, "teams parameters"]


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Cache:
    """The last update that the hub accepted from each team."""

    updates: Float[Array, "teams parameters"]
    information: Float[Array, " teams"]
    """Fisher information behind the update, in shots of perfect signal."""
    age: Int[Array, " teams"]
    """Rounds since the one in which it was accepted; 0 for the last round."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Scores:
    """Quality of the global model, evaluated without noise."""

    validation_loss: Float[Array, ""]
    lowest_loss: Float[Array, ""]
    """Lowest validation loss of the episode so far, in nats."""
    validation_accuracy: Float[Array, ""]
    accuracy: Float[Array, ""]
    """Accuracy on the test split, in [0, 1]; it is in no reward and in no observation."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Report:
    """What the hub remembers of the last round for the next observation."""

    shots: Int[Array, " teams"]
    signal: Float[Array, " teams"]
    weights: Float[Array, " teams"]
    share: Float[Array, ""]
    committed: Bool[Array, ""]
    authenticated: Float[Array, ""]
    """Share of all teams that were authenticated; in [0, 1]."""
    counted: Float[Array, ""]
    """Share of all teams whose updates were counted; in [0, 1]."""
    late: Float[Array, ""]
    """Windows that the agreement takes from the next round; at least 0."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class TrapResults:
    """What the traps say of the members of the committee."""

    passed: Int[Array, "nodes members"]
    """Traps that each member served to each node, and that passed, in the episode so far."""
    exposed: Bool[Array, " members"]
    """Whether the member was found to serve false data; it serves none any more."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class State:
    """All that changes during an episode."""

    conditions: Conditions
    gathered: Gathered
    """Pairs and key that are stored, and what led to them since the last barrier."""
    model: Model
    workers: Workers
    cache: Cache
    scores: Scores
    report: Report
    trap_results: TrapResults | None
    """None where no traps are set."""
    useful: Int[Array, " words"]
    """Useful pairs of the episode so far, as a `jax_utils.tally`."""
    generated: Int[Array, " words"]
    """Generated pairs of the episode so far, as a `jax_utils.tally`."""
    byzantine: Bool[Array, " nodes"]
    layout: Int[Array, ""]
    """Number of the layout that the episode plays."""
    round: Int[Array, ""]
    """Number of barriers so far."""
    steps: Int[Array, ""]
    """Number of steps so far."""
    clock: Int[Array, ""]
    """Windows of the budget that are over."""
    key: Key[Array, ""]
    """Random key of the round."""

    @property
    def memory(self) -> Memory:
        """Returns pairs and key that are stored."""
        return self.gathered.memory
