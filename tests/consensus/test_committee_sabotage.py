"""What Byzantine members cost in a compiled round: time, shots and pairs."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from consensus.hubs import delivered
from helpers.coalitions import coalition

from ceas_gym.consensus import committee_sabotage, hubs
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.types import MemberLink, Params

LINK = MemberLink(pairs=100.0, bits=0.5)
FOUR = Committee(members=4, byzantine=1, tag_bits=40, timeout_windows=0.25)
NODES, WINDOWS = 5, 4
stall, withhold, equivocate = map(
    jax.jit, (committee_sabotage.stall, committee_sabotage.withhold, committee_sabotage.equivocate)
)


@pytest.fixture
def of_four(params: Params) -> Params:
    """Returns a scenario with a committee of four. Its Byzantine member acts from round 2 on."""
    members = replace(params.consensus, members=hubs.members(FOUR, LINK))
    adversary = replace(params.adversary, onset=jnp.int32(2))
    return replace(params, consensus=members, adversary=adversary)


def acting(number: int, served: float = 0.25, window: int = 0) -> Any:
    return coalition([False] * NODES, number=number, served=served, window=window)


@pytest.mark.parametrize(
    ("number", "left"),
    [
        # Member 0 is king in rounds 0, 3 and 4. The first two phases end after 7 and 10 time-outs
        # of a quarter of a window. The round after the agreement is the one that starts late.
        (0, [1.0, 1.0, 1.0, 1.0]),
        # Round 0 was before the onset.
        (1, [1.0, 1.0, 1.0, 1.0]),
        (3, [1.0, 1.0, 1.0, 1.0]),
        (4, [0.0, 0.0, 0.5, 1.0]),
        (5, [0.0, 0.25, 1.0, 1.0]),
        (6, [1.0, 1.0, 1.0, 1.0]),
        (8, [0.0, 0.0, 0.5, 1.0]),
    ],
)
def test_a_stalled_agreement_takes_the_first_windows(
    of_four: Params, number: int, left: list[float]
) -> None:
    time = stall(of_four, acting(number), jnp.ones(WINDOWS))
    assert time.tolist() == pytest.approx(left)
    # As if each window were a step.
    alone = [stall(of_four, acting(number, window=w), jnp.ones(1)) for w in range(WINDOWS)]
    assert np.concatenate(alone).tolist() == pytest.approx(left)


def test_the_round_of_the_onset_starts_in_time(of_four: Params) -> None:
    """Member 0 leads in round 0, but is Byzantine from round 1 on only."""
    later = replace(of_four, adversary=replace(of_four.adversary, onset=jnp.int32(1)))
    assert stall(later, acting(1), jnp.ones(WINDOWS)).tolist() == [1.0] * WINDOWS


def test_time_that_is_gone_already_is_not_given_back(of_four: Params) -> None:
    time = stall(of_four, acting(5), jnp.full(WINDOWS, 0.1))
    assert time.tolist() == pytest.approx([0.0, 0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("number", "served", "kept"),
    [
        (1, 0.25, [8, 5, 1, 0, 100]),
        # A quarter of the shots, rounded up.
        (2, 0.25, [6, 3, 0, 0, 75]),
        (2, 0.0, [8, 5, 1, 0, 100]),
        # Two sevenths, which are no binary fraction: 8 - 3, 5 - 2, 100 - 29.
        (9, 2 / 7, [5, 3, 0, 0, 71]),
    ],
)
def test_shots_without_corrections_are_lost(
    of_four: Params, number: int, served: float, kept: list[int]
) -> None:
    able = delivered(jnp.array([8, 5, 1, 0, 100]), jnp.array([True, True, True, False, False]))
    left = withhold(of_four, acting(number, served), able)
    assert left.shots.tolist() == kept
    assert left.authenticated.tolist() == [True, True, kept[2] > 0, False, False]


def test_two_sevenths_of_whole_shots_are_whole(of_four: Params) -> None:
    shots = 7 * jnp.arange(1, 60)
    left = withhold(of_four, acting(2, 2 / 7), delivered(shots, shots > 0))
    assert (left.shots == 5 * jnp.arange(1, 60)).all()


def test_members_that_claim_to_lack_updates_cost_pairs(of_four: Params) -> None:
    # The 78 tags of an agreement, and three updates sent to the liar; 80 pairs a tag.
    pairs = of_four.consensus.members.pairs
    assert float(pairs) == 78 * 80
    assert float(equivocate(of_four, acting(1), pairs)) == 78 * 80
    assert float(equivocate(of_four, acting(2), pairs)) == (78 + 3) * 80


def test_delays_follow_the_leaders() -> None:
    """Of seven members, 0 and 3 are Byzantine. The last phase with one of them as king counts."""
    seven = Committee(members=7, byzantine=2, tag_bits=40, timeout_windows=0.5)
    ends = {phase: 2 + 2 + 3 * (phase + 1) for phase in range(3)}
    expected = []
    for number in range(7):
        led = [phase for phase in range(3) if (number + phase) % 7 in (0, 3)]
        expected.append(0.5 * max((ends[phase] for phase in led), default=0))
    assert hubs.members(seven, LINK).delay.tolist() == expected
    assert np.count_nonzero(expected) == 6
