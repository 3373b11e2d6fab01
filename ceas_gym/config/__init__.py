"""Scenario files: a shipped name, a YAML file or a `Scenario`, with overrides, to a checked one.

A file is a partial `Scenario` with the same nesting: every key is optional, none is unknown, and
what is left out, up to an empty section or file, has its default. Plain scalars follow YAML 1.2, so
`no` and `2026-01-01` are text and `1e-5` is a number. All that can be wrong is a `ScenarioError`.
"""

import os
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

from ceas_gym.config import sources, values
from ceas_gym.config.keys import KEYS, SECTIONS, allowed, joined, shown, unknown
from ceas_gym.config.sources import ScenarioError as ScenarioError
from ceas_gym.config.sources import describe as describe
from ceas_gym.config.sources import naming as naming
from ceas_gym.config.sources import shipped as shipped
from ceas_gym.scenario import Scenario


def load(
    scenario: str | os.PathLike[str] | Scenario, overrides: Mapping[str, object] | None = None
) -> Scenario:
    """Returns a scenario, checked in full.

    Text and booleans never stand for numbers. Whole numbers are integers however they are written
    (`20`, `20.0`, `2e1`).

    Args:
        scenario: A shipped name; the path of a YAML file, which ends in `.yaml` or `.yml`, has a
            separator in it or exists; or a `Scenario`, which is not changed.
        overrides: Values by dotted key, which replace what the scenario says before the check.
            NumPy and JAX numbers and arrays count as plain numbers and lists.

    Raises:
        ScenarioError: If there is no such scenario, its text can't be read, or a key or value is
            not allowed. The first of several problems is spelled out.

    Example:
        >>> load("tiny", {"attack.name": "none", "episode.rounds": 5}).episode.rounds
        5
        >>> load("small", {"name": 5})
        Traceback (most recent call last):
        ceas_gym.config.ScenarioError: overrides: name must be text, but is 5
    """
    source, data = _read(scenario)
    overrides = {} if overrides is None else overrides
    if problems := list(_misplaced(overrides)):
        raise _error(problems)
    for key, value in overrides.items():
        data = values.replaced(data, key.split("."), value)
    try:
        return Scenario.model_validate(values.normalized(data), strict=True)
    except ValidationError as error:
        problems = [_problem(details, source, overrides) for details in error.errors()]
    raise _error(problems)


def parse_override(text: str) -> tuple[str, object]:
    """Returns the key and the value of an override as a command line has it.

    Args:
        text: `section.field=value`, with the value in YAML.

    Raises:
        ScenarioError: If there is no `=`, no key, or the value is not YAML. `load` checks the rest.

    Example:
        >>> parse_override("learning.classes=[3, 8]")
        ('learning.classes', [3, 8])
        >>> parse_override("network.cutoff_fidelity=null")
        ('network.cutoff_fidelity', None)
    """
    key, equals, value = text.partition("=")
    if not (equals and key.strip()):
        raise ScenarioError(f"override {text!r} is not of the form section.field=value")
    return key.strip(), _parsed(value, f"override {text!r}")


def dump(scenario: Scenario) -> str:
    r"""Returns all settings of a scenario as YAML, from which `load` makes an equal scenario.

    Example:
        >>> dump(load("tiny")).startswith("name: tiny\nnetwork:\n  nodes: 4\n")
        True
    """
    data = scenario.model_dump()
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


# --- Sources ---


def _read(scenario: str | os.PathLike[str] | Scenario) -> tuple[str, dict[str, Any]]:
    # What messages call the source, and what it says.
    source = sources.source(scenario)
    if isinstance(scenario, Scenario):
        # An edited copy of a scenario is unchecked and may hold anything.
        return source, scenario.model_dump(warnings=False)
    name = os.fsdecode(scenario)
    text = sources.shipped_text(name) if source != name else sources.file_text(name)
    return source, _mapping(text, source)


def _mapping(text: str, source: str) -> dict[str, Any]:
    data = _parsed(text, source)
    if data is not None and not isinstance(data, dict):
        raise ScenarioError(f"{source} must be a mapping of sections, but is {shown(data)}")
    return data or {}


# --- Messages ---


def _error(problems: list[str]) -> ScenarioError:
    first, *others = problems
    return ScenarioError(f"{first} (and {len(others)} more)" if others else first)


def _misplaced(overrides: Iterable[str]) -> Iterator[str]:
    for key in overrides:
        if key not in KEYS:
            yield f"overrides: {unknown(str(key))}"
        elif key in SECTIONS:
            example = joined(key, next(iter(SECTIONS[key].model_fields)))
            yield f"overrides: {key} is a section; override its keys, such as {example}"


def _problem(error: ErrorDetails, source: str, overrides: Mapping[str, object]) -> str:
    key = ".".join(part for part in error["loc"] if isinstance(part, str))
    if error["type"] == "value_error":
        # What a section's own check says starts with the name of a field.
        text = joined(key, error["msg"].removeprefix("Value error, "))
        return f"{source}{' with overrides' if overrides else ''}: {text}"
    if error["type"] == "extra_forbidden":
        return f"{source}: {unknown(key)}"
    index = "".join(f"[{part}]" for part in error["loc"] if isinstance(part, int))
    source = "overrides" if key in overrides else source
    expected = allowed(key, is_entry=bool(index))
    return f"{source}: {key}{index} must be {expected}, but is {shown(error['input'])}"


# --- YAML ---

TAG = "tag:yaml.org,2002:"
NUMBER = r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?"
PLAIN_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("float", rf"{NUMBER}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.0123456789")),
)
"""Kind, pattern and first characters of what is not text in YAML 1.2 (with Python's `1_000`)."""


def _parsed(text: str, source: str) -> object:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        reason = line + ", ".join(filter(None, (error.context, error.problem)))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"line {line}: character {chr(error.character)!r} is not allowed"
    except RecursionError:
        reason = "nested too deeply"
    # What PyYAML lets through of scalars such as "\UFFFFFFFF" and `!!float x`.
    except (ValueError, OverflowError, LookupError) as error:
        reason = f"malformed value: {error}"
    raise ScenarioError(f"{source}: {reason}")


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (as PyYAML has it)
    yaml_constructors: dict[str | None, Any] = {  # noqa: RUF012
        None: yaml.SafeLoader.construct_undefined
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        data = super().construct_mapping(node, deep)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            problem = None
            if key.tag != TAG + "str":
                problem = f"key {shown(key.value)} is not text"
            elif key.value in lines:
                problem = f"key {key.value} appears twice, first on line {lines[key.value]}"
            if problem:
                raise ConstructorError(None, None, problem, key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return data

    def construct_number(self, node: yaml.ScalarNode) -> object:
        return values.number(self.construct_yaml_float(node))

    def construct_text(self, node: yaml.ScalarNode) -> str:
        text = self.construct_scalar(node)
        text.encode()  # Half a surrogate pair could never be written to a file.
        return text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.Node:
        # PyYAML would fold some of Unicode's line breaks away, but escapes them in double quotes.
        return self.represent_scalar(TAG + "str", data, style=None if data.isprintable() else '"')

    def represent_tuple(self, data: tuple[object, ...]) -> yaml.Node:
        return self.represent_sequence(TAG + "seq", data, flow_style=True)


for _kind, _pattern, _first in PLAIN_SCALARS:
    # The dumper keeps YAML 1.1's as well, and so quotes whatever either reader would mistake.
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(TAG + _kind, re.compile(rf"^(?:{_pattern})$"), _first)
for _kind in ("null", "bool", "seq", "map"):
    _Loader.add_constructor(TAG + _kind, yaml.SafeLoader.yaml_constructors[TAG + _kind])
_Loader.add_constructor(TAG + "float", _Loader.construct_number)
_Loader.add_constructor(TAG + "str", _Loader.construct_text)
_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(tuple, _Dumper.represent_tuple)
