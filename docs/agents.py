"""The tables and the figure of `agents.md`.

The tables are of what `ceas-gym evaluate` left in folders; the figure plays some episodes itself.
"""

import argparse
import csv
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from ceas_agents import canvas, contestants, policies, statistics
from ceas_agents.rollout import rollout
from ceas_gym import batch, chance, config, parameters
from ceas_gym.network import forecast
from ceas_gym.types import Params

FIRST = "ceas"
"""Whom the others are compared with."""
MIDDLES = (statistics.interquartile_mean, np.mean)
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
        f"| policy ({seeds} seeds) | final accuracy | minus {FIRST} | minus {FIRST}, plain mean "
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
        *(_difference(one, base, middle) if differs else "" for middle in MIDDLES),
        _rounds(one, base),
        f"{one.rows['pairs_generated'].mean() / base.rows['pairs_generated'].mean():.2f}",
        f"{100 * one.rows['utilization'].mean():.0f} %",
    ]
    return f"| {' | '.join(cells)} |"


def _difference(one: Played, base: Played, middle: statistics.Statistic) -> str:
    return _estimate(one.rows["final_accuracy"] - base.rows["final_accuracy"], middle, "+")


def _estimate(
    values: Values, middle: statistics.Statistic = statistics.interquartile_mean, sign: str = ""
) -> str:
    low, high = statistics.interval(values, middle)
    return f"{100 * middle(values):{sign}.1f} ({100 * low:{sign}.1f} to {100 * high:{sign}.1f})"


def _rounds(one: Played, base: Played) -> str:
    # The first round in which the mean over the seeds is what the base ends with.
    if base.accuracy[:, -1].mean() <= base.accuracy[:, 0].mean():
        return "-"
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
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# --- Who is served when ---


def served(name: str, params: Params, rounds: int, seeds: range) -> Values:
    """Returns the mean channel-time of each window and node, best links first."""
    keys = chance.keys(seeds)
    play = jax.jit(partial(_schedules, rounds))
    schedules = play(policies.as_pytree(contestants.get(name).policy), params, keys)
    order = np.argsort(-np.asarray(forecast.quality(params.network)))
    return np.asarray(schedules, float).mean(axis=(0, 1))[:, order]


def draw(scenario: str, names: list[str], path: Path, seeds: range) -> None:
    """Draws who is served when by each policy."""
    settings = config.load(scenario)
    params = parameters.build(settings)
    maps = {name: served(name, params, settings.episode.rounds, seeds) for name in names}
    most = max(float(values.max()) for values in maps.values())
    with canvas.style():
        figure = canvas.figure(1.0 + 1.3 * len(maps))
        for number, (name, values) in enumerate(maps.items()):
            axes = figure.add_subplot(len(maps), 1, number + 1)
            axes.imshow(values, cmap="cividis", vmin=0, vmax=most, aspect="auto")
            axes.set_ylabel(f"{name}\nwindow")
            axes.set_yticks(range(len(values)), [str(window + 1) for window in range(len(values))])
        last = figure.axes[-1]
        last.set_xlabel("node, best link first")
        figure.colorbar(last.images[0], ax=figure.axes, label="channels, mean")
        canvas.head(figure, f"Who is served when: {scenario}")
        canvas.save(figure, path)


def _schedules(rounds: int, policy: jax.tree_util.Partial, params: Params, keys: Array) -> Array:
    def episode(key: Array) -> Array:
        return rollout(policy, rounds, params, key, lambda *told: told[2].round.schedule)

    return batch.each(episode, keys)


def main() -> None:
    """Prints the tables, or draws the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="of ceas-gym evaluate")
    parser.add_argument("--figure", type=Path, help="file to draw who is served when")
    parser.add_argument("--scenario", default="paper-drift", help="of the figure")
    parser.add_argument("--policy", action="append", help="of the figure; repeat for several")
    options = parser.parse_args()
    if options.folders:
        print(markdown(options.folders))
    if options.figure:
        draw(options.scenario, options.policy or [FIRST], options.figure, range(5000, 5008))


if __name__ == "__main__":
    main()
