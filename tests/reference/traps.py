"""Traps of the reference: density matrices, and one member and node at a time.

Arrays of chances have shape (nodes, members).
"""

from dataclasses import replace
from itertools import combinations
from math import exp, prod

import numpy as np

from ceas_gym.learning import circuit, data
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params, State, TrapResults
from reference.barrier import arriving
from reference.learning import teleport
from reference.luck import Luck
from reference.network import Node, of
from reference.pairs import Array

STAKES = (0.5, 0.25, 0.125)


def serving(params: Params, state: State) -> tuple[int, int]:
    """Returns how many Byzantine members serve data, and how many members in all."""
    bad, results = params.consensus.members.is_byzantine, state.trap_results
    serves = [True] * len(bad) if results is None else [not out for out in results.exposed]
    return sum(serves[m] for m in range(len(bad)) if bad[m]), sum(serves)


def set_aside(params: Params, nodes: list[Node]) -> None:
    """Takes the traps from the nodes' shots, in place."""
    for node in nodes:
        node.traps = int(params.consensus.members.trap_share * node.shots)
        node.information *= 1 - node.traps / max(node.shots, 1)
        node.shots -= node.traps


def watch(
    scenario: Scenario, params: Params, state: State, nodes: list[Node], luck: Luck
) -> TrapResults | None:
    """Returns the traps that passed so far, and who is exposed after this round."""
    results, members = state.trap_results, params.consensus.members
    if results is None:
        return None
    passed, share = np.array(results.passed), 1 / serving(params, state)[1]
    chance, left, rest = chances(scenario, params, state, nodes), of(nodes, "traps"), 1.0
    left = np.where(of(nodes, "authenticated"), left, 0)
    for member, out in enumerate(results.exposed):
        falls = np.zeros(len(nodes)) if out else share * chance[:, member]
        new = luck.trap(member, left, np.minimum(falls / np.maximum(rest, 1e-9), 1))
        passed[:, member] += new
        left, rest = left - new, rest - falls
    found = [
        sum(
            wins(passed, one, member, int(params.consensus.tolerated), members.trap_doubt)
            for one in range(len(chance[0]))
        )
        > scenario.consensus.committee.byzantine
        for member in range(len(chance[0]))
    ]
    return replace(results, passed=passed, exposed=results.exposed | np.array(found))


def wins(passed: Array, one: int, other: int, tolerated: int, doubt: Array) -> bool:
    """Returns whether a bet on one member against another is won whichever nodes are left out."""
    for stake in STAKES:
        # The bets at a node, one coin after the other.
        capital = [prod([1 + stake] * row[one] + [1 - stake] * row[other]) for row in passed]
        choices = combinations(capital, len(passed) - tolerated)
        if min(prod(choice) for choice in choices) >= exp(doubt):
            return True
    return False


def chances(scenario: Scenario, params: Params, state: State, nodes: list[Node]) -> Array:
    """Returns the chance that a trap of a node passes if the member served it, in [0, 1]."""
    begun = int(state.round) >= (scenario.attack.onset_round or 0)
    lies = begun and "false_data" in scenario.attack.name
    found: Array = np.zeros((len(nodes), len(params.consensus.members.is_byzantine)))
    for k, node in enumerate(nodes):
        if node.spent:
            honest, false = overlaps(scenario, params, k, node)
            found[k] = np.where(params.consensus.members.is_byzantine & lies, false, honest)
    return found


def overlaps(scenario: Scenario, params: Params, k: int, node: Node) -> tuple[float, float]:
    """Returns the mean overlap of a sample with itself, and with one of the class before.

    The other sample is the one that is teleported. Both results are in [0, 1].
    """
    rho, labels = states(scenario)
    errors = {}
    for pair in node.spent:
        errors[pair] = arriving(params.network, k, pair)[0]
    same = teleport(rho, node.spent, errors)
    means = np.array([rho[labels == label].mean(axis=0) for label in range(max(labels) + 1)])
    other = teleport(means, node.spent, errors)[labels - 1]
    honest, false = (np.einsum("sij,sji->s", rho, new).real.mean() for new in (same, other))
    return float(honest), float(false)


def states(scenario: Scenario) -> tuple[Array, Array]:
    """Returns the density matrices and the labels of the training samples.

    The matrices have the shape (samples, dim, dim). There must be one layout only.
    """
    assert scenario.episode.layouts == 1
    settings = scenario.learning
    training = data.prepare(settings)[0]
    vectors = circuit.encode(settings.feature_map, training.features, settings.qubits)
    return np.einsum("si,sj->sij", vectors, vectors.conj()), training.labels
