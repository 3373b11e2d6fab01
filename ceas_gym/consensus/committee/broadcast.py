"""Agreement with signatures: every member broadcasts its vector, and all count the same vectors.

With transferable signatures c >= 2b + 1 members are enough, and b + 1 exchanges. In the first one
every member signs its vector of values and sends it to all. Who takes in a new vector in exchange
k <= b signs it too and passes it on in the next. What was signed by k members counts in exchange k.

Theorem. If at most b members are Byzantine and no forged signature passes, all honest members end
with the same vectors of each member, and of an honest one with its vector only.

Proof. An honest member that takes in a vector in exchange k <= b passes it on with k + 1
signatures, and all honest ones take it in. If it does so in exchange b + 1, then b + 1 members have
signed, of whom one is honest: it took the vector in before, and passed it on to all. A third vector
of an origin may be known to some only, but then all know two. Nobody signs a second vector for an
honest origin.

A member with no vector, or two, counts as one that held nothing. A value is agreed on if c - b
members hold it by their vectors. As 2 (c - b) > c, there is one such value at most; at least
c - 2b >= 1 honest members hold it; and what all honest members hold is agreed on.

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
        known: Vectors by origin: two at most of each.
        next: Chains to send in the next exchange.
    """

    member: Member
    known: dict[int, list[bytes]] = field(default_factory=dict[int, list[bytes]])
    next: list[Chain] = field(default_factory=list[Chain])

    def begin(self, notary: Notary) -> None:
        """Signs the member's own vector."""
        me = self.member.index
        own = Chain(me, self.member.says(), (), ())
        self.known[me] = [own.vector]
        self.next = signed(notary, me, [own])

    def hear(self, arrived: Bodies, exchange: int, last: bool, notary: Notary) -> None:
        """Takes in what arrived in an exchange, and signs what is new unless it was the last."""
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
        """Tells the member what was agreed on."""
        committee, nodes = self.member.committee, self.member.nodes
        self.member.votes = {
            who: vector_of(self.known.get(who, []), nodes) for who in range(committee.members)
        }
        columns = zip(*self.member.votes.values(), strict=True)
        self.member.states = [
            State(1, candidate=chosen(list(column), committee.support)) for column in columns
        ]


def agree(post: Post, members: dict[int, Member], committee: Committee) -> int:
    """Executes the b + 1 exchanges, and returns how many signatures were made.

    Args:
        post: The network.
        members: All members; they know in the end what was agreed on.
        committee: The committee.
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
    """Returns chains with one more signature; not those for which the signer is short of key."""
    tokens = [notary.sign(signer, chain.content()) for chain in chains]
    return [
        chain._replace(signers=(*chain.signers, signer), tokens=(*chain.tokens, token))
        for chain, token in zip(chains, tokens, strict=True)
        if token is not None and signer not in chain.signers
    ]


def vector_of(known: list[bytes], nodes: int) -> list[Word]:
    """Returns the words of a member: nothing at all unless exactly one vector of it is known."""
    return messages.decode_words(known[0], nodes) if len(known) == 1 else [None] * nodes


def chosen(words: list[Word], support: int) -> Value:
    """Returns the digest that enough members hold, or nothing.

    Example:
        >>> chosen([b"x", b"x", None], support=2)
        b'x'
    """
    values = sorted({word for word in words if isinstance(word, bytes)})
    return next((value for value in values if words.count(value) >= support), None)
