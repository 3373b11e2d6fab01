"""A round of the committee, from the model of the last round to that of the next, on one page.

1. `instructions`: every member sends the model of the last round to every node that takes part,
   with the outcomes of its Bell measurements for that node. A node accepts a model that b + 1
   members confirm, which means that they sent the same one. All honest members send the same model,
   so no other is confirmed by b + 1 members. A node needs model and outcomes at the same time, when
   it runs its circuit, so one message carries both.
2. `update`: every node that takes part sends its update to every member.
3. Members agree on which updates count (`agreement`, or `broadcast`).
4. `fetch`: members send agreed updates to those that said not to hold them. At least b + 1 honest
   members hold each agreed update, or at least one with signatures. The digest identifies the right
   update, so every honest member gets it.

Then every member applies the rule to the agreed updates. The result is its model; the model of the
last round stays if no update counts.

Every message carries a tag. Parties are numbered: members from 0 to c - 1, nodes from c on.

A node takes part if its links to all members hold key for two more tags: one for the instructions
and one for the update. Otherwise nothing is due on its links, it keeps all its key, and its update
does not count.

Members wait until the deadline for updates that are missing. Nodes do not wait: b + 1 equal models
are enough, and the outcomes of a member that keeps silent never arrive.

These promises hold if at most b members are Byzantine and every two honest members have enough key.
With tags alone, some links of two honest members may be short of key. Choose one end of each such
link, and treat the chosen members as Byzantine: if there are then at most b Byzantine members, the
promises hold for all other honest members. With signatures this is not so, because a member signs
only if it has key on its links to all other members.

If f <= b members are Byzantine and h honest ones hold the same update of a node, then the update

- counts if h >= c - b;
- does not count if h + f < c - b;
- counts or not, as the Byzantine members choose, otherwise; all honest members agree on it anyway.

The update of an honest node that takes part reaches all honest members, so it counts. If a node
with tags for only some members took part, Byzantine members could veto its update, and its key
would be spent for nothing. As it is, they can veto only an update that a Byzantine node sent to
some honest members and not to others.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from ceas_gym.consensus.committee import agreement, broadcast, messages
from ceas_gym.consensus.committee.behaviours import obey
from ceas_gym.consensus.committee.keys import KeyStore, taking_part
from ceas_gym.consensus.committee.members import Member, Model, Rule
from ceas_gym.consensus.committee.messages import NUMBER, Instructions
from ceas_gym.consensus.committee.network import Behaviour, Bodies, Envelope, Pair, Post
from ceas_gym.consensus.committee.outcome import Outcome
from ceas_gym.consensus.committee.settings import Committee

Members = dict[int, Member]


def execute(
    committee: Committee,
    model: Float[np.ndarray, " parameters"],
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
        model: The model of the last round, which all honest members hold, since they agreed on the
            updates that it was computed from; any real values, rounded to single precision.
        updates: Updates of all nodes, of any real values; they are rounded to single precision. An
            honest node sends its own only if it takes part and accepts a model.
        keys: Key of all links. The round uses up some of it.
        rule: Combines the agreed updates into the model.
        round_number: Index of the round, in [0, 2^24). It decides which members are kings.
        bad: Byzantine parties, in [0, c + N): members below c, nodes from c on.
        behaviour: What the Byzantine parties send.
        served: Outcomes of Bell measurements as bytes, by member, in [0, c), and node, in [0, N).
            A node gets them only if it takes part.
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
        >>> outcome = execute(committee, np.zeros(1), np.array([[1.0], [2.0]]), store, mean)
        >>> sorted(outcome.counted()), outcome.accepted[0].tolist(), outcome.models[0].tolist()
        ([0, 1], [0.0], [1.5])
        >>> outcome.node_tags, outcome.member_tags, outcome.timeouts
        (16, 78, 0)
    """
    bodies = [update.tobytes() for update in np.asarray(updates, NUMBER)]
    last = np.asarray(model, NUMBER).tobytes()
    random, held = np.random.default_rng(seed), keys.total()
    post = Post(
        keys, committee.members, round_number, frozenset(bad), behaviour, random, list(past)
    )
    members = _members(committee, len(bodies), len(last), round_number)
    done = _exchanges(committee, post, members, bodies, last, served or {})
    honest = [m for m in members if m not in post.bad]
    return Outcome(
        taking_part=done.nodes,
        accepted={k: _numbers(body) for k, body in done.accepted.items()},
        corrections=done.corrections,
        agreed={m: members[m].agreed() for m in honest},
        models={m: _numbers(members[m].model(rule, last)) for m in honest},
        sent=post.sent,
        node_tags=post.node_tags,
        member_tags=post.member_tags,
        signatures=done.signatures,
        key_bits=keys.total() - held,
        fetches=done.fetches,
        exchanges=post.number,
        waited=tuple(post.waited),
        traffic=tuple(post.past),
    )


class _Exchanges(NamedTuple):
    """What came of the exchanges of a round, beside what the members hold; as in `Outcome`."""

    nodes: tuple[int, ...]
    accepted: dict[int, bytes | None]
    corrections: Bodies
    signatures: int
    fetches: int


def _members(committee: Committee, nodes: int, body_bytes: int, round_number: int) -> Members:
    return {
        m: Member(m, committee, nodes, body_bytes, round_number) for m in range(committee.members)
    }


def _exchanges(
    committee: Committee,
    post: Post,
    members: Members,
    updates: Sequence[bytes],
    model: bytes,
    served: Mapping[Pair, bytes],
) -> _Exchanges:
    nodes = taking_part(post.keys, committee, len(updates))
    instructions = _instruct(post, nodes, model, served)
    accepted = _accepted(post, nodes, instructions, committee.confirmations)
    _collect(post, members, {k: updates[k] for k in nodes}, accepted)
    signatures = _agree(post, members, committee)
    fetches = _fetch(post, members)
    corrections = {pair: sent.outcomes for pair, sent in instructions.items() if sent.outcomes}
    return _Exchanges(nodes, accepted, corrections, signatures, fetches)


def _instruct(
    post: Post, nodes: Collection[int], model: bytes, served: Mapping[Pair, bytes]
) -> dict[Pair, Instructions]:
    # What arrives, by member and node; nodes are counted from 0.
    c = post.members
    due = {
        (m, c + k): messages.encode_instructions(Instructions(model, served.get((m, k), b"")))
        for m in range(c)
        for k in nodes
    }
    arrived = post.exchange("instructions", due)
    read = {
        (m, node - c): messages.decode_instructions(body, len(model))
        for (m, node), body in arrived.items()
    }
    return {pair: instructions for pair, instructions in read.items() if instructions is not None}


def _accepted(
    post: Post, nodes: Collection[int], instructions: Mapping[Pair, Instructions], needed: int
) -> dict[int, bytes | None]:
    honest = [k for k in nodes if post.members + k not in post.bad]
    sent = {k: [one.model for (_, node), one in instructions.items() if node == k] for k in honest}
    return {k: _confirmed(models, needed) for k, models in sent.items()}


def _confirmed(models: list[bytes], needed: int) -> bytes | None:
    return next((model for model in models if models.count(model) >= needed), None)


def _collect(
    post: Post,
    members: Members,
    updates: Mapping[int, bytes],
    accepted: Mapping[int, bytes | None],
) -> None:
    c = post.members
    due = {(c + k, m): body for k, body in updates.items() for m in members}
    # Without a model there is no circuit to run, and so no update.
    mute = [c + k for k, model in accepted.items() if model is None]
    arrived = post.exchange("update", due, waits=True, mute=mute)
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


def _to(arrived: Bodies, receiver: int) -> dict[int, bytes]:
    return {sender: body for (sender, to), body in arrived.items() if to == receiver}


def _numbers(body: bytes | None) -> Model | None:
    return None if body is None else np.frombuffer(body, NUMBER)
