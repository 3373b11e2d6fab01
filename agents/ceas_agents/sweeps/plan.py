"""A sweep's configuration, from its YAML file to checked cells."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from ceas_agents.evaluation import contestants, play, rounds
from ceas_agents.policies import base
from ceas_agents.policies.rollout import most_steps
from ceas_agents.settings import Checked, check
from ceas_agents.sweeps import compilation
from ceas_gym import config
from ceas_gym.config import keys, sources, yaml_text
from ceas_gym.consensus import rules
from ceas_gym.registry import asked_by, nearest
from ceas_gym.scenario import Scenario

POLICY = "policy"
Names = str | list[str]
Changes = dict[str, object]
"""Values by dotted key of the scenario, or of `policy`."""


class TableSettings(Checked, frozen=True):
    """What the table at the end shows."""

    rows: str
    columns: str | None = None
    worst: Names = Field(default_factory=list)
    """Varied names over which an entry shows the cell with the least mean."""
    value: str = "final_accuracy"


class Settings(Checked, frozen=True):
    """The settings in the YAML file of a sweep."""

    scenario: str
    policy: str = "ceas"
    episodes: Annotated[int, Field(ge=1)] = 5
    seed: Annotated[int, Field(ge=0)] = 0
    set: dict[str, Any] = Field(default_factory=dict)
    vary: Annotated[dict[str, Any], Field(min_length=1)]
    """What is varied, by dotted key: a list of its values. Keys that are varied together are
    separated by commas, and each of their values is a list, as in
    `consensus.committee.members, consensus.committee.byzantine: [[1, 0], [4, 1]]`. Or by a name: a
    mapping of labels to the keys and values that each label sets."""
    table: TableSettings | None = None


class Cell(NamedTuple):
    """One combination of what is varied."""

    labels: tuple[str, ...]
    """One label for each varied name, in order."""
    changes: Changes
    refusal: str = ""
    """Why the rule can't withstand so many Byzantine nodes; such a cell is not played."""
    program: int = 0
    """Cells of the same number share a compilation."""


class Plan(NamedTuple):
    """A checked sweep."""

    source: str
    """Path of the configuration."""
    scenario: str
    """Name or path."""
    policy: str
    seeds: range
    fixed: Changes
    factors: dict[str, dict[str, Changes]]
    """The changes that each label of each varied name makes."""
    cells: list[Cell]
    table: TableSettings | None

    @property
    def record(self) -> dict[str, object]:
        """Returns all settings that determine the rows, for JSON; those of the table do not."""
        return {
            "scenario": self.scenario,
            "policy": self.policy,
            "seeds": [self.seeds.start, self.seeds.stop - 1],
            "set": self.fixed,
            "vary": self.factors,
        }


def load(path: Path, overrides: Mapping[str, object] | None = None) -> Plan:
    """Returns the plan of a file, with every cell checked before anything is played.

    Args:
        path: The YAML file.
        overrides: Values by dotted key, which replace those of the file's `set`.

    Raises:
        ValueError: If the file can't be read or anything in it is wrong: a key, a name, a value,
            a combination.
    """
    source = str(path)
    data = yaml_text.mapping(sources.file_text(source), source, "settings")
    settings = check(Settings, data, source, {"table": TableSettings})
    with sources.prefixing(lambda: source):
        fixed = config.stripped(settings.set) | config.stripped(overrides or {})
        varied = config.stripped(settings.vary)
        factors = {name: _levels(name, levels) for name, levels in varied.items()}
        _check_keys(fixed, factors)
        _check_table(settings.table, factors)
    scenario = settings.scenario
    if sources.is_path(scenario, folder=path.parent):
        scenario = str(path.parent / scenario)
    first = settings.seed
    seeds = range(first, first + settings.episodes)
    plan = Plan(source, scenario, settings.policy, seeds, fixed, factors, [], settings.table)
    return plan._replace(cells=list(_checked(plan, _combinations(factors))))


def resolve(plan: Plan, cell: Cell) -> tuple[contestants.Contestant, Scenario]:
    """Returns the contestant of a cell, and its scenario without the contestant's overrides.

    Args:
        plan: The sweep.
        cell: One of its cells.

    Raises:
        ValueError: If a name or a value is wrong.
    """
    changes = plan.fixed | cell.changes
    contestant = contestants.get(str(changes.pop(POLICY, plan.policy)))
    if undone := cell.changes.keys() & contestant.overrides.keys():
        name = contestant.name
        raise ValueError(f"policy {name} sets {min(undone)} itself, so that can't be varied")
    return contestant, config.load(plan.scenario, changes)


# --- Settings ---


def _levels(name: str, levels: object) -> dict[str, Changes]:
    if name in ("seed", *columns()):
        raise ValueError(f"vary: {name} is a column of the results already; choose another name")
    # A list holds the values of one key, or of several at once; a mapping holds labels, and what
    # each of them sets.
    if isinstance(levels, list) and levels:
        labels = [_label(level) for level in levels]
        if twice := {label for label in labels if labels.count(label) > 1}:
            raise ValueError(f"vary: {name} has {min(twice)} twice")
        return {label: _set(name, level) for label, level in zip(labels, levels, strict=True)}
    if not isinstance(levels, dict) or not levels:
        raise ValueError(
            f"vary: {name} must be a list of values, or a mapping of labels to what each sets, "
            f"but is {keys.shown(levels)}"
        )
    for label, changes in levels.items():
        if not isinstance(changes, dict):
            raise ValueError(
                f"vary: {name}: {label} must be a mapping of keys to values, "
                f"but is {keys.shown(changes)}"
            )
    return {label: config.stripped(changes) for label, changes in levels.items()}


def _set(name: str, level: object) -> Changes:
    # A name may be several keys, separated by commas, which are varied together.
    together = [key.strip() for key in name.split(",")]
    if len(together) == 1:
        return {name: level}
    if len(set(together)) < len(together):
        raise ValueError(f"vary: {name} has a key twice")
    if not isinstance(level, list) or len(level) != len(together):
        raise ValueError(
            f"vary: {name} must be a list of lists of {len(together)} values each, one of each "
            f"key, but has {keys.shown(level)}"
        )
    return dict(zip(together, level, strict=True))


def _label(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _check_keys(fixed: Changes, factors: Mapping[str, dict[str, Changes]]) -> None:
    owners: dict[str, str] = {}
    varied = {
        name: {key for changes in levels.values() for key in changes}
        for name, levels in factors.items()
    }
    for owner, changed in [("set", fixed.keys()), *varied.items()]:
        for key in changed:
            if key != POLICY and key not in keys.KEYS:
                raise ValueError(f"{'vary' if owner in varied else owner}: {keys.unknown(key)}")
            place = "vary" if owner == key else owner
            if key in owners:
                raise ValueError(f"{key} is set by both {owners[key]} and {place}; keep one")
            owners[key] = place
    if POLICY in fixed:
        raise ValueError("set: policy is a setting of its own, beside set")


def _check_table(table: TableSettings | None, factors: Iterable[str]) -> None:
    if table is None:
        return
    used = [table.rows, *([table.columns] if table.columns else []), *worst(table)]
    for name in used:
        if name not in factors:
            raise ValueError(f"table: {name} is not varied; {nearest(name, factors)}")
        if used.count(name) > 1:
            raise ValueError(f"table: {name} stands in two places")
    for name in factors:
        if name not in used:
            raise ValueError(f"table: {name} is varied, so it must be in rows, columns or worst")
    if table.value not in columns():
        raise ValueError(
            f"table: value {table.value} is unknown; {nearest(table.value, columns())}"
        )


def worst(table: TableSettings) -> list[str]:
    """Returns the varied names over which an entry shows the worst cell, as a list.

    Args:
        table: Settings of the table.
    """
    return [table.worst] if isinstance(table.worst, str) else table.worst


def columns() -> tuple[str, ...]:
    """Returns the names of the columns of `evaluation.play.summary`."""
    nothing = {name: np.zeros(1, np.float32) for name in rounds.NAMES}
    return tuple(play.summary(nothing, target_accuracy=1))


# --- Cells ---


def _combinations(factors: Mapping[str, dict[str, Changes]]) -> Iterator[Cell]:
    for levels in product(*(levels.items() for levels in factors.values())):
        changes = {key: value for _, changed in levels for key, value in changed.items()}
        yield Cell(tuple(label for label, _ in levels), changes)


def _checked(plan: Plan, cells: Iterable[Cell]) -> Iterator[Cell]:
    programs: dict[object, int] = {}
    for cell in cells:
        pairs = zip(plan.factors, cell.labels, strict=True)
        place = ", ".join(f"{name}={label}" for name, label in pairs)
        with sources.prefixing(f"{plan.source}: cell {place}".__str__):
            contestant, scenario = resolve(plan, cell)
            if refusal := _refusal(config.load(scenario, contestant.overrides)):
                yield cell._replace(refusal=refusal)
                continue
            params = play.prepare(scenario, [contestant])[contestant.name]
        policy = compilation.alike(base.as_pytree(contestant.policy))
        program = (policy, most_steps(params), compilation.shared(params))
        yield cell._replace(program=programs.setdefault(program, len(programs)))


def _refusal(scenario: Scenario) -> str:
    with asked_by("consensus.rule"):
        factor = rules.votes_needed(scenario.consensus.rule)
    return (
        f"needs {factor} f < n"
        if factor * scenario.tolerated_nodes >= scenario.network.nodes
        else ""
    )
