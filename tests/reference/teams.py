"""Teams of nodes in the reference: what their shots take, and the record of a team's update."""

from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from ceas_gym.types import Network, State
from reference import barrier
from reference.network import Node, of
from reference.pairs import Array, Pair, Quadruple, convolve, mean, quadruple


def members(network: Network) -> list[list[int]]:
    """Returns the nodes of each team, in the order of its QPUs."""
    return [[int(k) for k in team] for team in network.teams.nodes]


def shots(network: Network, team: list[Node]) -> list[int]:
    """Returns in how many shots each QPU takes part: of one circuit, in the same number."""
    each = [len(node.stored) // node.ends for node in team if node.ends]
    if network.teams.shot.alone and min(each) > 0:
        return each
    return [min(each)] * len(team)


def spoiled(network: Network, bad: Array) -> Array:
    """Returns which teams have one of these nodes, shape (teams,)."""
    return np.array([any(bad[k] for k in team) for team in members(network)])


def every(network: Network, good: Array) -> Array:
    """Returns of which teams all nodes are, shape (teams,)."""
    return np.array([all(good[k] for k in team) for team in members(network)])


def shown(network: Network, each: Array) -> Array:
    """Returns what each node's team has, shape (nodes,)."""
    found: Array = np.zeros(len(network.routes.vertex))
    for value, team in zip(each, members(network), strict=True):
        found[team] = value
    return found


def form(network: Network, nodes: list[Node]) -> list[Node]:
    """Returns a record of each team, as if it were a node; nodes that are alone are returned."""
    if network.teams.size == 1:
        return nodes
    return [unite(network, team, [nodes[k] for k in team]) for team in members(network)]


def unite(network: Network, places: list[int], team: list[Node]) -> Node:
    """Returns the record of a team.

    Args:
        network: The network.
        places: Indices of its nodes.
        team: These nodes, after the barrier.
    """
    numbers, reader = [node.shots for node in team], team[0]
    if network.teams.shot.alone:
        # As much noise as that of a circuit with so many shots.
        whole = int(len(team) ** 2 / sum(1 / number for number in numbers)) if all(numbers) else 0
        c = min(node.signal for node in team)
    else:
        whole = min(numbers)
        c = signal(network, places, [node.spent for node in team]) if whole else 0.0
    return replace(
        reader,
        spent=[pair for node in team for pair in node.spent],
        shots=whole,
        signal=c if whole else 0.0,
        information=barrier.informed(whole, c, network.qubits),
        of_qpus=team,
    )


def tell(network: Network, units: list[Node], nodes: list[Node]) -> None:
    """Marks the nodes of teams that the hub took for authenticated, in place."""
    for unit, team in zip(units, members(network), strict=True):
        for k in team:
            nodes[k].authenticated = unit.authenticated


def joined(
    network: Network, team: list[int], pairs: list[list[Pair]], view: int
) -> list[Quadruple]:
    """Returns the pair of each gate, of which the hub swaps a pair of each QPU's link.

    A swap is linear in its pairs, so this is the mean over all ways to match them.

    Args:
        network: The gates, and the noise of swap, waiting and readouts.
        team: Its nodes, by QPU.
        pairs: Of each QPU's link.
        view: 0 for the truth, -1 for the hub's estimate.

    Source:
        Swaps: Zukowski et al., PRL 71, 4287 (1993).
    """
    which = members(network).index(team)
    noises = [quadruple(noise) for noise in network.teams.gate_contraction[which]]
    links = [mean([pair.views[view] for pair in each]) if each else None for each in pairs]
    return [
        convolve(convolve(links[one], links[other]), noise)
        for (one, other), noise in zip(network.teams.shot.gates, noises, strict=True)
    ]


def signal(network: Network, team: list[int], pairs: list[list[Pair]]) -> float:
    """Returns what a twirl of the circuit leaves, if its gates' fidelities multiply, in [-1, 1].

    Args:
        network: The network.
        team: Its nodes, by QPU.
        pairs: Of each QPU's link.
    """
    if not all(pairs):
        return 0.0
    process = reduce(lambda total, gate: total * gate[0], joined(network, team, pairs, -1), 1.0)
    words = 4**network.qubits
    return (words * process - 1) / (words - 1)


def features(network: Network, nodes: list[Node], memories: int) -> dict[str, Array]:
    """Returns the features of nodes that form teams, each of shape (nodes,).

    Args:
        network: The network.
        nodes: What they hold.
        memories: Pairs that a node may store.
    """
    if network.teams.size == 1:
        return {}
    found: dict[str, Any] = {name: np.zeros(len(nodes)) for name in FEATURES}
    busiest = max(node.ends for node in nodes)
    for number, team in enumerate(members(network)):
        made = min(shots(network, [nodes[k] for k in team]))
        for k in team:
            left = len(nodes[k].stored) - made * nodes[k].ends
            found["team"][k] = number / len(network.teams.nodes)
            found["taken"][k] = nodes[k].ends / busiest
            found["scarcest"][k] = made / (memories / busiest)
            found["surplus"][k] = left / memories
    return found


FEATURES = ("team", "taken", "scarcest", "surplus")


def metrics(network: Network, after: State, units: list[Node], outcome: Any) -> dict[str, Any]:
    """Returns those metrics of a step that count teams.

    Args:
        network: The network.
        after: State after the step.
        units: Records of the teams.
        outcome: Result of the consensus.
    """
    bad = spoiled(network, after.byzantine)
    return {
        "shots": of(units, "shots").sum(),
        "authenticated_nodes": of(units, "authenticated").sum(),
        "byzantine_weight": sum(
            weight for k, weight in enumerate(outcome.weights) if bad[k] or k in outcome.forged
        ),
    }
