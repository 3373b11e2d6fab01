"""The barrier of the reference: tests and purifies pairs, then turns pairs into shots and tags."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from itertools import product
from math import floor
from typing import NamedTuple

import numpy as np

from ceas_gym.scenario import Scenario
from ceas_gym.types import Network
from reference import teams
from reference.luck import Luck
from reference.network import Node, ends_of, errors
from reference.pairs import (
    Array,
    Pair,
    Quadruple,
    Storage,
    convolve,
    dejmps,
    letters,
    quadruple,
)


def spend(
    scenario: Scenario, network: Network, memories: Storage, nodes: list[Node], luck: Luck
) -> None:
    """Turns the nodes' pairs into shots and their key into tags, in place.

    Args:
        scenario: Names the purification.
        network: The network.
        memories: Noise of the memories in this round.
        nodes: Nodes at the barrier.
        luck: Decides how many couples are purified.
    """
    able = [False] * len(nodes)
    for members in teams.members(network):
        for k in members:
            able[k] = all(takes_part(network, nodes[other]) for other in members)
    if scenario.network.purification == "dejmps":
        purify(network, memories, nodes, able, luck)
    for members in teams.members(network):
        team = [nodes[k] for k in members]
        if able[members[0]]:
            for node, shots in zip(team, teams.shots(network, team), strict=True):
                node.shots = shots
        tagged = all(has_key(node) and node.shots for node in team)
        for k in members:
            barrier(network, nodes[k], tagged=tagged)
            measure(network, k, nodes[k])


def verify(network: Network, nodes: list[Node], fakes: Array, luck: Luck) -> None:
    """Tests some pairs of every node, which are removed, and counts those that pass.

    Args:
        network: Says how many pairs are tested.
        nodes: Nodes at the barrier.
        fakes: Whether a node fails all its tests on purpose, shape (nodes,).
        luck: Decides which pairs are tested, and which pass.
    """
    if not network.verifies:
        return
    number, chance = np.zeros((2, len(nodes), network.memories.oldest))
    for k, node in enumerate(nodes):
        node.tested = drawn(node.stored, int(network.verification.pairs), luck.drawn[k])
        for pair in node.tested:
            node.stored.remove(pair)
            number[k, pair.age] += 1
            chance[k, pair.age] = 1 - np.mean(errors(network, pair.views[0]))
    passed = luck.verify(number, chance)
    for k, node in enumerate(nodes):
        node.passed = 0 if fakes[k] else int(passed[k].sum())


def drawn(pairs: list[Pair], wanted: int, luck: float) -> list[Pair]:
    """Returns pairs drawn by systematic sampling, the youngest first.

    Args:
        pairs: Pairs to draw from.
        wanted: Number of pairs; all are drawn if there are fewer.
        luck: A uniform number in [0, 1).

    Source:
        Madow and Madow, Annals of Mathematical Statistics 15, 1 (1944).
    """
    step = Fraction(min(wanted, len(pairs)), max(len(pairs), 1))
    marks = [floor(step * place + Fraction(float(luck))) for place in range(len(pairs) + 1)]
    by_age = enumerate(sorted(pairs, key=lambda pair: pair.age))
    return [pair for place, pair in by_age if marks[place + 1] > marks[place]]


def has_key(node: Node) -> bool:
    """Returns whether the key for every member suffices for a round's tags, up to rounding."""
    return all(sum(pool) >= node.owed * (1 - 1e-6) for pool in node.key)


def takes_part(network: Network, node: Node) -> bool:
    """Returns whether the node may spend pairs, and has those that a shot takes."""
    allowed = has_key(node) or network.unauthenticated_spend
    return bool(allowed and len(node.stored) >= node.ends)


class Couples(NamedTuple):
    """Pairs of one age that are purified, two by two."""

    pair: Pair
    number: int
    chances: tuple[float, ...]
    """Probability of success in [0, 1], in truth first and in the hub's estimate last."""
    purified: Pair


def purify(
    network: Network, memories: Storage, nodes: list[Node], able: list[bool], luck: Luck
) -> None:
    """Replaces couples of pairs of equal age by purified pairs, in place.

    Args:
        network: The network.
        memories: Noise of the memories in this round.
        nodes: Nodes at the barrier.
        able: Which of them may purify.
        luck: Decides how many couples succeed.

    Source:
        Deutsch et al., PRL 77, 2818 (1996), for a purification.
    """
    number, chance = np.zeros((2, len(nodes), network.memories.oldest))
    joined = [couple(network, memories, k, node) if able[k] else [] for k, node in enumerate(nodes)]
    for k, couples in enumerate(joined):
        for some in couples:
            number[k, some.pair.age], chance[k, some.pair.age] = some.number, some.chances[0]
    successes = luck.purify(number, chance)
    for k, couples in enumerate(joined):
        for some in couples:
            won = int(successes[k, some.pair.age])
            for _ in range(2 * some.number):
                nodes[k].stored.remove(some.pair)
            nodes[k].stored += [some.purified] * won
            nodes[k].sacrificed += 2 * some.number - won


def couple(network: Network, memories: Storage, k: int, node: Node) -> list[Couples]:
    """Returns the couples that the node purifies; none unless a shot can be expected afterwards.

    Pairs are purified if their estimated fidelity is below a limit and rises by it.

    Args:
        network: Has the limit, in [0, 1].
        memories: Noise of the memories in this round.
        k: Index of the node.
        node: The node.
    """
    couples = []
    for pair in sorted(set(node.stored)):
        chances, purified = distil(network, memories, k, pair)
        bad = pair.estimated_fidelity < network.operations.purification_fidelity
        if bad and purified.estimated_fidelity > pair.estimated_fidelity:
            couples.append(Couples(pair, node.stored.count(pair) // 2, chances, purified))
    lost = sum(some.number * (2 - some.chances[-1]) for some in couples)
    return couples if len(node.stored) - lost >= node.ends else []


def distil(
    network: Network, memories: Storage, k: int, pair: Pair
) -> tuple[tuple[float, ...], Pair]:
    """Returns the probability of success in [0, 1] in each view, and the purified pair.

    The pair has aged by the latency, until the outcomes have arrived.

    Args:
        network: The network.
        memories: Noise of the memories in this round.
        k: Index of the node.
        pair: One of the two equal pairs.
    """
    noise = (float(network.operations.gate_contraction), float(network.operations.readout))
    chances, views = zip(*(dejmps(view, view, *noise) for view in pair.views), strict=True)
    held = memories.hold(views, ends_of(network, k), float(network.routes.latency[k]))
    return chances, Pair(pair.age, held, purified=True)


def barrier(network: Network, node: Node, *, tagged: bool) -> None:
    """Takes the pairs of the node's shots, and key for tags if it has some, in place.

    Tags take bits of key, the oldest first.
    """
    order = sorted(
        node.stored, key=lambda pair: (not pair.purified, pair.age), reverse=network.oldest_first
    )
    taken = node.shots * node.ends
    node.spent, left = order[:taken], order[taken:]
    # The hub's estimate stores pairs by age only, so no purified pair can be kept.
    node.stored = [pair for pair in left if not pair.purified]
    node.sacrificed += len(left) - len(node.stored)
    node.key_held = [sum(pool) for pool in node.key]
    node.authenticated = tagged
    for pool in node.key:
        owed = node.owed if tagged else 0.0
        for age in reversed(range(len(pool))):
            used = min(pool[age], owed)
            pool[age], owed = pool[age] - used, owed - used


def expire(network: Network, clock: range, nodes: list[Node]) -> None:
    """Makes key older by a slot at the end of every slot of windows, in place.

    Args:
        network: Windows of a slot, and whether key expires.
        clock: Ends of the step's windows: 1 for the end of the first window of the episode.
        nodes: Nodes after the barrier.
    """
    for windows in clock if network.key.expires else ():
        if windows % network.key.slot_windows == 0:
            for node in nodes:
                node.key = [[0.0, *pool[:-1]] for pool in node.key]


def arriving(network: Network, k: int, pair: Pair) -> tuple[Quadruple, ...]:
    """Returns the Pauli errors of a qubit teleported by the pair: probabilities in [0, 1]."""
    noise = quadruple(network.operations.delivery_contraction[:, k])
    return tuple(convolve(view, noise) for view in pair.views)


def assignments(pairs: list[Pair], count: int) -> Iterator[tuple[tuple[Pair, ...], float]]:
    """Yields every assignment of pairs to qubits, with its probability in [0, 1].

    Equal pairs are not told apart.

    Args:
        pairs: Pairs that are drawn without replacement.
        count: Number of qubits, in [0, len(pairs)].
    """
    for assigned in product(sorted(set(pairs)), repeat=count):
        left, probability = Counter(pairs), 1.0
        for pair in assigned:
            probability *= left[pair] / left.total()
            left[pair] -= 1
        yield assigned, probability


def measure(network: Network, k: int, node: Node) -> None:
    """Sets the node's signal and information from the hub's estimate of the pairs spent.

    The signal is in [-1, 1], the information in shots of perfect signal.

    Args:
        network: The network.
        k: Index of the node.
        node: The node, after its pairs are spent.

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994), evaluated for a depolarized pure state.
    """
    if not node.spent or network.teams.shot.gates:
        return
    qubits, c = network.qubits, 0.0
    estimated = {pair: letters(arriving(network, k, pair)[-1]) for pair in set(node.spent)}
    for assigned, probability in assignments(node.spent, qubits):
        words = reduce(np.kron, [[1.0, *estimated[pair]] for pair in assigned])
        c += probability * float(np.mean(words[1:]))
    node.signal, node.information = c, informed(node.shots, c, qubits)


def informed(shots: float, c: float, qubits: int) -> float:
    """Returns the information, in shots of perfect signal, of shots of a depolarized pure state.

    Args:
        shots: At least 0.
        c: Share of the state that is left, in [-1, 1].
        qubits: At least 1.

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994).
    """
    return shots * c**2 / (c + 2 * (1 - c) / 2**qubits)
