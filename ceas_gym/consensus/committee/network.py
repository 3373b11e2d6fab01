"""The network of a round: delivers messages, after Byzantine parties have read and added some.

Time is synchronous. All parties share a clock. Exchange k of a round (k = 1, 2, ...) ends at the
latest at the k-th deadline, which is k time-outs after the start of the round. A message of an
honest party always arrives by then. For a member that has received all messages that it waits for,
the exchange ends earlier. A party whose message is missing at a deadline must be Byzantine, so the
member neither waits for it nor accepts messages from it for the rest of the round.

Deadlines are fixed times. If they were counted from the moment at which a member is ready, then a
Byzantine member could keep one honest member waiting, and so make it late for the others.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ceas_gym.consensus.committee import messages
from ceas_gym.consensus.committee.authentication import TaggedMessage
from ceas_gym.consensus.committee.keys import KeyStore, Slot

Pair = tuple[int, int]
"""Sender and receiver."""
Bodies = dict[Pair, bytes]
"""Bodies of messages by sender and receiver."""


class Envelope(NamedTuple):
    """A tagged message in transit."""

    receiver: int
    content: TaggedMessage
    late: bool = False
    """Whether it arrives after the deadline of its exchange, so that it is ignored."""


Sign = Callable[[int, bytes], bytes | None]
"""Returns the signature of a member on some content, or None if the member cannot sign."""


def no_signature(signer: int, content: bytes) -> None:
    """Returns None: the `Sign` of a protocol without signatures."""
    del signer, content


@dataclass(frozen=True)
class Scene:
    """What Byzantine parties know when they act: they see all messages of an exchange first.

    Attributes:
        name: Name of the exchange.
        number: Position of the exchange in the round, from 0.
        round_number: Index of the round.
        members: Number c of members; the parties from c on are nodes.
        bad: The Byzantine parties.
        own: The bodies that the protocol asks them to send, by sender and receiver.
        honest: Messages of honest parties in this exchange. They cannot be stopped.
        past: All messages of earlier exchanges, of this round and of earlier ones.
        tag_bits: Length t of a tag in bits.
        random: Random numbers for the Byzantine parties.
        slots: Key for the messages that Byzantine parties are due to send, by sender and receiver.
        sign: Signs in the name of a Byzantine member, in a protocol with signatures.
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
        """Returns a message of a Byzantine party, with a valid tag made with its own key.

        Args:
            sender: Index of the Byzantine party, in [0, c + N).
            receiver: Index of the receiver, in [0, c + N).
            body: Fewer than 2^24 bytes.

        Raises:
            KeyError: If no message from this sender to this receiver is due, or key is short.
        """
        message = messages.encode(self.number, sender, self.round_number, body)
        return _envelope(receiver, message, self.slots[sender, receiver])

    def obey(self) -> list[Envelope]:
        """Returns the messages that the protocol asks the Byzantine parties to send."""
        return [self.write(*pair, body) for pair, body in self.own.items()]


Behaviour = Callable[[Scene], Sequence[Envelope]]
"""Returns what Byzantine parties send in an exchange: messages in the name of any party. Only those
with a valid tag are accepted."""


@dataclass
class Post:
    """Delivers the messages of a round, and counts what they cost.

    Attributes:
        keys: Key of all links. Messages use it up.
        members: Number c of members; the parties from c on are nodes.
        round_number: Index of the round, in [0, 2^24).
        bad: The Byzantine parties.
        behaviour: What the Byzantine parties send.
        random: Random numbers for the Byzantine parties.
        past: Messages of earlier exchanges and rounds.
        number: Number of exchanges so far.
        sent: Number of messages sent, those of Byzantine parties included.
        node_tags: Number of pads that links of a node and a member used up for tags.
        member_tags: Number of pads that links of two members used up for tags.
        waited: Position and name of each exchange in which an honest member waited until the
            deadline.
        absent: By member, the parties of which it missed a message at a deadline.
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

    def exchange(
        self, name: str, due: Bodies, waits: bool = False, mute: Collection[int] = ()
    ) -> Bodies:
        """Returns the bodies that arrive with a valid tag, by sender and receiver in [0, c + N).

        Both ends of a link know which messages are due, and use up one pad for each, whether or not
        the message arrives. So no pad is left for a later forgery, and both ends have used the same
        bits. A link that is short of key carries no message. If several messages with a valid tag
        arrive from one sender at one receiver, the first is accepted.

        Args:
            name: Name of the exchange.
            due: Bodies that the protocol asks each sender to send to each receiver, of fewer than
                2^24 bytes each.
            waits: Whether members wait until the deadline for messages that are missing.
            mute: Honest parties that cannot send what is due. Their messages use up key all the
                same, because the receivers do not know.
        """
        slots = self._slots(due)
        honest = [
            _envelope(pair[1], self._encode(pair[0], due[pair]), slot)
            for pair, slot in slots.items()
            if pair[0] not in self.bad and pair[0] not in mute
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
        # Both ends of a link draw in sorted order, so that they use the same pad for a message.
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
        # Members wait for due messages only. A message that cannot be sent for lack of key is not
        # due, so that no honest party is found missing.
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
