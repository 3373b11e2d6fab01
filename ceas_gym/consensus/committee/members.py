"""An honest member in a round: what it holds, what it says, and what it makes of what it hears."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from ceas_gym.consensus.committee import agreement, messages
from ceas_gym.consensus.committee.agreement import Exchange, State, Value, Word
from ceas_gym.consensus.committee.settings import Committee

WORD = np.dtype("<f4")
Model = Float[np.ndarray, " parameters"]
Rule = Callable[[dict[int, Model]], Model]
"""Makes one update of the agreed ones, which are given by node. Equal sets must give equal results,
bit for bit; it is not asked about an empty set."""


@dataclass
class Member:
    """One member's part in a round.

    Attributes:
        index: Which member it is.
        committee: The committee.
        nodes: Number of nodes.
        size: Bytes of an update.
        round_number: Index of the round.
        updates: Updates that it holds, by node.
        digests: Their digests, or nothing, for all nodes, before anything was fetched.
        votes: What each member said in the vote, as this one heard it.
        states: Of the agreement on each node's value.
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
        """Takes in the nodes' updates, by node; those of another length are refused."""
        self.updates = {k: update for k, update in arrived.items() if len(update) == self.size}
        self.digests = [
            self._digest(k, self.updates[k]) if k in self.updates else None
            for k in range(self.nodes)
        ]
        self.states = [State(value) for value in self.digests]

    def says(self) -> bytes:
        """Returns what the member says in the next exchange of the agreement, of all nodes."""
        return messages.encode_words([state.word for state in self.states])

    def hears(self, exchange: Exchange, arrived: Mapping[int, bytes]) -> None:
        """Takes in what others say in an exchange of the agreement, by member."""
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
        """Returns what was agreed on: a digest, or nothing, for each node."""
        return tuple(agreement.result(state) for state in self.states)

    def owes(self, other: int) -> dict[int, bytes]:
        """Returns the agreed updates that it holds and another said not to hold, by node."""
        said = self.votes[other]
        return {
            k: self.updates[k]
            for k, value in enumerate(self.agreed())
            if value is not None and self.digests[k] == value and said[k] != value
        }

    def expects(self, other: int) -> bool:
        """Returns whether it lacks an agreed update that another said to hold."""
        said = self.votes[other]
        return any(
            value is not None and self.digests[k] != value and said[k] == value
            for k, value in enumerate(self.agreed())
        )

    def fetch(self, bodies: list[bytes]) -> None:
        """Takes in agreed updates from other members: those with the agreed digest."""
        agreed = self.agreed()
        for body in bodies:
            for k, update in messages.decode_updates(body, self.size).items():
                if k < self.nodes and self._digest(k, update) == agreed[k]:
                    self.updates[k] = update

    def model(self, rule: Rule) -> bytes | None:
        """Returns what the rule makes of the agreed updates, in 32-bit words.

        It is empty if none was agreed on; and there is none if the member never got an agreed
        update, which takes more than b bad ones.
        """
        agreed = [k for k, value in enumerate(self.agreed()) if value is not None]
        held = {k: self.updates.get(k, b"") for k in agreed}
        if any(self._digest(k, update) != self.agreed()[k] for k, update in held.items()):
            return None
        if not held:
            return b""
        chosen = {k: np.frombuffer(update, WORD) for k, update in held.items()}
        return np.asarray(rule(chosen), WORD).tobytes()

    def _digest(self, node: int, update: bytes) -> bytes:
        return messages.digest(node, self.round_number, update)
