"""From the settings of a committee to its protocol, its tags and its costs."""

import re
from typing import Any

import pytest
from helpers.refusals import refusal

from ceas_gym import config, parameters
from ceas_gym.consensus import hubs, setup
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.physics import key
from ceas_gym.scenario import ConsensusSettings
from ceas_gym.types import MemberLink

LINK = MemberLink(pairs=100.0, bits=0.5)
FOUR = {"members": 4, "byzantine": 1}


def settings(**changes: Any) -> ConsensusSettings:
    return ConsensusSettings.model_validate(changes)


def of_members(members: int, byzantine: int, **others: Any) -> dict[str, Any]:
    """Returns overrides for a committee."""
    asked = {"members": members, "byzantine": byzantine, **others}
    return {f"consensus.committee.{name}": value for name, value in asked.items()}


@pytest.mark.parametrize(
    ("changes", "tags", "longest"),
    [
        ({}, 1, 64 + 32 * 8),
        # A header of 72 bits, the model, and two bits for each of 100 Bell measurements.
        ({"tagged_messages": "all"}, 2, 72 + 32 * 8 + 200),
        # Among members, the updates of all five nodes in one message, each with its number.
        ({"committee": FOUR}, 2, 72 + 5 * (16 + 32 * 8)),
    ],
)
def test_tags_are_long_enough_for_the_longest_message(
    changes: dict[str, Any], tags: int, longest: int
) -> None:
    given = settings(**changes)
    protocol = hubs.committee(given, nodes=5, parameters=8, pairs_of_node=100)
    bits = key.tag_bits(longest, given.key.security_bits)
    assert hubs.tags(given, protocol) == (bits, tags, protocol.members)


@pytest.mark.parametrize(
    ("committee", "fooled"),
    [
        (Committee(members=1), 1),
        # Three of four must name an update, of which one lies.
        (Committee(members=4, byzantine=1), 2),
        (Committee(members=7, byzantine=2), 3),
        (Committee(members=3, byzantine=1, signatures="one_time_hash"), 1),
    ],
)
def test_a_forged_update_must_fool_some_honest_members(committee: Committee, fooled: int) -> None:
    built = setup.build(settings(key={"security_bits": 3}), 1, committee, LINK)
    assert float(built.forgery_probability) == (1 / 8) ** fooled


def test_a_single_hub_agrees_at_no_cost() -> None:
    alone = hubs.members(Committee(members=1), None)
    assert [float(alone.pairs), float(alone.fetch_pairs)] == [0.0, 0.0]
    assert alone.delay.tolist() == [0.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            of_members(3, 1),
            "consensus.committee: Setting `members` must be at least 3 * byzantine + 1 = 4, but is "
            "3.",
        ),
        (
            of_members(4, 2, signatures="one_time_hash"),
            "consensus.committee: Setting `members` must be at least 2 * byzantine + 1 = 5, but is "
            "4.",
        ),
        (
            of_members(4, 1, timeout_windows=0.5),
            "consensus.committee.timeout_windows = 0.5: the 11 exchanges of a round may take "
            "11 * timeout_windows = 5.5 windows, more than network.windows = 4",
        ),
        (
            of_members(4, 1, link_km=40.0),
            "consensus.committee: the link of two members makes 66 bits of key in a round on "
            "average, but the agreement may take 608; shorten the link (link_km), or give it more "
            "interfaces (link_interfaces)",
        ),
        (
            {"attack.name": "white_box+leader_stall"},
            "attack.name = white_box+leader_stall needs Byzantine members, but "
            "consensus.committee.byzantine = 0; set it to 1, and members to 4 or more (3 with "
            "signatures)",
        ),
        (
            {"attack.name": "leader_stall"} | of_members(3, 1, signatures="one_time_hash"),
            "attack.name = leader_stall with consensus.committee.signatures = one_time_hash: that "
            "agreement has no leaders who could stall",
        ),
        (
            of_members(4, 1) | {"hardware.readout": 0.9},
            "consensus.committee: pairs of two members yield no key, because their link is too "
            "long (link_km), or their fidelity or the readout (hardware.readout) too low",
        ),
    ],
)
def test_a_committee_that_can_not_work_is_refused(changes: dict[str, Any], message: str) -> None:
    scenario = config.load("tiny", changes)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        parameters.build(scenario)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"consensus.tagged_messages": "updates"},
            "tagged_messages = updates with committee.members = 4: a node trusts no single member, "
            "so all messages need tags",
        ),
        (
            {"consensus.unauthenticated_updates": "accept"},
            "unauthenticated_updates = accept with committee.members = 4: members can't agree on "
            "updates that anybody may have replaced; set it to drop",
        ),
        (
            {"consensus.committee.members": 1, "consensus.committee.byzantine": 0}
            | {"consensus.committee.trap_share": 0.1},
            "trap_share = 0.1 with members = 1: traps find members that lie, but a single hub is "
            "trusted",
        ),
        (
            {"consensus.committee.link_km": None},
            "committee.link_km = null with committee.members = 4: each of the c (c - 1) / 2 = 6 "
            "pairs of members needs a link for its key",
        ),
    ],
)
def test_settings_that_a_committee_excludes_are_refused(
    changes: dict[str, Any], message: str
) -> None:
    assert message in refusal("tiny", of_members(4, 1) | changes)
