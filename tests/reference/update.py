"""A barrier of the reference, from the stored pairs to the model after one update."""

from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np

from ceas_gym.consensus.committee.authentication import share
from ceas_gym.scenario import Scenario
from ceas_gym.types import Model, Params, State
from reference import committee, teams, traps
from reference.barrier import spend, verify
from reference.conditions import remember
from reference.consensus import Outcome, consensus
from reference.gradients import learn
from reference.hub_messages import authenticate
from reference.learning import full_gradient, score
from reference.luck import Luck
from reference.network import Node, of
from reference.pairs import Array, Storage
from reference.records import report


def fire(
    scenario: Scenario,
    params: Params,
    state: State,
    nodes: list[Node],
    memories: Storage,
    acting: Array,
    luck: Luck,
) -> tuple[State, Outcome, list[Node], dict[str, Any]]:
    """Returns the state, the outcome, the teams and two metrics of a barrier; changes the nodes.

    Args:
        scenario: Resolved settings.
        params: The same scenario as arrays.
        state: State before the step.
        nodes: What they hold after the last window.
        memories: Noise of the memories in this round.
        acting: Byzantine nodes that act, shape (nodes,).
        luck: All random numbers of the step.
    """
    network, learning, before = params.network, params.learning, state.model.parameters
    number = int(state.round)
    verify(network, nodes, acting & ("under_claiming" in scenario.attack.name), luck)
    spend(scenario, network, memories, nodes, luck)
    traps.set_aside(params, nodes)
    bad, serving = traps.serving(params, state)
    units, acting = teams.form(network, nodes), teams.spoiled(network, acting)
    together = replace(state, byzantine=teams.spoiled(network, state.byzantine))
    for k in np.flatnonzero(acting) if "withholding" in scenario.attack.name else ():
        units[k].shots, units[k].authenticated = 0, False
    withhold(scenario, units, number, Fraction(bad, serving))
    momentum = learn(scenario, params, together, units, luck, Fraction(bad, serving))
    pairs = tag(scenario, params, number, units, momentum)
    outcome = consensus(scenario, params, together, units, momentum, acting, luck)
    teams.tell(network, units, nodes)
    after = before - learning.learning_rate * outcome.update if outcome.committed else before
    next_state = replace(
        state,
        conditions=remember(network, state.conditions, nodes),
        model=Model(after, state.model.optimizer_state),
        workers=outcome.workers,
        cache=outcome.cache,
        scores=score(learning, after, state.scores.lowest_loss),
        report=report(scenario, number, units, outcome),
        trap_results=traps.watch(scenario, params, state, nodes, luck),
        round=state.round + 1,
    )
    error = np.linalg.norm(outcome.update - full_gradient(learning, before))
    return next_state, outcome, units, {"member_pairs": pairs, "gradient_error": error}


def nothing(params: Params, state: State) -> Outcome:
    """Returns the outcome where no barrier fires: no update, and everybody's weight is zero."""
    none = np.zeros(params.network.teams.number)
    return Outcome(
        workers=state.workers,
        cache=state.cache,
        weights=none,
        update=np.zeros(params.learning.program.angles),
        committed=False,
        share=0.0,
        certificate=0.0,
        worked=0,
        forged=[],
    )


def withhold(scenario: Scenario, nodes: list[Node], number: int, served: Fraction) -> None:
    """Removes the shots without corrections, if Byzantine members send none, in place.

    `served` is the share of all shots that these members serve, in [0, 1).
    """
    begun = number >= (scenario.attack.onset_round or 0)
    if "withheld_confirmation" in scenario.attack.name and begun:
        for node in (node for node in nodes if node.shots):
            for qpu in node.of_qpus:
                qpu.shots = floor(qpu.shots * (1 - served))
            kept = floor(node.shots * (1 - served)) * all(qpu.shots for qpu in node.of_qpus)
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
    if np.max(params.network.key.tags) == 1:
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
