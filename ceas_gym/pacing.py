"""From settings to the pace of an episode: its steps, the windows of a barrier, and its budget."""

from collections.abc import Sequence

from ceas_gym.consensus.committee import counts
from ceas_gym.consensus.committee.settings import Committee
from ceas_gym.network import barrier_time, limits, setup
from ceas_gym.scenario import Scenario
from ceas_gym.types import Learning, Pace


def pace(drawn: Sequence[Scenario], learner: Learning, committee: Committee) -> Pace:
    """Returns what a step is, and the windows that a barrier takes.

    Args:
        drawn: The scenario of each layout; at least one.
        learner: Its circuit is executed in every shot.
        committee: Its members exchange messages.

    Raises:
        ValueError: If a barrier takes more windows than are allowed.
    """
    # All layouts have the same pace, that of the longest route, because they share the budget.
    scenario = drawn[0]
    by_window = scenario.episode.decision == "window"
    routes = [setup.layout(each.network, each.hardware)[0] for each in drawn]
    return Pace(
        by_window,
        barrier_time.resolved(
            scenario.network,
            scenario.hardware,
            work(scenario, learner, committee),
            max(each.longest_route_km for each in routes),
            derived=by_window,
        ),
    )


def work(scenario: Scenario, learner: Learning, committee: Committee) -> barrier_time.Work:
    """Returns what nodes and members do at a barrier, with full memories.

    Args:
        scenario: Memories, and the links of members.
        learner: Its circuit is executed in every shot.
        committee: Its members exchange messages.
    """
    shot = learner.shot
    return barrier_time.Work(
        shots=barrier_time.most_shots(scenario.network.memories_per_link, max(shot.ends)),
        pairs_per_shot=len(shot.gates) or max(shot.data),
        remote_gates=max(shot.ends) if shot.gates else 0,
        runs=len(set(shot.runs)),
        single_qubit_gates=learner.program.gates_on(1),
        two_qubit_gates=learner.program.gates_on(2),
        exchanges=counts.exchanges_among_members(committee),
        member_km=scenario.consensus.committee.link_km or 0.0,
    )


def rounds(scenario: Scenario, pace: Pace) -> int:
    """Returns the number of rounds of `network.windows` windows and a barrier that have time.

    Args:
        scenario: The budget, in rounds or in s.
        pace: From `pace`.
    """
    if scenario.episode.budget_s is None:
        return scenario.episode.rounds
    return budget(scenario, pace) // (scenario.network.windows + pace.barrier_windows)


def budget(scenario: Scenario, pace: Pace) -> int:
    """Returns the training budget in windows, at least 1.

    Args:
        scenario: The budget, in rounds or in s.
        pace: From `pace`.

    Raises:
        ValueError: If it is too short for a single barrier, or too long to be counted.
    """
    budget_s, network = scenario.episode.budget_s, scenario.network
    round_windows = network.windows + pace.barrier_windows
    if budget_s is None:
        return limits.countable("episode.rounds", scenario.episode.rounds * round_windows)
    found = limits.countable("episode.budget_s", limits.whole(budget_s / network.window_s))
    shortest = 1 + pace.barrier_windows if pace.by_window else round_windows
    if found < shortest:
        raise ValueError(
            f"episode.budget_s = {budget_s:g} is shorter than the shortest step with a barrier: "
            f"{shortest} windows of network.window_s = {network.window_s:g} take "
            f"{shortest * network.window_s:g} s"
        )
    return found
