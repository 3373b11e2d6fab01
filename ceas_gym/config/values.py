"""Operations on a scenario's data before its check: nested mappings from files and overrides."""

import math
import os
from collections.abc import Mapping
from enum import Enum
from typing import Any

from ceas_gym.config.keys import ENTRIES, LARGEST_INTEGER, OPTIONAL, SECTIONS, joined
from ceas_gym.learning import files
from ceas_gym.scenario import HardwareSettings, Section

JOINED = ("consensus.rule", "attack.name")
"""Settings in which `+` joins several names."""


def replaced(data: dict[str, Any], path: list[str], value: object) -> dict[str, Any]:
    """Returns a scenario's data with another value at the end of a path of keys.

    Args:
        data: Nested mappings in the shape of a `Scenario`, which are not changed.
        path: Names of the sections and of the field.
        value: The new value.

    Example:
        >>> replaced({"episode": None}, ["episode", "rounds"], 5)
        {'episode': {'rounds': 5}}
    """
    name, *rest = path
    if not rest:
        return {**data, name: value}
    inner = {} if data.get(name) is None else data[name]
    # Anything but a mapping in the place of a section is reported later, by the check.
    return {**data, name: replaced(inner, rest, value)} if isinstance(inner, dict) else data


def found(data: object, path: list[str]) -> object:
    """Returns the value at the end of a path of keys, or `None` if there is none.

    Args:
        data: Nested mappings in the shape of a `Scenario`.
        path: Names of the sections and of the field.

    Example:
        >>> found({"network": {"nodes": 4}}, ["network", "nodes"])
        4
    """
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def without_replaced(data: dict[str, Any], overrides: Mapping[str, object]) -> dict[str, Any]:
    """Returns a scenario's data without settings that overrides of other keys make invalid.

    A preset is a complete set of figures, so a new one removes all settings of the hardware. A new
    graph has its own nodes and lengths, so it removes theirs, and what was asked of an earlier map.
    A new data set has its own columns, and a file has classes of its own.

    Args:
        data: Nested mappings in the shape of a `Scenario`, which are not changed.
        overrides: Values by dotted key.

    Example:
        >>> data = {"hardware": {"preset": "custom", "visibility": 0.5}}
        >>> without_replaced(data, {"hardware.preset": "nv_centre"})
        {'hardware': {}}
    """
    if "hardware.preset" in overrides:
        data = _without(data, "hardware", set(HardwareSettings.model_fields))
    old, new = found(data, ["network", "graph"]), overrides.get("network.graph")
    is_changed = any(f"{key}.".startswith("network.graph.") for key in overrides)
    if is_changed and not (old is None and new is None):
        data = _without(data, "network", {"nodes", "lengths_km"})
    if "network.graph" in overrides:
        data = _without(data, "network", {"map"})
    dataset = overrides.get("learning.dataset")
    if dataset is not None:
        data = _without(data, "learning", {"label_column"})
    if files.is_file(str(dataset)):
        data = _without(data, "learning", {"classes"})
    return data


def _without(data: dict[str, Any], section: str, names: set[str]) -> dict[str, Any]:
    # Unknown keys, and values that are not sections, are kept, so that the check reports them.
    inner = data.get(section)
    if not isinstance(inner, dict):
        return data
    kept = {name: value for name, value in inner.items() if name not in names}
    return {**data, section: kept}


def compact(data: dict[str, Any]) -> dict[str, Any]:
    """Returns a scenario's data with each edge in short form: its ends, its length, its channels.

    Args:
        data: Nested mappings of a checked scenario, which are not changed; lengths are in km.

    Example:
        >>> edge = {"ends": ("A", "B"), "length_km": 2.0, "channels": None}
        >>> compact({"network": {"graph": {"edges": (edge,)}}})
        {'network': {'graph': {'edges': (('A', 'B', 2.0),)}}}
    """
    path = ["network", "graph", "edges"]
    edges: Any = found(data, path)
    if edges is None:
        return data
    short = ((*edge["ends"], edge["length_km"], edge["channels"]) for edge in edges)
    return replaced(data, path, tuple(e if e[-1] is not None else e[:-1] for e in short))


def normalized(data: dict[str, Any], section: str = "") -> dict[str, Any]:
    """Returns a scenario's data in the types that the strict check expects.

    Empty sections become empty mappings unless they may be null. Lists become tuples. Numbers and
    arrays of NumPy and JAX become Python's, and whole numbers of absolute value in [0, 2^31) become
    integers. Spaces around names are removed.

    Args:
        data: Nested mappings, which are not changed.
        section: Dotted key of the section that `data` is; empty for the whole scenario.

    Example:
        >>> normalized({"network": None, "learning": {"classes": [3.0, 8e0]}})
        {'network': {}, 'learning': {'classes': (3, 8)}}
    """
    result: dict[str, Any] = {}
    for name, value in data.items():
        key = joined(section, name)
        if key not in SECTIONS:
            plain = _plain(value, levels=4 if key in ENTRIES else 1)
            result[name] = _trimmed(key, plain) if isinstance(plain, str) else plain
        elif isinstance(value, dict):
            result[name] = normalized(value, key)
        else:
            result[name] = {} if value is None and key not in OPTIONAL else value
    return result


def _trimmed(key: str, text: str) -> str:
    # The user's own names, of vertices and of the scenario, may have spaces around them.
    if key == "name" or key.startswith(("network.graph.", "network.map.")):
        return text
    return "+".join(part.strip() for part in text.split("+")) if key in JOINED else text.strip()


def _plain(value: object, levels: int) -> object:
    # The depth is limited, because in YAML a list can contain itself.
    value = number(value)
    if levels and isinstance(value, list | tuple):
        return tuple(_plain(entry, levels - 1) for entry in value)
    if levels and isinstance(value, dict):
        return {name: _plain(entry, levels - 1) for name, entry in value.items()}
    return value


def flat(data: Mapping[str, Any], section: str = "") -> dict[str, Any]:
    """Returns a scenario's data as overrides of all its settings, by dotted key.

    Args:
        data: Nested mappings in the shape of a `Scenario`.
        section: Dotted key of the section that `data` is; empty for the whole scenario.

    Example:
        >>> flat({"name": "mine", "episode": {"rounds": 5}})
        {'name': 'mine', 'episode.rounds': 5}
    """
    result: dict[str, Any] = {}
    for name, value in data.items():
        key = joined(section, name)
        is_section = key in SECTIONS and key not in OPTIONAL
        result |= flat(value, key) if is_section else {key: value}
    return result


def plain(value: Any) -> Any:  # noqa: ANN401 (whatever a user gives)
    """Returns a value as JSON can hold it, as far as possible.

    Numbers of NumPy and JAX become Python's, and arrays become nested lists of the same shape.
    Paths become text, sections of a scenario mappings, and members of an enumeration their values.

    Args:
        value: A value, or nested mappings and lists of values.

    Example:
        >>> from pathlib import Path
        >>> plain({"network.graph": Path("net.yaml"), "learning.classes": (3, 8)})
        {'network.graph': 'net.yaml', 'learning.classes': [3, 8]}
    """
    if isinstance(value, Section):
        value = value.model_dump()
    if isinstance(value, Mapping):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if isinstance(value, Enum):
        return plain(value.value)
    value = value.tolist() if hasattr(value, "tolist") else value
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def number(value: Any) -> object:  # noqa: ANN401 (whatever a user gives)
    """Returns a number as an integer or a float, and any other value as it is.

    Whole numbers of absolute value in [0, 2^31) become integers, all other numbers floats. Numbers
    and arrays of NumPy and JAX become Python's numbers and lists.

    Args:
        value: Any value.

    Example:
        >>> number(2e1), number(2**40), number("2")
        (20, 1099511627776.0, '2')
    """
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) <= LARGEST_INTEGER:
        return int(value) if value == int(value) else value
    try:
        return float(value)
    except OverflowError:
        return math.copysign(math.inf, 1 if value > 0 else -1)
