"""Loads scenarios: makes a checked `Scenario` of a shipped name or a YAML file, and of overrides.

A file has the same nesting as `Scenario`. Every key is optional; what is left out has its default.
Unknown keys are errors, and every error is a `ScenarioError`. Plain scalars follow YAML 1.2, so
`no` and `2026-01-01` are text and `1e-5` is a number.

The graph of the network may be spelled out, or be the name of a shipped graph or of a file
(`ceas_gym.config.graphs`). The data set may be a file as well (`ceas_gym.learning.files`). A file
is looked for in the folder of the scenario's file, or in the working directory if an override names
it. If there are no samples in that folder, they are looked for in the working directory.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ceas_gym.config import named, sources, values, yaml_text
from ceas_gym.config.keys import (
    GRAPH,
    KEYS,
    OPTIONAL,
    SECTIONS,
    allowed,
    dotted,
    joined,
    placed,
    shown,
    unknown,
)
from ceas_gym.config.sources import ScenarioError as ScenarioError
from ceas_gym.config.sources import describe as describe
from ceas_gym.config.sources import naming as naming
from ceas_gym.config.sources import shipped as shipped
from ceas_gym.config.values import plain as plain
from ceas_gym.scenario import Scenario


def load(
    scenario: str | os.PathLike[str] | Scenario, overrides: Mapping[str, object] | None = None
) -> Scenario:
    """Returns a checked scenario.

    Text and booleans never count as numbers. Whole numbers are integers, whether they are written
    as `20`, `20.0` or `2e1`. A setting with a unit has it at the end of its name, as
    `network.window_s` in s or `network.longest_km` in km.

    Args:
        scenario: A shipped name; the path of a YAML file, which ends in `.yaml` or `.yml`, has a
            separator in it or exists; or a `Scenario`, which is not changed.
        overrides: Values by dotted key, which replace those of the scenario before the check.
            NumPy and JAX numbers and arrays count as plain numbers and lists, and paths as text.
            Spaces around a key or a name are removed. `hardware.preset` replaces all hardware
            settings of the scenario, `network.graph` its number of nodes, its lengths and
            `network.map`, and `learning.dataset` its `learning.label_column` and, if it is a file,
            its `learning.classes`; further overrides of these apply afterwards.

    Raises:
        ScenarioError: If there is no such scenario, its text can't be read, or a key or value is
            not allowed. It describes the first problem and counts the others.

    Example:
        >>> load("tiny", {"attack.name": "none", "episode.rounds": 5}).episode.rounds
        5
        >>> load("tiny", {"hardware.preset": "nv_centre"}).hardware.scheme
        'single_click'
        >>> load("small", {"name": 5})
        Traceback (most recent call last):
        ceas_gym.config.ScenarioError: overrides: name must be text, but is 5
    """
    overrides = _given(overrides)
    source = _read(scenario)
    if problems := list(_misplaced(overrides)):
        raise _error(problems)
    source = named.resolved(source, overrides)
    try:
        return Scenario.model_validate(values.normalized(source.data), strict=True)
    except ValidationError as error:
        problems = [_problem(details, source, overrides) for details in error.errors()]
    raise _error(problems)


def parse_override(override: str) -> tuple[str, object]:
    """Returns the key and the value of an override as it is written on a command line.

    Args:
        override: `section.field=value`, with the value in YAML, in the unit that the field's name
            ends in, as `network.window_s=0.5` in s.

    Raises:
        ScenarioError: If there is no `=`, no key, or the value is not YAML. `load` checks the rest.

    Example:
        >>> parse_override("learning.classes=[3, 8]")
        ('learning.classes', [3, 8])
        >>> parse_override("network.cutoff_fidelity=null")
        ('network.cutoff_fidelity', None)
    """
    key, equals, value = override.partition("=")
    if not (equals and key.strip()):
        raise ScenarioError(f"override {override!r} is not of the form section.field=value")
    return key.strip(), yaml_text.parsed(value, f"override {override!r}")


def stripped(overrides: Mapping[Any, object]) -> dict[str, object]:
    """Returns overrides without spaces around the parts of their keys.

    Args:
        overrides: Values by dotted key.

    Raises:
        ValueError: If a key is given twice.

    Example:
        >>> stripped({" episode.rounds": 5})
        {'episode.rounds': 5}
    """
    result: dict[str, object] = {}
    for key, value in overrides.items():
        # A key that is not text is reported later, by the check of the keys.
        name = ".".join(map(str.strip, key.split("."))) if isinstance(key, str) else key
        if name in result:
            raise ValueError(f"{name} is given twice")
        result[name] = value
    return result


def flat(scenario: Scenario) -> dict[str, object]:
    """Returns overrides that turn any scenario into this one, as values that JSON can hold.

    They are all settings by dotted key, each in the unit that its name ends in: `window_s` in s.

    Args:
        scenario: The scenario to be made.

    Example:
        >>> load("paper", flat(load("tiny"))) == load("tiny")
        True
    """
    return values.plain(values.flat(scenario.model_dump()))


def dump(scenario: Scenario) -> str:
    r"""Returns all settings of a scenario as YAML, from which `load` makes an equal scenario.

    Each is in the unit that its name ends in, as `window_s` in s and `longest_km` in km.

    Args:
        scenario: The scenario to be written.

    Example:
        >>> dump(load("tiny")).startswith("name: tiny\nnetwork:\n  nodes: 4\n")
        True
    """
    return yaml_text.written(values.compact(scenario.model_dump()))


# --- Sources ---


def _read(scenario: str | os.PathLike[str] | Scenario) -> named.Source:
    source = sources.source(scenario)
    if isinstance(scenario, Scenario):
        # An edited copy of a scenario is unchecked and may hold anything.
        return named.Source(source, scenario.model_dump(warnings=False))
    name = os.fsdecode(scenario)
    if source != name:
        contents, folder = sources.shipped_text(name.strip()), Path()
    else:
        contents, folder = sources.file_text(name), Path(name).parent
    return named.Source(source, yaml_text.mapping(contents, source, "sections"), folder)


def _given(overrides: Any) -> dict[str, object]:  # noqa: ANN401 (whatever a user gives)
    if overrides is None:
        return {}
    if not isinstance(overrides, Mapping):
        raise ScenarioError(
            f"overrides must be a mapping of keys to values, but is {shown(overrides)}"
        )
    with sources.prefixing(lambda: "overrides"):
        return stripped(overrides)


# --- Messages ---


def _error(problems: list[str]) -> ScenarioError:
    first, *others = problems
    return ScenarioError(f"{first} (and {len(others)} more)" if others else first)


def _misplaced(overrides: Iterable[str]) -> Iterator[str]:
    for key in overrides:
        if key not in KEYS:
            yield f"overrides: {unknown(str(key))}"
        elif key in SECTIONS and key not in OPTIONAL:
            example = joined(key, next(iter(SECTIONS[key].model_fields)))
            yield f"overrides: {key} is a section; override its keys, such as {example}"


def _problem(error: ErrorDetails, source: named.Source, overrides: Mapping[str, object]) -> str:
    key, place = dotted(error["loc"]), placed(error["loc"])
    is_entry = bool(error["loc"]) and isinstance(error["loc"][-1], int)
    name = _who_said(key, source, overrides)
    if error["type"] == "value_error":
        # The message of a section's own check starts with the name of a field.
        words = joined(place, error["msg"].removeprefix("Value error, "))
        suffix = " with overrides" if overrides and name != "overrides" else ""
        return f"{name}{suffix}: {words}"
    if error["type"] == "extra_forbidden":
        return f"{name}: {unknown(key)}"
    if error["type"] == "missing":
        return f"{name}: {place} is missing"
    expected = allowed(key, is_entry=is_entry)
    return f"{name}: {place} must be {expected}, but is {shown(error['input'])}"


def _who_said(key: str, source: named.Source, overrides: Mapping[str, object]) -> str:
    is_graph = f"{key}.".startswith(f"{GRAPH}.")
    if is_graph and source.graph and (key == GRAPH or key not in overrides):
        return source.graph
    is_overridden = key in overrides or (is_graph and GRAPH in overrides)
    return "overrides" if is_overridden else source.name
