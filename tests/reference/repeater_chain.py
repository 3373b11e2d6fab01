"""The shortest expected time in which a chain of repeaters with a cut-off delivers a Bell pair."""

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise, product
from math import prod
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ceas_agents.bounds import decision_process

Swaps = tuple[int, ...]
"""Nodes that swap at once, from left to right."""


class Link(NamedTuple):
    """A Bell pair of two nodes."""

    left: int
    right: int
    age: int
    """Slots since the older of its parts was heralded."""


State = tuple[Link, ...]
"""All links, from left to right."""
Row = dict[State, float]
"""Chances of the states that may follow."""
Rule = Callable[[State], Swaps]


class Chain(NamedTuple):
    """A homogeneous chain: nodes in a line, each with one memory towards each neighbour.

    In a slot, first the chosen nodes swap. Links that are joined become one, as old as the oldest
    of them, if all their swaps succeed, and are lost otherwise. If the end nodes now share a link,
    it is delivered. Else links of the cut-off's age are dropped, the others grow older by one slot,
    and neighbours whose memories towards each other are free attempt a link.
    """

    nodes: int
    p: float
    """Chance that an attempt at a link succeeds."""
    p_swap: float
    """Chance that a swap succeeds."""
    cutoff: int
    """Slots that a link is stored before it must have been swapped."""


class Model(NamedTuple):
    """What can be decided in a chain, with a reward of -1 for every slot that is begun."""

    states: list[State]
    """Those that can be reached from the first, in which there is no link."""
    swaps: list[Swaps]
    """Of each pair."""
    process: decision_process.Process


def optimal(nodes: int, p: float, p_swap: float, cutoff: int) -> float:
    """Returns the least expected delivery time in slots, over all policies that see all ages.

    Args:
        nodes: Number of nodes with both ends; at least 2. States soon are many: 949 for five nodes
            and a cut-off of 3.
        p: Chance that an attempt at a link succeeds, in (0, 1].
        p_swap: Chance that a swap succeeds, in (0, 1].
        cutoff: Slots that a link is stored before it must have been swapped; at least 0.

    Raises:
        ValueError: If an argument is out of range.

    Source:
        Iñesta, Vardoyan, Scavuzzo and Wehner, Optimal entanglement distribution policies in
        homogeneous repeater chains with cutoffs, npj Quantum Information 9, 46 (2023),
        arXiv:2207.06533.

    Example:
        >>> f"{optimal(4, p=0.9, p_swap=0.5, cutoff=2):.6f}"
        '4.854089'
    """
    values, _ = decision_process.best(build(Chain(nodes, p, p_swap, cutoff)).process)
    return _time(values)


def swap_asap(nodes: int, p: float, p_swap: float, cutoff: int) -> float:
    """Returns the expected delivery time in slots if every node swaps as soon as it can.

    Args:
        nodes: As in `optimal`.
        p: As in `optimal`.
        p_swap: As in `optimal`.
        cutoff: As in `optimal`.

    Raises:
        ValueError: If an argument is out of range.

    Example:
        >>> f"{swap_asap(4, p=0.9, p_swap=0.5, cutoff=2):.6f}"
        '4.854103'
    """
    return delivery_time(Chain(nodes, p, p_swap, cutoff), able)


def nested(p: float, p_swap: float, cutoff: int) -> float:
    """Returns the expected delivery time in slots of five nodes if the middle one may wait.

    All nodes swap as soon as they can, but if all four links of neighbours are there, the middle
    node lets the other two swap first.

    Args:
        p: As in `optimal`.
        p_swap: As in `optimal`.
        cutoff: As in `optimal`.

    Raises:
        ValueError: If an argument is out of range.
    """

    def rule(state: State) -> Swaps:
        return (1, 3) if len(state) == 4 else able(state)

    return delivery_time(Chain(5, p, p_swap, cutoff), rule)


def delivery_time(setting: Chain, rule: Rule) -> float:
    """Returns the expected delivery time in slots of a policy.

    Args:
        setting: The chain.
        rule: Which of the nodes that are able to swap do so in a state.

    Raises:
        ValueError: If the chain is out of range, or the policy may never deliver.
    """
    model = build(setting)
    pairs = enumerate(zip(model.process.states, model.swaps, strict=True))
    chosen = [rule(state) for state in model.states]
    policy = [pair for pair, (state, swaps) in pairs if swaps == chosen[state]]
    return _time(decision_process.evaluate(model.process, np.array(policy, dtype=int)))


def build(setting: Chain) -> Model:
    """Returns all that can happen in a chain that starts without links.

    Raises:
        ValueError: If the chain is out of range.
    """
    _check(setting)
    rows = _rows(setting)
    places = {state: place for place, state in enumerate(rows)}
    origins = [places[state] for state in rows for _ in rows[state]]
    pairs = [pair for choices in rows.values() for pair in choices.items()]
    chances = _matrix([row for _, row in pairs], places)
    process = decision_process.Process(chances, np.full(len(pairs), -1.0), np.array(origins))
    return Model(list(rows), [swaps for swaps, _ in pairs], process)


def able(state: State) -> Swaps:
    """Returns the nodes that hold two links."""
    return tuple(sorted({link.right for link in state} & {link.left for link in state}))


def transitions(setting: Chain, state: State, swaps: Swaps) -> Row:
    """Returns the chances of what may follow a slot; what is missing to 1 delivers.

    Args:
        setting: The chain.
        state: Links at the beginning of the slot.
        swaps: Nodes that swap, all of them able to.
    """
    row: Row = {}
    for swapped, links in _swapped(setting, state, swaps):
        if not any(link.right - link.left == setting.nodes - 1 for link in links):
            kept = [link._replace(age=link.age + 1) for link in links if link.age < setting.cutoff]
            for heralded, fresh in _heralded(setting, kept):
                other = tuple(sorted(kept + fresh))
                row[other] = row.get(other, 0.0) + swapped * heralded
    return row


def _rows(setting: Chain) -> dict[State, dict[Swaps, Row]]:
    # Of all states within reach and all that can be done in them, breadth first.
    rows: dict[State, dict[Swaps, Row]] = {}
    fresh: list[State] = [()]
    while fresh:
        rows |= {state: _choices(setting, state) for state in fresh}
        after = [other for state in fresh for row in rows[state].values() for other in row]
        fresh = [other for other in dict.fromkeys(after) if other not in rows]
    return rows


def _choices(setting: Chain, state: State) -> dict[Swaps, Row]:
    nodes = able(state)
    subsets = [combinations(nodes, count) for count in range(len(nodes) + 1)]
    return {swaps: transitions(setting, state, swaps) for some in subsets for swaps in some}


def _swapped(setting: Chain, state: State, swaps: Swaps) -> Iterator[tuple[float, list[Link]]]:
    runs = _runs(state, swaps)
    return _outcomes([(_joined(run), setting.p_swap ** (len(run) - 1)) for run in runs])


def _runs(state: State, swaps: Swaps) -> Iterator[list[Link]]:
    # Links that are joined by the swaps, or a single one that no swap touches.
    follower = {link.left: link for link in state}
    for link in state:
        if link.left not in swaps:
            run = [link]
            while run[-1].right in swaps:
                run.append(follower[run[-1].right])
            yield run


def _joined(run: list[Link]) -> Link:
    return Link(run[0].left, run[-1].right, max(link.age for link in run))


def _heralded(setting: Chain, kept: list[Link]) -> Iterator[tuple[float, list[Link]]]:
    lefts, rights = {link.left for link in kept}, {link.right for link in kept}
    neighbours = pairwise(range(setting.nodes))
    free = [Link(a, b, 0) for a, b in neighbours if a not in lefts and b not in rights]
    return _outcomes([(link, setting.p) for link in free])


def _outcomes(links: list[tuple[Link, float]]) -> Iterator[tuple[float, list[Link]]]:
    # Each is there or not, independently; without what is impossible.
    each = [[(chance, [link]), (1 - chance, [])] for link, chance in links]
    for combination in product(*each):
        if chance := prod(part for part, _ in combination):
            yield chance, [link for _, present in combination for link in present]


def _matrix(rows: list[Row], places: dict[State, int]) -> sparse.csr_array:
    lines = [line for line, row in enumerate(rows) for _ in row]
    columns = [places[other] for row in rows for other in row]
    chances = [chance for row in rows for chance in row.values()]
    return sparse.csr_array((chances, (lines, columns)), shape=(len(rows), len(places)))


def _time(values: decision_process.Values) -> float:
    # The slot that begins with the last swap is not waited for.
    return float(-values[0] - 1)


def _check(setting: Chain) -> None:
    if setting.nodes < 2:
        raise ValueError(f"nodes must be at least 2, but is {setting.nodes}")
    if setting.cutoff < 0:
        raise ValueError(f"cutoff must be at least 0, but is {setting.cutoff}")
    for name in ("p", "p_swap"):
        if not 0 < getattr(setting, name) <= 1:
            raise ValueError(f"{name} must be in (0, 1], but is {getattr(setting, name)}")
