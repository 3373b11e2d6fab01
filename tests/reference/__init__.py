"""A second implementation of a step in plain NumPy: slow, and simple to check by reading.

It computes one node, one pair and one density matrix at a time. It is written from the formulas,
and uses other methods than the simulation where there are any: single pairs instead of counts by
age, probabilities of Pauli errors instead of contractions, quadrature instead of closed integrals,
binomial probabilities instead of their logarithms, all assignments of pairs to qubits instead of
symmetric polynomials, density matrices and the parameter-shift rule instead of Pauli vectors,
teleported gates executed with both halves of a pair instead of factors on Pauli words, slices one
by one instead of side by side,
sorting instead of ranks, bisection instead of break points. Of the simulation, it uses only the
records, with NumPy arrays in them. All random numbers are inputs, so that both implementations get
the same ones. The ansatz is `hardware_efficient`, the optimizer `sgd`.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ceas_gym.scenario import Scenario
from ceas_gym.types import Conditions, Network, Params, State
from reference import committee, teams
from reference.barrier import expire
from reference.conditions import advance, chances, storage, trust
from reference.learning import score
from reference.luck import Draws, Luck
from reference.network import attempts, decode, exhaust, fill, rest
from reference.observations import observe
from reference.pairs import Array
from reference.records import count, counted, gather, metrics
from reference.update import fire, nothing

__all__ = ["Draws", "Luck", "Step", "attempts", "count", "score", "step"]


class Step(NamedTuple):
    """What a step of the reference returns."""

    state: State
    """The state after the step; its random key is that before it."""
    figures: dict[str, Any]
    """The metrics by name."""
    schedule: Array
    """Channel-time in [0, 1], shape (windows, nodes)."""
    seen: tuple[dict[str, Array], dict[str, float]]
    """What the hub knows of stocks and time: features of nodes, shape (nodes,), and its own."""
    terminated: bool
    """Whether no barrier would end within the budget any more."""
    reward: float
    """The decrease of the validation loss, in nats."""


def step(scenario: Scenario, params: Params, state: State, action: Array, luck: Luck) -> Step:
    """Returns what happens in a round; or, where a step is a window, in a window.

    Args:
        scenario: Resolved settings.
        params: The same scenario as arrays.
        state: State before the step.
        action: Requests in [-1, 1], shape (windows, nodes), or (nodes + 1,) where a step is a
            window; values beyond are clipped.
        luck: All random numbers of the step.
    """
    network, conditions = params.network, state.conditions
    acting = state.byzantine & (int(state.round) >= int(params.adversary.onset))
    schedule = share_out(scenario, params, state, action, acting)
    tried, memories = attempts(network, schedule), storage(scenario, network, conditions)
    heralded = luck.herald(tried, odds(scenario, params, conditions, acting))
    nodes = fill(
        network,
        memories,
        state.gathered,
        heralded,
        trust(network, conditions.tests),
        ends_known=scenario.episode.decision == "round",
    )
    fires, outcome, after = fired(scenario, state, action), nothing(params, state), state
    figures: dict[str, Any] = {"member_pairs": 0.0, "gradient_error": 0.0}
    units = teams.form(network, nodes)
    if fires:
        after, outcome, units, figures = fire(
            scenario, params, state, nodes, memories, acting, luck
        )
        rest(network, memories, nodes, int(network.barrier_windows))
    clock = ticks(network, int(state.clock), len(schedule), fires=fires)
    expire(network, clock, nodes)
    after = replace(
        counted(after, state.gathered.ledger, nodes, outcome),
        conditions=advance(network, after.conditions, tried, heralded, clock, luck, fires=fires),
        gathered=gather(network, state.gathered, nodes, tried, heralded, fires=fires),
        steps=state.steps + 1,
        clock=np.array(clock[-1]),
    )
    figures |= {"fired": fires, "time_s": after.clock * scenario.network.window_s}
    return Step(
        after,
        figures
        | metrics(after, state.gathered.ledger, nodes, outcome)
        | teams.metrics(network, after, units, outcome),
        schedule,
        observe(scenario, params, after),
        int(params.budget) - int(after.clock) < shortest(scenario, network),
        float(state.scores.validation_loss - after.scores.validation_loss),
    )


def ticks(network: Network, begun: int, windows: int, *, fires: bool) -> range:
    """Returns the ends of a step's windows, and of its barrier's, on the clock of the episode."""
    pause = int(network.barrier_windows) if fires else 0
    return range(begun + 1, begun + windows + pause + 1)


def fired(scenario: Scenario, state: State, action: Array) -> bool:
    """Returns whether the barrier fires at the end of the step: if asked, or after the longest."""
    if scenario.episode.decision == "round":
        return True
    number = int(state.gathered.window) + 1
    return bool(action[-1] > 0) or number == scenario.network.most_windows


def shortest(scenario: Scenario, network: Network) -> int:
    """Returns the windows of the shortest step with a barrier, and of this barrier; at least 1."""
    windows = scenario.network.windows if scenario.episode.decision == "round" else 1
    return windows + int(network.barrier_windows)


def share_out(
    scenario: Scenario, params: Params, state: State, action: Array, acting: Array
) -> Array:
    """Returns the channel-time that nodes really get, in [0, 1], shape (windows, nodes)."""
    asked = action if scenario.episode.decision == "round" else action[None, :-1]
    schedule, first = decode(params.network, asked), int(state.gathered.window)
    if "exhaustion" in scenario.attack.name:
        schedule = exhaust(params.network, schedule, acting, params.adversary.request_factor)
    begun = int(state.round) > (scenario.attack.onset_round or 0)
    late = committee.late_windows(scenario, int(state.round) - 1) if begun else 0.0
    return schedule * np.clip(first + np.arange(1, len(schedule) + 1) - late, 0, 1)[:, None]


def odds(scenario: Scenario, params: Params, conditions: Conditions, acting: Array) -> Array:
    """Returns the probability that an attempt succeeds, in [0, 1], shape (nodes, hops)."""
    likely = chances(params.network, conditions)
    if "jamming" in scenario.attack.name and acting.any():
        return np.where(acting[:, None], likely, likely * params.adversary.jammed_rate)
    return likely
