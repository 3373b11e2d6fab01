"""A second implementation of a round in plain NumPy: slow, and simple to check by reading.

It computes one node, one pair and one density matrix at a time. It is written from the formulas,
and uses other methods than the simulation where there are any: single pairs instead of counts by
age, probabilities of Pauli errors instead of contractions, quadrature instead of closed integrals,
binomial probabilities instead of their logarithms, all assignments of pairs to qubits instead of
symmetric polynomials, density matrices and the parameter-shift rule instead of Pauli vectors,
sorting instead of ranks, bisection instead of break points. Of the simulation, it uses only the
records, with NumPy arrays in them. All random numbers are inputs, so that both implementations get
the same ones. The ansatz is `hardware_efficient`, the optimizer `sgd`.
"""

from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np

from ceas_gym.consensus.committee.authentication import share
from ceas_gym.scenario import Scenario
from ceas_gym.types import Memory, Model, Network, Params, Report, State
from reference import committee, traps
from reference.barrier import expire, spend, verify
from reference.conditions import advance, chances, storage, trust
from reference.conditions import remember as remember_tests
from reference.consensus import Outcome, consensus
from reference.gradients import learn
from reference.hub_messages import authenticate
from reference.learning import full_gradient, score
from reference.luck import Draws, Luck
from reference.network import Node, attempts, decode, exhaust, fill, of
from reference.pairs import Array, letters

__all__ = ["Draws", "Luck", "attempts", "score", "step"]


def step(scenario: Scenario, params: Params, state: State, action: Array, luck: Luck) -> Array:
    """Returns the state after a round, its metrics and its schedule; the random key is unchanged.

    Args:
        scenario: Resolved settings.
        params: The same scenario as arrays.
        state: State before the round.
        action: Requests in [-1, 1], shape (windows, nodes); values beyond are clipped.
        luck: All random numbers of the round.

    Returns:
        The next state; metrics by name; channel-time in [0, 1], shape (windows, nodes).
    """
    network, learning, before = params.network, params.learning, state.model.parameters
    acting = state.byzantine & (int(state.round) >= int(params.adversary.onset))
    schedule, conditions = decode(network, action), state.conditions
    if "exhaustion" in scenario.attack.name:
        schedule = exhaust(network, schedule, acting, params.adversary.request_factor)
    schedule = schedule * time_left(scenario, network, int(state.round))[:, None]
    tried = attempts(network, schedule)
    likely = chances(network, conditions)
    if "jamming" in scenario.attack.name and acting.any():
        likely = np.where(acting[:, None], likely, likely * params.adversary.jammed_rate)
    heralded = luck.herald(tried, likely)
    memories = storage(scenario, network, conditions)
    nodes = fill(network, memories, state.memory, heralded, trust(network, conditions.tests))
    verify(network, nodes, acting & ("under_claiming" in scenario.attack.name), luck)
    spend(scenario, network, memories, nodes, luck)
    traps.set_aside(params, nodes)
    bad, serving = traps.serving(params, state)
    for k in np.flatnonzero(acting) if "withholding" in scenario.attack.name else ():
        nodes[k].shots, nodes[k].authenticated = 0, False
    withhold(scenario, nodes, int(state.round), Fraction(bad, serving))
    momentum = learn(scenario, params, state, nodes, luck, Fraction(bad, serving))
    pairs = tag(scenario, params, int(state.round), nodes, momentum)
    outcome = consensus(scenario, params, state, nodes, momentum, acting, luck)
    known = remember_tests(network, conditions, nodes)
    begun = int(state.clock)
    clock = range(begun + 1, begun + network.windows + 1)
    expire(network, clock, nodes)
    after = before - learning.learning_rate * outcome.update if outcome.committed else before
    next_state = replace(
        state,
        conditions=advance(network, known, tried, heralded, clock, luck),
        memory=remember(network, nodes),
        model=Model(after, state.model.optimizer_state),
        workers=outcome.workers,
        cache=outcome.cache,
        scores=score(learning, after),
        report=report(nodes, outcome),
        trap_results=traps.watch(scenario, params, state, nodes, luck),
        useful=words(count(state.useful) + outcome.useful),
        generated=words(count(state.generated) + of(nodes, "generated").sum()),
        round=state.round + 1,
    )
    exact = full_gradient(learning, before)
    figures = metrics(next_state, nodes, outcome, np.linalg.norm(outcome.update - exact))
    return next_state, figures | {"member_pairs": pairs}, schedule


def time_left(scenario: Scenario, network: Network, number: int) -> Array:
    """Returns the share of each window that the last agreement has left, in [0, 1]."""
    begun = number > (scenario.attack.onset_round or 0)
    late = committee.late_windows(scenario, number - 1) if begun else 0.0
    return np.clip(np.arange(1, network.windows + 1) - late, 0, 1)


def withhold(scenario: Scenario, nodes: list[Node], number: int, served: Fraction) -> None:
    """Removes the shots without corrections, if Byzantine members send none, in place.

    `served` is the share of all shots that these members serve, in [0, 1).
    """
    begun = number >= (scenario.attack.onset_round or 0)
    if "withheld_confirmation" in scenario.attack.name and begun:
        for node in (node for node in nodes if node.shots):
            kept = floor(node.shots * (1 - served))
            node.information *= kept / node.shots
            node.shots = kept


def tag(
    scenario: Scenario, params: Params, number: int, nodes: list[Node], updates: Array
) -> float:
    """Marks the nodes whose updates pass the authentication, which is executed bit by bit.

    Args:
        scenario: Names the protocol of the committee.
        params: Says how many bits a tag has, and how many pairs the members' key takes.
        number: Index of the round, at least 0.
        nodes: Nodes at the barrier; `authenticated` is replaced.
        updates: Their updates, shape (nodes, parameters).

    Returns:
        The pairs of the links among members that were used up.
    """
    random, bits = np.random.default_rng(number), int(params.network.key.tag_bits)
    shots, pairs = of(nodes, "shots"), 0.0
    if params.network.key.tags == 1:
        # The sum of a node's bits may be rounded to just below the bits of a tag.
        held = [sum(node.key_held) for node in nodes]
        links = [share(random, bits, int(most * committee.SPARE)) for most in held]
        accepted = authenticate(number, updates, shots > 0, *zip(*links, strict=True), bits=bits)
    else:
        # A node without shots has no update to send.
        held = [node.key_held if node.shots else [] for node in nodes]
        outcome = committee.play(scenario, bits, number, updates, held)
        accepted = outcome.counted()
        price = params.consensus.members.pairs / committee.bits_of_agreement(scenario, bits)
        pairs = float(price * (outcome.key_bits - bits * outcome.node_tags))
    for k, node in enumerate(nodes):
        node.authenticated = k in accepted
    return pairs


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


def report(nodes: list[Node], outcome: Outcome) -> Report:
    """Returns what the hub remembers of the round: arrays of shape (nodes,), shares in [0, 1]."""
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


def count(tally: Array) -> int:
    """Returns the count, at least 0, that two integers of shape (2,) encode in base 2^30."""
    return int(tally[0]) * 2**30 + int(tally[1])


def words(number: int) -> Array:
    """Returns the two integers, shape (2,), that encode a count in base 2^30."""
    return np.array(divmod(number, 2**30))


def metrics(after: State, nodes: list[Node], outcome: Outcome, error: Array) -> dict[str, Any]:
    """Returns the metrics of the round by name: counts, and shares in [0, 1].

    Args:
        after: State after the round.
        nodes: Nodes after the barrier.
        outcome: Result of the consensus.
        error: Distance of the update from the exact gradient, at least 0.
    """
    results = after.trap_results
    spent, keyed = sum(len(node.spent) for node in nodes), of(nodes, "keyed").sum()
    return {
        "accuracy": after.scores.accuracy,
        "validation_accuracy": after.scores.validation_accuracy,
        "validation_loss": after.scores.validation_loss,
        "pairs_generated": of(nodes, "generated").sum(),
        "pairs_spent": spent,
        "pairs_wasted": spent + keyed - outcome.useful,
        "pairs_keyed": keyed,
        "pairs_expired": of(nodes, "expired").sum(),
        "pairs_blocked": of(nodes, "blocked").sum(),
        "pairs_sacrificed": of(nodes, "sacrificed").sum(),
        "pairs_tested": sum(len(node.tested) for node in nodes),
        "pairs_stored": sum(len(node.stored) for node in nodes),
        "utilization": count(after.useful) / max(count(after.generated), 1),
        "shots": of(nodes, "shots").sum(),
        "authenticated_nodes": of(nodes, "authenticated").sum(),
        "accepted_nodes": (outcome.weights > 0).sum(),
        "committed": outcome.committed,
        "byzantine_weight": sum(
            weight
            for k, weight in enumerate(outcome.weights)
            if after.byzantine[k] or k in outcome.forged
        ),
        "certificate": outcome.certificate,
        "gradient_error": error,
        "exposed_members": 0 if results is None else results.exposed.sum(),
        "layout": after.layout,
    }
