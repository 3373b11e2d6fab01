"""Whole rounds: every named behaviour, the time-outs, and more than b Byzantine members."""

import itertools

import numpy as np
import pytest
from consensus.committee import rounds
from consensus.committee.rounds import FOUR, SEVEN, SIGNED, UPDATES, play

from ceas_gym.consensus.committee import counts, messages
from ceas_gym.consensus.committee.behaviours import BEHAVIOURS
from ceas_gym.consensus.committee.network import Envelope, Scene
from ceas_gym.consensus.committee.round import Outcome, execute
from ceas_gym.consensus.committee.settings import Committee

TIMEOUTS = {"silent": 1, "delay": 1}
"""Time-outs by one Byzantine member of four: after it is missed once, nobody waits for it again."""


def accepted(outcome: Outcome) -> list[list[float]]:
    return rounds.numbers(outcome.accepted.values())


@pytest.mark.parametrize("committee", [Committee(members=1), FOUR, SEVEN, SIGNED], ids=str)
def test_round_without_bad_parties_applies_the_rule_to_all_updates(committee: Committee) -> None:
    outcome = play(committee)
    rounds.check(committee, outcome, bad=())
    assert outcome.counted() == {0, 1, 2}
    assert accepted(outcome)[0] == pytest.approx(UPDATES.mean(axis=0).tolist())
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
    held = rounds.store(FOUR)
    held.draw(missing, 4, held.left(missing, 4))
    outcome = play(FOUR, keys=held)
    assert outcome.counted() == {0, 1, 2}
    assert outcome.fetches == 3
    rounds.check(FOUR, outcome, bad=())
    # The node has no key left for that member's model, but three others confirm it.
    assert outcome.accepted[0] is not None


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
            return scene.obey()
        return [scene.write(*pair, false) for pair in scene.own]

    held = rounds.store(FOUR)
    held.draw(1, 4, held.left(1, 4))
    outcome = execute(FOUR, UPDATES, held, rounds.mean, bad=[0], behaviour=lie_in_the_fetch)
    rounds.check(FOUR, outcome, bad=[0])
    assert outcome.fetches == 3


def test_bad_member_can_veto_an_update_that_one_honest_member_cannot_authenticate() -> None:
    # Three of four must hold it. One is short of key; if the Byzantine one is silent, two are left.
    for behaviour, counted in (("obey", {0, 1, 2}), ("silent", {1, 2})):
        held = rounds.store(FOUR)
        held.draw(1, 4, held.left(1, 4))
        assert play(FOUR, behaviour, bad=[0], keys=held).counted() == counted


def test_node_that_too_few_members_can_hear_does_not_count() -> None:
    held = rounds.store(FOUR)
    for member in range(2):
        held.draw(member, 4, held.left(member, 4))
    outcome = play(FOUR, keys=held)
    assert outcome.counted() == {1, 2}
    # Two members have key for the model, and two confirmations are enough.
    assert outcome.accepted[0] is not None


def test_node_with_key_for_one_member_keeps_its_model() -> None:
    held = rounds.store(FOUR)
    for member in range(3):
        held.draw(member, 4, held.left(member, 4))
    outcome = play(FOUR, keys=held)
    assert outcome.accepted[0] is None
    assert outcome.accepted[1] is not None


def test_no_update_counts_if_nobody_has_key() -> None:
    outcome = play(FOUR, keys=rounds.store(FOUR, tags=0), updates=np.zeros((0, 2)))
    assert outcome.counted() == set()
    held = rounds.store(FOUR)
    for member, node in itertools.product(range(4), range(4, 7)):
        held.draw(member, node, held.left(member, node) - held.bits)
    # The update used up the only tag of each link, so no model arrives.
    outcome = play(FOUR, keys=held)
    assert outcome.counted() == {0, 1, 2}
    assert set(map(type, outcome.accepted.values())) == {type(None)}


def test_rule_is_not_asked_about_nothing_and_the_model_stays() -> None:
    def refuse(chosen: object) -> None:
        raise AssertionError(chosen)

    outcome = play(FOUR, "silent", bad=[4, 5, 6], rule=refuse)
    assert outcome.counted() == set()
    assert rounds.numbers(outcome.models.values()) == [[]] * 4


def test_outcomes_of_bell_measurements_arrive_under_a_tag() -> None:
    served = {(0, 0): b"\1", (3, 2): b"\2"}
    assert play(FOUR, served=served).corrections == served
    late = play(FOUR, "delay", bad=[3], served=served)
    assert late.corrections == {(0, 0): b"\1"}
    forged = play(FOUR, "forge", bad=[3], served=served)
    assert forged.corrections == served


def test_same_seed_plays_the_same_round() -> None:
    one, other = (play(FOUR, "forge", bad=[0], seed=3) for _ in range(2))
    assert one.traffic == other.traffic
    assert one.agreed == other.agreed


# --- More bad members than allowed for ---


def test_two_bad_members_of_four_have_nodes_accept_what_they_like() -> None:
    def confirm_zeros(scene: Scene) -> list[Envelope]:
        if scene.name != "model":
            return scene.obey()
        return [scene.write(*pair, bytes(8)) for pair in scene.own]

    for bad, expected in (([3], UPDATES.mean(axis=0).tolist()), ([2, 3], [0, 0])):
        held = rounds.store(FOUR)
        outcome = execute(FOUR, UPDATES, held, rounds.mean, bad=bad, behaviour=confirm_zeros)
        for model in accepted(outcome):
            assert model == pytest.approx(expected)


def test_two_silent_members_of_four_stop_every_update() -> None:
    assert play(FOUR, "silent", bad=[2, 3]).counted() == set()


def test_two_two_faced_members_of_four_split_the_honest_ones() -> None:
    held = rounds.store(FOUR)
    held.draw(1, 4, held.left(1, 4))
    with pytest.raises(ValueError, match="more than b members are Byzantine"):
        play(FOUR, "equivocation", bad=[2, 3], keys=held).counted()
