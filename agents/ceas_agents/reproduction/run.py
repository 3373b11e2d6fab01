"""`ceas-gym reproduce`: plays, measures, and writes the report with all its data."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceas_agents import console
from ceas_agents.evaluation import results
from ceas_agents.executors import jobs, lock, run
from ceas_agents.executors.run import HERE, Engine
from ceas_agents.figures import style
from ceas_agents.reproduction import parts, report
from ceas_agents.reproduction.parts import PARTS, Found, Part, Work
from ceas_agents.reproduction.report import summary
from ceas_agents.sweeps.run import CELLS
from ceas_gym import config

DATA, FIGURES, SUMMARY, REPORT = "data", "figures", "reproduction.json", "report.html"


def reproduce(
    folder: Path,
    engine: Engine = HERE,
    *,
    quick: bool = False,
    overwrite: bool = False,
) -> None:
    """Measures every claim, prints the results in words, and writes the report.

    Finished parts are kept, so that a stopped run can be resumed. Changes of the code within one
    version of the package are not noticed: after these, use `overwrite`.

    Args:
        folder: For `report.html`, `reproduction.json`, and their data and figures.
        engine: Where sweeps are played and claims are measured.
        quick: Whether few seeds and settings are enough.
        overwrite: Whether to replace another reproduction in the folder.

    Raises:
        ValueError: If the folder holds another reproduction, or another run is in it.
        OSError: If the folder can't be written, or something can't be played or measured.
        KeyboardInterrupt: After an interrupt; what is finished is in the folder.
    """
    scenario = config.load(parts.SCENARIO)
    record = {"quick": quick, "versions": results.versions()}
    with lock.held(folder):
        _open(folder, record, config.dump(scenario), overwrite=overwrite)
        try:
            with console.progress_bar() as progress:
                found = _all(Work(folder / DATA, quick, progress, engine))
        except KeyboardInterrupt:
            print(f"interrupted: run it again to go on from {folder}", file=sys.stderr)
            raise
        results.write_json(folder / SUMMARY, {**record, "parts": found})
        _write(folder, found, scenario, record)
        jobs.clear(folder / DATA)


def _all(work: Work) -> dict[str, Found]:
    # All parts together, so that no worker waits for the end of a part. Each part then finds the
    # results of its jobs in their files.
    todo = [job for part in PARTS for job in part.jobs(work)]
    run.run(todo, work.engine, work.progress, lambda *_: None)
    return {part.name: _found(part, work) for part in PARTS}


def _open(folder: Path, record: Mapping[str, object], scenario: str, *, overwrite: bool) -> None:
    if (folder / results.RECORD).exists() and not overwrite:
        results.require_same(folder, "reproduction", dict(record), scenario)
        return
    data = folder / DATA
    data.mkdir(parents=True, exist_ok=True)
    # Files of an earlier run must not be taken for results of this one.
    old = [folder / SUMMARY, folder / REPORT]
    old += [path for kind in style.FORMATS for path in (folder / FIGURES).glob(f"*.{kind}")]
    old += [*data.glob("*.json"), *data.glob("*.csv"), *data.glob(f"*/{CELLS}")]
    for path in old:
        path.unlink(missing_ok=True)
    for made in [data, *data.glob("*/")]:
        jobs.clear(made)
    results.write_text(folder / results.SCENARIO, scenario)
    results.write_json(folder / results.RECORD, record)


def _found(part: Part, work: Work) -> Found:
    path = work.folder / f"{part.name}.json"
    if path.exists() and not part.swept:
        with results.reading_back(work.folder, "reproduction"):
            return json.loads(path.read_text(encoding="utf-8"))
    found = part.find(work)
    results.write_text(work.folder / f"{part.name}.csv", results.csv_text(part.rows(found)))
    results.write_json(path, found)
    # As it would be read back, so that an uninterrupted run and a resumed one give the same.
    return json.loads(json.dumps(found))


def _write(folder: Path, found: Mapping[str, Found], scenario: Any, record: Any) -> None:  # noqa: ANN401
    figures = folder / FIGURES
    figures.mkdir(exist_ok=True)
    sections: list[report.Section] = []
    for part in PARTS:
        drawn = part.draw(found[part.name], figures / f"{part.name}.png") if part.draw else None
        told = part.caption(found[part.name])
        sections.append(report.Section(part.title, told, drawn, part.rows(found[part.name])))
    results.write_text(
        folder / REPORT, report.html(sections, summary.lines(found), scenario, record)
    )
    screen = console.output()
    for part, section in zip(PARTS, sections, strict=True):
        screen.print(part.title, style="bold")
        screen.print(f"{section.caption}\n")
    screen.print("Written:", str(folder / REPORT), str(folder / SUMMARY), soft_wrap=True)
    results.show_next(folder)
