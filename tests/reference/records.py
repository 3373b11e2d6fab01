"""The records of the reference: what is stored, counted, remembered and measured in a step."""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from ceas_gym.scenario import Scenario
from ceas_gym.types import Gathered, Ledger, Memory, Network, Report, State
from reference import committee
from reference.consensus import Outcome
from reference.network import Node, of
from reference.pairs import Array, letters


def gather(
    network: Network,
    before: Gathered,
    nodes: list[Node],
    tried: Array,
    heralded: Array,
    *,
    fires: bool,
) -> Gathered:
    """Returns what the network holds, and the counts since the last barrier; zeros right after it.

    Args:
        network: The network.
        before: What it held before the step.
        nodes: What they hold now.
        tried: Attempts in the step, shape (windows, nodes, hops).
        heralded: Attempts that succeeded, of the same shape.
        fires: Whether the barrier fired in this step.
    """
    more = 0 if fires else 1
    return Gathered(
        memory=remember(network, nodes),
        ledger=ledger([Node([], [], 1.0, [])] * len(nodes) if fires else nodes),
        tried=more * (before.tried + tried.sum(axis=0)),
        heralded=more * (before.heralded + heralded.sum(axis=0)),
        window=more * (before.window + len(tried)),
        executed=before.executed,
    )


def ledger(nodes: list[Node]) -> Ledger:
    """Returns what became of the nodes' pairs since the last barrier; each of shape (nodes,)."""
    counted = ("generated", "keyed", "expired", "blocked", "sacrificed")
    listed = {name: [len(getattr(node, name)) for node in nodes] for name in ("spent", "tested")}
    fates: dict[str, Any] = {name: np.array(number) for name, number in listed.items()}
    return Ledger(**fates, **{name: of(nodes, name) for name in counted})


def remember(network: Network, nodes: list[Node]) -> Memory:
    """Returns counts and contractions of the stored pairs by age; zero for ages without pairs.

    Returns:
        Pairs of shape (nodes, ages), contractions in [-1, 1] of shape (views, 3, nodes, ages),
        links of shape (nodes, hops, ages), and bits of key of shape (nodes, members, key slots).
    """
    ages, hops = network.memories.ages, network.routes.is_hop.shape[1]
    pairs: Array = np.zeros((len(nodes), ages), int)
    contraction: Array = np.zeros((1 + network.estimate_may_differ, 3, len(nodes), ages))
    links: Array = np.zeros((len(nodes), hops, ages if hops > 1 else 0), int)
    for k, node in enumerate(nodes):
        for pair in node.stored:
            pairs[k, pair.age] += 1
            contraction[:, :, k, pair.age] = [letters(view) for view in pair.views]
        for hop, waiting in enumerate(node.links):
            for pair in waiting:
                links[k, hop, pair.age] += 1
    return Memory(pairs=pairs, contraction=contraction, links=links, key_bits=of(nodes, "key"))


def report(scenario: Scenario, number: int, nodes: list[Node], outcome: Outcome) -> Report:
    """Returns what the hub remembers of the round: arrays of shape (nodes,), shares in [0, 1].

    Args:
        scenario: Resolved settings.
        number: Index of the round, at least 0.
        nodes: Nodes at the barrier.
        outcome: Result of the consensus.
    """
    begun = number >= (scenario.attack.onset_round or 0)
    late = committee.late_windows(scenario, number) if begun else 0.0
    figures: dict[str, Any] = {
        "shots": of(nodes, "shots"),
        "signal": of(nodes, "signal"),
        "weights": outcome.weights,
        "share": outcome.share,
        "committed": outcome.committed,
        "authenticated": of(nodes, "authenticated").mean(),
        "counted": (outcome.weights > 0).mean(),
        "late": np.array(min(late, scenario.network.windows)),
    }
    return Report(**figures)


def count(tally: Array) -> int:
    """Returns the count, at least 0, that two integers of shape (2,) encode in base 2^30."""
    return int(tally[0]) * 2**30 + int(tally[1])


def words(number: int) -> Array:
    """Returns the two integers, shape (2,), that encode a count in base 2^30."""
    return np.array(divmod(number, 2**30))


def useful_pairs(before: Ledger, nodes: list[Node], outcome: Outcome) -> int:
    """Returns the pairs of a step that were keyed in it, or spent on work that counted."""
    return outcome.worked + int((ledger(nodes).keyed - before.keyed).sum())


def counted(state: State, before: Ledger, nodes: list[Node], outcome: Outcome) -> State:
    """Returns the state with the step's pairs added to those of the episode.

    Args:
        state: The state after the step.
        before: Counts since the last barrier, at the start of the step.
        nodes: Nodes at its end.
        outcome: Result of the consensus.
    """
    made = int((ledger(nodes).generated - before.generated).sum())
    return replace(
        state,
        useful=words(count(state.useful) + useful_pairs(before, nodes, outcome)),
        generated=words(count(state.generated) + made),
    )


def fates(before: Ledger, after: Ledger) -> dict[str, int]:
    """Returns the metrics of what became of pairs in a step, from counts since the last barrier."""
    names = [field.name for field in fields(Ledger)]
    return {f"pairs_{name}": (getattr(after, name) - getattr(before, name)).sum() for name in names}


def metrics(after: State, before: Ledger, nodes: list[Node], outcome: Outcome) -> dict[str, Any]:
    """Returns the metrics of a step by name: counts, and shares in [0, 1].

    Args:
        after: State after the step.
        before: Counts since the last barrier, at the start of the step.
        nodes: Nodes at its end.
        outcome: Result of the consensus.
    """
    pairs = fates(before, ledger(nodes))
    used = pairs["pairs_spent"] + pairs["pairs_keyed"]
    results = after.trap_results
    return pairs | {
        "pairs_wasted": used - useful_pairs(before, nodes, outcome),
        "accuracy": after.scores.accuracy,
        "validation_accuracy": after.scores.validation_accuracy,
        "validation_loss": after.scores.validation_loss,
        "pairs_stored": sum(len(node.stored) for node in nodes),
        "utilization": count(after.useful) / max(count(after.generated), 1),
        "accepted_nodes": (outcome.weights > 0).sum(),
        "committed": outcome.committed,
        "certificate": outcome.certificate,
        "exposed_members": 0 if results is None else results.exposed.sum(),
        "layout": after.layout,
    }
