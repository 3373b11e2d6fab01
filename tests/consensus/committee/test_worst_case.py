"""The worst that Byzantine members can do to the length of a round, of a message and to `fetch`."""

import itertools
from collections.abc import Collection

import numpy as np
import pytest
from consensus.committee import rounds
from consensus.committee.rounds import FOUR, SEVEN, SIGNED, play

from ceas_gym.consensus.committee import behaviours, counts, messages, signatures
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.network import Envelope, Scene
from ceas_gym.consensus.committee.outcome import Outcome
from ceas_gym.consensus.committee.settings import Committee

ONE = Committee(members=1, tag_bits=40)
TEN = Committee(members=10, byzantine=3, tag_bits=40)
BY_MEMBERS = {1: ONE, 4: FOUR, 7: SEVEN, 10: TEN}
ONE_NODE = np.array([[0.5, 1.0]])
PLACES = [
    (1, ()),
    (1, (0,)),
    *((4, bad) for size in range(5) for bad in itertools.combinations(range(4), size)),
    *((7, bad) for bad in itertools.combinations(range(7), 2)),
    *((10, bad) for bad in [(0, 3, 6), (0, 1, 2), (1, 5, 9), (0, 2, 7), (4, 6), (8,)]),
]
"""Numbers of members, and which of them are Byzantine: neighbours and others, also more than b."""


def delay(members: int, bad: Collection[int], number: int) -> int:
    return counts.leader_delay(BY_MEMBERS[members], bad, number)


# --- Time-outs ---


@pytest.mark.parametrize(("members", "bad"), PLACES, ids=str)
def test_silent_kings_prolong_a_round_by_the_time_outs_stated(
    members: int, bad: tuple[int, ...]
) -> None:
    committee, delays = BY_MEMBERS[members], []
    for number in range(members, 2 * members):
        held = rounds.store(committee, nodes=1)
        more = {"keys": held, "updates": ONE_NODE, "round_number": number}
        delays.append(play(committee, "leader_stall", bad, **more).deadline)
    assert delays == [delay(members, bad, number) for number in range(members, 2 * members)]
    assert delays == [delay(members, bad, number) for number in range(members)]


def test_time_outs_of_silent_kings_are_those_on_the_sheet() -> None:
    # Exchanges 7, 10 and 13 are those of the kings r, r + 1 and r + 2.
    assert [delay(7, (0, 3), number) for number in range(7)] == [7, 13, 10, 7, 0, 13, 10]
    assert [delay(4, (4,), number) for number in range(4)] == [0, 0, 0, 0]


def test_members_with_signatures_have_no_king_to_wait_for() -> None:
    for number in range(3):
        outcome = play(SIGNED, "leader_stall", bad=[0], round_number=number)
        assert outcome.deadline == counts.leader_delay(SIGNED, [0], number) == 0


@pytest.mark.parametrize(("members", "most"), [(4, 2), (7, 6), (10, 10)])
def test_no_other_members_delay_more_rounds_than_those_spread_evenly(
    members: int, most: int
) -> None:
    committee = BY_MEMBERS[members]
    delays = {
        bad: [delay(members, bad, number) for number in range(members)]
        for bad in itertools.combinations(range(members), committee.byzantine)
    }
    evenly = delays[counts.spread(committee)]
    assert np.count_nonzero(evenly) == most
    assert most == max(map(np.count_nonzero, delays.values()))
    assert sum(evenly) == max(map(sum, delays.values()))
    # Neighbours delay fewer rounds, so the choice matters unless there is one Byzantine member.
    neighbours = delays[tuple(range(committee.byzantine))]
    assert (np.count_nonzero(neighbours) < most) == (members > 4)


def test_spread_members_are_as_many_as_may_be_byzantine() -> None:
    for members, byzantine in itertools.product(range(1, 40), range(14)):
        if members > 3 * byzantine:
            chosen = counts.spread(Committee(members=members, byzantine=byzantine))
            assert len(chosen) == byzantine
            gaps = np.diff([*chosen, members]) if chosen else np.array([1])
            assert gaps.min() >= 1
            assert np.ptp(gaps) <= 1


# --- Fetches ---


def babble(scene: Scene) -> list[Envelope]:
    """Returns messages that are drawn for each receiver: the truth, a lie, no words, or nothing."""
    told = [
        (body, behaviours.twist(scene.name, body), messages.encode_words([None] * 3), None)[
            scene.random.integers(4)
        ]
        for body in scene.own.values()
    ]
    pairs = zip(scene.own, told, strict=True)
    return [scene.write(*pair, body) for pair, body in pairs if body is not None]


@pytest.mark.parametrize("committee", [FOUR, SEVEN, SIGNED], ids=["four", "seven", "signed"])
def test_bad_members_cause_no_more_fetches_than_stated(committee: Committee) -> None:
    most, found = counts.most_fetches(committee), dict[str, int]()
    bad = range(1, committee.byzantine + 1)
    for number, (name, acts) in itertools.product(range(2), BEHAVIOURS.items()):
        fetches = play(committee, bad=bad, acts=acts, round_number=number).fetches
        found[name] = max(fetches, found.get(name, 0))
    babbled = [play(committee, bad=bad, acts=babble, seed=seed).fetches for seed in range(40)]
    assert max(*found.values(), *babbled) == most
    assert found["silent"] == most
    assert len(set(babbled)) > 1
    if committee.byzantine > 1:
        assert play(committee, "silent", bad=[1]).fetches < most


# --- The longest message ---


def longest(outcome: Outcome, bad: Collection[int] = ()) -> int:
    """Returns the bits of the longest message of an honest party."""
    sent = [envelope.content.message for envelope in outcome.traffic]
    return max(8 * len(message) for message in sent if messages.sender_of(message) not in bad)


@pytest.mark.parametrize("committee", [ONE, FOUR, SEVEN, SIGNED], ids=str)
@pytest.mark.parametrize(("nodes", "parameters", "pairs"), [(1, 1, 0), (3, 2, 3), (2, 30, 900)])
def test_no_message_is_longer_than_stated(
    committee: Committee, nodes: int, parameters: int, pairs: int
) -> None:
    most = counts.longest_message_bits(committee, nodes, parameters, pairs)
    bad = range(committee.byzantine)
    links = itertools.product(range(committee.members), range(nodes))
    more = {
        "model": np.zeros(parameters),
        "updates": np.ones((nodes, parameters)),
        "served": dict.fromkeys(links, bytes(-(-pairs // 4))),
    }
    for behaviour in BEHAVIOURS:
        assert longest(play(committee, behaviour, bad, **more), bad) <= most


LONGEST = [
    (ONE, 3, 6, 5, 4 * 6 + 2),
    (FOUR, 3, 6, 5, 3 * 33),
    (FOUR, 3, 8, 5, 3 * 34),
    (FOUR, 1, 8, 12, 34 + 1),
    (FOUR, 0, 8, 8, 34),
]
"""A committee, numbers of nodes, parameters and pairs, and bytes of the longest body: instructions,
a vote, a fetch and, for one node or none, instructions again."""


@pytest.mark.parametrize(("committee", "nodes", "parameters", "pairs", "size"), LONGEST)
def test_bound_on_messages_is_that_on_the_sheet(
    committee: Committee, nodes: int, parameters: int, pairs: int, size: int
) -> None:
    most = counts.longest_message_bits(committee, nodes, parameters, pairs)
    assert most == 8 * (9 + size)


@pytest.mark.parametrize(
    ("parameters", "pairs", "behaviour"),
    [(2, 20, "obey"), (9, 20, "silent"), (2, 8 * 33 * 2, "obey")],
    ids=["vote", "fetch", "instructions"],
)
def test_bound_on_messages_is_reached(parameters: int, pairs: int, behaviour: str) -> None:
    model, updates = np.zeros(parameters), np.ones((3, parameters))
    served = {(1, 2): bytes(pairs // 4)}
    outcome = play(FOUR, behaviour, bad=[0], model=model, updates=updates, served=served)
    assert longest(outcome, bad=[0]) == counts.longest_message_bits(FOUR, 3, parameters, pairs)


def tell_two_vectors(scene: Scene) -> list[Envelope]:
    """Returns two vectors of each Byzantine member to everybody; honest members relay both."""
    if scene.name != "relay" or scene.number > counts.BEFORE:
        return scene.obey()
    return [
        scene.write(*pair, body + another(scene, pair[0], body)) for pair, body in scene.own.items()
    ]


def another(scene: Scene, signer: int, body: bytes) -> bytes:
    (chain,) = signatures.decode(body, scene.tag_bits)
    chain = chain._replace(vector=behaviours.twist("vote", chain.vector))
    token = scene.sign(signer, chain.content())
    assert token is not None
    return signatures.encode([chain._replace(tokens=(token,))])


def test_bound_on_messages_with_signatures_is_reached() -> None:
    outcome = play(SIGNED, bad=[0], acts=tell_two_vectors)
    rounds.check(SIGNED, outcome, bad=[0])
    assert longest(outcome, bad=[0]) == counts.longest_message_bits(SIGNED, 3, 2, 0)
