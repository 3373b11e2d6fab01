"""The folder of a run: rows as they finish, the resolved scenario, versions, table and plots."""

import csv
import io
import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from ceas_agents import console
from ceas_agents.evaluation import play
from ceas_agents.evaluation import rounds as by_rounds
from ceas_agents.evaluation.rounds import Steps
from ceas_agents.figures import over_time, plots
from ceas_agents.files import make_folder as make_folder
from ceas_agents.files import write_json as write_json
from ceas_agents.files import write_text as write_text
from ceas_agents.statistics import intervals
from ceas_agents.statistics.curves import Curve
from ceas_gym import config
from ceas_gym.learning import own_data
from ceas_gym.scenario import Scenario

PACKAGES = ("ceas-gym", "jax", "jaxlib", "numpy", "pennylane", "gymnasium", "optax")
RECORD, SCENARIO = "run.json", "scenario.yaml"
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
        make_folder(path)
        write_text(path / SCENARIO, config.dump(scenario))
        write_json(path / RECORD, {**record, "versions": versions()})
        self._episodes = (path / "episodes.csv").open("w", encoding="utf-8", newline="")
        self._rounds = (path / "rounds.csv").open("w", encoding="utf-8", newline="")
        self.rows: dict[str, list[Row]] = {}
        self.accuracies: dict[str, list[Curve]] = {}
        self.reached: dict[str, list[Curve]] = {}

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
        self,
        policy: str,
        seed: int,
        steps: Steps,
        most_useful: Sequence[float] = (),
        budget_s: float | None = None,
    ) -> None:
        """Appends an episode to both tables, which are flushed before it returns.

        `rounds.csv` gets a row for each round (`evaluation.rounds.of_steps`).

        Args:
            policy: Name of the contestant.
            seed: Of the episode.
            steps: Metrics of the episode, each of shape (steps,).
            most_useful: As for `evaluation.play.summary`, in pairs of a round.
            budget_s: As for `evaluation.play.summary`.
        """
        row = play.summary(steps, self._target, most_useful, budget_s)
        append(self._episodes, [{"policy": policy, "seed": seed, **row}])
        rounds = by_rounds.of_steps(steps)
        append(
            self._rounds,
            [
                {"policy": policy, "seed": seed, "round": number + 1}
                | {name: float(values[number]) for name, values in rounds.items()}
                for number in range(len(rounds["accuracy"]))
            ],
        )
        whole = float(steps["time_s"][-1]) if budget_s is None else budget_s
        curves = by_rounds.accuracy(rounds, whole)
        reached = by_rounds.has_reached(rounds, self._target, whole)
        self.rows.setdefault(policy, []).append(row)
        self.accuracies.setdefault(policy, []).append(curves)
        self.reached.setdefault(policy, []).append(reached)

    def draw(self, title: str) -> list[Path]:
        """Returns the paths of the plots that it writes: accuracy, target and pairs, in per cent.

        Args:
            title: Title of all plots.
        """
        means = {name: _mean(rows) for name, rows in self.rows.items()}
        fates = {name: play.fates(row) for name, row in means.items()}
        groups = {name: layouts(rows) for name, rows in self.rows.items()}
        names = ("accuracy.png", "target.png", "pairs.png")
        accuracy, target, pairs = (self.path / name for name in names)
        over_time.accuracy(self.accuracies, accuracy, title, groups)
        over_time.chance(self.reached, target, title, self._target, groups)
        plots.pair_fates(fates, pairs, title)
        return [accuracy, target, pairs]


def versions(extra: Sequence[str] = ()) -> dict[str, str]:
    """Returns the versions of Python and of the packages on which results depend, by name.

    Args:
        extra: Names of further packages, which must be installed.
    """
    packages = (*PACKAGES, *extra)
    return {name: version(name) for name in packages} | {"python": platform.python_version()}


def told_of_files(scenario: Scenario) -> dict[str, object]:
    """Returns what a record keeps of a user's own data and map, and says it on the standard error.

    Args:
        scenario: Resolved settings.

    Returns:
        How the samples are scaled, reduced and split, a digest of their file, and what became of
        the map; nothing for data sets and graphs that are shipped.
    """
    found = own_data.record(scenario.learning)
    if scenario.network.graph and scenario.network.graph.about:
        found["map"] = scenario.network.graph.about
    for name in ("data", "map"):
        if name in found:
            print(f"note: {found[name]}", file=sys.stderr)
    return found


def show_next(folder: Path, *words: object, scenario: str | None = None) -> None:
    """Prints the command that evaluates what a run was about, and puts results beside its own.

    Args:
        folder: Of the run.
        words: Contestants and settings, as `ceas-gym evaluate` takes them.
        scenario: Name or path of what is played, by default the scenario in the folder.
    """
    played = scenario or folder / SCENARIO
    console.show_next("evaluate", played, *words, "--out", folder / "evaluate")


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


def csv_text(rows: Sequence[Mapping[str, object]]) -> str:
    r"""Returns rows as the text of a CSV file, with a header of all names that occur.

    Args:
        rows: Values by name; a missing one leaves its field empty.

    Example:
        >>> csv_text([{"a": 1}, {"b": 2}])
        'a,b\n1,\n,2\n'
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


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


def column(rows: list[Row], name: str) -> NDArray[np.float64]:
    """Returns one value of each episode, shape (episodes,).

    Args:
        rows: Episodes of a contestant.
        name: Of a column of `episodes.csv`.
    """
    return np.array([row[name] for row in rows])


def _mean(rows: list[Row]) -> Row:
    return {name: float(column(rows, name).mean()) for name in rows[0]}


def layouts(rows: list[Row]) -> NDArray[np.int64]:
    """Returns the number of the layout that each episode played, at least 0; shape (episodes,).

    Args:
        rows: Episodes of a contestant.
    """
    return column(rows, "layout").astype(np.int64)
