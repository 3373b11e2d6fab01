"""`ceas-gym replay`: plays episodes of a run once more, and writes them as a page."""

import sys
from pathlib import Path
from typing import Any

from ceas_agents import console, files
from ceas_agents.evaluation import play, results
from ceas_agents.replay import page, record, runs
from ceas_agents.replay.runs import Run
from ceas_gym import config, layouts

PAGE = "replay.html"
MOST = 2
"""Contestants that have room side by side."""


def replay(folder: Path, names: list[str], seed: int | None, out: Path | None) -> Path:
    """Writes an episode of each contestant, with the same seed, as a page; prints where it is.

    If an episode is not the one that the run's rows tell of, a line says so, also on the page.

    Args:
        folder: Of a run of `ceas-gym evaluate`.
        names: One or two contestants of the run; none for the first two.
        seed: Of the episodes; None for the first of the run.
        out: The file to write; None for `replay.html` in the folder.

    Returns:
        The file that was written.

    Raises:
        ValueError: If the run has no such episodes.
        OSError: If the file can't be written.
    """
    if len(set(names)) > MOST:
        raise ValueError(f"a page shows {MOST} policies at most, but --policy names {len(names)}")
    run = runs.read(folder)
    shown, number = runs.chosen(run, names, seed)
    file = out or folder / PAGE
    if file.is_dir():
        raise ValueError(f"--out {file} is a folder; name a file in it, such as {file / PAGE}")
    files.make_folder(file.parent)
    sides = _sides(run, shown, number)
    for note in filter(None, [side["note"] for side in sides]):
        print(f"note: {note}", file=sys.stderr)
    layout = int(run.rows[shown[0]][number]["layout"][0])
    played = layouts.scenarios(run.scenario)[layout]
    results.write_text(file, page.text(page.data(played, number, sides)))
    size = f"{file.stat().st_size / 1000:.0f} kB"
    console.output().print(f"Written: {file} ({size}); open it in a browser", soft_wrap=True)
    return file


def _sides(run: Run, names: list[str], seed: int) -> list[dict[str, Any]]:
    sides = list[dict[str, Any]]()
    with console.progress_bar() as progress:
        task = progress.add_task("", total=len(names))
        for name in names:
            progress.update(task, description=f"{name} (compiling)")
            sides.append(_side(run, name, seed))
            progress.update(task, advance=1, description=name)
    return sides


def _side(run: Run, name: str, seed: int) -> dict[str, Any]:
    contestant = runs.contestant(run, name)
    with config.naming(run.folder / results.SCENARIO):
        params = play.prepare(run.scenario, [contestant])[name]
    episode = record.episode(contestant, params, seed)
    where = runs.difference(run.rows[name][seed], episode.metrics)
    table = run.folder / runs.TABLE
    note = f"{name} with seed {seed} differs from {table} {where}" if where else ""
    return page.side(name, note, episode, params)
