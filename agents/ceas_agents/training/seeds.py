"""Several trainings of one plan, each with a seed of its own, in a folder of its own."""

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from ceas_agents import console
from ceas_agents.evaluation import results
from ceas_agents.executors import PROCESSES, jobs, lock, run
from ceas_agents.executors.jobs import Job, Tell
from ceas_agents.executors.run import Engine
from ceas_agents.statistics import intervals
from ceas_agents.training import curve, train
from ceas_agents.training.plan import Plan
from ceas_agents.training.trainer import Row

TABLE = "seeds.csv"


def train_all(plan: Plan, folder: Path, engine: Engine, *, overwrite: bool = False) -> None:
    """Trains an agent, or one for each of several seeds, and prints the results.

    Args:
        plan: From `plan.load`. With one seed, the training is in the folder itself and runs in this
            process; of several, each has a folder in it, such as `seed-0`.
        folder: As for `train.train`. Beside the folders of several seeds, `seeds.csv` has the
            validation of the best agent of each.
        engine: Where several seeds are trained.
        overwrite: Whether other runs in the folder are replaced.

    Raises:
        ValueError: If the folder holds another run or another run is in it, if an argument of the
            learner is wrong, or if a single training is to run elsewhere.
        OSError: If the folder can't be written, or a training can't be finished.
        KeyboardInterrupt: When interrupted; the finished stages are in the folders.
    """
    if plan.settings.seeds > 1:
        with lock.held(folder):
            _train_each(plan, folder, engine, overwrite=overwrite)
        return
    if engine.name != PROCESSES:
        raise ValueError("--on: a single training runs in this process; choose --seeds, or no --on")
    with lock.held(folder):
        train.train(plan, folder, overwrite=overwrite)


def _train_each(plan: Plan, folder: Path, engine: Engine, *, overwrite: bool) -> None:
    room = jobs.make_room(folder, overwrite=overwrite)
    first = plan.settings.seed
    todo = [_job(plan, seed, folder, room) for seed in range(first, first + plan.settings.seeds)]
    if overwrite:
        for job in todo:
            shutil.rmtree(job.arguments[1], ignore_errors=True)
    found: dict[str, Any] = {}
    try:
        with console.progress_bar() as progress:
            run.run(todo, engine, progress, lambda job, each: found.update({job.name: each}))
    except KeyboardInterrupt:
        print(f"interrupted: run it again to go on from {folder}", file=sys.stderr)
        raise
    _show(plan, [found[job.name] for job in todo], folder)
    measure = plan.settings.validation.measure
    best = max(todo, key=lambda job: found[job.name]["best"][measure])
    train.show_best(folder / best.name)
    jobs.clear(folder)


def _job(plan: Plan, seed: int, folder: Path, room: Path) -> Job:
    settings = plan.settings.model_copy(update={"seed": seed, "seeds": 1})
    own = plan._replace(settings=settings)
    path = room / f"{jobs.key(*own, results.versions())}.json"
    into = folder / f"seed-{seed}"
    return Job(path, train_one, (own, into), into.name, size=settings.steps)


def train_one(plan: Plan, folder: Path, tell: Tell) -> dict[str, Row]:
    """Returns the validation of the best agent, and that of CEAS on the same episodes.

    Args:
        plan: Of one seed.
        folder: As for `train.train`.
        tell: Is told of the progress.
    """
    steps = plan.settings.steps
    learner, rows = train.begin(plan, folder)
    training = train.go_on(plan, folder, learner, rows, lambda _, done: tell(done / steps))
    best = train.best(plan, training.rows)
    kept = {name: best[f"validation_{name}"] for name in curve.MEASURES}
    return {
        "best": {"seed": float(plan.settings.seed), "steps": best["steps"], **kept},
        "ceas": training.reference,
    }


def _show(plan: Plan, found: list[dict[str, Row]], folder: Path) -> None:
    rows = [each["best"] for each in found]
    results.write_text(folder / TABLE, results.csv_text(rows))
    caption = "best agent of each seed on the validation seeds; mean (95 % interval over seeds)"
    table = Table("measure", "ceas", f"{plan.name}, {len(rows)} seeds", caption=caption)
    for name in curve.MEASURES:
        values = np.array([row[name] for row in rows])
        low, high = intervals.interval(values)
        mean = f"{values.mean():.4g} ({low:.4g} to {high:.4g})"
        table.add_row(name.replace("_", " "), f"{found[0]['ceas'][name]:.4g}", mean)
    screen = console.output()
    screen.print(table)
    screen.print(f"Written: {folder / TABLE} and a folder for each seed", soft_wrap=True)
