"""The members' agreement on the value of one node, as a pure state machine.

Each exchange has two functions: every member says its `word`, and makes its next state of what it
heard. Nothing is hidden, nothing is random, so that tests go through all that bad members can do.

The agreement has two parts, with c members of whom at most b are Byzantine, c >= 3b + 1:

1. Two exchanges reduce the values to a bit (Turpin and Coan). `vote`: say the value held; propose a
   value that came from c - b members or more. `second`: say the proposal; remember the value that
   was proposed most often as the candidate, and vote for it (1) if c - b members or more proposed
   it.
2. b + 1 phases of three exchanges agree on the bit (phase king). `bit`: say the bit; propose one
   that came from c - b members or more. `propose`: say the proposal; take the bit that came from
   more than b members, and be steadfast if it came from c - b or more. `king`: the leader says its
   bit, and who isn't steadfast takes it.

In the end a member has agreed on its candidate if its bit is 1, and on nothing otherwise.

Theorem. If at most b members are Byzantine and c > 3b, then all honest members end with the same
value. It is v if all of them held v, and nothing if none of them held anything. A value that is
agreed on is held by c - 2b >= b + 1 honest members at least.

Proof. (i) Two honest members never propose different values, nor different bits. Of the c - b
members behind a proposal, c - 2b are honest, and an honest member says one thing to all; two
proposals would need 2 (c - 2b) <= c - b honest members, that is c <= 3b.
(ii) If all honest members enter a phase with the same bit, c - b members say it to everyone, then
propose it, and everyone is steadfast: it stays.
(iii) In a phase with an honest king all honest members end with the same bit. If none is steadfast,
all take the king's. If one is steadfast with bit x, then x came to it from c - b members, of whom
c - 2b >= b + 1 are honest; so everyone, the king too, received x from more than b and, by (i), the
other bit from b at most. All hold x, and so does the king. One of b + 1 kings is honest; with (ii),
the bits are equal in the end.
(iv) If the bit is 1 then, by (ii), some honest member entered the first phase with a 1: it had z
proposed by c - b members, of whom c - 2b >= b + 1 are honest. By (i) every other value is proposed
to anyone by b members at most. So z is the candidate of all. One of the honest who proposed z had
it from c - b members, of whom c - 2b are honest and hold it.
(v) If all honest members hold v, all propose v, all have the candidate v and the bit 1. If none
holds anything, no value comes from more than b < c - b members; all propose nothing, no candidate
comes from more than b, and all bits are 0.

Sources:
    Turpin and Coan, Inf. Process. Lett. 18, 73 (1984), in the form of Lynch, Distributed
    Algorithms (1996), section 6.3.3; Berman, Garay and Perry, FOCS 1989, 410.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

Value = bytes | None
"""Digest of an update, or nothing."""
Word = bytes | int | None
"""What a member says in an exchange: a value in the first two, a bit or `UNDECIDED` in the others.
Nothing stands for a message that is missing or makes no sense as well."""

UNDECIDED = 2
"""Said instead of a bit."""
BITS = (0, 1)


class State(NamedTuple):
    """What a member knows of one node between two exchanges."""

    word: Word
    """What it says next."""
    candidate: Value = None
    """What it has agreed on if the bit turns out to be 1."""
    steadfast: bool = False
    """Whether it keeps its bit, whatever the king says."""


Hear = Callable[[State, Sequence[Word], int, int], State]


class Exchange(NamedTuple):
    """A time in which members say one thing to all others."""

    name: str
    hear: Hear
    king: int | None = None
    """The only member that speaks, if it isn't all of them."""


def hear_votes(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `vote`: its word is the proposal.

    Args:
        state: The member's own.
        heard: What each of the c members said, its own word included.
        members: Number c.
        byzantine: Number b of members to withstand.

    Example:
        >>> hear_votes(State(b"x"), [b"x", b"x", b"x", None], members=4, byzantine=1).word
        b'x'
    """
    del state
    value, count = _favourite(heard)
    return State(value if count >= members - byzantine else None)


def hear_proposals(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `second`: a candidate, and as its word the bit that votes for it.

    Ties go to the lowest digest. Arguments as of `hear_votes`.

    Example:
        >>> hear_proposals(State(None), [b"x", b"x", None, None], members=4, byzantine=1)
        State(word=0, candidate=b'x', steadfast=False)
    """
    del state
    value, count = _favourite(heard)
    return State(int(count >= members - byzantine), candidate=value)


def hear_bits(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `bit`: its word is the proposed bit, or `UNDECIDED`.

    Arguments as of `hear_votes`.

    Example:
        >>> hear_bits(State(0), [0, 1, 1, 1], members=4, byzantine=1).word
        1
    """
    backed = [bit for bit in BITS if heard.count(bit) >= members - byzantine]
    return state._replace(word=backed[0] if backed else UNDECIDED)


def hear_proposed_bits(state: State, heard: Sequence[Word], members: int, byzantine: int) -> State:
    """Returns the state after `propose`: a bit or `UNDECIDED`, and whether it is steadfast.

    Arguments as of `hear_votes`.

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
    """Returns the state after `king`: the member's own bit if steadfast, or else the king's.

    A king that is silent, undecided or makes no sense stands for 0: nothing is agreed on.

    Args:
        state: The member's own.
        heard: What the king said, as the only word.
        members: Not used.
        byzantine: Not used.

    Example:
        >>> hear_king(State(2), [1], members=4, byzantine=1).word
        1
    """
    del members, byzantine
    if state.steadfast:
        return state._replace(steadfast=False)
    return state._replace(word=1 if heard[0] == 1 else 0)


def schedule(members: int, byzantine: int, round_number: int) -> list[Exchange]:
    """Returns the exchanges of an agreement in order: 2 + 3 (b + 1) of them.

    The leader rotates: member (r + p) mod c is the king of phase p in round r.

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
    """Returns the members that speak in an exchange: all, or the king alone."""
    return range(members) if exchange.king is None else range(exchange.king, exchange.king + 1)


def result(state: State) -> Value:
    """Returns what a member has agreed on after the last exchange."""
    return state.candidate if state.word == 1 else None


def _favourite(heard: Sequence[Word]) -> tuple[Value, int]:
    # The value said most often, the lowest of several, and how often it was said.
    values = sorted({word for word in heard if isinstance(word, bytes)})
    best = max(values, key=heard.count, default=None)
    return best, heard.count(best) if best is not None else 0
