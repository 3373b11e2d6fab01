"""The table and the figure of `agents.md`, from what `ceas-gym evaluate` left in folders.

Usage: python docs/agents.py FOLDER ... [--figure FILE]
"""

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ceas_agents import statistics

FIRST = "ceas"
"""Whom the others are compared with."""
Values = NDArray[np.float64]


class Played(NamedTuple):
    """Episodes of one policy, by seed."""

    rows: dict[str, Values]
    """Columns of `episodes.csv`."""
    accuracy: Values
    """After each round, shape (seeds, rounds)."""


def read(folder: Path) -> dict[str, Played]:
    """Returns who played in a folder of `ceas-gym evaluate`."""
    episodes, rounds = (_table(folder / f"{name}.csv") for name in ("episodes", "rounds"))
    names = list(dict.fromkeys(row["policy"] for row in episodes))
    return {name: _played(name, episodes, rounds) for name in names}


def markdown(folders: Iterable[Path]) -> str:
    """Returns a table of each folder."""
    return "\n".join(_section(folder) for folder in folders)


def _section(folder: Path) -> str:
    found = read(folder)
    base = found[FIRST]
    seeds = len(base.accuracy)
    lines = [
        f"### `{folder.name}`",
        "",
        f"| policy ({seeds} seeds) | final accuracy | minus {FIRST} | over rounds, minus {FIRST} "
        "| rounds to its end | pairs made | pairs used |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [_line(name, one, base) for name, one in found.items()]
    return "\n".join([*lines, ""])


def _line(name: str, one: Played, base: Played) -> str:
    differs = one is not base
    cells = [
        name,
        _estimate(one.rows["final_accuracy"]),
        *(_difference(one, base, column) if differs else "" for column in ACCURACIES),
        _rounds(one, base),
        f"{one.rows['pairs_generated'].mean() / base.rows['pairs_generated'].mean():.2f}",
        f"{100 * one.rows['utilization'].mean():.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


ACCURACIES = ("final_accuracy", "mean_accuracy")


def _difference(one: Played, base: Played, column: str) -> str:
    return _estimate(one.rows[column] - base.rows[column], "+")


def _estimate(values: Values, sign: str = "") -> str:
    low, high = statistics.interval(values, statistics.interquartile_mean)
    middle = statistics.interquartile_mean(values)
    return f"{100 * middle:{sign}.1f} ({100 * low:{sign}.1f} to {100 * high:{sign}.1f})"


def _rounds(one: Played, base: Played) -> str:
    # The first round in which the mean over the seeds is what the base ends with.
    reached = one.accuracy.mean(axis=0) >= base.accuracy[:, -1].mean()
    return str(int(reached.argmax()) + 1) if reached.any() else "never"


def _played(name: str, episodes: list[dict[str, str]], rounds: list[dict[str, str]]) -> Played:
    mine = sorted((row for row in episodes if row["policy"] == name), key=lambda r: int(r["seed"]))
    columns = [column for column in mine[0] if column not in ("policy", "seed")]
    curve = [row for row in rounds if row["policy"] == name]
    curve.sort(key=lambda row: (int(row["seed"]), int(row["round"])))
    accuracy = np.array([float(row["accuracy"]) for row in curve]).reshape(len(mine), -1)
    return Played({c: np.array([float(row[c]) for row in mine]) for c in columns}, accuracy)


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    print(markdown(parser.parse_args().folders))


if __name__ == "__main__":
    main()
