"""Plays the shipped agent on the ladder, and writes the tables and the figure of `agents.md`.

    python docs/agents.py runs/agents

The seeds and networks of `closed_loop.py`, so every episode has its counterpart there. The folder
keeps the episodes, and an interrupted run goes on from there. `agents.json`, beside the page, keeps
what the tables are made of.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import closed_loop
import numpy as np
import show
from closed_loop import MEAN, NETWORKS, PLACEMENTS, RUNGS, Values
from numpy.typing import NDArray

from ceas_agents.evaluation import contestants, results, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.figures import plots, style
from ceas_agents.policies import checkpoints
from ceas_agents.policies.networks import Layers
from ceas_agents.statistics import comparisons
from ceas_agents.training.evolution import weights
from ceas_gym import config

AGENT, START, ALWAYS, CEAS = "steered-v1", "its start", "never the best", "ceas"
WIDTHS = (3, 3, 3)
"""Of the agent's network."""
RATE: dict[str, object] = {"learning.learning_rate": 0.6}
"""The rate at which the agent was trained, on every scenario; the others' are tuned on each."""
SIZES: dict[str, dict[str, object]] = {
    "20 nodes": {"network.nodes": 20, "attack.byzantine_nodes": 5},
    "100 nodes": {"network.nodes": 100, "attack.byzantine_nodes": 25},
}
"""Other numbers of nodes; channels are in proportion to them."""
RESIZED = ("unequal-loop",)
SHOWN = ("unequal-loop", "drift-loop")
"""Rungs of the figure, on which the agent was trained."""
LADDER = "as shipped"
PAGE = Path(__file__).with_name("agents.md")
KEPT = Path(__file__).with_name("agents.json")
OTHERS = Path(__file__).with_name("closed-loop.json")
COLUMNS = (MEAN, "time_to_accuracy_s", "reached_target", "layout")
Found = dict[str, Any]
Place = tuple[str, str, str]


class Cell(NamedTuple):
    """A scenario, its size, the placement of the attackers, and a contestant."""

    rung: str
    size: str
    placement: str
    name: str

    @property
    def file(self) -> str:
        """Returns the name of the file that keeps its episodes."""
        return f"{', '.join(self)}.json"


def cells() -> list[Cell]:
    """Returns who plays where."""
    ladder = [
        Cell(rung, LADDER, where, name)
        for rung in RUNGS
        for where in PLACEMENTS
        for name in (AGENT, START, ALWAYS)
    ]
    resized = [
        Cell(rung, size, where, name)
        for rung in RESIZED
        for size in SIZES
        for where in PLACEMENTS
        for name in (AGENT, CEAS)
    ]
    return ladder + resized


def contestant(cell: Cell) -> Contestant:
    """Returns who plays in a cell: CEAS as tuned for the rung, the others at the agent's rate."""
    if cell.name == CEAS:
        return tuned.contestant(cell.rung, contestants.get(CEAS))
    agent = checkpoints.load(checkpoints.shipped_file(AGENT))
    if cell.name == START:
        agent = agent._replace(layers=weights.layers(weights.wary(), WIDTHS))
    elif cell.name == ALWAYS:
        agent = agent._replace(layers=always())
    return Contestant(cell.name, checkpoints.policy(agent), RATE)


def always() -> Layers:
    """Returns the network that the search starts with, if it never trusted the best links."""
    first, last = weights.layers(weights.wary(), WIDTHS)
    more = np.array([0.0, 0.0, 9.0], np.float32)
    return (first, last._replace(weight=np.zeros_like(last.weight), bias=last.bias + more))


def scenario(cell: Cell) -> Any:  # noqa: ANN401 - a scenario
    """Returns the scenario of a cell."""
    changes = NETWORKS | {"attack.placement": cell.placement} | SIZES.get(cell.size, {})
    nodes = changes.get("network.nodes")
    if isinstance(nodes, int):
        shipped = config.load(cell.rung).network
        changes["network.channels"] = shipped.channels * nodes // shipped.nodes
    return config.load(cell.rung, changes)


def play(folder: Path, seeds: Sequence[int]) -> None:
    """Plays what the folder lacks: a file for each cell, with a row and a curve for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        if (folder / cell.file).exists():
            continue
        settings = scenario(cell)
        chosen = contestant(cell)
        params = evaluate.prepare(settings, [chosen])[chosen.name]
        target = settings.episode.target_accuracy
        kept = closed_loop.episodes(chosen, params, target, seeds)
        results.write_json(folder / cell.file, kept)
        print(cell.file, f"{np.mean([row[MEAN] for row in kept['rows'].values()]):.3f}", flush=True)


def gather(folder: Path) -> list[Found]:
    """Returns what the page shows: an entry for each cell."""
    found: list[Found] = []
    for cell in cells():
        kept = json.loads((folder / cell.file).read_text(encoding="utf-8"))
        rows = list(kept["rows"].values())
        columns = {name: [round(row[name], 5) for row in rows] for name in COLUMNS}
        found.append(cell._asdict() | columns | {"curve": kept["curve"]})
    return found


# --- The tables ---


class Played(NamedTuple):
    """All episodes: those of this page, and those of the page on the closed loop."""

    here: dict[Cell, Found]
    there: Found

    def values(self, place: Place, name: str, column: str = MEAN) -> Values:
        """Returns a column of a contestant, by seed."""
        cell = Cell(*place, name)
        if cell in self.here:
            return np.array(self.here[cell][column])
        rung, _, placement = place
        return np.array(self.there[rung][placement][name][column])

    @property
    def layouts(self) -> NDArray[np.int64]:
        """Returns the layout of every seed, which is the same everywhere."""
        return np.array(next(iter(self.here.values()))["layout"], int)

    def best(self, place: Place) -> str:
        """Returns who has the highest mean there, of all that the other page compares."""
        names = closed_loop.CONTESTANTS
        return max(names, key=lambda name: self.values(place, name).mean())


def read(found: list[Found]) -> Played:
    """Returns all episodes that the page compares."""
    here = {
        Cell(each["rung"], each["size"], each["placement"], each["name"]): each for each in found
    }
    return Played(here, json.loads(OTHERS.read_text(encoding="utf-8")))


def ladder(played: Played) -> Iterator[str]:
    """Yields the lines of the table of the ladder."""
    places = [(rung, LADDER, where) for rung in RUNGS for where in PLACEMENTS]
    best = [played.best(place) for place in places]
    columns = [_leads(played, places, [name] * len(places)) for name in (CEAS, START, ALWAYS)]
    columns.append(_leads(played, places, best))
    names = ("minus ceas", f"minus {START}", f"minus {ALWAYS}", "minus the best", "which is")
    yield from _head(["rung, attackers", AGENT, *names])
    for row, place in enumerate(places):
        level = f"{100 * played.values(place, AGENT).mean():.1f}"
        yield _line([_where(place), level, *(each[row] for each in columns), f"{best[row]}"])


def worse(played: Played) -> Iterator[str]:
    """Yields the lines of the table of what each reaches in the worse of the two placements."""
    yield from _head(["rung", AGENT, START, ALWAYS, CEAS, "the best of the others", "which is"])
    for rung in RUNGS:
        levels = {name: _worse(played, rung, name) for name in closed_loop.CONTESTANTS}
        best = max(levels, key=levels.__getitem__)
        own = [_worse(played, rung, name) for name in (AGENT, START, ALWAYS)]
        shown = [f"{100 * level:.1f}" for level in (*own, levels[CEAS], levels[best])]
        yield _line([rung.removesuffix("-loop"), *shown, best])


def _worse(played: Played, rung: str, name: str) -> float:
    return min(float(played.values((rung, LADDER, where), name).mean()) for where in PLACEMENTS)


def sizes(played: Played) -> Iterator[str]:
    """Yields the lines of the table of other sizes."""
    places = [(rung, size, where) for rung in RESIZED for size in SIZES for where in PLACEMENTS]
    leads = _leads(played, places, [CEAS] * len(places))
    yield from _head(["rung, size, attackers", AGENT, CEAS, "minus ceas"])
    for place, lead in zip(places, leads, strict=True):
        levels = [f"{100 * played.values(place, name).mean():.1f}" for name in (AGENT, CEAS)]
        yield _line([_where(place), *levels, lead])


def speeds(played: Played) -> Iterator[str]:
    """Yields the lines of the table of time to accuracy."""
    places = [(rung, LADDER, where) for rung in RUNGS for where in PLACEMENTS]
    yield from _head(["rung, attackers", AGENT, CEAS, "fastest of the others", ""])
    for place in places:
        names = closed_loop.CONTESTANTS
        fastest = min(names, key=lambda name: _median(played, place, name))
        shown = [_speed(played, place, name) for name in (AGENT, CEAS, fastest)]
        yield _line([_where(place), *shown, fastest])


def _leads(played: Played, places: list[Place], others: list[str]) -> list[str]:
    differences = np.stack(
        [
            played.values(place, AGENT) - played.values(place, other)
            for place, other in zip(places, others, strict=True)
        ],
        axis=1,
    )
    low, high = comparisons.simultaneous(differences, played.layouts)
    return [show.points(*each) for each in zip(differences.T, low, high, strict=True)]


def _median(played: Played, place: Place, name: str) -> float:
    # An episode that never reaches the target counts as last.
    times = played.values(place, name, "time_to_accuracy_s")
    reached = played.values(place, name, "reached_target")
    return float(np.median(np.where(reached > 0, times, np.inf)))


def _speed(played: Played, place: Place, name: str) -> str:
    median = _median(played, place, name)
    share = 100 * played.values(place, name, "reached_target").mean()
    return f"{f'{median:.0f} s' if np.isfinite(median) else 'never'} ({share:.0f} %)"


def _where(place: Place) -> str:
    rung, size, placement = place
    parts = [rung.removesuffix("-loop"), *([size] if size != LADDER else [])]
    return f"{', '.join(parts)}, {PLACEMENTS[placement]}"


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), "|---|" + "---:|" * (len(names) - 1)]


def _line(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entries)} |"


# --- The figure ---


def draw(played: Played, path: Path) -> None:
    """Draws accuracy over time in both placements, of the agent, CEAS and passing over."""
    shades = {AGENT: "black", CEAS: plots.COLOURS["ceas"], ALWAYS: "#999999"}
    with style.applied():
        figure = style.figure(4.6)
        axes = figure.subplots(2, len(SHOWN), sharex=True, sharey=True)
        for column, rung in enumerate(SHOWN):
            for row, placement in enumerate(PLACEMENTS):
                panel = axes[row][column]
                for name, shade in shades.items():
                    curve = 100 * np.array(_curve(played, (rung, LADDER, placement), name))
                    panel.step(closed_loop.TIMES_S, curve, where="post", color=shade, label=name)
                title = f"{rung.removesuffix('-loop')}, {PLACEMENTS[placement]}"
                panel.set_title(title, loc="left", fontsize=9)
        axes[0][0].legend(frameon=False, loc="lower right")
        figure.supxlabel("time in s", fontsize=9)
        figure.supylabel("test accuracy in %", fontsize=9)
        style.head(figure, "Accuracy over time, when attackers may have the best links")
        style.save(figure, path)


def _curve(played: Played, place: Place, name: str) -> list[float]:
    cell = Cell(*place, name)
    if cell in played.here:
        return played.here[cell]["curve"]
    return played.there[place[0]][place[2]][name]["curve"]


# --- The page ---


TABLES = {"worse": worse, "ladder": ladder, "sizes": sizes, "speeds": speeds}


def write() -> None:
    """Writes the tables and the figure from `agents.json`."""
    played = read(json.loads(KEPT.read_text(encoding="utf-8")))
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in TABLES.items():
        start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
        before, _, rest = text.partition(start)
        text = before + start + "\n".join(lines(played)) + "\n" + end + rest.partition(end)[2]
    results.write_text(PAGE, text)
    draw(played, PAGE.with_name("figures") / "agents.png")


def main() -> None:
    """Plays what is missing, and writes the tables and the figure."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="keeps the episodes, such as runs/agents")
    given = parser.parse_args()
    play(given.folder, range(closed_loop.SEED, closed_loop.SEED + closed_loop.EPISODES))
    # On one line: there are thousands of numbers.
    results.write_text(KEPT, json.dumps(gather(given.folder)) + "\n")
    write()


if __name__ == "__main__":
    main()
