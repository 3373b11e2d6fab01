"""`ceas-gym tune`: finds the best settings of every contestant, with equal effort for all."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from ceas_agents import console
from ceas_agents.evaluation import results
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.evaluation.tuned import RATE
from ceas_agents.executors import jobs, lock, run
from ceas_agents.executors.jobs import Job
from ceas_agents.executors.run import HERE, Engine
from ceas_agents.statistics import intervals
from ceas_agents.tuning import proposals, trials
from ceas_agents.tuning.search import Plan, Setting, Trial, best, start
from ceas_gym import config
from ceas_gym.config import yaml_text

FOUND, TABLE = "tuned.yaml", "trials.csv"
EDGE = " *"


def tune(
    plan: Plan,
    folder: Path,
    engine: Engine = HERE,
    command: str = "ceas-gym tune",
    *,
    overwrite: bool = False,
) -> None:
    """Plays all trials, prints the best accuracies in per cent, and writes all results.

    Finished trials are kept, so that a stopped run goes on. The tuned settings are written only
    when every contestant had all its trials.

    Args:
        plan: From `tuning.search.plan`.
        folder: For `tuned.yaml`, `trials.csv`, `scenario.yaml` and `run.json`.
        engine: Where the trials are played: all those of a contestant one after the other.
        command: The command that repeats the run, for the heading of `tuned.yaml`.
        overwrite: Whether to replace results in the folder instead of going on.

    Raises:
        ValueError: If the folder holds another tuning, or another run is in it.
        OSError: If the folder can't be written, or trials can't be played.
        KeyboardInterrupt: After an interrupt, when everything is written.
    """
    with lock.held(folder):
        _open(plan, folder, overwrite=overwrite)
        todo = trials.jobs_of(plan, jobs.make_room(folder, overwrite=overwrite))
        try:
            with console.progress_bar() as progress:
                run.run(todo, engine, progress, lambda *_: None)
        except KeyboardInterrupt:
            finished = _write_trials(plan, todo, folder)
            total = len(plan.contestants) * plan.trials
            said = f"interrupted: {len(finished)} of {total} trials are in {folder}"
            print(f"{said}; run it again to go on", file=sys.stderr)
            raise
        finished = _write_trials(plan, todo, folder)
        _write_best(plan, finished, folder, command)
        jobs.clear(folder)
    screen = console.output()
    screen.print(_table(plan, finished))
    screen.print(f"Written: {folder / FOUND} {folder / TABLE}", soft_wrap=True)
    results.show_next(folder, *_at_the_best(plan, finished))


def command(scenario: str, policies: Sequence[str], overrides: Sequence[str], episodes: int) -> str:
    """Returns the command that gives the same results, in one line.

    Args:
        scenario: Name or path of the scenario, as on the command line.
        policies: Names of the contestants, as on the command line.
        overrides: Values of `--set`, in the form `key=value`.
        episodes: Number of seeds in each trial, at least 1.

    Example:
        >>> command("metro", ["ceas"], ["attack.name=none"], 12)
        'ceas-gym tune metro --policy ceas --set attack.name=none --episodes 12'
    """
    chosen = [word for name in policies for word in ("--policy", name)]
    changes = [word for text in overrides for word in ("--set", text)]
    words = ["ceas-gym", "tune", scenario, *chosen, *changes, "--episodes", str(episodes)]
    return " ".join(shlex.join(words).split())


# --- The folder ---


def _open(plan: Plan, folder: Path, *, overwrite: bool) -> None:
    record = {
        "contestants": {one.name: one.overrides for one in plan.contestants},
        "seeds": [plan.seeds.start, plan.seeds.stop - 1],
        "factors": proposals.FACTORS,
        "own": proposals.OWN,
        "trials": plan.trials,
        "measure": plan.measure,
        **results.told_of_files(plan.scenario),
        "versions": results.versions(),
    }
    scenario = config.dump(plan.scenario)
    if (folder / results.RECORD).exists() and not overwrite:
        results.require_same(folder, "tuning", record, scenario)
    (folder / FOUND).unlink(missing_ok=True)
    results.write_text(folder / results.SCENARIO, scenario)
    results.write_json(folder / results.RECORD, record)


def _write_trials(plan: Plan, todo: Sequence[Job], folder: Path) -> list[Trial]:
    played = [trials.played(plan, job) for job in todo]
    finished = [trial for of_one in played for trial in of_one]
    results.write_text(folder / TABLE, results.csv_text([_row(trial) for trial in finished]))
    return finished


def _write_best(plan: Plan, finished: list[Trial], folder: Path, command: str) -> None:
    settings = {
        one.name: best(_of(one, finished), start(plan.scenario, one)).setting
        for one in plan.contestants
    }
    results.write_text(folder / FOUND, _heading(plan, command) + yaml_text.written(settings))


def _row(trial: Trial) -> dict[str, object]:
    low, high = intervals.interval(trial.scores)
    return {
        "policy": trial.contestant,
        "learning_rate": trial.setting[RATE],
        "own": _own(trial),
        "episodes": len(trial.scores),
        "validation_accuracy": float(trial.scores.mean()),
        "low": low,
        "high": high,
    }


def _heading(plan: Plan, command: str) -> str:
    return (
        f"# Made by: {command}\n"
        f"# The best of {plan.trials} trials of each contestant, of {len(plan.seeds)} episodes "
        f"each ({_seeds(plan)}),\n"
        f"# by accuracy on the validation split, {plan.measure}.\n"
        "# To ship it, copy it to agents/ceas_agents/evaluation/tuned/, "
        "by the name of the scenario.\n"
    )


# --- The table ---


def _at_the_best(plan: Plan, finished: list[Trial]) -> list[str]:
    # What plays the contestant that tuning took furthest, at the settings found for it.
    found = max(finished, key=lambda trial: trial.scores.mean())
    name, rate = found.contestant, f"{RATE}={found.setting[RATE]:g}"
    (one,) = [each for each in plan.contestants if each.name == name]
    if not one.is_open_loop and (own := _own(found, ",")):
        name += f"{',' if ':' in name else ':'}{own}"
    return ["--policy", name, "--set", rate]


def _table(plan: Plan, finished: list[Trial]) -> Table:
    untuned = f"at {plan.scenario.learning.learning_rate:g}"
    caption = (
        f"validation accuracy, {plan.measure}: mean (95 % interval over seeds) in per cent; "
        f"the best of {plan.trials} trials is biased upwards; * at the edge of the rates that were "
        "tried"
    )
    table = Table(title=f"{plan.scenario.name}: {_seeds(plan)}", caption=caption)
    table.add_column("policy", no_wrap=True)
    for heading in ("learning rate", "own", "validation accuracy", untuned):
        table.add_column(heading, justify="right")
    for contestant in plan.contestants:
        table.add_row(*_line(_of(contestant, finished), start(plan.scenario, contestant)))
    return table


def _line(played: list[Trial], begin: Setting) -> list[str]:
    # If the best rate is at the edge of the grid, a rate beyond it may be better still.
    found, rates = best(played, begin), [trial.setting[RATE] for trial in played]
    edge = EDGE if found.setting[RATE] in (min(rates), max(rates)) else ""
    untuned = [trial for trial in played if trial.setting == begin]
    scores = [results.estimate(trial.scores) for trial in (found, *untuned)]
    return [found.contestant, f"{found.setting[RATE]:g}{edge}", _own(found), *scores]


def _own(trial: Trial, between: str = " ") -> str:
    own = (f"{name}={value:.3g}" for name, value in trial.setting.items() if name != RATE)
    return between.join(own)


def _seeds(plan: Plan) -> str:
    return f"seeds {plan.seeds.start} to {plan.seeds.stop - 1}"


def _of(contestant: Contestant, finished: list[Trial]) -> list[Trial]:
    return [trial for trial in finished if trial.contestant == contestant.name]
