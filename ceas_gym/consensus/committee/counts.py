"""How many tags a round of the committee takes, and how many bits of key.

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

from typing import NamedTuple

from ceas_gym.consensus.committee.settings import Committee

SHARES = 3
"""Strings of t bits of key that a signature takes on the link to each verifier."""


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
    return Cost(between, among + fetches, 3 + agreement_exchanges(committee), signatures, bits)


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
