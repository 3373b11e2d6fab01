"""`ceas-gym bound`: the information that each policy delivers, compared with upper bounds."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.progress import Progress
from rich.table import Table

from ceas_agents import console, files
from ceas_agents.bounds import optimal_rounds, oracle, team_oracle
from ceas_agents.evaluation import loop_bound, play, results
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies.rollout import most_steps
from ceas_gym import config, layouts, parameters
from ceas_gym.jax_utils import randomness
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

REWARD: dict[str, object] = {"episode.reward": "information"}
"""The bounds are on this return, which does not depend on the learning."""
Values = NDArray[np.float64]


def compare(
    scenario: Scenario, contestants: list[Contestant], seeds: range, folder: Path
) -> dict[str, Any]:
    """Plays the policies, and prints and writes their information together with the bounds.

    Args:
        scenario: What is played; its reward is not used.
        contestants: Who plays; none may override the scenario, except for what is
            `loop_bound.HARMLESS` where a step is a window.
        seeds: Episodes of each contestant, and of the oracle.
        folder: For `bound.json` and `scenario.yaml`.

    Returns:
        What is in `bound.json`: the returns of each policy by seed, the oracle's bound by seed,
        and the exact optimum, or the reason why there is none; returns and bounds are in [0, 1].
        Where a step is a window, it is what `loop_bound.compare` returns.

    Raises:
        ValueError: If the oracle does not cover the scenario, or a contestant changes its protocol.
        OSError: If the folder can't be written.
    """
    played = config.load(scenario, REWARD)
    by_window = played.episode.decision == "window"
    harmless = loop_bound.HARMLESS if by_window else set[str]()
    for contestant in contestants:
        if set(contestant.overrides) - harmless:
            raise ValueError(
                f"{contestant.name} plays under a protocol of its own, which the bound is not for; "
                "name a policy, such as uniform"
            )
    files.make_folder(folder)
    record: dict[str, Any] = {
        "seeds": [seeds.start, seeds.stop - 1],
        **results.told_of_files(played),
        "versions": results.versions(),
    }
    title = f"{scenario.name}: seeds {seeds.start} to {seeds.stop - 1}"
    find = loop_bound.compare if by_window else _of_rounds
    found, shown = find(played, contestants, seeds, title)
    record |= found
    results.write_text(folder / results.SCENARIO, config.dump(played))
    results.write_json(folder / "bound.json", record)
    screen = console.output()
    screen.print(shown)
    screen.print("Written:", str(folder / "bound.json"), soft_wrap=True)
    chosen = [word for contestant in contestants for word in ("--policy", contestant.name)]
    results.show_next(folder, *chosen)
    return record


def _of_rounds(
    played: Scenario, contestants: list[Contestant], seeds: range, title: str
) -> tuple[dict[str, Any], Table]:
    params = play.prepare(played, contestants)
    optimum = _optimum(parameters.build(played), played.episode.rounds)
    with console.progress_bar() as progress:
        most = _bounds(parameters.build(played), seeds, progress)
        returns = {
            contestant.name: _returns(contestant, params[contestant.name], seeds, progress)
            for contestant in contestants
        }
    found: dict[str, Any] = {
        "bound": most.tolist(),
        "optimum": optimum,
        "returns": {name: values.tolist() for name, values in returns.items()},
    }
    return found, table(returns, most, optimum, title)


def table(returns: dict[str, Values], most: Values, optimum: float | str, title: str) -> Table:
    """Returns the table: means with 95 % intervals over the seeds, in per cent of the memories.

    Args:
        returns: Returns of each policy, shape (seeds,), in [0, 1].
        most: The bound of each seed, shape (seeds,).
        optimum: The exact optimum, in [0, 1], or the reason why there is none.
        title: Title of the table.
    """
    caption = (
        "information delivered, in per cent of what full memories of perfect pairs would bring"
    )
    result = Table(title=title, caption=caption)
    result.add_column("policy")
    for heading in ("information", "of the bound, %", "of the optimum, %"):
        result.add_column(heading, justify="right")
    exact = optimum if isinstance(optimum, float) else np.nan
    rows = {**returns, "exact optimum": np.array([exact]), "bound of the oracle": most}
    for name, values in rows.items():
        if not np.isfinite(values).all():
            continue
        shares = (values.mean() / most.mean(), values.mean() / exact)
        shown = ("" if np.isnan(share) else f"{100 * share:.1f}" for share in shares)
        result.add_row(name, results.estimate(values), *shown)
    if isinstance(optimum, str):
        result.caption = f"{caption};\n{optimum}"
    return result


def _optimum(params: Params, length: int) -> float | str:
    try:
        return optimal_rounds.solve(optimal_rounds.game(params), length).value
    except ValueError as reason:
        return str(reason)


def _bounds(params: Params, seeds: range, progress: Progress) -> Values:
    task = progress.add_task("oracle", total=len(seeds))
    model = params.network.condition_model
    steady = not params.network.drifts and float(model.transition[0, 0, 0]) == 1
    if steady and params.layouts is None:
        # Nothing changes, so all episodes have the same bound.
        same = _bound(params, seeds.start)
        progress.update(task, completed=len(seeds))
        return np.full(len(seeds), same)
    found: list[float] = []
    for seed in seeds:
        found.append(_bound(params, seed))
        progress.update(task, advance=1)
    return np.array(found)


def _bound(params: Params, seed: int) -> float:
    key = randomness.key(seed)
    if params.network.teams.size == 1:
        return oracle.bound(params, key).information
    of_layout = layouts.chosen(params, layouts.number(params, key))
    return team_oracle.as_return(of_layout, team_oracle.bound(of_layout))


def _returns(contestant: Contestant, params: Params, seeds: range, progress: Progress) -> Values:
    task = progress.add_task(contestant.name, total=len(seeds))
    found: list[float] = []
    for _, metrics in play.episodes(contestant, params, most_steps(params), seeds):
        found.append(float(metrics["reward"].sum()))
        progress.update(task, advance=1)
    return np.array(found)
