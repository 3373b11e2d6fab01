"""`ceas-gym bound` where a step is a window: what barriers are worth, and upper bounds on it."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Key
from numpy.typing import NDArray
from rich.progress import Progress
from rich.table import Table

from ceas_agents import console
from ceas_agents.bounds import barrier_worth, clairvoyant, fluid, optimal_windows
from ceas_agents.evaluation import play, results
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import base
from ceas_agents.policies.rollout import most_steps, until_the_end
from ceas_gym import layouts, parameters
from ceas_gym.consensus import protocol
from ceas_gym.jax_utils import parallel, randomness
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.scenario import Scenario
from ceas_gym.task import readiness
from ceas_gym.types import Params, State, TimeStep

HARMLESS = {"episode.decision", "network.windows", "consensus.weights"}
"""Settings that a contestant may override: the bounds hold for any cadence and any weights."""
T = TypeVar("T")
Values = dict[str, NDArray[np.float64]]
"""The information of each episode, and the worth of its barriers over the windows of its budget, by
objective; shape (seeds,)."""
PLAN, BOUND, OPTIMUM = "plan that knows all luck", "bound for every policy", "exact optimum"
CAPTION = (
    "information delivered, in per cent of what full memories of perfect pairs would bring in "
    "rounds of network.windows;\n"
    "worth G / (G + 300) of all barriers, over the windows of the budget"
)


def compare(
    played: Scenario, contestants: list[Contestant], seeds: range, title: str
) -> tuple[dict[str, Any], Table]:
    """Plays the policies, and returns what their barriers are worth beside the bounds.

    Args:
        played: What is played, under the reward `information`.
        contestants: Who plays; they override nothing but what is `HARMLESS`.
        seeds: Episodes of each contestant.
        title: Title of the table.

    Returns:
        For each objective, what the barriers of each policy are worth by seed, the bound for every
        policy, and that of a plan that knows the luck of the seed; and the exact optimum of the
        information. Instead of a plan or an optimum there may be the reason why there is none.
        Then the table of all that.

    Raises:
        ValueError: If the bounds do not cover the scenario.
    """
    params, each = parameters.build(played), play.prepare(played, contestants)
    _check(params, each)
    with console.progress_bar() as progress:
        most = _bounds(params, seeds)
        plans = _or_reason(partial(_plans, params, seeds, progress))
        found = {
            contestant.name: _returns(contestant, (params, each[contestant.name]), seeds, progress)
            for contestant in contestants
        }
    optimum = _or_reason(partial(_optimum, params))
    record: dict[str, Any] = {
        "bound": _lists(most),
        "plan": plans if isinstance(plans, str) else _lists(plans),
        "optimum": optimum,
        "returns": {name: _lists(values) for name, values in found.items()},
    }
    return record, table(found, most, plans, optimum, title)


def table(
    found: dict[str, Values], most: Values, plans: Values | str, optimum: float | str, title: str
) -> Table:
    """Returns the table: means with 95 % intervals over the seeds, and shares of the bounds.

    Args:
        found: What the barriers of each policy are worth.
        most: The bound for every policy.
        plans: That of a plan that knows the luck of the seed, or the reason why there is none.
        optimum: The exact optimum of the information, or the reason why there is none.
        title: Title of the table.
    """
    reasons = [reason for reason in (plans, optimum) if isinstance(reason, str)]
    result = Table(title=title, caption="\n".join([CAPTION, *reasons]))
    result.add_column("policy")
    for heading in ("information, %", "of the bound, %", "of the optimum, %"):
        result.add_column(heading, justify="right")
    for heading in ("worth, %", "of the bound, %"):
        result.add_column(heading, justify="right")
    exact = optimum if isinstance(optimum, float) else np.nan
    rows = dict(found)
    if isinstance(optimum, float):
        rows[OPTIMUM] = {"information": np.array([exact])}
    if not isinstance(plans, str):
        rows[PLAN] = plans
    for name, values in (rows | {BOUND: most}).items():
        result.add_row(name, *_cells(values, most, exact))
    return result


def _cells(values: Values, most: Values, exact: float) -> list[str]:
    shown, worth = values["information"], values.get("worth")
    cells = [results.estimate(shown), _share(shown, most["information"]), _share(shown, exact)]
    if worth is None:
        return cells
    return [*cells, results.estimate(worth), _share(worth, most["worth"])]


def _share(values: NDArray[np.float64], most: NDArray[np.float64] | float) -> str:
    whole = np.mean(most)
    return f"{100 * values.mean() / whole:.1f}" if whole > 0 else ""


def _check(params: Params, each: dict[str, Params]) -> None:
    most = int(params.network.most_windows)
    for name, own in each.items():
        if not own.by_window and own.network.windows > most:
            raise ValueError(
                f"{name} plays rounds of {own.network.windows} windows, which the bound is not "
                f"for: set network.most_windows, which is {most}, to as many"
            )


def _bounds(params: Params, seeds: range) -> Values:
    # All episodes of a layout have the same bound.
    of_layout = [
        {name: fluid.bound(one, make(one)).most for name, make in barrier_worth.OBJECTIVES.items()}
        for one in layouts.every(params)
    ]
    played = [of_layout[int(layouts.number(params, randomness.key(seed)))] for seed in seeds]
    return _by_objective(params, played)


def _plans(params: Params, seeds: range, progress: Progress) -> Values:
    task, every = progress.add_task(PLAN, total=len(seeds)), layouts.every(params)
    found: list[dict[str, float]] = []
    for seed in seeds:
        key = randomness.key(seed)
        one = every[int(layouts.number(params, key))]
        aims = barrier_worth.OBJECTIVES.items()
        found.append({name: clairvoyant.plan(one, make(one), key).most for name, make in aims})
        progress.update(task, advance=1)
    return _by_objective(params, found)


def _optimum(params: Params) -> float:
    return optimal_windows.solve(optimal_windows.game(params)).value


def _or_reason(find: Callable[[], T]) -> T | str:
    try:
        return find()
    except ValueError as reason:
        return str(reason)


def _returns(
    contestant: Contestant, both: tuple[Params, Params], seeds: range, progress: Progress
) -> Values:
    task, (params, own) = progress.add_task(contestant.name, total=len(seeds)), both
    call = partial(_play, base.as_pytree(contestant.policy), most_steps(own), own)
    found: list[dict[str, float]] = []
    for first in range(0, len(seeds), parallel.usable_cores()):
        chunk = seeds[first : first + parallel.usable_cores()]
        played = parallel.side_by_side(call, [randomness.key(seed) for seed in chunk])
        found += [{name: float(value) for name, value in each.items()} for each in played]
        progress.update(task, advance=len(chunk))
    values = _by_objective(params, found)
    # The unit of information depends on the length of a round, which may be the contestant's own.
    return values | {"information": values["information"] * float(own.rounds / params.rounds)}


def _by_objective(params: Params, rows: list[dict[str, float]]) -> Values:
    # Worth is divided by the windows of the budget.
    units = {"information": 1, "worth": int(params.budget)}
    return {name: np.array([row[name] for row in rows]) / units[name] for name in rows[0]}


def _lists(values: Values) -> dict[str, list[float]]:
    return {name: each.tolist() for name, each in values.items()}


@partial(often, static_argnums=1)
def _play(
    policy: Partial, steps: int, params: Params, key: Key[Array, ""]
) -> dict[str, Float[Array, ""]]:
    found, _ = until_the_end(policy, steps, params, key, partial(_at_barrier, params))
    return {name: each.sum() for name, each in found.items()}


def _at_barrier(
    params: Params, before: State, after: State, timestep: TimeStep
) -> dict[str, Array]:
    del after
    happened = timestep.round
    assert happened is not None, "A step has a record."
    own, delivery = layouts.of(params, before), happened.delivery
    information = protocol.measured_information(delivery, params.network.qubits)
    worth = readiness.worth(own, information, delivery.shots > 0)
    return {"information": timestep.reward, "worth": worth}
