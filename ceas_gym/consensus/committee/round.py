"""A round of the committee, from the nodes' updates to the models that they accept, on one page.

1. `corrections`: each member that served data to a node sends it the outcomes of its Bell
   measurements.
2. `update`: every node sends its update to every member.
3. Members agree on which updates count (`agreement`, or `broadcast`).
4. `fetch`: members send agreed updates to those that said not to hold them. At least b + 1 honest
   members hold each agreed update, or at least one with signatures. The digest identifies the right
   update, so every honest member gets it.
5. `model`: every member applies the rule to the agreed updates. It sends the result, the model, to
   every node. A node accepts a model that b + 1 members confirm, which means that they sent the
   same one. All honest members send the same model, so no other is confirmed by b + 1 members.

Every message carries a tag. Parties are numbered: members from 0 to c - 1, nodes from c on.

These promises hold if at most b members are Byzantine and every two honest members have enough key.
With tags alone, some links of two honest members may be short of key. Choose one end of each such
link, and treat the chosen members as Byzantine: if there are then at most b Byzantine members, the
promises hold for all other honest members. With signatures this is not so, because a member signs
only if it has key on its links to all other members.

If f <= b members are Byzantine and h honest ones hold the same update of a node, then the update

- counts if h >= c - b;
- does not count if h + f < c - b;
- counts or not, as the Byzantine members choose, otherwise; all honest members agree on it anyway.

So a Byzantine member can veto the update of an honest node that is short of key for an honest
member. A node accepts the new model if it has key for b + 1 honest members; otherwise it keeps the
model that it has.
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
    """The result of a round.

    Attributes:
        agreed: By honest member, what it agreed on for each of the N nodes: a digest, or None.
        models: By honest member, the model that it computed, in single precision, shape
            (parameters,). It is empty if no update counts, and None if the member lacks an update
            that counts.
        accepted: By honest node, counted from 0, the model that it accepted, in the same form; None
            if too few members confirmed one.
        corrections: Outcomes of Bell measurements that arrived, by member and node, counted from 0.
        sent: Number of messages sent, those of Byzantine parties included.
        node_tags: Number of tags for which links of a node and a member used up key.
        member_tags: Number of tags for which links of two members used up key.
        signatures: Number of signatures that members made.
        key_bits: Bits of key that the links used up; both ends use up the same bits, counted once.
        fetches: Number of messages that were due in `fetch`, whether or not they arrived.
        exchanges: Number of exchanges.
        waited: Position (from 0) and name of each exchange in which an honest member waited until
            the deadline for a message that did not arrive.
        traffic: All messages so far, which Byzantine parties may read in later rounds.
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
        """Returns in how many exchanges an honest member waited until the deadline.

        The number is in [0, E], where E is the number of exchanges.
        """
        return len(self.waited)

    @property
    def deadline(self) -> int:
        """Returns when the last exchange ended in which a member waited, in time-outs.

        It is counted from the start of the round and is in [0, E], where E is the number of
        exchanges; 0 if no member waited.
        """
        return self.waited[-1][0] + 1 if self.waited else 0

    def counted(self) -> set[int]:
        """Returns the nodes whose updates count, in [0, N).

        Raises:
            ValueError: If the honest members do not agree. This is possible only if more than b
                members are Byzantine, or too many links of members are short of key.
        """
        vectors = set(self.agreed.values())
        if len(vectors) != 1:
            raise ValueError(
                "The honest members do not agree: more than b members are Byzantine, or links of "
                "members are short of key."
            )
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
    """Returns the outcome of a round, which is executed message by message.

    Args:
        committee: Settings of the committee.
        updates: Updates of all nodes, of any real values; they are rounded to single precision.
        keys: Key of all links. The round uses up some of it.
        rule: Combines the agreed updates into the model.
        round_number: Index of the round, in [0, 2^24). It decides which members are kings.
        bad: Byzantine parties, in [0, c + N): members below c, nodes from c on.
        behaviour: What the Byzantine parties send.
        served: Outcomes of Bell measurements as bytes, by member, in [0, c), and node, in [0, N).
        past: Messages of earlier rounds, which Byzantine parties may read.
        seed: Seed of the random numbers of Byzantine parties, at least 0. With signatures it also
            decides the values of signatures, and which forged ones pass.

    Source:
        Agreement with tags: Turpin and Coan, Inf. Process. Lett. 18, 73 (1984), and Berman, Garay
        and Perry, FOCS 1989, 410. With signatures: Dolev and Strong, SIAM J. Comput. 12, 656
        (1983).

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
    # The agreement without signatures makes none; the result is the number made.
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
    # Both ends of a link know from each other's votes whether a message is due. If one end is
    # Byzantine, the votes that the honest end has seen decide.
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
