"""A round of the committee, from the nodes' updates to the models that they accept, on one page.

1. `corrections`: a member that served data to a node sends the outcomes of its Bell measurements.
2. `update`: every node sends its update to every member.
3. Members agree on which updates count (`agreement`, or `broadcast`).
4. `fetch`: members send agreed updates to those that said not to hold them. With tags b + 1 honest
   members hold each of them at least, with signatures one, and the digest tells the right one: so
   every honest member gets it.
5. `model`: every member applies the rule to the agreed updates and sends the result to every node,
   which accepts what b + 1 members confirm. All honest members have the same, so nothing else is
   ever confirmed by so many.

Every message carries a tag. Parties are numbered: members from 0 to c - 1, nodes from c on.

What is promised holds for b bad members at most. A link of two honest members without key is as bad
as one of its ends: choose one end of each such link; these and the bad members together must be b
at most. Which updates count, if f <= b members are bad and h honest ones hold the same update of a
node:

- h >= c - b: it counts.
- h + f < c - b: it does not.
- in between: the bad members decide, but for all honest members alike.

So a bad member can veto the update of an honest node that is short of key for an honest member. A
node accepts the model if it has key for b + 1 honest members; otherwise it keeps the one it has.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ceas_gym.consensus.committee import agreement, broadcast, messages
from ceas_gym.consensus.committee.agreement import Value
from ceas_gym.consensus.committee.behaviours import obey
from ceas_gym.consensus.committee.keys import KeyStore
from ceas_gym.consensus.committee.members import WORD, Member, Model, Rule
from ceas_gym.consensus.committee.network import Behaviour, Bodies, Envelope, Post
from ceas_gym.consensus.committee.settings import Committee

Members = dict[int, Member]


@dataclass(frozen=True)
class Outcome:
    """What a round came to.

    Attributes:
        agreed: What each honest member agreed on: a digest, or nothing, for each node.
        models: What each honest member made of it, in 32-bit words; empty if no update counts, and
            nothing if it lacks one that does.
        accepted: What each honest node accepted in the same way.
        corrections: Outcomes of Bell measurements that arrived, by member and node.
        sent: Messages that were sent, those of bad parties included.
        node_tags: Tags paid for on links of a node and a member.
        member_tags: Tags paid for on links of two members.
        signatures: Signatures of members.
        key_bits: Bits of key that the links gave up, at each end.
        fetches: Messages by which members got updates that they lacked, or should have.
        exchanges: Exchanges of the round.
        waited: Position and name of each exchange in which an honest member waited for a message
            that did not come until its deadline.
        traffic: All messages so far, for a later round's bad parties to read.
    """

    agreed: dict[int, tuple[Value, ...]]
    models: dict[int, Model | None]
    accepted: dict[int, Model | None]
    corrections: Bodies
    sent: int
    node_tags: int
    member_tags: int
    signatures: int
    key_bits: int
    fetches: int
    exchanges: int
    waited: tuple[tuple[int, str], ...]
    traffic: tuple[Envelope, ...]

    @property
    def timeouts(self) -> int:
        """Exchanges in which an honest member waited until the deadline."""
        return len(self.waited)

    @property
    def deadline(self) -> int:
        """Time-outs from the start of the round to the last deadline waited for; 0 without any."""
        return self.waited[-1][0] + 1 if self.waited else 0

    def counted(self) -> set[int]:
        """Returns the nodes whose updates count, if all honest members agree.

        Raises:
            ValueError: If they don't, which takes more than b bad members.
        """
        vectors = set(self.agreed.values())
        if len(vectors) != 1:
            raise ValueError("The honest members do not agree: more than b members are bad.")
        return {k for k, value in enumerate(vectors.pop()) if value is not None}


def execute(
    committee: Committee,
    updates: Float[np.ndarray, "nodes parameters"],
    keys: KeyStore,
    rule: Rule,
    *,
    round_number: int = 0,
    bad: Collection[int] = (),
    behaviour: Behaviour = obey,
    served: Mapping[tuple[int, int], bytes] | None = None,
    past: Collection[Envelope] = (),
    seed: int = 0,
) -> Outcome:
    """Executes a round, message by message.

    Args:
        committee: The members.
        updates: Of all nodes; they are rounded to 32 bits.
        keys: Key of all links, which is used up.
        rule: Makes one update of the agreed ones.
        round_number: Index of the round, which decides who leads; in [0, 2^24).
        bad: Bad parties: members below c, nodes from c on.
        behaviour: What they do.
        served: Outcomes of Bell measurements by member and node (counted from 0).
        past: Messages of earlier rounds.
        seed: Of the bad parties' luck.

    Example:
        >>> from ceas_gym.consensus.committee import keys
        >>> committee = Committee(members=4, byzantine=1, tag_bits=48)
        >>> store = keys.full(committee, nodes=2, random=np.random.default_rng(0), tags=20)
        >>> mean = lambda chosen: np.mean(list(chosen.values()), axis=0)
        >>> outcome = execute(committee, np.array([[1.0], [2.0]]), store, mean)
        >>> sorted(outcome.counted()), outcome.accepted[0], outcome.member_tags, outcome.timeouts
        ([0, 1], array([1.5], dtype=float32), 78, 0)
    """
    bodies = [update.tobytes() for update in np.asarray(updates, WORD)]
    random = np.random.default_rng(seed)
    start = keys.total()
    post = Post(
        keys, committee.members, round_number, frozenset(bad), behaviour, random, list(past)
    )
    size = WORD.itemsize * np.shape(updates)[1]
    members = {
        m: Member(m, committee, len(bodies), size, round_number) for m in range(committee.members)
    }
    corrections = _correct(post, served or {})
    _collect(post, members, bodies)
    signed = _agree(post, members, committee)
    fetches = _fetch(post, members)
    models = {m: member.model(rule) for m, member in members.items()}
    accepted = _confirm(post, models, len(bodies), {0, size}, committee.confirmations)
    honest = [m for m in members if m not in post.bad]
    return Outcome(
        agreed={m: members[m].agreed() for m in honest},
        models={m: _numbers(models[m]) for m in honest},
        accepted={k: _numbers(body) for k, body in accepted.items()},
        corrections=corrections,
        sent=post.sent,
        node_tags=post.node_tags,
        member_tags=post.member_tags,
        signatures=signed,
        key_bits=keys.total() - start,
        fetches=fetches,
        exchanges=post.number,
        waited=tuple(post.waited),
        traffic=tuple(post.past),
    )


def _correct(post: Post, served: Mapping[tuple[int, int], bytes]) -> Bodies:
    c = post.members
    arrived = post.exchange("corrections", {(m, c + k): body for (m, k), body in served.items()})
    return {(m, node - c): body for (m, node), body in arrived.items()}


def _collect(post: Post, members: Members, updates: list[bytes]) -> None:
    c = post.members
    due = {(c + k, m): body for k, body in enumerate(updates) for m in members}
    arrived = post.exchange("update", due, waits=True)
    for m, member in members.items():
        member.receive({node - c: body for node, body in _to(arrived, m).items()})


def _agree(post: Post, members: Members, committee: Committee) -> int:
    # Returns the number of signatures.
    if committee.signatures != "none":
        return broadcast.agree(post, members, committee)
    for exchange in agreement.schedule(committee.members, committee.byzantine, post.round_number):
        speakers = agreement.speakers(exchange, committee.members)
        due = {(one, m): members[one].says() for one in speakers for m in members if m != one}
        arrived = post.exchange(exchange.name, due, waits=True)
        for m, member in members.items():
            member.hears(exchange, _to(arrived, m))
    return 0


def _fetch(post: Post, members: Members) -> int:
    # Both ends know what is due from the votes that they told each other; of a bad one and an
    # honest one, what the honest one knows counts.
    pairs = [(one, m) for one in members for m in members if one != m]
    owed = {(one, m): members[one].owes(m) for one, m in pairs}
    due = {
        (one, m): messages.encode_updates(owed[one, m])
        for one, m in pairs
        if (members[m].expects(one) if one in post.bad else owed[one, m])
    }
    arrived = post.exchange("fetch", due)
    for m, member in members.items():
        member.fetch(list(_to(arrived, m).values()))
    return len(due)


def _confirm(
    post: Post, models: Mapping[int, bytes | None], nodes: int, sizes: set[int], needed: int
) -> dict[int, bytes | None]:
    c = post.members
    due = {
        (m, c + k): model for m, model in models.items() if model is not None for k in range(nodes)
    }
    arrived = post.exchange("model", due)
    arrived = {pair: body for pair, body in arrived.items() if len(body) in sizes}
    honest = [k for k in range(nodes) if c + k not in post.bad]
    return {k: _confirmed(list(_to(arrived, c + k).values()), needed) for k in honest}


def _confirmed(bodies: list[bytes], needed: int) -> bytes | None:
    return next((body for body in bodies if bodies.count(body) >= needed), None)


def _to(arrived: Bodies, receiver: int) -> dict[int, bytes]:
    return {sender: body for (sender, to), body in arrived.items() if to == receiver}


def _numbers(body: bytes | None) -> Model | None:
    return None if body is None else np.frombuffer(body, WORD)
