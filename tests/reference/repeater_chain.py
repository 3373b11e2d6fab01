"""The least expected time in which a chain of repeaters with a cut-off delivers a Bell pair."""

from collections.abc import Callable, Iterator
from itertools import combinations, pairwise, product
from math import prod
from typing import NamedTuple

import numpy as np
from scipy import sparse

from ceas_agents.bounds import decision_process

Swaps = tuple[int, ...]
"""Nodes that swap in the same slot, from left to right."""


class Link(NamedTuple):
    """A Bell pair shared by two nodes."""

    left: int
    right: int
    age: int
    """Slots since the oldest of its parts was heralded."""


State = tuple[Link, ...]
"""All links, from left to right."""
Row = dict[State, float]
"""Probability of each next state, in (0, 1]."""
Rule = Callable[[State], Swaps]


class Chain(NamedTuple):
    """A homogeneous chain: nodes in a line, each with one memory towards each neighbour.

    In a slot, first the chosen nodes swap. If all swaps between joined links succeed, the links
    become one, whose age is that of the oldest; otherwise they are lost. If the end nodes then
    share a link, it is delivered. Otherwise links of the cut-off's age are discarded, the others
    age by one slot, and neighbours whose memories towards each other are free attempt a link.
    """

    nodes: int
    p: float
    """Probability that an attempt at a link succeeds, in (0, 1]."""
    p_swap: float
    """Probability that a swap succeeds, in (0, 1]."""
    cutoff: int
    """Greatest age in slots at which a link can be swapped, at least 0."""


class Model(NamedTuple):
    """The decision process of a chain, with a reward of -1 for every slot that begins."""

    states: list[State]
    """All states that can be reached from the first, which has no link."""
    swaps: list[Swaps]
    """The nodes that swap in each state-action pair of the process."""
    process: decision_process.Process


def optimal(nodes: int, p: float, p_swap: float, cutoff: int) -> float:
    """Returns the least expected delivery time in slots, over all policies that see all ages.

    Args:
        nodes: Number of nodes including both ends; at least 2. The number of states grows fast: it
            is 949 for five nodes and a cut-off of 3.
        p: Probability that an attempt at a link succeeds, in (0, 1].
        p_swap: Probability that a swap succeeds, in (0, 1].
        cutoff: Greatest age in slots at which a link can be swapped; at least 0.

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

    All nodes swap as soon as they can, with one exception: if all four links between neighbours
    exist, the middle node waits while the other two swap.

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
        rule: Selects, in each state, which of the nodes that can swap do so.

    Raises:
        ValueError: If the chain is out of range, or the policy may never deliver.
    """
    model = build(setting)
    pairs = enumerate(zip(model.process.states, model.swaps, strict=True))
    chosen = [rule(state) for state in model.states]
    policy = [pair for pair, (state, swaps) in pairs if swaps == chosen[state]]
    return _time(decision_process.evaluate(model.process, np.array(policy, dtype=int)))


def build(setting: Chain) -> Model:
    """Returns the decision process of a chain that starts without links.

    Args:
        setting: The chain; its probabilities are in (0, 1].

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
    """Returns the nodes that hold two links, each in [1, nodes - 2], in order."""
    return tuple(sorted({link.right for link in state} & {link.left for link in state}))


def transitions(setting: Chain, state: State, swaps: Swaps) -> Row:
    """Returns the probability, in (0, 1], of each state after a slot.

    Args:
        setting: The chain.
        state: Links at the beginning of the slot.
        swaps: Nodes that swap; each must hold two links.

    Returns:
        Probabilities whose sum may be less than 1; the rest is the probability of a delivery.
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
    # Of all reachable states and all choices in them, breadth first.
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
    # Each run is the links that the swaps join, or a single link without a swap.
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
    # Each link exists or not, independently; outcomes of probability zero are left out.
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
    # The last slot only begins with the swap that delivers, so it is not counted.
    return float(-values[0] - 1)


def _check(setting: Chain) -> None:
    if setting.nodes < 2:
        raise ValueError(f"nodes must be at least 2, but is {setting.nodes}")
    if setting.cutoff < 0:
        raise ValueError(f"cutoff must be at least 0, but is {setting.cutoff}")
    for name in ("p", "p_swap"):
        if not 0 < getattr(setting, name) <= 1:
            raise ValueError(f"{name} must be in (0, 1], but is {getattr(setting, name)}")
