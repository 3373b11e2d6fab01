"""`ceas-gym train`: trains in stages, validates after each, and resumes interrupted runs."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ceas_agents import console
from ceas_agents.evaluation import contestants, play, results
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import checkpoints
from ceas_agents.policies.rollout import most_steps
from ceas_agents.training import curve
from ceas_agents.training.plan import VALIDATION_SEEDS, Plan
from ceas_agents.training.trainer import CHECKPOINTS, Row, Trainer, library
from ceas_gym import config, parameters
from ceas_gym.scenario import Scenario

BEST, LAST = "best.npz", "last.npz"
TENSORBOARD = "tensorboard"
Heard = Callable[[str, int], None]
"""Is told how good the best agent is, and the steps so far, in decisions over all rows."""


@dataclass
class Training:
    """A training in progress."""

    plan: Plan
    folder: Path
    learner: Trainer
    reference: Row
    """Means of CEAS over the validation seeds, for each measure of the curve."""
    rows: list[Row] = field(default_factory=list)
    """The learning curve so far: one row before training, and one after each stage."""


def train(plan: Plan, folder: Path, *, overwrite: bool = False) -> list[Row]:
    """Returns the learning curve of an agent, which is trained, or trained further.

    Args:
        plan: From `plan.load`.
        folder: Where `best.npz` and `last.npz`, the curve as table and figure, the checkpoint, the
            logs for TensorBoard, the scenario and the record of the run are written.
        overwrite: Whether another run in the folder is replaced.

    Returns:
        One row before training and one after each stage: time in steps and in minutes, returns,
        and shares in [0, 1].

    Raises:
        ValueError: If the folder holds another run, or an argument of the learner is wrong.
        OSError: If the folder can't be written.
        KeyboardInterrupt: When interrupted; the finished stages are in the folder.
    """
    learner, rows = begin(plan, folder, overwrite=overwrite)
    with console.progress_bar() as progress:
        task = progress.add_task("(compiling)", total=plan.settings.steps)

        def heard(headline: str, steps: int) -> None:
            progress.update(task, completed=steps, description=headline)

        try:
            training = go_on(plan, folder, learner, rows, heard)
        except KeyboardInterrupt:
            print(f"interrupted: run it again to go on from {folder}", file=sys.stderr)
            raise
    _show(training)
    return training.rows


def begin(plan: Plan, folder: Path, *, overwrite: bool = False) -> tuple[Trainer, list[Row]]:
    """Returns the learner, and the learning curve that the folder holds already.

    Args:
        plan: As for `train`.
        folder: As for `train`.
        overwrite: As for `train`.

    Raises:
        ValueError: As `train` does.
        OSError: If the folder can't be written.
    """
    # Before anything in the folder is changed, so that a wrong argument leaves it as it was.
    learner = library(plan).trainer(plan)
    rows = _opened(plan, folder, overwrite=overwrite)
    if rows:
        learner.resume(folder)
        # A row may lack its checkpoint, which is written later; its stage is trained again.
        rows = [row for row in rows if row["steps"] <= learner.steps]
    return learner, rows


def go_on(plan: Plan, folder: Path, learner: Trainer, rows: list[Row], heard: Heard) -> Training:
    """Returns a training that has come to its end, with its figure.

    Args:
        plan: As for `train`.
        folder: As for `train`.
        learner: From `begin`.
        rows: From `begin`.
        heard: Is told of the progress.

    Raises:
        OSError: If the folder can't be written.
    """
    training = _begun(plan, folder, learner, rows)
    while learner.steps < plan.settings.steps:
        headline, begun = _headline(training), time.monotonic()
        told = learner.learn(len(training.rows) - 1, partial(heard, headline))
        minutes = training.rows[-1]["minutes"] + (time.monotonic() - begun) / 60
        _keep(training, {"steps": float(learner.steps), "minutes": minutes, **told})
    heard(_headline(training), plan.settings.steps)
    curve.draw(training.rows, training.reference, folder / curve.FIGURE, plan.name)
    return training


def _begun(plan: Plan, folder: Path, learner: Trainer, rows: list[Row]) -> Training:
    learner.log_to(folder / TENSORBOARD)
    training = Training(plan, folder, learner, _validated(plan, contestants.get("ceas")), rows)
    if not rows:
        _keep(training, {"steps": 0.0, "minutes": 0.0})
    return training


def _keep(training: Training, told: Row) -> None:
    # The checkpoint comes last: a stage without one is trained again.
    plan, folder, rows = training.plan, training.folder, training.rows
    agent = training.learner.agent()
    measured = _validated(plan, Contestant(plan.name, checkpoints.policy(agent), {}))
    rows.append(told | {f"validation_{name}": value for name, value in measured.items()})
    training.learner.log(measured)
    if rows[-1] is best(plan, rows):
        checkpoints.save(agent, folder / BEST)
    checkpoints.save(agent, folder / LAST)
    curve.write(rows, folder)
    training.learner.save(folder)


def best(plan: Plan, rows: list[Row]) -> Row:
    """Returns the row with the greatest measure on the validation seeds, the first if several.

    Args:
        plan: Names the measure: the return, or a share in [0, 1].
        rows: The learning curve, at least one row.
    """
    return max(rows, key=lambda row: row[f"validation_{plan.settings.validation.measure}"])


def _validated(plan: Plan, contestant: Contestant) -> Row:
    # With the exported agent in JAX, because that is what is used after the training.
    played = [_played(plan, scenario, contestant) for scenario in plan.scenarios]
    return {
        name: float(np.average(_means(played, name), weights=plan.weights))
        for name in curve.MEASURES
    }


def _means(played: list[list[Row]], name: str) -> list[float]:
    return [sum(row[name] for row in rows) / len(rows) for rows in played]


def _played(plan: Plan, scenario: Scenario, contestant: Contestant) -> list[Row]:
    params = parameters.build(scenario)
    first, number = VALIDATION_SEEDS, plan.settings.validation.episodes
    seeds, target = range(first, first + number), scenario.episode.target_accuracy
    played = play.episodes(contestant, params, most_steps(params), seeds)
    return [play.summary(steps, target, budget_s=play.seconds(params)) for _, steps in played]


# --- The folder ---


def _opened(plan: Plan, folder: Path, *, overwrite: bool) -> list[Row]:
    record = {
        **plan.record,
        **results.told_of_files(plan.scenario),
        "versions": results.versions(library(plan).packages),
    }
    scenario = config.dump(plan.scenario)
    if plan.others:
        record["other scenarios"] = [config.dump(each) for each in plan.others]
    if not overwrite and any((folder / name).exists() for name in CHECKPOINTS):
        results.require_same(folder, "training", record, scenario)
        return curve.read(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in [*(folder / name for name in CHECKPOINTS), *folder.glob(f"{TENSORBOARD}/*")]:
        old.unlink(missing_ok=True)
    results.write_text(folder / results.SCENARIO, scenario)
    results.write_json(folder / results.RECORD, record)
    return []


def _headline(training: Training) -> str:
    measure = training.plan.settings.validation.measure
    reached = best(training.plan, training.rows)[f"validation_{measure}"]
    return f"best {reached:.3f} (ceas {training.reference[measure]:.3f})"


def _show(training: Training) -> None:
    screen = console.output()
    screen.print(curve.table(training.rows, training.reference, training.plan.name))
    written = [training.folder / name for name in (BEST, LAST, curve.TABLE, curve.FIGURE)]
    screen.print("Written:", *map(str, written), soft_wrap=True)
    show_best(training.folder)


def show_best(folder: Path) -> None:
    """Prints the command that plays the best agent of a training beside CEAS.

    Args:
        folder: Of a finished training.
    """
    results.show_next(folder, "--policy", "ceas", "--policy", folder / BEST)
