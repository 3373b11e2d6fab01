"""`ceas-gym tune`: finds the best settings of every contestant, with equal effort for all."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.table import Table

from ceas_agents import console
from ceas_agents.evaluation import results
from ceas_agents.evaluation.contestants import CADENCE, Contestant
from ceas_agents.evaluation.tuned import RATE
from ceas_agents.statistics import intervals
from ceas_agents.tuning import proposals, search
from ceas_agents.tuning.search import Plan, Setting, Trial, best, start
from ceas_gym import config
from ceas_gym.config import yaml_text

FOUND, TABLE = "tuned.yaml", "trials.csv"
EDGE = " *"


def tune(plan: Plan, folder: Path, command: str = "ceas-gym tune") -> None:
    """Plays all trials, prints the best accuracies in per cent, and writes all results.

    Trials are written as they finish. The tuned settings are written only when every contestant
    had all its trials, so an interrupted run leaves none.

    Args:
        plan: From `tuning.search.plan`.
        folder: For `tuned.yaml`, `trials.csv`, `scenario.yaml` and `run.json`.
        command: The command that repeats the run, for the heading of `tuned.yaml`.

    Raises:
        OSError: If the folder can't be written.
        KeyboardInterrupt: After an interrupt, when everything is written.
    """
    _open(plan, folder)
    finished: list[Trial] = []
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        try:
            _play(plan, file, finished)
        except KeyboardInterrupt:
            total = len(plan.contestants) * plan.trials
            said = f"interrupted: {len(finished)} of {total} trials are in {folder}"
            print(said, file=sys.stderr)
            raise
    settings = {
        one.name: best(_of(one, finished), start(plan.scenario, one)).setting
        for one in plan.contestants
    }
    results.write_text(folder / FOUND, _heading(plan, command) + yaml_text.written(settings))
    screen = console.output()
    screen.print(_table(plan, finished))
    screen.print(f"Written: {folder / FOUND} {folder / TABLE}", soft_wrap=True)


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


def _open(plan: Plan, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FOUND).unlink(missing_ok=True)
    results.write_text(folder / results.SCENARIO, config.dump(plan.scenario))
    record = {
        "contestants": {one.name: one.overrides for one in plan.contestants},
        "seeds": [plan.seeds.start, plan.seeds.stop - 1],
        "factors": proposals.FACTORS,
        "own": proposals.OWN,
        "trials": plan.trials,
        "measure": plan.measure,
        **results.told_of_data(plan.scenario),
        "versions": results.versions(),
    }
    results.write_json(folder / results.RECORD, record)


def _play(plan: Plan, file: TextIO, finished: list[Trial]) -> None:
    with console.progress_bar() as progress:
        task = progress.add_task("", total=len(plan.contestants) * plan.trials * len(plan.seeds))

        def heard(contestant: Contestant, setting: Setting) -> None:
            cadence = f", {setting[CADENCE]} windows" if CADENCE in setting else ""
            what = f"{contestant.name} at {setting[RATE]:g}{cadence}"
            progress.update(task, advance=1, description=what)

        for contestant in plan.contestants:
            progress.update(task, description=f"{contestant.name} (compiling)")
            for trial in search.trials(plan, contestant, heard):
                results.append(file, [_row(trial)])
                finished.append(trial)


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


def _own(trial: Trial) -> str:
    return " ".join(f"{name}={value:.3g}" for name, value in trial.setting.items() if name != RATE)


def _seeds(plan: Plan) -> str:
    return f"seeds {plan.seeds.start} to {plan.seeds.stop - 1}"


def _of(contestant: Contestant, finished: list[Trial]) -> list[Trial]:
    return [trial for trial in finished if trial.contestant == contestant.name]
