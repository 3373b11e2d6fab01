"""How many tags a round of the committee takes, and how many bits of key.

With c members of whom b may be bad, N nodes, t bits a tag and no signatures, a round has

- `corrections`: one tag for each node and each member that served data to it, S in all, at most
  c N;
- `update`: one for each node and member, c N;
- `vote` and `second`: one for each ordered pair of members, c (c - 1) each;
- `bit` and `propose`: the same, in each of b + 1 phases;
- `king`: c - 1 in each phase;
- `fetch`: one for each member that lacks agreed updates and each that said to hold some of them and
  does, F in all; 0 if all members received the same, and c (c - 1) at most;
- `model`: one for each node and member, c N.

So the nodes' links take S + 2 c N tags, or S / N + 2 c for a node, and the members' links

    (c - 1) [2 c + (b + 1) (2 c + 1)] + F,

whatever the number of nodes, as a message speaks of all of them. Every tag takes t bits of the key
of one link. Bad parties cannot change these numbers but for F: a pad is given up for whatever is
due, and no more.

With signatures (`one_time_hash`) the members' links take, in b + 1 exchanges between all of them,

    (b + 1) c (c - 1) + F tags and 3 t (c - 1) bits for each signature,

of which there are c if b = 0, and c + c (c - 1) = c^2 otherwise if nobody equivocates: each member
signs its own vector, and once each of the others'. A bad member can make every other one sign a
second vector of its own, b (c - b) more in all, and honest members sign nothing else.
"""

from typing import NamedTuple

from ceas_gym.consensus.committee.settings import Committee

SHARES = 3
"""Strings of t bits that each verifier shares with the signer for a signature: see `signatures`."""


class Cost(NamedTuple):
    """What a round takes.

    Attributes:
        node_tags: Tags on links of a node and a member.
        member_tags: Tags on links of two members.
        exchanges: Exchanges in order, from the corrections to the model.
        signatures: Signatures of members.
        key_bits: Bits of key in all, at one end of the links.
    """

    node_tags: int
    member_tags: int
    exchanges: int
    signatures: int
    key_bits: int


def of_round(committee: Committee, nodes: int, served: int = 0, fetches: int = 0) -> Cost:
    """Returns the cost of a round in which nobody is short of key and no member signs twice.

    Args:
        committee: The committee.
        nodes: Number N of nodes.
        served: Pairs S of a member and a node to which it served data; in [0, c N].
        fetches: Messages F by which members get updates that they lack; in [0, c (c - 1)].

    Example:
        >>> of_round(Committee(members=4, byzantine=1, tag_bits=68), nodes=50)
        Cost(node_tags=400, member_tags=78, exchanges=12, signatures=0, key_bits=32504)
    """
    c, b = committee.members, committee.byzantine
    signed = committee.signatures != "none"
    signatures = (c * c if b else c) * signed
    among = signed_tags(c, b) if signed else agreement_tags(c, b)
    between = served + 2 * c * nodes
    bits = committee.tag_bits * (between + among + fetches + SHARES * (c - 1) * signatures)
    return Cost(between, among + fetches, 4 + agreement_exchanges(committee), signatures, bits)


def agreement_exchanges(committee: Committee) -> int:
    """Returns the exchanges of the agreement: 2 + 3 (b + 1), or b + 1 with signatures."""
    phases = committee.byzantine + 1
    return 2 + 3 * phases if committee.signatures == "none" else phases


def agreement_tags(members: int, byzantine: int) -> int:
    """Returns the tags of an agreement without signatures: (c - 1) [2 c + (b + 1) (2 c + 1)].

    Args:
        members: Number c.
        byzantine: Number b.

    Example:
        >>> [agreement_tags(3 * b + 1, b) for b in range(3)]
        [0, 78, 354]
    """
    return (members - 1) * (2 * members + (byzantine + 1) * (2 * members + 1))


def signed_tags(members: int, byzantine: int) -> int:
    """Returns the tags of an agreement with signatures: (b + 1) c (c - 1).

    Args:
        members: Number c.
        byzantine: Number b.

    Example:
        >>> [signed_tags(2 * b + 1, b) for b in range(3)]
        [0, 12, 60]
    """
    return (byzantine + 1) * members * (members - 1)


def most_on_link(committee: Committee) -> int:
    """Returns pads of t bits that the link of two members needs at most in a round.

    Without signatures each of them sends 2 + 2 (b + 1) messages and one fetch, and king messages
    take one more in each phase led by either of them: two at most, as no member leads twice, or one
    if there is one phase only. With signatures each sends b + 1 messages and one fetch, and has
    key due for 2 c signatures, at three pads each: two vectors of each member's.
    """
    c, phases = committee.members, committee.byzantine + 1
    if committee.signatures != "none":
        return 2 * (phases + 1 + SHARES * 2 * c)
    return 2 * (2 + 2 * phases + 1) + min(phases, 2)
