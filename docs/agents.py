"""Plays the shipped agents on the ladder, and writes the tables and the figure of `agents.md`.

    python docs/agents.py runs/agents

The seeds and networks of `closed_loop.py`, so every episode has its counterpart there. The folder
keeps the episodes, and an interrupted run goes on from there. `agents.json`, beside the page, keeps
what the tables are made of.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import closed_loop
import numpy as np
import show
from agents_runs import (
    AGENT,
    ALWAYS,
    BOLD,
    CEAS,
    LADDER,
    RESIZED,
    SIZES,
    WARY,
    Cell,
    cells,
    play,
)
from closed_loop import MEAN, RUNGS
from numpy.typing import NDArray
from show import PLACEMENTS, Values

from ceas_agents.evaluation import results
from ceas_agents.figures import plots, style

SHOWN = ("unequal-loop", "drift-loop")
"""Rungs of the figure, on which the agent was trained."""
PAGE = Path(__file__).with_name("agents.md")
KEPT = Path(__file__).with_name("agents.json")
OTHERS = Path(__file__).with_name("closed-loop.json")
COLUMNS = (MEAN, "time_to_accuracy_s", "reached_target", "layout")
Found = dict[str, Any]
Place = tuple[str, str, str]
PLACES: list[Place] = [(rung, LADDER, where) for rung in RUNGS for where in PLACEMENTS]
"""Of the ladder: rung, size, and placement of the attackers."""


def gather(folder: Path) -> list[Found]:
    """Returns what the page shows: an entry for each cell."""
    read = closed_loop.columns
    return [cell._asdict() | read(folder / cell.file, COLUMNS) for cell in cells()]


# --- The tables ---


class Played(NamedTuple):
    """All episodes: those of this page, and those of the page on the closed loop."""

    here: dict[Cell, Found]
    there: Found

    def columns(self, place: Place, name: str) -> Found:
        """Returns the columns of a contestant, each by seed, and its curve."""
        rung, _, placement = place
        here = self.here.get(Cell(*place, name))
        return self.there[rung][placement][name] if here is None else here

    def values(self, place: Place, name: str) -> Values:
        """Returns the mean accuracy over time of a contestant, by seed."""
        return np.array(self.columns(place, name)[MEAN])

    def level(self, place: Place, name: str) -> str:
        """Returns the mean of these values, in per cent."""
        return f"{100 * self.values(place, name).mean():.1f}"

    @property
    def layouts(self) -> NDArray[np.int64]:
        """Returns the layout of every seed, which is the same everywhere."""
        return np.array(next(iter(self.here.values()))["layout"], int)

    def best(self, place: Place) -> str:
        """Returns who has the highest mean there, of all that the other page compares."""
        names = closed_loop.CONTESTANTS
        return max(names, key=lambda name: self.values(place, name).mean())

    @property
    def all_best(self) -> list[str]:
        """Returns the best at each of `PLACES`."""
        return list(map(self.best, PLACES))


def read(found: list[Found]) -> Played:
    """Returns all episodes that the page compares."""
    here = {
        Cell(each["rung"], each["size"], each["placement"], each["name"]): each for each in found
    }
    return Played(here, json.loads(OTHERS.read_text(encoding="utf-8")))


def ladder(played: Played) -> Iterator[str]:
    """Yields the lines of the table of the ladder."""
    ceas = [CEAS] * len(PLACES)
    columns = [
        [played.level(place, AGENT) for place in PLACES],
        _leads(played, PLACES, ceas),
        _leads(played, PLACES, played.all_best),
        played.all_best,
        [played.level(place, BOLD) for place in PLACES],
        _leads(played, PLACES, ceas, BOLD),
    ]
    head = [AGENT, "minus ceas", "minus the best", "which is", BOLD, "minus ceas"]
    rows = zip(map(_where, PLACES), *columns, strict=True)
    return show.table(["rung, attackers", *head], rows)


def worse(played: Played) -> Iterator[str]:
    """Yields the lines of the table of what each reaches in the worse of the two placements."""
    head = ["rung", AGENT, BOLD, WARY, ALWAYS, CEAS, "the best of the others", "which is"]
    return show.table(head, (_worst_of(played, rung) for rung in RUNGS))


def _worst_of(played: Played, rung: str) -> list[str]:
    levels = {name: _worse(played, rung, name) for name in closed_loop.CONTESTANTS}
    best = max(levels, key=levels.__getitem__)
    own = [_worse(played, rung, name) for name in (AGENT, BOLD, WARY, ALWAYS)]
    shown = [f"{100 * level:.1f}" for level in (*own, levels[CEAS], levels[best])]
    return [rung.removesuffix("-loop"), *shown, best]


def _worse(played: Played, rung: str, name: str) -> float:
    return min(float(played.values((rung, LADDER, where), name).mean()) for where in PLACEMENTS)


def wary(played: Played) -> Iterator[str]:
    """Yields the lines of the table of the rule that became a contestant."""
    ceas = [CEAS] * len(PLACES)
    columns = [
        _leads(played, PLACES, ceas, WARY),
        _leads(played, PLACES, played.all_best, WARY),
    ]
    levels = [played.level(place, WARY) for place in PLACES]
    rows = zip(map(_where, PLACES), levels, *columns, played.all_best, strict=True)
    head = ("minus ceas", "minus the best", "which is")
    return show.table(["rung, attackers", WARY, *head], rows)


def sizes(played: Played) -> Iterator[str]:
    """Yields the lines of the table of other sizes."""
    places = [(rung, size, where) for rung in RESIZED for size in SIZES for where in PLACEMENTS]
    names = (AGENT, BOLD, CEAS)
    leads = [_leads(played, places, [CEAS] * len(places), name) for name in names[:2]]
    levels = [[played.level(place, name) for place in places] for name in names]
    head = ["rung, size, attackers", *names, *(f"{name} minus ceas" for name in names[:2])]
    return show.table(head, zip(map(_where, places), *levels, *leads, strict=True))


def speeds(played: Played) -> Iterator[str]:
    """Yields the lines of the table of time to accuracy."""
    rows = ([_where(place), *_speeds(played, place)] for place in PLACES)
    return show.table(["rung, attackers", AGENT, CEAS, "fastest of the others", ""], rows)


def _speeds(played: Played, place: Place) -> list[str]:
    def median(name: str) -> float:
        return show.median(played.columns(place, name), "time_to_accuracy_s")

    fastest = min(closed_loop.CONTESTANTS, key=median)
    shown = [show.speed(played.columns(place, name)) for name in (AGENT, CEAS, fastest)]
    return [*shown, fastest]


def _leads(played: Played, places: list[Place], others: list[str], name: str = AGENT) -> list[str]:
    differences = [
        played.values(place, name) - played.values(place, other)
        for place, other in zip(places, others, strict=True)
    ]
    return [show.points(*lead) for lead in show.leads(differences, played.layouts)]


def _where(place: Place) -> str:
    rung, size, placement = place
    parts = [rung.removesuffix("-loop"), *([size] if size != LADDER else [])]
    return f"{', '.join(parts)}, {PLACEMENTS[placement]}"


# --- The figure ---


def draw(played: Played, path: Path) -> None:
    """Draws accuracy over time in both placements, of the agents, CEAS and passing over."""
    shades = {AGENT: "black", BOLD: "#8c6d31", CEAS: plots.COLOURS["ceas"], ALWAYS: "#999999"}
    with style.applied():
        figure = style.figure(4.6)
        axes = figure.subplots(2, len(SHOWN), sharex=True, sharey=True)
        for column, rung in enumerate(SHOWN):
            for row, placement in enumerate(PLACEMENTS):
                panel = axes[row][column]
                for name, shade in shades.items():
                    curve = 100 * np.array(played.columns((rung, LADDER, placement), name)["curve"])
                    panel.step(closed_loop.TIMES_S, curve, where="post", color=shade, label=name)
                title = f"{rung.removesuffix('-loop')}, {PLACEMENTS[placement]}"
                panel.set_title(title, loc="left", fontsize=9)
        axes[0][0].legend(frameon=False, loc="lower right")
        figure.supxlabel("time in s", fontsize=9)
        figure.supylabel("test accuracy in %", fontsize=9)
        style.head(figure, "Accuracy over time, when attackers may have the best links")
        style.save(figure, path)


# --- The page ---


TABLES = {"worse": worse, "ladder": ladder, "wary": wary, "sizes": sizes, "speeds": speeds}


def write() -> None:
    """Writes the tables and the figure from `agents.json`."""
    played = read(json.loads(KEPT.read_text(encoding="utf-8")))
    show.fill(PAGE, lambda name: "\n".join(TABLES[name](played)))
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
