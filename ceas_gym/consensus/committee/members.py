"""An honest member in a round: what it stores, what it sends, and how it uses what it receives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from ceas_gym.consensus.committee import agreement, messages
from ceas_gym.consensus.committee.agreement import Exchange, State, Value, Word
from ceas_gym.consensus.committee.messages import NUMBER
from ceas_gym.consensus.committee.settings import Committee

Model = Float[np.ndarray, " parameters"]
Rule = Callable[[dict[int, Model]], Model]
"""Returns the model, given the agreed updates by node, each of shape (parameters,). Equal updates
must give equal models, bit for bit. It is never called without updates."""


@dataclass
class Member:
    """One member's part in a round.

    Attributes:
        index: Index of the member, in [0, c).
        committee: Settings of the committee.
        nodes: Number N of nodes.
        size: Length of an update in bytes.
        round_number: Index of the round, in [0, 2^24).
        updates: Updates that it holds, by node, in [0, N).
        digests: For each node the digest of the update that its node sent, or None. Updates that
            are fetched later do not change it.
        votes: By member, in [0, c), its words for all nodes in the vote, as this member received
            them.
        states: For each node the state of the agreement on its update.
    """

    index: int
    committee: Committee
    nodes: int
    size: int
    round_number: int
    updates: dict[int, bytes] = field(default_factory=dict[int, bytes])
    digests: list[Value] = field(default_factory=list[Value])
    votes: dict[int, list[Word]] = field(default_factory=dict[int, list[Word]])
    states: list[State] = field(default_factory=list[State])

    def receive(self, arrived: Mapping[int, bytes]) -> None:
        """Stores the nodes' updates and their digests; refuses updates of another length.

        Args:
            arrived: Updates as bytes, by node, in [0, N).
        """
        self.updates = {k: update for k, update in arrived.items() if len(update) == self.size}
        self.digests = [
            self._digest(k, self.updates[k]) if k in self.updates else None
            for k in range(self.nodes)
        ]
        self.states = [State(value) for value in self.digests]

    def says(self) -> bytes:
        """Returns the body that the member sends next: its words for all nodes, shape (N,)."""
        return messages.encode_words([state.word for state in self.states])

    def hears(self, exchange: Exchange, arrived: Mapping[int, bytes]) -> None:
        """Computes the next states from what other members sent in an exchange of the agreement.

        Args:
            exchange: The exchange, whose `hear` is the rule for the next state.
            arrived: Bodies by member, in [0, c). Whoever is missing counts as having sent None.
        """
        c, b = self.committee.members, self.committee.byzantine
        said = {who: messages.decode_words(body, self.nodes) for who, body in arrived.items()}
        said[self.index] = [state.word for state in self.states]
        nothing: list[Word] = [None] * self.nodes
        heard = [said.get(who, nothing) for who in agreement.speakers(exchange, c)]
        if exchange.hear is agreement.hear_votes:
            self.votes = dict(enumerate(heard))
        self.states = [
            exchange.hear(state, words, c, b)
            for state, words in zip(self.states, zip(*heard, strict=True), strict=True)
        ]

    def agreed(self) -> tuple[Value, ...]:
        """Returns what was agreed on for each of the N nodes: a digest, or None; shape (N,)."""
        return tuple(agreement.result(state) for state in self.states)

    def owes(self, other: int) -> dict[int, bytes]:
        """Returns the agreed updates that it holds and the other member said not to hold, by node.

        Args:
            other: Index of another member, in [0, c).
        """
        said = self.votes[other]
        return {
            k: self.updates[k]
            for k, value in enumerate(self.agreed())
            if value is not None and self.digests[k] == value and said[k] != value
        }

    def expects(self, other: int) -> bool:
        """Returns whether it lacks an agreed update that the other member said to hold.

        Args:
            other: Index of another member, in [0, c).
        """
        said = self.votes[other]
        return any(
            value is not None and self.digests[k] != value and said[k] == value
            for k, value in enumerate(self.agreed())
        )

    def fetch(self, bodies: list[bytes]) -> None:
        """Stores the updates from other members whose digests were agreed on.

        Args:
            bodies: Bodies in the form of `messages.encode_updates`, or any bytes.
        """
        agreed = self.agreed()
        for body in bodies:
            for k, update in messages.decode_updates(body, self.size).items():
                if k < self.nodes and self._digest(k, update) == agreed[k]:
                    self.updates[k] = update

    def model(self, rule: Rule, last: bytes) -> bytes | None:
        """Returns the model that the rule computes from the agreed updates, as bytes.

        Args:
            rule: The rule that all members use.
            last: The model of the last round.

        Returns:
            Numbers in single precision, shape (parameters,). It is the model of the last round if
            no update was agreed on, and None if the member lacks an agreed update, which is
            impossible as long as the promises of `round` hold.
        """
        agreed = [k for k, value in enumerate(self.agreed()) if value is not None]
        held = {k: self.updates.get(k, b"") for k in agreed}
        if any(self._digest(k, update) != self.agreed()[k] for k, update in held.items()):
            return None
        if not held:
            return last
        chosen = {k: np.frombuffer(update, NUMBER) for k, update in held.items()}
        return np.asarray(rule(chosen), NUMBER).tobytes()

    def _digest(self, node: int, update: bytes) -> bytes:
        return messages.digest(node, self.round_number, update)
