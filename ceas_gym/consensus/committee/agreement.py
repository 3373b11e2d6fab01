"""The members' agreement on the value of one node, as a state machine without side effects.

In each exchange every member sends its `word`, and computes its next state from the words that it
receives. No state is hidden and nothing is random, so that tests can try everything that Byzantine
members can do.

The agreement has two parts, with c members of whom at most b are Byzantine, c >= 3b + 1:

1. Two exchanges reduce the values to one bit (Turpin and Coan). `vote`: each member sends the value
   that it holds, and proposes a value that it receives from at least c - b members. `second`: each
   sends its proposal. Its candidate is the value that was proposed most often. Its bit is 1 if at
   least c - b members proposed the candidate, or else 0.
2. b + 1 phases of three exchanges agree on the bit (phase king). `bit`: each member sends its bit,
   and proposes a bit that it receives from at least c - b members. `propose`: each sends its
   proposal, and takes the bit that more than b members proposed. It is steadfast if at least c - b
   proposed it. `king`: one member, the king of the phase, sends its bit, and whoever is not
   steadfast takes that bit.

At the end a member has agreed on its candidate if its bit is 1, and on nothing (None) otherwise.

Theorem. If at most b members are Byzantine and c > 3b, then all honest members agree on the same
value. It is v if all of them held v, and nothing if none of them held a value. A value that is
agreed on is held by at least c - 2b >= b + 1 honest members.

Proof. Let f <= b be the number of Byzantine members. Of any c - b members, at least
c - b - f >= c - 2b >= b + 1 are honest.
(i) Two honest members never propose different values, nor different bits. At least c - b - f honest
members sent the value, and an honest member sends the same word to all. Two different proposals
would need 2 (c - b - f) honest members, but there are c - f. So c <= 2b + f <= 3b, which is false.
(ii) If all honest members enter a phase with the same bit, it stays. At least c - b members send
it to everyone, then all honest members propose it, and all of them are steadfast.
(iii) In a phase with an honest king all honest members end with the same bit. If none is steadfast,
all take the king's bit. If one is steadfast with bit x, then it received x from c - b members, of
whom at least b + 1 are honest. So every honest member, the king included, received x from more than
b members and, by (i), the other bit from at most b. All of them take x, so the king sends x. One of
the b + 1 kings is honest; with (ii), the bits are equal at the end.
(iv) If the bit is 1 at the end then, by (ii), some honest member entered the first phase with 1. It
received a proposal z from c - b members, of whom at least b + 1 are honest; these proposed z to
everyone. By (i) no honest member proposes another value, so every other value is proposed by at
most b members. So z is the candidate of all honest members. An honest member that proposed z
received it from c - b members, of whom at least c - 2b are honest and hold it.
(v) If all honest members hold v, all propose v, and all have the candidate v and the bit 1. If none
holds a value, every value comes from at most b < c - b members, so no honest member proposes a
value. Then every candidate comes from at most b members, and all bits are 0.

Sources:
    Turpin and Coan, Inf. Process. Lett. 18, 73 (1984), in the form of Lynch, Distributed
    Algorithms (1996), section 6.3.3; Berman, Garay and Perry, FOCS 1989, 410.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

Value = bytes | None
"""Digest of an update, or None."""
Word = bytes | int | None
"""What a member sends in an exchange: a value in the first two, a bit or `UNDECIDED` in the others.
None also stands for a message that is missing or cannot be decoded."""

UNDECIDED = 2
"""Sent instead of a bit."""
BITS = (0, 1)


class State(NamedTuple):
    """What a member knows about one node between two exchanges."""

    word: Word
    """What it sends next."""
    candidate: Value = None
    """The value that it has agreed on if its bit is 1 at the end."""
    steadfast: bool = False
    """Whether it keeps its bit, whatever the king sends."""


Hear = Callable[[State, Sequence[Word], int, int], State]
"""Returns the next state, given the present one, the words received, and the numbers c and b."""


class Exchange(NamedTuple):
    """A step of the agreement, in which each speaker sends one word to all other members."""

    name: str
    hear: Hear
    king: int | None = None
    """The only member that sends, in [0, c); None if all of them do."""


def hear_votes(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `vote`: its word is the proposal, or None.

    Args:
        state: The member's own state; not used.
        heard: The c words, one from each member, its own included; shape (c,).
        members: Number c of members; at least 3 b + 1.
        byzantine: Number b of Byzantine members to withstand; at least 0.

    Source:
        Turpin and Coan, Inf. Process. Lett. 18, 73 (1984).

    Example:
        >>> hear_votes(State(b"x"), [b"x", b"x", b"x", None], members=4, byzantine=1).word
        b'x'
    """
    del state
    value, count = _favourite(heard)
    return State(value if count >= members - byzantine else None)


def hear_proposals(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `second`: the candidate, and its word is the bit.

    The candidate is the value proposed most often; of several, the lowest digest.

    Args:
        state: The member's own state; not used.
        heard: The proposals, one from each member, its own included; shape (c,).
        members: Number c of members; at least 3 b + 1.
        byzantine: Number b of Byzantine members to withstand; at least 0.

    Source:
        Turpin and Coan, Inf. Process. Lett. 18, 73 (1984).

    Example:
        >>> hear_proposals(State(None), [b"x", b"x", None, None], members=4, byzantine=1)
        State(word=0, candidate=b'x', steadfast=False)
    """
    del state
    value, count = _favourite(heard)
    return State(int(count >= members - byzantine), candidate=value)


def hear_bits(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `bit`: its word is the proposed bit, or `UNDECIDED`.

    Args:
        state: The member's own state; its candidate is kept.
        heard: The bits, one from each member, its own included; shape (c,).
        members: Number c of members; at least 3 b + 1.
        byzantine: Number b of Byzantine members to withstand; at least 0.

    Source:
        Berman, Garay and Perry, FOCS 1989, 410.

    Example:
        >>> hear_bits(State(0), [0, 1, 1, 1], members=4, byzantine=1).word
        1
    """
    backed = [bit for bit in BITS if heard.count(bit) >= members - byzantine]
    return state._replace(word=backed[0] if backed else UNDECIDED)


def hear_proposed_bits(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `propose`: a bit or `UNDECIDED`, and whether the member is steadfast.

    Args:
        state: The member's own state; its candidate is kept.
        heard: The proposed bits, one from each member, its own included; shape (c,).
        members: Number c of members; at least 3 b + 1.
        byzantine: Number b of Byzantine members to withstand; at least 0.

    Source:
        Berman, Garay and Perry, FOCS 1989, 410.

    Example:
        >>> hear_proposed_bits(State(2), [2, 1, 1, 2], members=4, byzantine=1)
        State(word=1, candidate=None, steadfast=False)
    """
    backed = [bit for bit in BITS if heard.count(bit) > byzantine]
    if not backed:
        return state._replace(word=UNDECIDED, steadfast=False)
    firm = heard.count(backed[0]) >= members - byzantine
    return state._replace(word=backed[0], steadfast=firm)


def hear_king(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `king`: the member's own bit if it is steadfast, or else the king's.

    If the king sends anything but a bit, or nothing, the member takes the bit 0.

    Args:
        state: The member's own state.
        heard: The king's word only; shape (1,).
        members: Not used.
        byzantine: Not used.

    Source:
        Berman, Garay and Perry, FOCS 1989, 410.

    Example:
        >>> hear_king(State(2), [1], members=4, byzantine=1).word
        1
    """
    del members, byzantine
    if state.steadfast:
        return state._replace(steadfast=False)
    return state._replace(word=1 if heard[0] == 1 else 0)


def schedule(members: int, byzantine: int, round_number: int) -> list[Exchange]:
    """Returns the 2 + 3 (b + 1) exchanges of an agreement, in order.

    The king rotates: in round r the king of phase p, in [0, b], is member (r + p) mod c.

    Args:
        members: Number c of members; at least 3 b + 1.
        byzantine: Number b of Byzantine members to withstand; at least 0.
        round_number: Index r of the round; at least 0.

    Source:
        Turpin and Coan, Inf. Process. Lett. 18, 73 (1984); Berman, Garay and Perry, FOCS 1989, 410.

    Example:
        >>> [one.name for one in schedule(members=4, byzantine=1, round_number=0)]
        ['vote', 'second', 'bit', 'propose', 'king', 'bit', 'propose', 'king']
    """
    exchanges = [Exchange("vote", hear_votes), Exchange("second", hear_proposals)]
    for phase in range(byzantine + 1):
        king = (round_number + phase) % members
        exchanges += [
            Exchange("bit", hear_bits),
            Exchange("propose", hear_proposed_bits),
            Exchange("king", hear_king, king),
        ]
    return exchanges


def speakers(exchange: Exchange, members: int) -> range:
    """Returns the members that send in an exchange, in [0, c): all of them, or the king alone."""
    return range(members) if exchange.king is None else range(exchange.king, exchange.king + 1)


def result(state: State) -> Value:
    """Returns the digest that a member has agreed on after the last exchange, or None.

    Example:
        >>> result(State(1, candidate=b"x")), result(State(0, candidate=b"x"))
        (b'x', None)
    """
    return state.candidate if state.word == 1 else None


def _favourite(heard: Sequence[Word]) -> tuple[Value, int]:
    # The most frequent value and its count. Ties go to the lowest value, so that all members who
    # received the same words choose the same one.
    values = sorted({word for word in heard if isinstance(word, bytes)})
    best = max(values, key=heard.count, default=None)
    return best, heard.count(best) if best is not None else 0
