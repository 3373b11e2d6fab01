"""`ceas-gym leaderboard`: plays the suite with a policy, and writes its row; it can be resumed."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from ceas_agents import console
from ceas_agents.evaluation import results
from ceas_agents.executors import jobs, lock, run
from ceas_agents.executors.jobs import Job
from ceas_agents.executors.run import HERE, Engine
from ceas_agents.leaderboard import cost, episodes, row, suite
from ceas_agents.leaderboard.cost import Cost
from ceas_agents.leaderboard.entry import Entry
from ceas_agents.leaderboard.row import Plan, Row
from ceas_agents.leaderboard.score import Estimate

ROW, EPISODES = "row.json", "episodes.csv"
HEADINGS = {
    "iqm": "interquartile mean",
    "mean": "mean",
    "worst": "worse placement",
    "reached": "target reached",
}
"""Of the numbers of a track."""
Played = dict[Path, dict[str, Any]]
"""What jobs returned, by their files."""


def play(plan: Plan, folder: Path, engine: Engine = HERE, *, overwrite: bool = False) -> None:
    """Plays the episodes that the folder does not hold yet, writes the row, and prints it.

    Args:
        plan: From `row.plan`.
        folder: For `row.json` and `episodes.csv`.
        engine: Where the episodes are played.
        overwrite: Whether to replace what is in the folder instead of going on.

    Raises:
        ValueError: If another run is in the folder.
        OSError: If the folder can't be written, or episodes can't be played.
        KeyboardInterrupt: After an interrupt; finished episodes are kept.
    """
    with lock.held(folder):
        if overwrite:
            (folder / ROW).unlink(missing_ok=True)
        room = jobs.make_room(folder, overwrite=overwrite)
        todo = episodes.jobs_of(plan.who, plan.cells, plan.seeds, room)
        played: Played = {}
        try:
            with console.progress_bar() as progress:
                run.run(todo, engine, progress, lambda job, found: played.update({job.path: found}))
        except KeyboardInterrupt:
            said = f"interrupted: {len(played)} of {len(todo)} episodes are in {folder}"
            print(f"{said}; run it again to go on", file=sys.stderr)
            raise
        found = _write(plan, todo, played, folder)
        jobs.clear(folder)
    screen = console.output()
    screen.print(table(found))
    for reason in dict.fromkeys(each.get("refusal") for each in found["cells"]):
        if reason and reason != row.NOT_PLAYED:
            screen.print("Refused:", reason, soft_wrap=True)
    screen.print(f"Written: {folder / ROW} {folder / EPISODES}", soft_wrap=True)
    if scored := [each for each in found["cells"] if "score" in each]:
        worst = min(scored, key=lambda each: each["score"]["mean"][0])
        results.show_next(folder, *_again(plan.who, worst), scenario=worst["scenario"])


def _write(plan: Plan, todo: list[Job], played: Played, folder: Path) -> Row:
    cells: dict[suite.Cell, list[results.Row]] = {}
    lines: list[Mapping[str, object]] = []
    for job in todo:
        who, _, cell, _ = job.arguments
        rows, episode = cells.setdefault(cell, []), played[job.path][episodes.ROW]
        place = {"scenario": cell.scenario, "placement": cell.placement, "episode": len(rows)}
        lines.append({"policy": who.name, **place, **episode})
        rows.append(episode)
    columns = {cell: row.columns(rows) for cell, rows in cells.items()}
    found = row.made(plan, columns, _costs(todo, played))
    results.write_text(folder / EPISODES, results.csv_text(lines))
    results.write_json(folder / ROW, found)
    return found


def _costs(todo: list[Job], played: Played) -> dict[str, Cost]:
    records: dict[str, list[tuple[float, bool]]] = {}
    for job in todo:
        took = played[job.path]
        records.setdefault(job.name, []).append((took[episodes.CORE_S], took[episodes.STARTS]))
    found = {name: cost.measured(each) for name, each in records.items()}
    return {name: each for name, each in found.items() if each is not None}


def table(found: Row) -> Table:
    """Returns the table of a row: a line for each cell, then for each track, in per cent.

    Args:
        found: From `row.made`.
    """
    title = f"{found['policy']}: {found['episodes']} episodes of each cell, suite {suite.VERSION}"
    caption = "accuracy over time (95 % interval), in per cent"
    result = Table("track", "scenario", "attackers", title=title, caption=caption)
    for heading in HEADINGS.values():
        result.add_column(heading, justify="right")
    for each in found["cells"]:
        place = (each["track"], each["scenario"], each["placement"])
        numbers = each.get("score")
        result.add_row(*place, *(_shown(numbers, name) for name in HEADINGS))
    for track, numbers in found["tracks"].items():
        result.add_row(track, "all", "", *(_shown(numbers, name) for name in HEADINGS))
    return result


def _again(who: Entry, cell: Mapping[str, Any]) -> list[str]:
    settings = {"attack.placement": cell["placement"], **dict(who.settings)}
    changes = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return ["--policy", who.name, *changes]


def _shown(numbers: Mapping[str, Estimate] | None, name: str) -> str:
    if numbers is None:
        return "-"
    return per_cent(*numbers[name]) if name in numbers else ""


def per_cent(value: float, low: float, high: float) -> str:
    """Returns an estimate in per cent.

    Args:
        value: In [0, 1].
        low: Lower end of its interval.
        high: Upper end.

    Example:
        >>> per_cent(0.5, 0.42, 0.613)
        '50.0 (42.0 to 61.3)'
    """
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
