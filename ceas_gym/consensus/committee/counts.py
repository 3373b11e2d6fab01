"""How many tags a round of the committee takes, how many bits of key, and how long it can last.

With c members of whom b may be Byzantine, N nodes that take part, tags of t bits and no signatures,
a round takes

- `instructions`: one tag for each node and member, c N;
- `update`: the same, c N;
- `vote` and `second`: one for each ordered pair of members, c (c - 1) each;
- `bit` and `propose`: the same, in each of b + 1 phases;
- `king`: c - 1 in each phase;
- `fetch`: one for each ordered pair of members of which the first said that it holds an agreed
  update and the second said that it does not, F in all and at most c (c - 1). F is 0 if all members
  received the same updates and all say so.

So the nodes' links take 2 c N tags, 2 c for each node, and the members' links take

    (c - 1) [2 c + (b + 1) (2 c + 1)] + F,

whatever the number of nodes, because one message covers all nodes. Every tag takes t bits of the
key of one link. The hash key of a link, t bits once, is not counted. Byzantine parties can change F
only, because each link uses up one pad for each message that is due, and none for other messages.

With signatures (`one_time_hash`) there are b + 1 exchanges among all members. Their links take

    (b + 1) c (c - 1) + F tags, and 3 t (c - 1) bits for each signature.

There are c signatures if b = 0. Otherwise there are c + c (c - 1) = c^2 if nobody signs two vectors
of its own: each member signs its own vector, and that of each other member once. A Byzantine member
can make every honest one sign a second vector, b (c - b) more in all; honest members sign nothing
else. A Byzantine member itself makes at most 2 c signatures.

The counts follow from the protocol, and tests compare them with executed rounds.
"""

from collections.abc import Collection
from typing import NamedTuple

from ceas_gym.consensus.committee import agreement
from ceas_gym.consensus.committee.messages import (
    COUNT_BYTES,
    DIGEST_BYTES,
    HEADER_BYTES,
    LENGTH_BYTES,
    NUMBER,
    PARTY_BYTES,
)
from ceas_gym.consensus.committee.settings import Committee

SHARES = 3
"""Strings of t bits of key that a signature takes on the link to each verifier."""
BEFORE, AFTER = 2, 1
"""Exchanges before the agreement, `instructions` and `update`, and after it, `fetch`."""


class Cost(NamedTuple):
    """What a round takes; every number is at least 0.

    Attributes:
        node_tags: Tags on links of a node and a member.
        member_tags: Tags on links of two members.
        exchanges: Number of exchanges, from `instructions` to `fetch`.
        signatures: Signatures that members make.
        key_bits: Bits of key that all links use up. Both ends of a link use up the same bits, which
            count once.
    """

    node_tags: int
    member_tags: int
    exchanges: int
    signatures: int
    key_bits: int


def of_round(committee: Committee, nodes: int, fetches: int = 0) -> Cost:
    """Returns the cost of a round in which no member is short of key and none signs twice.

    Args:
        committee: Settings of the committee.
        nodes: Number N of nodes that take part; at least 0.
        fetches: Number F of messages by which members get updates that they lack, in
            [0, c (c - 1)].

    Returns:
        Numbers of tags, exchanges and signatures, and the key used up in bits.

    Example:
        >>> of_round(Committee(members=4, byzantine=1, tag_bits=68), nodes=50)
        Cost(node_tags=400, member_tags=78, exchanges=11, signatures=0, key_bits=32504)
    """
    c, b = committee.members, committee.byzantine
    signed = committee.signatures != "none"
    signatures = (c * c if b else c) * signed
    among = signed_tags(c, b) if signed else agreement_tags(c, b)
    between = 2 * c * nodes
    bits = committee.tag_bits * (between + among + fetches + SHARES * (c - 1) * signatures)
    exchanges = BEFORE + agreement_exchanges(committee) + AFTER
    return Cost(between, among + fetches, exchanges, signatures, bits)


def agreement_exchanges(committee: Committee) -> int:
    """Returns the number of exchanges of the agreement: 2 + 3 (b + 1), or b + 1 with signatures.

    Args:
        committee: Settings, with b in [0, (c - 1) / 3], or in [0, (c - 1) / 2] with signatures.

    Source:
        Without signatures: Turpin and Coan, Inf. Process. Lett. 18, 73 (1984), and Berman, Garay
        and Perry, FOCS 1989, 410. With them: Dolev and Strong, SIAM J. Comput. 12, 656 (1983).
    """
    phases = committee.byzantine + 1
    return 2 + 3 * phases if committee.signatures == "none" else phases


def exchanges_among_members(committee: Committee) -> int:
    """Returns the number of exchanges of a round in which members send to members.

    These are the agreement and `fetch`. A single member has nobody to send to.

    Args:
        committee: Settings, as for `agreement_exchanges`.

    Example:
        >>> exchanges_among_members(Committee(members=4, byzantine=1))
        9
    """
    return agreement_exchanges(committee) + AFTER if committee.members > 1 else 0


def agreement_tags(members: int, byzantine: int) -> int:
    """Returns the number of tags of an agreement without signatures.

    It is (c - 1) [2 c + (b + 1) (2 c + 1)].

    Args:
        members: Number c of members; at least 1.
        byzantine: Number b of Byzantine members to withstand, in [0, (c - 1) / 3].

    Example:
        >>> [agreement_tags(3 * b + 1, b) for b in range(3)]
        [0, 78, 354]
    """
    return (members - 1) * (2 * members + (byzantine + 1) * (2 * members + 1))


def signed_tags(members: int, byzantine: int) -> int:
    """Returns the number of tags of an agreement with signatures: (b + 1) c (c - 1).

    Args:
        members: Number c of members; at least 1.
        byzantine: Number b of Byzantine members to withstand, in [0, (c - 1) / 2].

    Example:
        >>> [signed_tags(2 * b + 1, b) for b in range(3)]
        [0, 12, 60]
    """
    return (byzantine + 1) * members * (members - 1)


def most_on_link(committee: Committee) -> int:
    """Returns how many pads the link of two members needs at most in a round.

    The result times `committee.tag_bits` is the key needed, in bits, without the hash key.

    Without signatures each end sends 2 + 2 (b + 1) messages and one fetch. Each phase of which one
    of the two is king takes one pad more. There are at most two such phases, because no member is
    king twice, and one if there is only one phase. With signatures each end sends b + 1 messages
    and one fetch. It may also sign 2 c vectors, two of each member, at three pads a signature.

    Example:
        >>> most_on_link(Committee(members=4, byzantine=1))
        16
    """
    c, phases = committee.members, committee.byzantine + 1
    if committee.signatures != "none":
        return 2 * (phases + 1 + SHARES * 2 * c)
    return 2 * (2 + 2 * phases + 1) + min(phases, 2)


def most_fetches(committee: Committee) -> int:
    """Returns how many `fetch` messages b Byzantine members can cause if all nodes are honest.

    It is b (c - b). Honest nodes send their updates to all members. So no honest member lacks one,
    and each says so to all others. An honest member owes a message to each member that claimed to
    lack an agreed update: to the b Byzantine members at most. A message of a Byzantine member is
    due only if the receiver lacks an update, so none is. A member that keeps silent in the vote
    causes c - b messages. Fewer Byzantine members cause fewer messages, as b < c / 2.

    Example:
        >>> [most_fetches(Committee(members=3 * b + 1, byzantine=b)) for b in range(4)]
        [0, 3, 10, 21]
    """
    return committee.byzantine * (committee.members - committee.byzantine)


def leader_delay(committee: Committee, bad: Collection[int], round_number: int) -> int:
    """Returns by how many time-outs members that keep silent only as kings prolong a round.

    It is the position, from 1, of the last exchange in which one of them is king, because deadlines
    are fixed times. No member is king twice in a round. So a member that sends everything else has
    not missed a deadline before, and every honest member waits for it.

    Args:
        committee: Settings of the committee.
        bad: Members that keep silent as kings, in [0, c).
        round_number: Index of the round; at least 0. It decides which members are kings.

    Returns:
        Time-outs from the start of the first exchange, as in `Outcome.deadline`; 0 if none of them
        is king, no member is honest, or there are no kings because members have signatures.

    Example:
        >>> four = Committee(members=4, byzantine=1)
        >>> [leader_delay(four, bad=[0], round_number=number) for number in range(4)]
        [7, 0, 0, 10]
    """
    c = committee.members
    if committee.signatures != "none" or set(range(c)) <= set(bad):
        return 0
    exchanges = agreement.schedule(c, committee.byzantine, round_number)
    positions = enumerate(exchanges, start=BEFORE + 1)
    return max((position for position, one in positions if one.king in bad), default=0)


def spread(committee: Committee) -> tuple[int, ...]:
    """Returns b Byzantine members spread evenly over the order of kings: floor(i c / b), i < b.

    If they keep silent as kings, no other b members delay more of c successive rounds, or delay
    them by more time-outs in all. Proof: let g be the number of places from a Byzantine member to
    the next one. The member is the last Byzantine king of min(g, b + 1) of the rounds. It delays
    one of them by 7 + 3 b time-outs, and each further one by 3 less. So the number of these rounds
    and the sum of their delays are concave functions of g. The numbers g of all Byzantine members
    add up to c, so the totals are largest if no two g differ by more than 1, as here.

    Returns:
        Indices of members in ascending order, in [0, c); none if b = 0.

    Example:
        >>> [spread(Committee(members=3 * b + 1, byzantine=b)) for b in range(4)]
        [(), (0,), (0, 3), (0, 3, 6)]
    """
    c, b = committee.members, committee.byzantine
    return tuple(place * c // b for place in range(b))


def longest_message_bits(
    committee: Committee, nodes: int, parameters: int, pairs_per_node: int
) -> int:
    """Returns an upper bound on the length of any message that an honest party sends, in bits.

    After a header of 72 bits, the longest body is one of these: `instructions`, with 32 bits for
    each parameter and two for each Bell measurement, in whole bytes; a vote, with 264 bits for each
    node; or a `fetch` of all updates, with 16 + 32 P bits for each node. No `update` is longer than
    `instructions`. With signatures, vectors are as long as votes. In one exchange an honest member
    passes on at most two vectors of each Byzantine member and one of each other honest one. These
    are c - 1 + b vectors, with at most b + 1 signatures each. A single member sends no words and no
    `fetch`.

    Args:
        committee: Settings of the committee.
        nodes: Number N of nodes that take part; at least 0.
        parameters: Number P of parameters of the model; at least 0.
        pairs_per_node: Most Bell measurements whose outcomes a member sends to a node in a round;
            at least 0.

    Example:
        >>> four = Committee(members=4, byzantine=1)
        >>> [longest_message_bits(four, 50, parameters, 512) for parameters in (2, 65)]
        [13272, 104872]
    """
    update, vote = NUMBER.itemsize * parameters, nodes * (1 + DIGEST_BYTES)
    bodies = [update - (-2 * pairs_per_node // 8)]
    if committee.members > 1:
        words = vote if committee.signatures == "none" else _most_relayed_bytes(committee, vote)
        bodies += [words, nodes * (PARTY_BYTES + update)]
    return 8 * (HEADER_BYTES + max(bodies))


def _most_relayed_bytes(committee: Committee, vector: int) -> int:
    signature = PARTY_BYTES - (-committee.tag_bits // 8)
    chain = PARTY_BYTES + LENGTH_BYTES + vector + COUNT_BYTES
    chain += (committee.byzantine + 1) * signature
    return (committee.members - 1 + committee.byzantine) * chain
