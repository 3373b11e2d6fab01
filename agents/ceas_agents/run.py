"""`ceas-gym evaluate`: plays, shows how far it is, and writes what comes out."""

import sys
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ceas_agents import aims, options, pair_bounds, results, tuned
from ceas_agents import evaluate as evaluation
from ceas_agents.ceas import ceas
from ceas_agents.contestants import Contestant
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

PIPE_WIDTH = 150
NEXT = (
    "Next: ceas-gym list scenarios (from plenty to starvation), then ceas-gym evaluate unequal",
    "A policy of your own: ceas-gym evaluate metro --policy ceas --policy my_module:my_policy",
)
"""What to run after a table."""


def evaluate(
    scenario: Scenario,
    contestants: list[Contestant],
    params: dict[str, Params],
    seeds: range,
    folder: Path,
) -> None:
    """Plays all seeds with each contestant, prints the table, and fills the folder.

    Rows are written as they finish; an interrupt ends the run with the table of what is there.

    Args:
        scenario: Resolved settings.
        contestants: In the order of the table.
        params: From `evaluate.prepare`.
        seeds: Episodes of each.
        folder: For `episodes.csv`, `rounds.csv`, `scenario.yaml`, `run.json` and the plots.

    Raises:
        OSError: If the folder can't be written.
        KeyboardInterrupt: After an interrupt, when everything is written.
    """
    record: dict[str, object] = {
        "contestants": {c.name: c.overrides for c in contestants},
        "options": {c.name: given for c in contestants if (given := options.given(c.policy))},
        "seeds": [seeds.start, seeds.stop - 1],
    }
    interrupted = False
    most = {name: pair_bounds.in_each_layout(built) for name, built in params.items()}
    for line in notes(contestants, params):
        print(line, file=sys.stderr)
    with results.Folder(folder, scenario, record) as writer, progress_bar() as progress:
        task = progress.add_task("", total=len(contestants) * len(seeds))
        try:
            for contestant in contestants:
                progress.update(task, description=f"{contestant.name} (compiling)")
                played = evaluation.episodes(
                    contestant, params[contestant.name], scenario.episode.rounds, seeds
                )
                for seed, rounds in played:
                    writer.add(contestant.name, seed, rounds, most[contestant.name])
                    progress.update(task, advance=1, description=contestant.name)
        except KeyboardInterrupt:
            interrupted = True
    _show(writer, scenario, seeds)
    if interrupted:
        finished = sum(map(len, writer.rows.values()))
        total = len(contestants) * len(seeds)
        print(f"interrupted: {finished} of {total} episodes are in {folder}", file=sys.stderr)
        raise KeyboardInterrupt


def notes(contestants: list[Contestant], params: dict[str, Params]) -> list[str]:
    """Returns what is to be said of the contestants before they play, a line each."""
    found = tuned.told(contestants)
    for contestant in contestants:
        rule = params[contestant.name].consensus.rule
        is_ceas = getattr(contestant.policy, "func", contestant.policy) is ceas
        if is_ceas and not aims.has_own(rule):
            name = getattr(rule, "name", "of your own")
            found.append(
                f"note: {contestant.name} has no aim for the rule {name}; it takes the median's"
            )
    return found


def output(width: int = PIPE_WIDTH) -> Console:
    """Returns where tables are printed: into a file or a pipe, they keep that width."""
    # What users name is no markup.
    plain = partial(Console, markup=False, emoji=False)
    terminal = plain()
    return terminal if terminal.is_terminal else plain(width=width)


def progress_bar() -> Progress:
    """Returns a bar on the standard error that counts episodes."""
    name = TextColumn("{task.description:<28}", markup=False)
    columns = (name, BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True))


def _show(writer: results.Folder, scenario: Scenario, seeds: range) -> None:
    if not writer.rows:
        return
    title = f"{scenario.name}: seeds {seeds.start} to {seeds.stop - 1}"
    plots = writer.draw(title)
    console = output()
    console.print(results.table(writer.rows, title))
    written = [writer.path / "episodes.csv", writer.path / "rounds.csv", *plots]
    console.print("Written:", *map(str, written), soft_wrap=True)
    for line in NEXT:
        console.print(line, soft_wrap=True)
