"""`ceas-gym evaluate`: plays episodes, shows the progress, and writes the results."""

import sys
from pathlib import Path

from ceas_agents.bounds import pair_bounds
from ceas_agents.console import output, progress_bar, show_next
from ceas_agents.evaluation import links, play, results, tuned
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.evaluation.table import table
from ceas_agents.policies import aims, options
from ceas_agents.policies.registry import POLICIES
from ceas_agents.policies.rollout import most_steps
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params


def evaluate(
    scenario: Scenario,
    contestants: list[Contestant],
    params: dict[str, Params],
    seeds: range,
    folder: Path,
) -> None:
    """Plays all seeds with each contestant, prints the table in per cent, and writes all results.

    Rows are written as they finish; an interrupt ends the run with the table of finished episodes.

    Args:
        scenario: Resolved settings.
        contestants: In the order of the table.
        params: From `evaluation.play.prepare`.
        seeds: Episodes of each contestant.
        folder: For `episodes.csv`, `rounds.csv`, `scenario.yaml`, `run.json` and the plots.

    Raises:
        OSError: If the folder can't be written.
        KeyboardInterrupt: After an interrupt, when everything is written.
    """
    record: dict[str, object] = {
        "contestants": {c.name: c.overrides for c in contestants},
        "options": {c.name: given for c in contestants if (given := options.given(c.policy))},
        "seeds": [seeds.start, seeds.stop - 1],
        **results.told_of_files(scenario),
    }
    interrupted = False
    most = {name: pair_bounds.in_each_layout(built) for name, built in params.items()}
    budget_s = {name: play.seconds(built) for name, built in params.items()}
    for line in notes(contestants, params):
        print(line, file=sys.stderr)
    with results.Folder(folder, scenario, record) as writer, progress_bar() as progress:
        task = progress.add_task("", total=len(contestants) * len(seeds))
        try:
            for contestant in contestants:
                name = contestant.name
                progress.update(task, description=f"{name} (compiling)")
                steps = most_steps(params[name])
                for seed, metrics in play.episodes(contestant, params[name], steps, seeds):
                    writer.add(name, seed, metrics, most[name], budget_s[name])
                    progress.update(task, advance=1, description=name)
        except KeyboardInterrupt:
            interrupted = True
    _show(writer, scenario, seeds)
    if interrupted:
        finished = sum(map(len, writer.rows.values()))
        total = len(contestants) * len(seeds)
        print(f"interrupted: {finished} of {total} episodes are in {folder}", file=sys.stderr)
        raise KeyboardInterrupt


def notes(contestants: list[Contestant], params: dict[str, Params]) -> list[str]:
    """Returns what users should know of the contestants before they play, one line per note.

    Args:
        contestants: Who plays.
        params: From `evaluation.play.prepare`.
    """
    found = tuned.described(contestants)
    # The contestants may differ in cut-off and protocol.
    found += dict.fromkeys(filter(None, (links.poor(params[each.name]) for each in contestants)))
    for contestant in contestants:
        rule = params[contestant.name].consensus.rule
        is_ceas = getattr(contestant.policy, "func", contestant.policy) is POLICIES["ceas"]
        if is_ceas and not aims.has_own(rule):
            name = getattr(rule, "name", "of your own")
            found.append(
                f"note: {contestant.name} has no loss for the rule {name}; it uses the median's"
            )
    return found


def _show(writer: results.Folder, scenario: Scenario, seeds: range) -> None:
    if not writer.rows:
        return
    title = f"{scenario.name}: seeds {seeds.start} to {seeds.stop - 1}"
    plots = writer.draw(title)
    screen = output()
    screen.print(table(writer.rows, title))
    written = [writer.path / "episodes.csv", writer.path / "rounds.csv", *plots]
    screen.print("Written:", *map(str, written), soft_wrap=True)
    show_next("replay", writer.path)
