"""Key: no bit is used twice, and a round uses up exactly as much as `counts` states."""

import itertools

import numpy as np
import pytest
from consensus.committee import rounds
from consensus.committee.rounds import FOUR, SEVEN, SIGNED, UPDATES, play
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_gym.consensus.committee import agreement, counts, keys, messages
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.counts import Cost
from ceas_gym.consensus.committee.keys import KeyStore
from ceas_gym.consensus.committee.network import Envelope, Scene
from ceas_gym.consensus.committee.round import Outcome
from ceas_gym.consensus.committee.settings import Committee

SIGNED_FIVE = Committee(members=5, byzantine=2, tag_bits=40, signatures="one_time_hash")
COMMITTEES = [
    Committee(members=1, tag_bits=40),
    Committee(members=2, tag_bits=40),
    FOUR,
    Committee(members=5, byzantine=1, tag_bits=40),
    SEVEN,
    Committee(members=1, tag_bits=40, signatures="one_time_hash"),
    SIGNED,
    SIGNED_FIVE,
]


def paid(outcome: Outcome) -> Cost:
    return Cost(
        outcome.node_tags,
        outcome.member_tags,
        outcome.exchanges,
        outcome.signatures,
        outcome.key_bits,
    )


@pytest.mark.parametrize("committee", COMMITTEES, ids=str)
@pytest.mark.parametrize("nodes", [1, 3])
def test_executed_round_costs_what_is_stated(committee: Committee, nodes: int) -> None:
    for served in ({}, {(0, 0): b"outcome"}):
        held = rounds.store(committee, nodes)
        outcome = play(committee, keys=held, updates=UPDATES[:nodes], served=served)
        assert paid(outcome) == counts.of_round(committee, nodes)


@pytest.mark.parametrize("committee", COMMITTEES, ids=str)
def test_all_exchanges_but_those_with_nodes_are_among_members(committee: Committee) -> None:
    with_nodes: set[int] = set()

    def watch(scene: Scene) -> list[Envelope]:
        sent = [(messages.sender_of(one.content.message), one.receiver) for one in scene.honest]
        if any(max(pair) >= committee.members for pair in sent):
            with_nodes.add(scene.number)
        return []

    outcome = play(committee, acts=watch)
    left = outcome.exchanges - len(with_nodes) if outcome.member_tags else 0
    assert counts.exchanges_among_members(committee) == left
    assert with_nodes == {0, 1}


def test_each_link_of_a_node_and_a_member_takes_one_tag_down_and_one_up() -> None:
    held = rounds.store(SEVEN)
    play(SEVEN, "silent", bad=[0, 6, 7], keys=held)
    used = {held.used(m, node) for m in range(7) for node in range(7, 10)}
    assert used == {2 * SEVEN.tag_bits}


@pytest.mark.parametrize("short", [(), (1,), (0, 2), (0, 1, 2)])
def test_only_nodes_that_take_part_cost_tags(short: tuple[int, ...]) -> None:
    held = rounds.store(FOUR)
    for node in short:
        rounds.drain(held, 3, 4 + node, tags=1)
    before = held.total()
    outcome = play(FOUR, keys=held)
    assert set(outcome.taking_part) == {0, 1, 2} - set(short)
    assert paid(outcome) == counts.of_round(FOUR, 3 - len(short))
    assert held.total() == before + outcome.key_bits


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("committee", [FOUR, SEVEN], ids=["four", "seven"])
def test_bad_parties_change_the_cost_by_fetches_only(committee: Committee, behaviour: str) -> None:
    outcome = play(committee, behaviour, bad=[0, committee.members])
    assert paid(outcome) == counts.of_round(committee, len(UPDATES), fetches=outcome.fetches)
    assert outcome.fetches <= committee.members * (committee.members - 1)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_bad_member_makes_others_sign_once_more_at_most(behaviour: str) -> None:
    outcome = play(SIGNED_FIVE, behaviour, bad=[0])
    assert outcome.signatures <= counts.of_round(SIGNED_FIVE, 3).signatures + 4 + 1


@pytest.mark.parametrize("members", [1, 2, 3, 4, 5, 7])
def test_tags_of_the_agreement_are_those_of_its_schedule(members: int) -> None:
    for byzantine in range((members - 1) // 3 + 1):
        spoken = sum(
            len(agreement.speakers(one, members)) * (members - 1)
            for one in agreement.schedule(members, byzantine, round_number=2)
        )
        assert counts.agreement_tags(members, byzantine) == spoken


@pytest.mark.parametrize("committee", [FOUR, SEVEN, SIGNED], ids=["four", "seven", "signed"])
def test_link_of_two_members_never_needs_more_than_stated(committee: Committee) -> None:
    c, most = committee.members, counts.most_on_link(committee)
    used: list[int] = []
    for behaviour, number in itertools.product(BEHAVIOURS, range(c)):
        held = rounds.store(committee)
        play(committee, behaviour, bad=[0, c], keys=held, round_number=number)
        used += [held.used(*link) for link in itertools.combinations(range(c), 2)]
    assert max(used) <= most * committee.tag_bits


def test_a_round_stops_nowhere_when_key_runs_out() -> None:
    for tags in range(12):
        held = rounds.store(FOUR, tags=tags or 1)
        outcome = play(FOUR, keys=held)
        assert all(len(vector) == 3 for vector in outcome.agreed.values())
        assert outcome.key_bits == held.total() <= 40 * (tags or 1) * (6 + 12)


# --- The store ---


@settings(derandomize=True, deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)).filter(lambda p: p[0] != p[1])),
    st.integers(0, 6),
)
def test_no_bit_of_a_link_is_used_twice(plan: list[tuple[int, int]], tags: int) -> None:
    secret = keys.full(Committee(members=4), 0, np.random.default_rng(1), tags)
    held = keys.full(Committee(members=4), 0, np.random.default_rng(1), tags)
    pads: dict[tuple[int, int], int] = {}
    for one, other in plan:
        link = (min(one, other), max(one, other))
        before = held.used(*link)
        if held.affords(one, other):
            pad = held.slot(one, other).pad
            pads[link] = pads.get(link, 0) | pad << before
            assert held.used(*link) == before + held.bits
        else:
            with pytest.raises(ValueError, match="bits left"):
                held.slot(one, other)
    for link, number in pads.items():
        # The pads that were drawn are, in order, the bits of the link's secret.
        assert number == secret.draw(*link, held.used(*link))
    assert held.total() == sum(held.used(*link) for link in pads)


def test_links_have_key_of_their_own() -> None:
    held = rounds.store(FOUR)
    slots = [held.slot(*link) for link in itertools.combinations(range(4), 2)]
    assert len({slot.pad for slot in slots}) == len({slot.hash_key for slot in slots}) == 6


def test_store_without_a_link_has_no_key() -> None:
    store = KeyStore(bits=8)
    assert not store.affords(0, 1)
    assert store.used(0, 1) == store.total() == 0


# --- Settings ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"members": 3, "byzantine": 1}, r"at least 3 \* byzantine \+ 1 = 4, but is 3\."),
        ({"members": 0}, r"at least 3 \* byzantine \+ 1 = 1, but is 0\."),
        (
            {"members": 4, "byzantine": 2, "signatures": "one_time_hash"},
            r"at least 2 \* byzantine \+ 1 = 5, but is 4\.",
        ),
        ({"members": 4, "byzantine": -1}, "`byzantine` must be at least 0, but is -1"),
        ({"members": 4, "tag_bits": 0}, "`tag_bits` must be at least 1, but is 0"),
        (
            {"members": 4, "timeout_windows": 0},
            "`timeout_windows` must be greater than 0, but is 0",
        ),
        (
            {"members": 4, "timeout_windows": float("nan")},
            "`timeout_windows` must be greater than 0, but is nan",
        ),
        ({"members": 4, "signatures": "rsa"}, "must be none or one_time_hash, but is 'rsa'"),
    ],
)
def test_impossible_committees_are_refused_in_one_line(
    arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        Committee(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)
