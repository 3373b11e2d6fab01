"""Whole rounds: every named behaviour, the time-outs, and more than b Byzantine members."""

import itertools

import numpy as np
import pytest
from consensus.committee import rounds
from consensus.committee.rounds import FOUR, MODEL, SEVEN, SIGNED, UPDATES, play

from ceas_gym.consensus.committee import counts, messages
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.network import Envelope, Scene
from ceas_gym.consensus.committee.round import Outcome
from ceas_gym.consensus.committee.settings import Committee

TIMEOUTS = {"silent": 1, "delay": 1}
"""Time-outs by one Byzantine member of four: after it is missed once, nobody waits for it again."""


def accepted(outcome: Outcome) -> list[list[float]]:
    return rounds.numbers(outcome.accepted.values())


def computed(outcome: Outcome) -> list[list[float]]:
    return rounds.numbers(outcome.models.values())


@pytest.mark.parametrize("committee", [Committee(members=1), FOUR, SEVEN, SIGNED], ids=str)
def test_round_without_bad_parties_applies_the_rule_to_all_updates(committee: Committee) -> None:
    outcome = play(committee)
    rounds.check(committee, outcome, bad=())
    assert outcome.counted() == set(outcome.taking_part) == {0, 1, 2}
    assert computed(outcome)[0] == pytest.approx(UPDATES.mean(axis=0).tolist())
    cost = counts.of_round(committee, len(UPDATES))
    assert outcome.sent == cost.node_tags + cost.member_tags
    assert (outcome.timeouts, outcome.deadline, outcome.fetches) == (0, 0, 0)


@pytest.mark.parametrize("committee", [FOUR, SIGNED], ids=["tags", "signatures"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("number", range(2))
def test_one_bad_member_breaks_nothing(committee: Committee, behaviour: str, number: int) -> None:
    for bad in range(2):
        first = play(committee)
        outcome = play(committee, behaviour, [bad], round_number=number, past=first.traffic)
        rounds.check(committee, outcome, [bad], number)
        assert outcome.timeouts <= 1
        if behaviour in TIMEOUTS:
            assert outcome.waited[0][1] in ("vote", "relay")


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_two_bad_members_of_seven_and_a_bad_node_break_nothing(behaviour: str) -> None:
    bad = [0, 4, SEVEN.members + 1]
    outcome = play(SEVEN, behaviour, bad)
    rounds.check(SEVEN, outcome, bad)


@pytest.mark.parametrize("committee", [FOUR, SIGNED], ids=["tags", "signatures"])
@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_bad_node_with_a_bad_member_breaks_nothing(committee: Committee, behaviour: str) -> None:
    bad = [committee.members - 1, committee.members]
    rounds.check(committee, play(committee, behaviour, bad), bad)


@pytest.mark.parametrize("behaviour", ["obey", *TIMEOUTS, "leader_stall", "withheld_confirmation"])
def test_timeouts_are_as_stated(behaviour: str) -> None:
    outcome = play(FOUR, behaviour, bad=[0])
    assert outcome.timeouts == TIMEOUTS.get(behaviour, behaviour == "leader_stall")
    # Deadlines are fixed: a king that is silent is missed at the deadline of the seventh exchange.
    late = {"silent": (2, "vote"), "delay": (2, "vote"), "leader_stall": (6, "king")}
    assert outcome.waited == ((late[behaviour],) if behaviour in late else ())
    assert outcome.deadline == (late[behaviour][0] + 1 if behaviour in late else 0)


def test_leaders_that_stall_one_after_the_other_cost_a_timeout_each() -> None:
    assert play(SEVEN, "leader_stall", bad=[0, 1]).timeouts == 2
    assert play(SEVEN, "leader_stall", bad=[0, 5]).timeouts == 1
    assert play(SEVEN, "leader_stall", bad=[4, 5]).timeouts == 0
    assert play(SEVEN, "leader_stall", bad=[4, 5], round_number=4).timeouts == 2


def test_silent_node_makes_members_wait_and_does_not_count() -> None:
    outcome = play(FOUR, "silent", bad=[4])
    assert outcome.counted() == {1, 2}
    assert outcome.waited == ((1, "update"),)


def test_update_that_a_bad_node_sent_to_one_honest_member_only_does_not_count() -> None:
    outcome = play(FOUR, "collude", bad=[3, 4])
    assert outcome.counted() == {1, 2}


@pytest.mark.parametrize("missing", range(4))
def test_member_without_an_update_fetches_it(missing: int) -> None:
    outcome = play(FOUR, bad=[4], acts=rounds.shunning(missing))
    rounds.check(FOUR, outcome, bad=[4])
    assert outcome.counted() == {0, 1, 2}
    assert outcome.fetches == 3
    assert outcome.waited == ((1, "update"),)


FALSE = [
    b"",
    b"\0",
    messages.encode_updates({0: bytes(8)}),
    messages.encode_updates({k: bytes(8) for k in range(5)}),
]
"""Empty, too short, for one node, and for all nodes and two that do not exist."""


@pytest.mark.parametrize("false", FALSE, ids=["empty", "garbled", "one", "all"])
def test_false_updates_in_a_fetch_are_refused(false: bytes) -> None:
    def lie_in_the_fetch(scene: Scene) -> list[Envelope]:
        if scene.name != "fetch":
            return list(rounds.shunning(1)(scene))
        return [scene.write(*pair, false) for pair in scene.own]

    outcome = play(FOUR, bad=[0, 4], acts=lie_in_the_fetch)
    rounds.check(FOUR, outcome, bad=[0, 4])
    assert outcome.counted() == {0, 1, 2}
    assert outcome.fetches == 3


# --- Taking part ---


@pytest.mark.parametrize("member", range(4))
@pytest.mark.parametrize("tags", range(4))
def test_node_takes_part_with_two_tags_for_every_member(member: int, tags: int) -> None:
    held = rounds.store(FOUR)
    rounds.drain(held, member, 5, tags)
    before = [held.left(m, 5) for m in range(4)]
    # Not even a silent Byzantine member vetoes the update of a node that takes part.
    outcome = play(FOUR, "silent", bad=[3], keys=held, served={(0, 1): b"\1"})
    part = {0, 1, 2} if tags >= 2 else {0, 2}
    assert outcome.counted() == set(outcome.taking_part) == set(outcome.accepted) == part
    assert outcome.corrections == ({(0, 1): b"\1"} if tags >= 2 else {})
    spent = [left - held.left(m, 5) for m, left in enumerate(before)]
    assert spent == [2 * held.bits * (tags >= 2)] * 4


def test_bad_member_can_veto_an_update_that_one_honest_member_lacks() -> None:
    # Three of four must hold it. Two honest ones do, so what the Byzantine one says decides.
    for says, counted in (("obey", {0, 1, 2}), ("silent", {1, 2})):
        outcome = play(FOUR, bad=[0, 4], acts=rounds.shunning(1, otherwise=says))
        assert outcome.counted() == counted


def test_without_nodes_that_take_part_the_model_stays() -> None:
    held = rounds.store(FOUR)
    for member, node in itertools.product(range(4), range(4, 7)):
        rounds.drain(held, member, node, tags=1)
    for outcome in (play(FOUR, keys=held), play(FOUR, updates=np.zeros((0, 2)))):
        assert (outcome.counted(), outcome.taking_part, outcome.accepted) == (set(), (), {})
        assert (outcome.node_tags, outcome.timeouts) == (0, 0)
        assert computed(outcome) == [MODEL.tolist()] * 4


def test_rule_is_not_asked_about_nothing_and_the_model_stays() -> None:
    def refuse(chosen: object) -> None:
        raise AssertionError(chosen)

    outcome = play(FOUR, "silent", bad=[4, 5, 6], rule=refuse)
    assert outcome.counted() == set()
    assert computed(outcome) == [MODEL.tolist()] * 4


# --- Instructions ---


def test_outcomes_of_bell_measurements_arrive_under_a_tag() -> None:
    served = {(0, 0): b"\1", (3, 2): b"\2"}
    assert play(FOUR, served=served).corrections == served
    for behaviour in ("delay", "silent", "withheld_confirmation"):
        assert play(FOUR, behaviour, bad=[3], served=served).corrections == {(0, 0): b"\1"}
    forged = play(FOUR, "forge", bad=[3], served=served)
    assert forged.corrections == served


def test_members_confirm_one_model_whatever_outcomes_they_send_with_it() -> None:
    served = {(m, k): bytes([m]) * m for m in range(4) for k in range(3)}
    outcome = play(FOUR, bad=[3], served=served)
    rounds.check(FOUR, outcome, bad=[3])
    assert outcome.corrections == {pair: body for pair, body in served.items() if body}


def test_same_seed_plays_the_same_round() -> None:
    one, other = (play(FOUR, "forge", bad=[0], seed=3) for _ in range(2))
    assert one.traffic == other.traffic
    assert one.agreed == other.agreed


# --- More bad members than allowed for ---


def test_two_bad_members_of_four_have_nodes_accept_what_they_like() -> None:
    def confirm_zeros(scene: Scene) -> list[Envelope]:
        if scene.name != "instructions":
            return scene.obey()
        return [scene.write(*pair, bytes(8)) for pair in scene.own]

    for bad, expected in (([0], MODEL.tolist()), ([0, 1], [0, 0])):
        assert accepted(play(FOUR, bad=bad, acts=confirm_zeros)) == [expected] * 3


def test_node_that_accepts_no_model_sends_no_update_but_loses_its_key() -> None:
    held = rounds.store(FOUR)
    outcome = play(FOUR, "withheld_confirmation", bad=[1, 2, 3], keys=held)
    assert outcome.accepted == dict.fromkeys(range(3))
    assert outcome.counted() == set()
    assert outcome.waited == ((1, "update"),)
    senders = {messages.sender_of(envelope.content.message) for envelope in outcome.traffic}
    assert senders == {0, 1, 2, 3}
    assert held.used(0, 4) == 2 * held.bits


def test_two_silent_members_of_four_stop_every_update() -> None:
    assert play(FOUR, "silent", bad=[2, 3]).counted() == set()


def test_two_two_faced_members_of_four_split_the_honest_ones() -> None:
    split = rounds.shunning(1, otherwise="equivocation")
    with pytest.raises(ValueError, match="more than b members are Byzantine"):
        play(FOUR, bad=[2, 3, 4], acts=split).counted()
