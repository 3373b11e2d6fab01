"""The repeater chain with cut-off: published optima, laws, and the model worked by hand.

Published values are those of Iñesta, Vardoyan, Scavuzzo and Wehner, npj Quantum Information 9, 46
(2023), as printed and stored with their code; their solver stops before all of its digits are
right.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from reference import repeater_chain
from reference.repeater_chain import Chain, Link

# Nodes, p, p_swap, cut-off and policy; published with what it is off by at most, and recomputed.
TIMES = [
    (4, 0.3, 0.5, 2, "optimal", 32.86473772, 1e-5, 32.86473616),
    (4, 0.3, 1.0, 2, "optimal", 8.88518556, 1e-5, 8.88518522),
    (5, 0.3, 0.5, 3, "optimal", 65.27732895, 1e-5, 65.27732894),
    (5, 0.4, 0.5, 3, "optimal", 34.2346, 1e-3, 34.23360728),
    (5, 0.5, 0.5, 3, "optimal", 21.84230780, 1e-5, 21.84230780),
    (5, 0.6, 0.5, 3, "optimal", 15.66837787, 1e-5, 15.66837787),
    (5, 0.7, 0.5, 3, "optimal", 12.12020428, 1e-5, 12.12020428),
    (5, 0.8, 1.0, 5, "optimal", 1.78076593, 1e-5, 1.78076593),
    (5, 1.0, 1.0, 5, "optimal", 1.0, 1e-5, 1.0),
    (5, 0.5, 0.5, 2, "optimal", 26.78, 2e-4, 26.77944920),
    (5, 0.9, 0.5, 2, "optimal", 8.32, 6e-4, 8.31661382),
    (5, 0.9, 0.5, 2, "swap-asap", 9.346904216, 1e-5, 9.34690464),
    (5, 0.9, 0.5, 2, "nested", 8.343780862, 1e-5, 8.34378118),
    (5, 0.9, 1.0, 2, "swap-asap", 1.388770307, 1e-5, 1.38877031),
    (5, 0.9, 1.0, 2, "nested", 2.071074465, 1e-5, 2.07107446),
    (5, 0.2, 0.5, 3, "swap-asap", 192.9507, 1e-3, 193.08843414),
]
# By how many per cent swapping as soon as possible is slower, by nodes and p_swap: a row of each p,
# with cut-offs from 2 to 6.
ADVANTAGES = {
    (4, 1.0): """
        0.3  1.764655 1.395101 1.019501 0.738541 0.534596
        0.4  1.085845 0.752939 0.493460 0.313135 0.194980
        0.5  0.678246 0.387928 0.208701 0.108570 0.055437
        0.6  0.382724 0.171122 0.071625 0.029192 0.011766
        0.7  0.161602 0.051810 0.015855 0.004786 0.001438
        0.8  0.038036 0.007833 0.001576 0.000315 0.000063
        0.9  0.002145 0.000216 0.000022 0.000002 0.000000""",
    (4, 0.5): """
        0.3  1.744827 1.119189 0.674179 0.403859 0.267687
        0.4  1.025807 0.563736 0.282801 0.143105 0.075021
        0.5  0.534063 0.234556 0.094746 0.040119 0.018057
        0.6  0.228568 0.073349 0.023109 0.008042 0.003011
        0.7  0.068948 0.014512 0.003422 0.000931 0.000269
        0.8  0.010506 0.001244 0.000201 0.000036 0.000005
        0.9  0.000287 0.000012 0        0        0""",
    (5, 1.0): """
        0.3  5.247729 3.943877 2.939554 2.115975 1.559311
        0.5  1.892613 1.119439 0.609968 0.340460 0.178425
        0.6  1.053606 0.478566 0.210632 0.089674 0.037548
        0.8  0.115941 0.024061 0.005138 0.001047 0.000213
        0.9  0.007581 0.000808 0.000084 0.000008 0.000001""",
    (5, 0.5): """
        0.3  5.945849  5.746475  5.770610  6.120831  6.799645
        0.5  5.278701  6.431077  7.630475  9.029293 10.454560
        0.6  5.925327  7.819928  9.358337 10.731327 11.868043
        0.8  9.727387 11.211551 12.008057 12.404357 12.614339
        0.9 12.388344 13.070674 13.157335 13.167354 13.168458""",
}
LARGEST_QUICK = {4: 4, 5: 2}
"""Largest cut-off, by nodes, whose advantages are checked by default."""


def advantages() -> Iterator[object]:
    """Each of the tables' entries with its setting, slow where there are many states."""
    for (nodes, p_swap), table in ADVANTAGES.items():
        for p, *entries in (map(float, line.split()) for line in table.strip().splitlines()):
            for cutoff, entry in enumerate(entries, start=2):
                marks = [pytest.mark.slow] if cutoff > LARGEST_QUICK[nodes] else []
                yield pytest.param(Chain(nodes, p, p_swap, cutoff), entry, marks=marks)


def time(setting: Chain, policy: str) -> float:
    if policy == "nested":
        return repeater_chain.nested(*setting[1:])
    return (repeater_chain.optimal if policy == "optimal" else repeater_chain.swap_asap)(*setting)


def three_nodes(p: float, p_swap: float, cutoff: int) -> float:
    """A closed form: the second link has to follow the first within the cut-off, or both restart.

    The middle node swaps as soon as it can. Repeated attempts take 1 / p and swaps are repeated
    1 / p_swap times, from the start.
    """
    first = 1 - (1 - p) ** 2
    both = p**2 / first
    follows = 1 - (1 - p) ** cutoff
    length = 1 / first + (1 - both) * follows / p
    return length / (both + (1 - both) * follows) / p_swap


@pytest.mark.parametrize(
    ("nodes", "p", "p_swap", "cutoff", "policy", "published", "tolerance", "recomputed"), TIMES
)
def test_delivery_times_are_the_published_ones(
    nodes: int,
    p: float,
    p_swap: float,
    cutoff: int,
    policy: str,
    published: float,
    tolerance: float,
    recomputed: float,
) -> None:
    found = time(Chain(nodes, p, p_swap, cutoff), policy)
    assert found == pytest.approx(published, rel=tolerance)
    assert found == pytest.approx(recomputed, rel=0, abs=1e-8)


@pytest.mark.parametrize(("setting", "per_cent"), list(advantages()))
def test_advantages_are_the_published_ones(setting: Chain, per_cent: float) -> None:
    optimal = repeater_chain.optimal(*setting)
    advantage = 100 * (repeater_chain.swap_asap(*setting) / optimal - 1)
    assert advantage == pytest.approx(per_cent, rel=1e-5, abs=4e-6)


def test_there_are_as_many_states_as_were_published() -> None:
    # 965 with those 16 in which the end nodes share a link, of four ages, and in which there may be
    # another link of nodes 1 and 2, or 2 and 3, that was bridged.
    model = repeater_chain.build(Chain(5, 0.5, 0.5, 3))
    assert len(set(model.states)) == len(model.states) == 965 - 16


@pytest.mark.parametrize("p", [0.05, 0.6, 1.0])
def test_neighbours_wait_for_the_first_success(p: float) -> None:
    assert repeater_chain.optimal(2, p, 0.5, 3) == pytest.approx(1 / p, rel=1e-12)


@pytest.mark.parametrize("cutoff", [0, 1, 2, 5, 40])
@pytest.mark.parametrize(("p", "p_swap"), [(0.1, 0.3), (0.5, 1.0), (1.0, 0.7)])
def test_three_nodes_have_a_closed_form(p: float, p_swap: float, cutoff: int) -> None:
    expected = three_nodes(p, p_swap, cutoff)
    assert repeater_chain.optimal(3, p, p_swap, cutoff) == pytest.approx(expected, rel=1e-10)
    assert repeater_chain.swap_asap(3, p, p_swap, cutoff) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("nodes", [3, 4, 5, 6])
def test_without_storage_everything_must_succeed_at_once(nodes: int) -> None:
    expected = 1 / (0.6 ** (nodes - 1) * 0.7 ** (nodes - 2))
    assert repeater_chain.optimal(nodes, 0.6, 0.7, 0) == pytest.approx(expected, rel=1e-10)


def test_storage_and_choice_never_cost_time() -> None:
    optimal = [repeater_chain.optimal(4, 0.4, 0.6, cutoff) for cutoff in range(5)]
    assert (np.diff(optimal) < 0).all()
    assert optimal[2] <= repeater_chain.swap_asap(4, 0.4, 0.6, 2)
    assert repeater_chain.optimal(5, 0.9, 0.5, 1) <= repeater_chain.nested(0.9, 0.5, 1)


def test_optimum_is_the_fixed_point_of_value_iteration() -> None:
    model = repeater_chain.build(Chain(4, 0.5, 0.5, 2))
    values = np.zeros(len(model.states))
    for _ in range(1000):
        gains = model.process.chances @ values - 1
        values = np.full(len(values), -np.inf)
        np.maximum.at(values, model.process.states, gains)
    assert repeater_chain.optimal(4, 0.5, 0.5, 2) == pytest.approx(-values[0] - 1, rel=1e-10)


def test_swap_keeps_the_older_age_and_fails_with_all_links() -> None:
    links = (Link(0, 1, 2), Link(1, 2, 0), Link(2, 3, 1))
    row = repeater_chain.transitions(Chain(5, 1.0, 0.7, 3), links, (1, 2))
    lost = tuple(Link(node, node + 1, 0) for node in range(4))
    # Nodes 1 and 2 have all their memories free again, and attempt another link.
    assert row == pytest.approx(
        {(Link(0, 3, 3), Link(1, 2, 0), Link(3, 4, 0)): 0.7**2, lost: 1 - 0.7**2}
    )


def test_links_apart_swap_independently() -> None:
    links = tuple(Link(node, node + 1, 1) for node in range(4))
    row = repeater_chain.transitions(Chain(5, 1.0, 0.7, 3), links, (1, 3))
    assert len(row) == 4
    assert row[Link(0, 2, 2), Link(2, 4, 2)] == pytest.approx(0.7**2)
    assert row[Link(0, 2, 2), Link(2, 3, 0), Link(3, 4, 0)] == pytest.approx(0.7 * 0.3)


def test_link_of_the_cutoffs_age_must_deliver_or_is_dropped() -> None:
    setting, links = Chain(3, 1.0, 0.7, 3), (Link(0, 1, 3), Link(1, 2, 0))
    assert repeater_chain.transitions(setting, links, ()) == {(Link(0, 1, 0), Link(1, 2, 1)): 1.0}
    again = {(Link(0, 1, 0), Link(1, 2, 0)): pytest.approx(0.3)}
    assert repeater_chain.transitions(setting, links, (1,)) == again


def test_what_delivers_is_missing_from_the_next_states() -> None:
    model = repeater_chain.build(Chain(4, 0.3, 0.6, 2))
    expected = []
    for state, swaps in zip(model.process.states, model.swaps, strict=True):
        links = model.states[state]
        bridged = len(links) == len(swaps) + 1 and links[-1].right - links[0].left == 3
        expected.append(1 - bridged * 0.6 ** len(swaps))
    np.testing.assert_allclose(model.process.chances.sum(axis=1), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ((1, 0.5, 0.5, 2), "nodes must be at least 2, but is 1"),
        ((4, 0.0, 0.5, 2), "p must be in (0, 1], but is 0.0"),
        ((4, 1.5, 0.5, 2), "p must be in (0, 1], but is 1.5"),
        ((4, 0.5, 0.0, 2), "p_swap must be in (0, 1], but is 0.0"),
        ((4, 0.5, float("nan"), 2), "p_swap must be in (0, 1], but is nan"),
        ((4, 0.5, 0.5, -1), "cutoff must be at least 0, but is -1"),
    ],
)
def test_chains_out_of_range_are_refused(setting: tuple, said: str) -> None:
    with pytest.raises(ValueError, match="must be") as error:
        repeater_chain.optimal(*setting)
    assert str(error.value) == said


def test_rules_that_never_deliver_or_cannot_swap_are_refused() -> None:
    with pytest.raises(ValueError, match="out of reach"):
        repeater_chain.delivery_time(Chain(3, 0.5, 0.5, 1), lambda state: ())
    with pytest.raises(ValueError, match="a pair of each state"):
        repeater_chain.delivery_time(Chain(3, 0.5, 0.5, 1), lambda state: (2,))
