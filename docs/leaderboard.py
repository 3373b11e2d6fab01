"""Adds rows to the leaderboard, and writes the tables of `leaderboard.md`.

    python docs/leaderboard.py runs/leaderboard/*/row.json

`leaderboard.json`, beside the page, keeps the rows that were added, and the scores of all. What the
shipped contestants did in the track of windows was played by `closed_loop.py` and `agents.py`, on
the networks and with the seeds of the public suite; it is read from their files.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import agents_runs
import closed_loop

import agents
from ceas_agents.evaluation import results
from ceas_agents.evaluation.tuned import RATE
from ceas_agents.leaderboard import cost, row, score, suite
from ceas_agents.leaderboard.cost import Cost
from ceas_agents.leaderboard.run import HEADINGS, per_cent
from ceas_agents.leaderboard.score import COLUMNS, Columns
from ceas_agents.leaderboard.suite import PARTITIONS, SUITE, WINDOWS, Cell

PAGE = Path(__file__).with_name("leaderboard.md")
KEPT = Path(__file__).with_name("leaderboard.json")
CORES = (2, 64, 1000)
DEFAULT, HERE = "default", "`ceas-gym leaderboard`"
ORDER = "iqm"
"""The score by which the tables are sorted."""
NOBODY = "Nobody has played this track as a whole yet."
Kept = dict[str, Any]
Scores = dict[str, dict[str, score.Estimate]]
"""Scores of a track, by the names of standings."""


class Standing(NamedTuple):
    """What a policy did in a track."""

    policy: str
    rate: str
    """Its learning rate in all cells, or `default`."""
    played_by: str
    played: dict[Cell, Columns]

    @property
    def name(self) -> str:
        """Returns the policy and its rate, by which its scores are kept."""
        return f"{self.policy}, {self.rate}"

    @property
    def episodes(self) -> int:
        """Returns the number of episodes of each cell."""
        return len(score.layouts(self.played))


# --- What was played ---


def imported() -> list[Standing]:
    """Returns what the shipped contestants and the shipped agent did in the track of windows."""
    cells = suite.tracks(SUITE)[WINDOWS]
    there = json.loads(closed_loop.KEPT.read_text(encoding="utf-8"))
    found: list[Standing] = []
    for name in closed_loop.CONTESTANTS:
        played = {cell: _columns(there[cell.scenario][cell.placement][name]) for cell in cells}
        found.append(Standing(name, DEFAULT, "`docs/closed_loop.py`", played))
    here = agents.read(json.loads(agents.KEPT.read_text(encoding="utf-8"))).here
    rates = dict.fromkeys((agents_runs.AGENT, agents_runs.BOLD), f"{agents_runs.RATE[RATE]}")
    rates[agents_runs.WARY] = DEFAULT
    for name, rate in rates.items():
        places = {cell: (cell.scenario, agents_runs.LADDER, cell.placement) for cell in cells}
        of = {cell: here[agents_runs.Cell(*place, name)] for cell, place in places.items()}
        played = {cell: _columns(each) for cell, each in of.items()}
        found.append(Standing(name, rate, "`docs/agents.py`", played))
    return found


def added(rows: Sequence[row.Row], track: str, *, held_back: bool = False) -> list[Standing]:
    """Returns what the rows have of a track that they played as a whole."""
    cells = suite.tracks(SUITE)[track]
    found: list[Standing] = []
    for each in rows:
        if track in each["tracks"] and bool(each["suite"]["salt_sha256"]) == held_back:
            of = row.kept(each, SUITE)
            rate = f"{each['settings'].get(RATE, DEFAULT)}"
            found.append(Standing(each["policy"], rate, HERE, {cell: of[cell] for cell in cells}))
    return found


def scored(standings: Sequence[Standing]) -> Scores:
    """Returns the scores of standings, by their names, with the decimals of rows."""
    return {each.name: row.rounded(score.of_track(each.played)) for each in standings}


def _columns(found: Mapping[str, Any]) -> Columns:
    return {name: found[name] for name in COLUMNS}


# --- The tables ---


def windows(kept: Kept) -> Iterator[str]:
    """Yields the lines of the table of the track of windows."""
    return _table(*_of_windows(kept))


def partitions(kept: Kept) -> Iterator[str]:
    """Yields the lines of the table of the track of partitions."""
    return _table(added(kept["rows"], PARTITIONS), _scores(kept["rows"], PARTITIONS))


def held_back(kept: Kept) -> Iterator[str]:
    """Yields the lines of the tables of what is held back."""
    for track in (WINDOWS, PARTITIONS):
        yield f"Track `{track}`:"
        yield ""
        found = added(kept["rows"], track, held_back=True)
        yield from _table(found, _scores(kept["rows"], track, held_back=True))
        yield ""


def wins(kept: Kept) -> Iterator[str]:
    """Yields the lines of the matrix of who beats whom in the track of windows, with all seeds."""
    whole = [each for each in ranked(*_of_windows(kept)) if each.episodes == len(SUITE.seeds)]
    values = [score.matrix(each.played) for each in whole]
    found = score.against(values, score.layouts(whole[0].played))
    yield from _head(["", *(str(number + 1) for number in range(len(whole)))])
    for number, (each, estimates) in enumerate(zip(whole, found, strict=True)):
        shown = ["" if number == other else _win(*one) for other, one in enumerate(estimates)]
        yield _line([f"{number + 1} {each.policy}", *shown])


def costs(kept: Kept) -> Iterator[str]:
    """Yields the lines of the table of what each cell costs."""
    yield from _head(["scenario, attackers", "to start, core-s", "an episode, core-s"])
    for name, each in measured(kept["rows"]).items():
        yield _line([name, f"{each.start_s:.0f}", f"{each.episode_s:.2f}"])


def estimate(kept: Kept) -> Iterator[str]:
    """Yields the lines of the table of what the suite takes on many cores."""
    of = measured(kept["rows"])
    if missing := [cell for cell in SUITE.cells if cell.name not in of]:
        # The track of windows costs more, so those measured are no stand-ins.
        tracks = " and ".join(dict.fromkeys(cell.track for cell in missing))
        yield f"Not yet known: {len(missing)} cells ({tracks}) have not been measured."
        return
    yield from _head(["policies", "cores", "episodes", "core hours", "hours", "of them starting"])
    for policies in (1, len(imported())):
        for cores in CORES:
            found = cost.estimate(SUITE, of, policies, cores)
            share = f"{100 * found.starting:.0f} %"
            hours = (f"{found.core_hours:.1f}", f"{found.wall_hours:.2f}")
            yield _line([f"{policies}", f"{cores:,}", f"{found.episodes:,}", *hours, share])


def measured(rows: Sequence[row.Row]) -> dict[str, Cost]:
    """Returns what each cell costs by its name, in the order of the suite: in the dearest row."""
    found: dict[str, Cost] = {}
    for name in (cell.name for cell in SUITE.cells):
        of = [Cost(**each["cost"][name]) for each in rows if name in each["cost"]]
        if of:
            found[name] = max(of, key=lambda cost: cost.episode_s)
    return found


def _scores(rows: Sequence[row.Row], track: str, *, held_back: bool = False) -> Scores:
    # A row holds its scores, which were computed anew when it was added.
    chosen = [each for each in rows if track in each["tracks"]]
    chosen = [each for each in chosen if bool(each["suite"]["salt_sha256"]) == held_back]
    standings = added(chosen, track, held_back=held_back)
    return {one.name: each["tracks"][track] for one, each in zip(standings, chosen, strict=True)}


def ranked(standings: Sequence[Standing], scores: Scores) -> list[Standing]:
    """Returns who stands in a table, in its order: those with most episodes first, then by score.

    Args:
        standings: Where a policy stands twice at the same rate, the first counts.
        scores: Of all of them.
    """
    by_name = {each.name: each for each in reversed(standings)}
    return sorted(by_name.values(), key=lambda one: (-one.episodes, -scores[one.name][ORDER][0]))


def _of_windows(kept: Kept) -> tuple[list[Standing], Scores]:
    # A row of fewer seeds says what cells cost, and has no place beside rows of all.
    whole = [each for each in kept["rows"] if each["episodes"] == len(SUITE.seeds)]
    return added(whole, WINDOWS) + imported(), kept["imported"] | _scores(whole, WINDOWS)


def _table(standings: Sequence[Standing], scores: Scores) -> Iterator[str]:
    if not standings:
        yield NOBODY
        return
    yield from _head(["policy", "rate", *HEADINGS.values(), "episodes", "played by"])
    for each in ranked(standings, scores):
        shown = [per_cent(*scores[each.name][name]) for name in HEADINGS]
        yield _line([each.policy, each.rate, *shown, f"{each.episodes}", each.played_by])


def _win(value: float, low: float, high: float) -> str:
    text = f"{100 * value:.0f}"
    return f"**{text}**" if low > 0.5 or high < 0.5 else text


def _head(names: Sequence[str]) -> list[str]:
    return [_line(names), "|---|" + "---:|" * (len(names) - 1)]


def _line(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entries)} |"


# --- The page ---


TABLES = {
    "windows": windows,
    "partitions": partitions,
    "held back": held_back,
    "wins": wins,
    "costs": costs,
    "estimate": estimate,
}


def write() -> None:
    """Writes the tables from `leaderboard.json` and the files of the other pages."""
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in TABLES.items():
        start, end = f"<!-- table: {name} -->\n", "<!-- end -->"
        before, _, rest = text.partition(start)
        table = "\n".join(lines(kept)).rstrip() + "\n"
        text = before + start + table + end + rest.partition(end)[2]
    results.write_text(PAGE, text)


def add(rows: Sequence[row.Row], more: Sequence[row.Row]) -> list[row.Row]:
    """Returns all rows; one of the same policy, settings, suite and tracks replaces the old one."""

    def of(found: row.Row) -> str:
        return json.dumps(
            [found[key] for key in ("policy", "settings", "suite")] + [*found["tracks"]]
        )

    return [*({of(each): each for each in [*rows, *more]}.values())]


def main() -> None:
    """Adds rows, and writes the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("rows", type=Path, nargs="*", help="files to add, each a row.json")
    given = parser.parse_args()
    rows = json.loads(KEPT.read_text(encoding="utf-8"))["rows"] if KEPT.exists() else []
    rows = add(rows, [row.read(path, SUITE) for path in given.rows])
    # On one line: there are thousands of numbers.
    kept = {"rows": rows, "imported": scored(imported())}
    results.write_text(KEPT, json.dumps(kept) + "\n")
    write()


if __name__ == "__main__":
    main()
