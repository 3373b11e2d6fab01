"""What the hub of the reference knows of stocks and time between two steps, pair by pair."""

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np

from ceas_gym.scenario import Scenario
from ceas_gym.types import Network, Params, State
from reference import teams
from reference.barrier import arriving, informed, takes_part
from reference.conditions import storage, trust
from reference.network import Node, ends_of, recall, survive
from reference.pairs import Array, Pair, letters

HALF_WORTH_SHOTS = 300


def observe(
    scenario: Scenario, params: Params, state: State
) -> tuple[dict[str, Array], dict[str, float]]:
    """Returns features by name: those of nodes, each of shape (nodes,), and those of the hub.

    Args:
        scenario: Resolved settings.
        params: The same scenario as arrays.
        state: The state after a step.
    """
    network, most = params.network, scenario.network.memories_per_link
    memories = storage(scenario, network, state.conditions)
    trusted = trust(network, state.conditions.tests)
    rows, held, kept = [], [], []
    for k in range(len(trusted)):
        node = recall(network, memories, state.gathered, k, trusted[k])
        aged = [memories.wait(pair, ends_of(network, k)) for pair in node.stored]
        rows.append(of_node(most, node))
        held.append(node)
        kept.append(replace(node, stored=survive(network, aged)))
    # All shots of slices count.
    slices = len(network.teams.shot.data) if network.teams.shot.alone else 1
    full = slices * most / max(node.ends for node in held)
    nodes: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    now, later = (together(network, each) for each in (held, kept))
    ready, lasts = (teams.every(network, able(network, each)) for each in (held, kept))
    of_team = {"information": now / full, "information_later": later / full, "ready": 1.0 * ready}
    nodes |= {name: teams.shown(network, each) for name, each in of_team.items()}
    nodes |= teams.features(network, held, most)
    waited, classes = int(state.gathered.window), len(params.learning.readout)
    return nodes, {
        "progress": min(int(state.clock) / int(params.budget), 1.0),
        "waited": waited / scenario.network.most_windows,
        "ready": min(ready.sum() / (2 * quorum(scenario, params)), 1.0),
        "worth": worth(scenario, params, now[ready]),
        "worth_later": worth(scenario, params, later[lasts]),
        "late": float(state.report.late) / scenario.network.windows,
        "lowest_loss": min(float(state.scores.lowest_loss) / (2 * np.log(classes)), 1.0),
    }


def able(network: Network, nodes: list[Node]) -> Array:
    """Returns which nodes have pairs and key enough to take part, shape (nodes,)."""
    return np.array([takes_part(network, node) for node in nodes])


def of_node(memories: int, node: Node) -> dict[str, float]:
    """Returns the features of one node's own stocks.

    Args:
        memories: Pairs that the node may store; at least 1.
        node: What it holds.
    """
    estimated = [np.mean(letters(pair.views[-1])) for pair in node.stored]
    return {
        "stored": len(node.stored) / memories,
        "stored_contraction": float(np.mean(estimated)) if estimated else 0.0,
        "key": sum(map(sum, node.key)) / (len(node.key) * node.room) if node.room else 0.0,
        "tags": float(
            np.mean([min(sum(pool) / node.owed, 1.0) if node.owed else 1.0 for pool in node.key])
        ),
    }


def together(network: Network, nodes: list[Node]) -> Array:
    """Returns the information of each team's pairs, in shots of perfect signal, shape (teams,)."""
    found = []
    for members in teams.members(network):
        if network.teams.shot.gates:
            team = [nodes[k] for k in members]
            c = teams.signal(network, members, [node.stored for node in team])
            found.append(informed(teams.shots(network, team)[0], c, network.qubits))
            continue
        each = [information(network, k, nodes[k].stored) for k in members]
        whole = len(each) ** 2 / sum(1 / one for one in each) if all(each) else 0.0
        found.append(whole)
    return np.array(found)


def information(network: Network, k: int, pairs: list[Pair]) -> float:
    """Returns the information of whole shots if every pair had the mean fidelity on arrival.

    A register that stays as it is with probability F^n keeps a share c of its state, and is
    otherwise mixed, where F^n = c + (1 - c) / D^2.

    Args:
        network: The network.
        k: Index of the node.
        pairs: Its pairs, which are assigned to the qubits at random.

    Returns:
        Shots of perfect signal, at least 0.

    Source:
        Horodecki, Horodecki and Horodecki, PRA 60, 1888 (1999); Braunstein and Caves, PRL 72, 3439
        (1994), evaluated for a depolarized pure state.
    """
    shots, size = len(pairs) // network.qubits, 2**network.qubits
    if not shots:
        return 0.0
    fidelity = float(np.mean([arriving(network, k, pair)[-1][0] for pair in pairs]))
    c = (fidelity**network.qubits - 1 / size**2) / (1 - 1 / size**2)
    return informed(shots, c, network.qubits)


def quorum(scenario: Scenario, params: Params) -> int:
    """Returns the least number of nodes that may commit, if all have the same weight."""
    f, most = int(params.consensus.tolerated), scenario.consensus.largest_share
    least = int(params.consensus.votes_needed) * f
    return next(n for n in count(1) if n > least and f <= most * n * (1 + 1e-6))


def worth(scenario: Scenario, params: Params, information: Array) -> float:
    """Returns the share of the signal in the update's variance, in [0, 1); 0 below the quorum.

    Args:
        scenario: Says what a quorum is.
        params: The information at which the noise of the batch dominates.
        information: Of every ready node, in shots of perfect signal, shape (ready nodes,).
    """
    if len(information) < quorum(scenario, params):
        return 0.0
    floor = float(params.learning.batch_floor)
    roots = [(1 / (1 / one + 1 / floor)) ** 0.5 if one else 0.0 for one in information]
    shots = sum(roots) ** 2 / len(roots)
    return shots / (shots + HALF_WORTH_SHOTS)
