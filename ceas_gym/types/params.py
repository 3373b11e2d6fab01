"""What is fixed during an episode: network, learning, protocol and adversary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.types.fields import static
from ceas_gym.types.network import Network
from ceas_gym.types.teams import Shot


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Split:
    """Encoded samples of one split of the data."""

    paulis: Float[Array, "samples paulis"]
    """Expectation value of every Pauli word in the encoded state; in [-1, 1]."""
    labels: Int[Array, " samples"]


@dataclass(frozen=True, kw_only=True)
class Partition:
    """How the training of the QNN is divided among the nodes (`learning.partitions`)."""

    about: str
    """One line, for lists."""
    gradients: Callable[..., Array]
    """Function that returns the gradients of all teams, shape (teams, parameters), from the
    `Learning`, the `Pulled` observables, the `Delivery`, the teams whose labels are poisoned, and a
    random key (`learning.learners.gradients`)."""
    distribute: Callable[..., Any]
    """Function that returns what each QPU of a team does and takes, from the circuit, the settings,
    and the number of QPUs (`learning.partitions.share.Share`)."""
    sliced: bool = False
    """Whether each QPU of a team has a circuit of its own."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class TrapChances:
    """What each type of Pauli word adds to the probability that a trap passes.

    Each field, weighted with the contractions of a node's delivery, sums to a probability.
    """

    honest: Float[Array, " pauli_types"]
    """Of the sample that the node asked for."""
    false: Float[Array, " pauli_types"]
    """Of a sample of the class before."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Learning:
    """Data, circuit and optimizer of the quantum neural network."""

    training: Split
    validation: Split
    test: Split
    shards: Int[Array, "teams shard"]
    """Numbers of the training samples of each team, padded to equal length."""
    shard_sizes: Int[Array, " teams"]
    """Number of samples of each team, without the padding."""
    type_of_pauli: Float[Array, "*slices pauli_types paulis"]
    """One where the Pauli word is of that type (`physics.register.pauli_types`), and on the qubits
    of that slice."""
    readout: Float[Array, "classes observables"]
    """Logits are `logit_scale * readout @ expectation values`."""
    logit_scale: Float[Array, ""]
    learning_rate: Float[Array, ""]
    batch_floor: Float[Array, ""]
    """Information, in shots of perfect signal, at which shot noise equals the minibatch's noise."""
    slope_share: Float[Array, ""]
    """Share of a node's shots that measure its predictions; in [0, 1]."""
    noise_scale: Float[Array, ""]
    """Expected squared norm of the gradient's noise from one shot, at a classifier that is
    undecided."""
    gate_contraction: Float[Array, ""]
    """Contraction of two qubits by a local gate of a teleported gate; in [0, 1]."""
    trap_chances: TrapChances | None = None
    """None where no traps are set."""
    batch_size: int = static()
    scheme: Partition = static()
    shot: Shot = static()
    """What a shot takes of each QPU of a team."""
    remote: Any = static()
    """Teleported gates (`learning.remote_gates.Remote`); None if there are none."""
    slice_of_angle: tuple[int, ...] = static()
    """Which slice each angle belongs to; 0 where QPUs execute no slices of their own."""
    program: Any = static()
    optimizer: Callable[..., Any] = static()


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Members:
    """The committee: how many hubs decide together, and what the agreement of a round costs them.

    The agreement itself is executed in `consensus.committee` only. A round assumes what is proved
    and tested there.
    """

    is_byzantine: Bool[Array, " members"]
    """Which members are Byzantine if an attack needs Byzantine members."""
    delay: Float[Array, " members"]
    """Windows by which the agreement of round r is late if the Byzantine members keep silent as
    kings; entry r mod c."""
    pairs: Float[Array, ""]
    """Pairs that all links between members use up together in a round; at least 0."""
    fetch_pairs: Float[Array, ""]
    """Further pairs, at most, if Byzantine members claim to lack updates; at least 0."""
    trap_share: Float[Array, ""]
    """Share of a node's shots that are traps; in [0, 0.5]."""
    trap_doubt: Float[Array, ""]
    """Natural logarithm of the capital at which a bet against a member is won; above 0. See
    `consensus.traps`."""
    sets_traps: bool = static()
    """Whether that share is above zero."""

    @property
    def byzantine(self) -> Int[Array, ""]:
        """Returns the number b of Byzantine members, at least 0."""
        return self.is_byzantine.sum(dtype=int)


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Consensus:
    """The hub's protocol: weights, rule, quorum, and what it does with unauthenticated updates."""

    tolerated: Int[Array, ""]
    """Number f of Byzantine nodes that the rule is set for. They spoil f teams at most."""
    votes_needed: Int[Array, ""]
    """The quorum: the hub commits when more than this times `tolerated` teams are counted."""
    momentum: Float[Array, ""]
    """Factor on a node's earlier updates; in [0, 1)."""
    share_budget: Float[Array, ""]
    """Factor on the share of equal votes that the heaviest `tolerated` nodes may carry; >= 1."""
    largest_share: Float[Array, ""]
    """Share of these nodes above which the hub does not commit; in (0, 1/2)."""
    cache_age: Int[Array, ""]
    """Greatest age in rounds at which a cached update is used."""
    forgery_probability: Float[Array, ""]
    """Probability that a forged update is accepted; in [0, 1]."""
    members: Members
    rule: Callable[..., Array] = static()
    weighting: Callable[..., Array] = static()
    cap: Callable[..., Array] = static()
    unauthenticated_updates: Callable[..., Any] = static()
    trusts_claims: bool = static()
    """Whether weights rest on what nodes claim instead of what the hub measures."""
    clips: bool = static()
    """Whether clipping is the first step of the rule."""


@dataclass(frozen=True, kw_only=True)
class Sabotage:
    """What a coalition does beside sending updates: hooks that a round calls.

    A hook gets the parameters, the `Coalition`, and the record or array that it may change, and
    returns the changed one. It should act for the nodes of `coalition.acting` only, or for the
    Byzantine members from the round of `onset` on. A user's own record is named as a part of
    `attack.name`, as in `white_box+module:RECORD`.
    """

    about: str
    """One line, for lists."""
    schedule: Callable[[Params, Any, Array], Array] | None = None
    """Changes the schedule before it is used; shape (windows, nodes), in [0, 1]."""
    time: Callable[[Params, Any, Array], Array] | None = None
    """Changes the share of each window in which pairs are generated; shape (windows,), in
    [0, 1]."""
    links: Callable[[Params, Any, Any], Any] | None = None
    """Changes the `Links` of the round."""
    tests: Callable[[Params, Any, Array], Array] | None = None
    """Changes which nodes falsely report that all their verification pairs failed; shape
    (nodes,)."""
    delivery: Callable[[Params, Any, Any], Any] | None = None
    """Changes the `Delivery` that the hub learns of."""
    learn: Callable[[Params, Any, Callable[..., Array]], Callable[..., Array]] | None = None
    """Changes how nodes measure gradients: a function of the `Delivery`, the nodes whose labels are
    poisoned, and a random key, which returns the gradients; shape (nodes, parameters)."""
    received: Callable[[Params, Any, Any, Any], Any] | None = None
    """Changes the `Received` updates before they are weighed; its last argument is the
    `Delivery`."""
    member_pairs: Callable[[Params, Any, Array], Array] | None = None
    """Changes how many pairs the links between members of the committee use up; shape ()."""
    trap_chance: Callable[[Params, Any, Array, Any], Array] | None = None
    """Changes the probability that a trap served by a Byzantine member passes; shape (nodes,), in
    [0, 1]; its last argument is the `Delivery`."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True, kw_only=True)
class Adversary:
    """The coalition of Byzantine nodes."""

    byzantine_nodes: Int[Array, ""]
    """How many nodes are Byzantine."""
    strength: Float[Array, ""]
    """The parameter of the attack; NaN stands for the attack's default."""
    onset: Int[Array, ""]
    """Round in which they begin to act."""
    request_factor: Float[Array, ""]
    """Factor by which they ask for more channel-time, in `exhaustion`; at least 1."""
    claim_factor: Float[Array, ""]
    """Factor by which they overstate their information, in `over_claiming`; at least 1."""
    jammed_rate: Float[Array, ""]
    """Factor on the success probability of jammed links, in `jamming`; in [0, 1]."""
    attack: Callable[..., Array] = static()
    """Function from a `View` to what they send (`consensus.attacks`)."""
    sabotage: tuple[Sabotage, ...] = static()
    """What else they do; the hooks are called in this order."""
    placement: Callable[..., Array] = static()
    """Function that scores the nodes; the highest scores are Byzantine (`consensus.placement`)."""
    poisons_labels: bool = static()
    """Whether they measure their gradients on wrong labels."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Layouts:
    """Arrays that differ between the layouts of a scenario; the layout is their first axis.

    Each is found under its place in the record, such as `.memories.decay_rate`.
    """

    network: dict[str, Array]
    learning: dict[str, Array]
    count: int = static()


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Params:
    """Everything that is fixed during an episode.

    Where there are several layouts, `network` and `learning` are those of the first, until
    `ceas_gym.layouts.of` replaces them by those of the episode.
    """

    network: Network
    learning: Learning
    consensus: Consensus
    adversary: Adversary
    budget: Int[Array, ""]
    """Training budget in windows."""
    rounds: Int[Array, ""]
    """Rounds of `network.windows` windows and a barrier that the budget pays for."""
    by_window: bool = static()
    """Whether a step is a window; otherwise it is a round."""
    reward: Callable[..., Array] = static()
    layouts: Layouts | None = None
