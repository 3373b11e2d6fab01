"""Agreement with signatures: every member broadcasts its vector, and all count the same vectors.

A member's vector has one value for each node: the digest of the update that it holds, or None. With
transferable signatures c >= 2b + 1 members are enough, and b + 1 exchanges. In the first exchange
every member, the origin, signs its vector and sends it to all. In exchange k a member accepts a
vector that k members have signed, the origin first. If the vector is new to it and k <= b, it signs
the vector too and sends it to all in the next exchange. It stores at most two vectors of an origin.

Theorem. If at most b members are Byzantine, no forged signature passes and honest members have key
for their signatures, then for each origin either all honest members store the same single vector,
or all store none, or all store two. Of an honest origin all store its own vector and no other.

Proof. Suppose that an honest member accepts a vector in exchange k. If k <= b, it sends the vector
to all with k + 1 signatures in exchange k + 1. If k = b + 1, then b + 1 members have signed, one of
whom is honest: that one sent the vector to all in an exchange before, or in this one. In both cases
every other honest member accepts the vector too, unless it has stored two already. So if the honest
members have stored one vector among them, all store it; if they have stored several, each stores
two. An honest origin sends its vector to all in the first exchange, and signs no other.

A member of whom no vector or two are stored counts as one that holds nothing. A value is agreed on
if c - b members hold it according to their vectors. As 2 (c - b) > c, there is at most one such
value; at least c - 2b >= 1 honest members hold it; and what all honest members hold is agreed on.

Source:
    Dolev and Strong, SIAM J. Comput. 12, 656 (1983).
"""

from dataclasses import dataclass, field

from ceas_gym.consensus.committee import messages, signatures
from ceas_gym.consensus.committee.agreement import State, Value, Word
from ceas_gym.consensus.committee.members import Member
from ceas_gym.consensus.committee.network import Bodies, Post
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.consensus.committee.signatures import Chain, Notary


@dataclass
class Relay:
    """A member's part in the broadcasts.

    Attributes:
        member: The member.
        known: Vectors by origin, in [0, c); at most two of each.
        next: Chains to send in the next exchange.
    """

    member: Member
    known: dict[int, list[bytes]] = field(default_factory=dict[int, list[bytes]])
    next: list[Chain] = field(default_factory=list[Chain])

    def begin(self, notary: Notary) -> None:
        """Signs the member's own vector, which is sent in the first exchange.

        A member that cannot sign its vector does not count it either, as nobody else will.

        Args:
            notary: Makes the signature, which uses up key.
        """
        me = self.member.index
        own = Chain(me, self.member.says(), (), ())
        self.next = signed(notary, me, [own])
        self.known[me] = [own.vector] if self.next else []

    def hear(self, arrived: Bodies, exchange: int, last: bool, notary: Notary) -> None:
        """Stores new vectors that it accepts, and signs them except in the last exchange.

        Args:
            arrived: Bodies by sender and receiver.
            exchange: Number k of the exchange, in [1, b + 1].
            last: Whether k = b + 1.
            notary: Verifies and makes signatures.

        Source:
            Dolev and Strong, SIAM J. Comput. 12, 656 (1983).
        """
        me, bits = self.member.index, notary.keys.bits
        chains = [
            chain
            for (_, receiver), body in arrived.items()
            if receiver == me
            for chain in signatures.decode(body, bits)
        ]
        fresh = signatures.accept(self.known, chains, exchange, notary.valid)
        self.next = [] if last else signed(notary, me, fresh)

    def end(self) -> None:
        """Stores in the member what each member holds, and what was agreed on for each node."""
        committee, nodes = self.member.committee, self.member.nodes
        self.member.votes = {
            who: vector_of(self.known.get(who, []), nodes) for who in range(committee.members)
        }
        columns = zip(*self.member.votes.values(), strict=True)
        self.member.states = [
            State(1, candidate=chosen(list(column), committee.support)) for column in columns
        ]


def agree(post: Post, members: dict[int, Member], committee: Committee) -> int:
    """Returns how many signatures the b + 1 exchanges took; at least 0.

    Args:
        post: The network, which loses key and records messages.
        members: All members by index, in [0, c). Afterwards they store what was agreed on.
        committee: Settings with signatures, so c >= 2 b + 1.

    Source:
        Dolev and Strong, SIAM J. Comput. 12, 656 (1983).
    """
    notary = Notary(post.keys, committee.members, post.random)
    post.sign = notary.sign
    relays = {m: Relay(member) for m, member in members.items()}
    for relay in relays.values():
        relay.begin(notary)
    for exchange in range(1, committee.byzantine + 2):
        bodies = {m: signatures.encode(one.next) for m, one in relays.items()}
        due = {(one, m): bodies[one] for one in members for m in members if m != one}
        arrived = post.exchange("relay", due, waits=True)
        for relay in relays.values():
            relay.hear(arrived, exchange, exchange > committee.byzantine, notary)
    for relay in relays.values():
        relay.end()
    return sum(notary.signed.values())


def signed(notary: Notary, signer: int, chains: list[Chain]) -> list[Chain]:
    """Returns chains with one more signature; not those for which the signer is short of key.

    Args:
        notary: Makes the signatures.
        signer: Index of the member that signs, in [0, c).
        chains: What to sign. Chains that the signer has signed before are left out.
    """
    tokens = [notary.sign(signer, chain.content()) for chain in chains]
    return [
        chain._replace(signers=(*chain.signers, signer), tokens=(*chain.tokens, token))
        for chain, token in zip(chains, tokens, strict=True)
        if token is not None and signer not in chain.signers
    ]


def vector_of(known: list[bytes], nodes: int) -> list[Word]:
    """Returns the words of a member for all nodes; None for each unless one vector of it is known.

    Args:
        known: The 0, 1 or 2 vectors that are stored of the member.
        nodes: Number N of nodes; at least 0.

    Returns:
        Words in the form of `messages.decode_words`, shape (N,).

    Example:
        >>> vector_of([messages.encode_words([1])], nodes=1), vector_of([], nodes=2)
        ([1], [None, None])
    """
    return messages.decode_words(known[0], nodes) if len(known) == 1 else [None] * nodes


def chosen(words: list[Word], support: int) -> Value:
    """Returns the digest that at least `support` members hold, or None.

    Args:
        words: What each member holds of one node; shape (c,).
        support: Number c - b, in (c / 2, c], so that at most one digest has so many.

    Example:
        >>> chosen([b"x", b"x", None], support=2)
        b'x'
    """
    values = sorted({word for word in words if isinstance(word, bytes)})
    return next((value for value in values if words.count(value) >= support), None)
