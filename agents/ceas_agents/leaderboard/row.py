"""A row of the leaderboard: all that one policy did on the suite, as one JSON file."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceas_agents.evaluation import results
from ceas_agents.leaderboard import score, suite
from ceas_agents.leaderboard.cost import Cost
from ceas_agents.leaderboard.entry import Entry, file_hash, refusal
from ceas_agents.leaderboard.score import COLUMNS, Columns
from ceas_agents.leaderboard.suite import Cell, Suite
from ceas_gym.registry import nearest

DIGITS = 5
"""Decimals of all numbers."""
NOT_PLAYED = "not played"
Row = dict[str, Any]


class Plan(NamedTuple):
    """Who plays what."""

    who: Entry
    suite: Suite
    seeds: range
    """The first seeds of the suite, or all."""
    refusals: dict[Cell, str]
    """Why cells are not played."""

    @property
    def cells(self) -> list[Cell]:
        """Returns the cells that are played."""
        return [cell for cell in self.suite.cells if cell not in self.refusals]


def plan(who: Entry, playing: Suite, episodes: int | None, tracks: Sequence[str]) -> Plan:
    """Returns what is played, after checking where the policy can play.

    Args:
        who: From `entry`.
        playing: The suite.
        episodes: Number of seeds, from the first one; by default all of the suite.
        tracks: Names of the tracks to play; none stands for all.

    Raises:
        ValueError: If a track is unknown, there are too few seeds, or no cell can be played.
    """
    known = suite.tracks(playing)
    for track in tracks:
        if track not in known:
            raise ValueError(f"--track: {track} is unknown; {nearest(track, known)}")
    if episodes and episodes > len(playing.seeds):
        raise ValueError(f"--episodes: the suite has {len(playing.seeds)} seeds, not {episodes}")
    refusals = {cell: NOT_PLAYED for cell in playing.cells if tracks and cell.track not in tracks}
    wanted = [cell for cell in playing.cells if cell not in refusals]
    # The placement of the attackers makes no difference.
    reasons = {cell.scenario: cell for cell in wanted}
    found = {name: refusal(who, cell) for name, cell in reasons.items()}
    refusals |= {cell: found[cell.scenario] for cell in wanted if found[cell.scenario]}
    if all(found.values()):
        raise ValueError(f"{who.name} can play no cell: {next(iter(found.values()))}")
    return Plan(who, playing, playing.seeds[: episodes or len(playing.seeds)], refusals)


def columns(rows: Sequence[results.Row]) -> Columns:
    """Returns what a row keeps of a cell.

    Args:
        rows: Episodes in the order of their seeds, from `evaluation.play.summary`.
    """
    return {name: [round(row[name], DIGITS) for row in rows] for name in COLUMNS}


def made(played: Plan, kept: Mapping[Cell, Columns], costs: Mapping[str, Cost]) -> Row:
    """Returns a row, in types that JSON has.

    Args:
        played: What was played.
        kept: The columns of each cell that was played.
        costs: Of each cell by its name, where it was measured.

    Returns:
        Policy and settings; the suite by version and hash; numbers of episodes and seeds, but no
        seeds that are held back; for each track that was played as a whole, what
        `score.of_track` returns; for each cell what `score.of_cell` returns and the columns, or
        why it was not played; costs in s; versions of packages.
    """
    who, seeds = played.who, played.seeds
    return {
        "policy": who.name,
        "settings": dict(who.settings),
        "file_sha256": file_hash(who.name),
        "suite": played.suite.record,
        "episodes": len(seeds),
        "seeds": None if played.suite.salt else [seeds.start, seeds.stop - 1],
        "tracks": scores(kept, played.suite),
        "cells": [_cell(cell, kept, played.refusals) for cell in played.suite.cells],
        "cost": {name: rounded(cost._asdict()) for name, cost in costs.items()},
        "versions": results.versions(),
    }


def scores(kept: Mapping[Cell, Columns], playing: Suite) -> dict[str, Row]:
    """Returns the scores of every track that was played as a whole.

    Args:
        kept: The columns of each cell that was played.
        playing: The suite.
    """
    return {
        track: rounded(score.of_track({cell: kept[cell] for cell in cells}))
        for track, cells in suite.tracks(playing).items()
        if all(cell in kept for cell in cells)
    }


def _cell(cell: Cell, kept: Mapping[Cell, Columns], refusals: Mapping[Cell, str]) -> Row:
    found: Row = {"track": cell.track, "scenario": cell.scenario, "placement": cell.placement}
    if cell in refusals:
        return found | {"refusal": refusals[cell]}
    return found | {"score": rounded(score.of_cell(kept[cell])), "columns": kept[cell]}


def rounded(found: Mapping[str, Any]) -> Row:
    """Returns numbers with the decimals of a row, in lists instead of tuples, as JSON has them.

    Args:
        found: Numbers or estimates, by name.

    Example:
        >>> rounded({"mean": (0.1234567, 0.1, 0.2), "start_s": 30.0})
        {'mean': [0.12346, 0.1, 0.2], 'start_s': 30.0}
    """
    return {name: np.round(value, DIGITS).tolist() for name, value in found.items()}


def read(path: Path, playing: Suite) -> Row:
    """Returns a row from its file, after checking that it is one of this suite.

    Args:
        path: A `row.json`.
        playing: The public suite. The row may also be one of the suite that is held back.

    Returns:
        The row, whose scores of tracks are computed anew from its columns.

    Raises:
        ValueError: If the file can't be read, is no row, or belongs to another suite.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        cells = kept(found, playing)
        lengths = {len(values) for columns in cells.values() for values in columns.values()}
        own = found["suite"] in (playing.record, suite.hidden(playing).record)
        whole = lengths == {found["episodes"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} can't be read as a row ({error})") from error
    if not own:
        raise ValueError(f"{path} is a row of another suite; play it again with this version")
    if not whole:
        raise ValueError(f"{path} must have {found['episodes']} episodes of every cell it played")
    return found | {"tracks": scores(cells, playing)}


def kept(row: Row, playing: Suite) -> dict[Cell, Columns]:
    """Returns the columns of every cell that a row has, in the order of the suite.

    Args:
        row: From `made`.
        playing: The suite.
    """
    by_name = {(each["scenario"], each["placement"]): each for each in row["cells"]}
    found = {cell: by_name[cell.scenario, cell.placement] for cell in playing.cells}
    return {cell: each["columns"] for cell, each in found.items() if "columns" in each}
