"""A round once more in plain NumPy: slow, obvious, a node, a pair and a density matrix at a time.

It is written from the formulas, by other ways than the simulation's where there are any: pairs one
by one instead of counts by age, every deal of pairs to qubits instead of symmetric polynomials,
density matrices and the parameter-shift rule instead of Pauli vectors, sorting instead of ranks,
bisection instead of break points. It uses the simulation's records only, with NumPy in them. What
is random is an input: both sides see the same luck. The ansatz is `hardware_efficient`, the
optimizer `sgd`.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from reference_consensus import Outcome, consensus
from reference_learning import density, descend, learn, score
from reference_network import Array, Luck, Node, attempts, decode, network_round, of

from ceas_gym.scenario import Scenario
from ceas_gym.types import Memory, Model, Params, Report, State

__all__ = ["Luck", "attempts", "score", "step"]


def step(scenario: Scenario, params: Params, state: State, action: Array, luck: Luck) -> Array:
    """Returns the state after a round (with the key of before), the metrics and the schedule."""
    learning, before = params.learning, state.model.parameters
    nodes = [network_round(params.network, state.memory, k, luck) for k in range(len(luck.samples))]
    momentum = learn(scenario, params, state, nodes, luck)
    outcome = consensus(scenario, params, state, nodes, momentum)
    after = before - learning.learning_rate * outcome.update if outcome.committed else before
    ages = range(params.network.contraction.shape[1])
    pairs: Array = np.array([[node.stored.count(age) for age in ages] for node in nodes])
    next_state = replace(
        state,
        memory=Memory(pairs, of(nodes, "key")),
        model=Model(after, state.model.optimizer_state),
        workers=outcome.workers,
        scores=score(learning, after),
        report=report(nodes, outcome),
        useful=state.useful + outcome.useful,
        generated=state.generated + luck.heralded.sum(),
        round=state.round + 1,
    )
    exact, _ = descend(learning, before, density(learning.training), learning.training.labels)
    figures = metrics(next_state, nodes, luck, outcome, np.linalg.norm(outcome.update - exact))
    return next_state, figures, decode(params.network, action)


def report(nodes: list[Node], outcome: Outcome) -> Report:
    """Returns what the hub remembers of the round."""
    figures: dict[str, Any] = {
        "shots": of(nodes, "shots"),
        "signal": of(nodes, "signal"),
        "weights": outcome.weights,
        "share": outcome.share,
        "committed": outcome.committed,
        "authenticated": of(nodes, "authenticated").mean(),
        "counted": (outcome.weights > 0).mean(),
    }
    return Report(**figures)


def metrics(
    after: State, nodes: list[Node], luck: Luck, outcome: Outcome, error: Array
) -> dict[str, Any]:
    """Returns the figures of the round."""
    spent, keyed = sum(len(node.spent) for node in nodes), of(nodes, "keyed").sum()
    return {
        "accuracy": after.scores.accuracy,
        "validation_accuracy": after.scores.validation_accuracy,
        "validation_loss": after.scores.validation_loss,
        "pairs_generated": luck.heralded.sum(),
        "pairs_spent": spent,
        "pairs_wasted": spent + keyed - outcome.useful,
        "pairs_keyed": keyed,
        "pairs_expired": of(nodes, "expired").sum(),
        "pairs_blocked": of(nodes, "blocked").sum(),
        "pairs_stored": sum(len(node.stored) for node in nodes),
        "utilization": after.useful / max(after.generated, 1),
        "shots": of(nodes, "shots").sum(),
        "authenticated_nodes": of(nodes, "authenticated").sum(),
        "accepted_nodes": (outcome.weights > 0).sum(),
        "committed": outcome.committed,
        "byzantine_weight": outcome.weights[after.byzantine].sum(),
        "certificate": outcome.certificate,
        "gradient_error": error,
    }
