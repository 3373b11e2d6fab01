"""The folder of a run: rows as they finish, the resolved scenario, versions, table and plots."""

import csv
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ceas_agents.evaluation import play
from ceas_agents.evaluation.play import Rounds
from ceas_agents.figures import plots
from ceas_agents.statistics import intervals
from ceas_gym import config
from ceas_gym.scenario import Scenario

PACKAGES = ("ceas-gym", "jax", "jaxlib", "numpy", "pennylane", "gymnasium", "optax")
RECORD, SCENARIO = "run.json", "scenario.yaml"
PAIRS = {"useful\npairs, %": "share_of_most_useful", "pairs\nused, %": "utilization"}
"""Columns of the table about pairs, and the names of their values in a row."""
Row = dict[str, float]
"""One episode, from `evaluation.play.summary`."""


class Folder:
    """Writes results as episodes finish, so that an interrupted run keeps them."""

    def __init__(self, path: Path, scenario: Scenario, record: dict[str, object]) -> None:
        """Makes the folder, and writes the scenario and the record of the run.

        Args:
            path: Of the folder.
            scenario: Resolved settings.
            record: What else decides the run, such as contestants and seeds.

        Raises:
            OSError: If the folder can't be written.
        """
        self.path, self._target = path, scenario.episode.target_accuracy
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / SCENARIO, config.dump(scenario))
        write_json(path / RECORD, {**record, "versions": versions()})
        self._episodes = (path / "episodes.csv").open("w", encoding="utf-8", newline="")
        self._rounds = (path / "rounds.csv").open("w", encoding="utf-8", newline="")
        self.rows: dict[str, list[Row]] = {}
        self.curves: dict[str, list[NDArray[np.float32]]] = {}

    def __enter__(self) -> "Folder":
        """Returns the folder."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes the tables."""
        self._episodes.close()
        self._rounds.close()

    def add(
        self, policy: str, seed: int, rounds: Rounds, most_useful: Sequence[float] = ()
    ) -> None:
        """Appends an episode to both tables, which are flushed before it returns.

        Args:
            policy: Name of the contestant.
            seed: Of the episode.
            rounds: Metrics of the episode, each of shape (rounds,).
            most_useful: As for `evaluation.play.summary`, in pairs of a round.
        """
        row = play.summary(rounds, self._target, most_useful)
        append(self._episodes, [{"policy": policy, "seed": seed, **row}])
        length = len(rounds["accuracy"])
        append(
            self._rounds,
            [
                {"policy": policy, "seed": seed, "round": number + 1}
                | {name: float(values[number]) for name, values in rounds.items()}
                for number in range(length)
            ],
        )
        self.rows.setdefault(policy, []).append(row)
        self.curves.setdefault(policy, []).append(rounds["accuracy"])

    def draw(self, title: str) -> list[Path]:
        """Returns the paths of the plots that it writes: accuracies and pairs, in per cent.

        Args:
            title: Title of both plots.
        """
        curves = {name: np.stack(episodes) for name, episodes in self.curves.items()}
        means = {name: _mean(rows) for name, rows in self.rows.items()}
        fates = {name: play.fates(row) for name, row in means.items()}
        accuracy, pairs = self.path / "accuracy.png", self.path / "pairs.png"
        groups = {name: _layouts(rows) for name, rows in self.rows.items()}
        plots.accuracy_over_rounds(curves, accuracy, title, groups)
        plots.pair_fates(fates, pairs, title)
        return [accuracy, pairs]


def table(rows: dict[str, list[Row]], title: str) -> Table:
    """Returns the table of a run: means with 95 % bootstrap intervals, in per cent.

    Intervals are over the layouts, or over the seeds if there is one layout only. Differences are
    to the first contestant, paired by seed. Useful pairs are shown as a share of the bound for any
    schedule under the contestant's protocol. Utilization comes last, because a schedule that makes
    few pairs can use them all.

    Args:
        rows: Episodes of each contestant, in the order of the table; at least one each.
        title: Title of the table.
    """
    first = next(iter(rows))
    over = "layouts" if len(set(_layouts(rows[first]))) > 1 else "seeds"
    result = Table(
        title=title,
        caption=f"mean (95 % interval over {over}); accuracies in per cent, useful pairs in per "
        "cent of a bound on any schedule's, pairs used in per cent of those made",
    )
    result.add_column("policy", no_wrap=True)
    accuracies = ("final accuracy", f"minus {first}", "accuracy over rounds")
    for heading in (*accuracies, "target reached", "nodes", "rounds", *PAIRS):
        result.add_column(heading, justify="right")
    for name, episodes in rows.items():
        result.add_row(
            name,
            estimate(_column(episodes, "final_accuracy"), groups=_layouts(episodes)),
            "" if name == first else _difference(episodes, rows[first]),
            estimate(_column(episodes, "mean_accuracy"), groups=_layouts(episodes)),
            _reached(episodes),
            f"{_column(episodes, 'accepted_nodes').mean():.1f}",
            f"{_column(episodes, 'committed_rounds').mean():.1f}",
            *(_share(_column(episodes, name)) for name in PAIRS.values()),
        )
    return result


def versions(extra: Sequence[str] = ()) -> dict[str, str]:
    """Returns the versions of Python and of the packages on which results depend, by name.

    Args:
        extra: Names of further packages, which must be installed.
    """
    packages = (*PACKAGES, *extra)
    return {name: version(name) for name in packages} | {"python": platform.python_version()}


def require_same(folder: Path, kind: str, record: dict[str, object], scenario: str) -> None:
    """Checks that a folder holds this run, so that it can be resumed.

    Args:
        folder: Holds `run.json` and `scenario.yaml`.
        kind: What the message calls the run, such as "sweep".
        record: All settings that determine the results, in types that JSON has.
        scenario: The scenario as YAML text.

    Raises:
        ValueError: If the folder holds another run.
    """
    with reading_back(folder, kind):
        before = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        plain = json.loads(json.dumps(record))
        same = {name: before.get(name) == value for name, value in plain.items()}
        same["the scenario's file"] = (folder / SCENARIO).read_text(encoding="utf-8") == scenario
    if differing := [name for name, is_same in same.items() if not is_same]:
        raise ValueError(
            f"{folder} holds results of another {kind} ({', '.join(differing)} differ); "
            "choose another --out or pass --overwrite"
        )


@contextmanager
def reading_back(folder: Path, kind: str) -> Iterator[None]:
    """Turns errors of reading within its context into one message about the folder.

    Args:
        folder: The folder that the message names.
        kind: What the message calls the run, such as "sweep".

    Raises:
        ValueError: Instead of any error that reading a file raises.
    """
    try:
        yield
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{folder} holds results, but not as a {kind} leaves them ({error}); "
            "choose another --out or pass --overwrite"
        ) from error


def write_json(path: Path, record: Mapping[str, object]) -> None:
    """Writes a JSON file, either completely or not at all.

    Args:
        path: The file, which is replaced if it exists.
        record: Its contents, in types that JSON has.

    Raises:
        OSError: If the file can't be written.
    """
    write_text(path, json.dumps(record, indent=2) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a file in UTF-8, either completely or not at all: under another name, then renamed.

    Args:
        path: The file, which is replaced if it exists.
        text: Its contents.

    Raises:
        OSError: If the file can't be written.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def append(file: TextIO, rows: Sequence[Mapping[str, object]]) -> None:
    """Appends rows to a CSV file, with a header first if it is empty, and flushes it.

    Args:
        file: Open for appending.
        rows: At least one; all have the same keys, which are the columns.
    """
    writer = csv.DictWriter(file, list(rows[0]))
    if file.tell() == 0:
        writer.writeheader()
    writer.writerows(rows)
    file.flush()


def estimate(
    values: NDArray[np.float64], sign: str = "", groups: NDArray[np.int64] | None = None
) -> str:
    """Returns the mean with its 95 % bootstrap interval, in per cent.

    Args:
        values: One value for each seed, shape (seeds,); 1 is 100 per cent.
        sign: `+` for differences.
        groups: As for `statistics.intervals.interval`.
    """
    low, high = intervals.interval(values, groups=groups)
    return f"{100 * values.mean():{sign}.1f} ({100 * low:{sign}.1f} to {100 * high:{sign}.1f})"


def _reached(episodes: list[Row]) -> str:
    # Share of the episodes that reach the target, and the median of the rounds that they take.
    reached = _column(episodes, "reached_target") > 0
    if not reached.any():
        return "never"
    rounds = np.median(_column(episodes, "rounds_to_target")[reached])
    return f"{100 * reached.mean():.0f} % in {rounds:.0f}"


def _share(values: NDArray[np.float64]) -> str:
    return f"{100 * values.mean():.1f}" if np.isfinite(values).all() else "no bound"


def _column(rows: list[Row], name: str) -> NDArray[np.float64]:
    return np.array([row[name] for row in rows])


def _mean(rows: list[Row]) -> Row:
    return {name: float(_column(rows, name).mean()) for name in rows[0]}


def _layouts(rows: list[Row]) -> NDArray[np.int64]:
    return _column(rows, "layout").astype(np.int64)


def _difference(one: list[Row], other: list[Row]) -> str:
    # An interrupted run has only the first seeds of the last contestant.
    pairs = zip(_column(one, "final_accuracy"), _column(other, "final_accuracy"), strict=False)
    differences = np.array([a - b for a, b in pairs])
    return estimate(differences, sign="+", groups=_layouts(one)[: len(differences)])
