"""`ceas-gym sweep`: plays every combination of what a file varies; it can be resumed."""

import csv
import io
import sys
from pathlib import Path

from rich.progress import Progress

from ceas_agents import console
from ceas_agents.evaluation import results
from ceas_agents.executors import jobs, lock, run
from ceas_agents.executors.jobs import Job
from ceas_agents.executors.run import HERE, Engine
from ceas_agents.sweeps import cells, table
from ceas_agents.sweeps.plan import Plan
from ceas_gym import config

CELLS, TABLE = "cells.csv", "table.md"
WIDTH = 160
Finished = dict[tuple[str, ...], dict[int, results.Row]]
"""Rows by the labels of a cell, then by seed."""


def sweep(
    plan: Plan,
    folder: Path,
    engine: Engine = HERE,
    *,
    overwrite: bool = False,
) -> None:
    """Plays the episodes that the folder does not hold yet, and prints the table in per cent.

    The table is also written to the folder.

    Rows are written as they finish. When all are finished, they are put in the order of the cells,
    so that the file does not depend on interrupts or on who played them.

    Args:
        plan: From `sweeps.plan.load`.
        folder: For `cells.csv`, `table.md`, `run.json` and `scenario.yaml`.
        engine: Where the episodes are played.
        overwrite: Whether to replace results in the folder instead of resuming.

    Raises:
        ValueError: If the folder holds results of another sweep, or another run is in it.
        OSError: If the folder can't be written, or episodes can't be played.
        KeyboardInterrupt: After an interrupt, when everything is written.
    """
    with lock.held(folder), console.progress_bar() as progress:
        finished, interrupted = play(plan, folder, engine, progress, overwrite=overwrite)
    done, total = sum(map(len, finished.values())), len(_playable(plan)) * len(plan.seeds)
    if done:
        _show(plan, finished, folder)
    if interrupted:
        print(f"interrupted: {done} of {total} episodes are in {folder}", file=sys.stderr)
        raise KeyboardInterrupt


def play(
    plan: Plan, folder: Path, engine: Engine, progress: Progress, *, overwrite: bool = False
) -> tuple[Finished, bool]:
    """Returns all rows, after playing the episodes that the folder does not hold yet.

    It writes all files but the table.

    Args:
        plan: From `sweeps.plan.load`.
        folder: As for `sweep`.
        engine: As for `sweep`.
        progress: Gets a bar that counts the episodes.
        overwrite: As for `sweep`.

    Returns:
        The rows in the folder, with accuracies in [0, 1], and whether an interrupt came before all
        were finished.

    Raises:
        ValueError: If the folder holds results of another sweep.
        OSError: As for `sweep`.
    """
    finished, missing = begin(plan, folder, overwrite=overwrite)
    done = sum(map(len, finished.values()))
    try:
        with (folder / CELLS).open("a", encoding="utf-8", newline="") as file:

            def keep(job: Job, row: results.Row) -> None:
                labels, seed = cells.whose(job)
                results.append(file, [_line(plan, labels, seed, row)])
                finished.setdefault(labels, {})[seed] = row

            run.run(missing, engine, progress, keep, done)
    except KeyboardInterrupt:
        return finished, True
    _put_in_order(plan, finished, folder)
    jobs.clear(folder)
    return finished, False


def begin(plan: Plan, folder: Path, *, overwrite: bool = False) -> tuple[Finished, list[Job]]:
    """Returns the rows that the folder holds already, and the jobs of all others.

    It prepares the folder for this sweep.

    Args:
        plan: From `sweeps.plan.load`.
        folder: As for `sweep`.
        overwrite: As for `sweep`.

    Raises:
        ValueError: If the folder holds results of another sweep.
        OSError: If the folder can't be written.
    """
    finished = _opened(plan, folder, overwrite=overwrite)
    missing = {
        cell.labels: [seed for seed in plan.seeds if seed not in finished.get(cell.labels, {})]
        for cell in _playable(plan)
    }
    return finished, cells.jobs_of(plan, missing, jobs.make_room(folder, overwrite=overwrite))


def _show(plan: Plan, finished: Finished, folder: Path) -> None:
    ordered = {
        labels: [rows[seed] for seed in sorted(rows)] for labels, rows in finished.items() if rows
    }
    grid = table.grid(plan, ordered)
    results.write_text(folder / TABLE, grid.markdown)
    screen = console.output(WIDTH)
    screen.print(grid.rich)
    screen.print(f"Written: {folder / CELLS} {folder / TABLE}", soft_wrap=True)
    results.show_next(folder, "--policy", plan.policy)


def _playable(plan: Plan) -> list[table.Cell]:
    return [cell for cell in plan.cells if not cell.refusal]


# --- The folder ---


def _opened(plan: Plan, folder: Path, *, overwrite: bool) -> Finished:
    # Prepares the folder for this sweep, and returns the rows that it already holds.
    fixed = config.load(plan.scenario, plan.fixed)
    scenario = config.dump(fixed)
    record = {
        **plan.record,
        **results.told_of_files(fixed),
        "versions": results.versions(),
    }
    rows = folder / CELLS
    begun = rows.exists() and rows.stat().st_size > 0
    if not overwrite and (begun or (folder / jobs.FOLDER).exists()):
        results.require_same(folder, "sweep", record, scenario)
        finished = _read(plan, rows) if begun else {}
    else:
        folder.mkdir(parents=True, exist_ok=True)
        results.write_text(rows, "")
        (folder / TABLE).unlink(missing_ok=True)
        finished = {}
    results.write_text(folder / results.SCENARIO, scenario)
    results.write_json(folder / results.RECORD, record)
    return finished


def _read(plan: Plan, path: Path) -> Finished:
    # A killed run may have left an incomplete last row, which is cut off.
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        with path.open("r+b") as file:
            file.truncate(len(whole))
    finished: Finished = {}
    with results.reading_back(path.parent, "sweep"):
        for row in csv.DictReader(io.StringIO(whole.decode("utf-8"), newline="")):
            labels = tuple(row.pop(name) for name in plan.factors)
            seed = int(row.pop("seed"))
            numbers = {name: float(value) for name, value in row.items()}
            finished.setdefault(labels, {})[seed] = numbers
    return finished


def _put_in_order(plan: Plan, finished: Finished, folder: Path) -> None:
    text = io.StringIO(newline="")
    for cell in _playable(plan):
        for seed in plan.seeds:
            results.append(text, [_line(plan, cell.labels, seed, finished[cell.labels][seed])])
    results.write_text(folder / CELLS, text.getvalue())


def _line(plan: Plan, labels: tuple[str, ...], seed: int, row: results.Row) -> dict[str, object]:
    return {**dict(zip(plan.factors, labels, strict=True)), "seed": seed, **row}
