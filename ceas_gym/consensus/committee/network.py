"""The network of a round: it carries messages, and bad parties read and write before all others.

Time is synchronous. All parties share a clock, and exchange k of a round ends at the k-th deadline
at the latest: the round's start and k time-outs. A message of an honest party is there by then. An
exchange ends earlier for whoever has heard from all that it awaits. A member that was missing at a
deadline is bad, so it is neither awaited nor listened to for the rest of the round. Deadlines are
fixed times, and not counted from when a member is ready: otherwise a bad member that keeps one
honest member waiting would make that one late for the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ceas_gym.consensus.committee import messages
from ceas_gym.consensus.committee.authentication import TaggedMessage
from ceas_gym.consensus.committee.keys import KeyStore, Slot

Pair = tuple[int, int]
"""Sender and receiver."""
Bodies = dict[Pair, bytes]


class Envelope(NamedTuple):
    """A tagged message on its way."""

    receiver: int
    content: TaggedMessage
    late: bool = False
    """Whether it arrives after the exchange has ended."""


Sign = Callable[[int, bytes], bytes | None]
"""Returns the signature of a member under some content, or none if it has none to give."""


def no_signature(signer: int, content: bytes) -> None:
    """Signs nothing."""
    del signer, content


@dataclass(frozen=True)
class Scene:
    """What bad parties know when they act: they see the messages of an exchange before all others.

    Attributes:
        name: The exchange.
        number: Its position in the round.
        round_number: Index of the round.
        members: Number c; the parties from c on are nodes.
        bad: The bad parties.
        own: What the protocol has them say, by sender and receiver.
        honest: Messages of honest parties on their way. They cannot be stopped.
        past: All messages of the exchanges before, in this round and earlier ones.
        tag_bits: Length of a tag.
        random: Their luck.
        slots: Key of the links that bad senders have.
        sign: Signs in the name of a bad member, in a protocol with signatures.
    """

    name: str
    number: int
    round_number: int
    members: int
    bad: frozenset[int]
    own: Bodies
    honest: tuple[Envelope, ...]
    past: tuple[Envelope, ...]
    tag_bits: int
    random: np.random.Generator
    slots: Mapping[Pair, Slot]
    sign: Sign

    def write(self, sender: int, receiver: int, body: bytes) -> Envelope:
        """Returns a message of a bad party, with a true tag by its own key."""
        message = messages.encode(self.number, sender, self.round_number, body)
        return _envelope(receiver, message, self.slots[sender, receiver])

    def obey(self) -> list[Envelope]:
        """Returns the messages that the protocol has the bad parties write."""
        return [self.write(*pair, body) for pair, body in self.own.items()]


Behaviour = Callable[[Scene], Sequence[Envelope]]
"""What bad parties send in an exchange: messages in any name, of which those with a true tag count.
"""


@dataclass
class Post:
    """Carries the messages of a round, and keeps count of what they cost.

    Attributes:
        keys: Key of all links, which is used up.
        members: Number c of members; the parties from c on are nodes.
        round_number: Index of the round.
        bad: The bad parties.
        behaviour: What they do.
        random: Their luck.
        past: Messages of earlier exchanges and rounds.
        number: Exchanges so far.
        sent: Messages that were sent, those of bad parties included.
        node_tags: Pads that links of a node and a member gave up.
        member_tags: Those of two members.
        waited: Positions and names of the exchanges in which an honest member waited until the
            deadline.
        absent: Members that each member has found missing.
        sign: Makes the members' signatures, in a protocol with signatures.
    """

    keys: KeyStore
    members: int
    round_number: int
    bad: frozenset[int]
    behaviour: Behaviour
    random: np.random.Generator
    past: list[Envelope] = field(default_factory=list[Envelope])
    number: int = 0
    sent: int = 0
    node_tags: int = 0
    member_tags: int = 0
    waited: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])
    absent: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    sign: Sign = no_signature

    def exchange(self, name: str, due: Bodies, waits: bool = False) -> Bodies:
        """Returns what arrives with a true tag, by sender and receiver.

        Both ends of a link know which messages are due, and give up a pad for each, whether or not
        it arrives: so no pad is left for a later forgery, and the ends stay in step. Where they are
        short of key, nothing is sent. Of several messages with a true tag the first counts.

        Args:
            name: Of the exchange.
            due: What the protocol has each sender say to each receiver.
            waits: Whether members wait for what is due to them.
        """
        slots = self._slots(due)
        honest = [
            _envelope(pair[1], self._encode(pair[0], due[pair]), slot)
            for pair, slot in slots.items()
            if pair[0] not in self.bad
        ]
        injected = list(self.behaviour(self._scene(name, due, slots, honest)))
        arrived = self._open([one for one in (*injected, *honest) if not one.late], slots)
        self.past += [*honest, *injected]
        self.sent += len(honest) + len(injected)
        if waits:
            arrived = self._wait(name, slots, arrived)
        self.number += 1
        return arrived

    def _slots(self, due: Iterable[Pair]) -> dict[Pair, Slot]:
        # Both ends draw in the same order, so that they have the same pad for the same message.
        slots: dict[Pair, Slot] = {}
        for pair in sorted(due):
            if self.keys.affords(*pair):
                slots[pair] = self.keys.slot(*pair)
                among_members = max(pair) < self.members
                self.member_tags += among_members
                self.node_tags += not among_members
        return slots

    def _encode(self, sender: int, body: bytes) -> bytes:
        return messages.encode(self.number, sender, self.round_number, body)

    def _scene(
        self, name: str, due: Bodies, slots: dict[Pair, Slot], honest: list[Envelope]
    ) -> Scene:
        mine = {pair: slot for pair, slot in slots.items() if pair[0] in self.bad}
        return Scene(
            name=name,
            number=self.number,
            round_number=self.round_number,
            members=self.members,
            bad=self.bad,
            own={pair: due[pair] for pair in mine},
            honest=tuple(honest),
            past=tuple(self.past),
            tag_bits=self.keys.bits,
            random=self.random,
            slots=mine,
            sign=self.sign,
        )

    def _open(self, arrived: Iterable[Envelope], slots: Mapping[Pair, Slot]) -> Bodies:
        accepted: Bodies = {}
        for envelope in arrived:
            message, claimed = envelope.content
            pair = messages.sender_of(message), envelope.receiver
            body = messages.body_of(message, self.number, self.round_number)
            if body is None or pair not in slots or pair in accepted:
                continue
            if slots[pair].tag(message) == claimed:
                accepted[pair] = body
        return accepted

    def _wait(self, name: str, slots: Iterable[Pair], arrived: Bodies) -> Bodies:
        # A member ends up with the messages of those that never kept it waiting.
        missing = [
            (sender, member)
            for sender, member in slots
            if member not in self.bad
            and (sender, member) not in arrived
            and sender not in self.absent.get(member, ())
        ]
        for sender, member in missing:
            self.absent.setdefault(member, set()).add(sender)
        if missing:
            self.waited.append((self.number, name))
        return {
            (sender, receiver): body
            for (sender, receiver), body in arrived.items()
            if sender not in self.absent.get(receiver, ())
        }


def _envelope(receiver: int, message: bytes, slot: Slot) -> Envelope:
    return Envelope(receiver, TaggedMessage(message, slot.tag(message)))
