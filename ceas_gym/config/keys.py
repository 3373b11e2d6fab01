"""The dotted keys of a scenario, and descriptions of their allowed values for messages."""

import difflib
import reprlib
from collections.abc import Iterable
from types import UnionType
from typing import Any, Union, get_args, get_origin

from ceas_gym.registry import nearest
from ceas_gym.scenario import EdgeSettings, Scenario, Section

LARGEST_INTEGER = 2**31 - 1
"""Largest integer of a setting, because the simulation counts in 32 bits."""
NOUNS = {"integer": "an integer", "number": "a finite number", "string": "text", "null": "null"}
"""What messages call the types of JSON schemas. No setting may be infinite."""

BRIEF = reprlib.Repr()
BRIEF.maxlevel = 2


def joined(section: str, name: str) -> str:
    """Returns the dotted key of a name in a section.

    Args:
        section: Dotted key of the section; empty for the scenario itself.
        name: Name of a field or section in it.

    Example:
        >>> joined("consensus.key", "security_bits"), joined("", "network")
        ('consensus.key.security_bits', 'network')
    """
    return f"{section}.{name}" if section else name


def dotted(path: Iterable[int | str]) -> str:
    """Returns the dotted key of a place in a scenario, without the indices of lists.

    Args:
        path: Names of sections and fields, and indices of lists.

    Example:
        >>> dotted(("network", "graph", "edges", 0, "ends", 1))
        'network.graph.edges.ends'
    """
    return ".".join(part for part in path if isinstance(part, str))


def placed(path: Iterable[int | str]) -> str:
    """Returns the dotted key of a place in a scenario, with the indices of lists.

    Args:
        path: Names of sections and fields, and indices of lists.

    Example:
        >>> placed(("network", "graph", "edges", 0, "ends", 1))
        'network.graph.edges[0].ends[1]'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def _sections(model: type[Section] = Scenario, prefix: str = "") -> dict[str, type[Section]]:
    found = {prefix: model}
    for name, field in model.model_fields.items():
        for kind in _alternatives(field.annotation):
            if isinstance(kind, type) and issubclass(kind, Section):
                found |= _sections(kind, joined(prefix, name))
    return found


def _alternatives(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401 (any type there is)
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


SECTIONS = _sections()
"""Model of each section by its dotted key; that of the scenario itself is empty."""
GRAPH, MAP = "network.graph", "network.map"
OPTIONAL = {GRAPH}
"""Sections that may be null or a name. An override may replace all of it, or single keys."""
ENTRIES: dict[str, type[Section]] = {"network.graph.edges": EdgeSettings}
"""Models of the entries of lists, by the dotted key of the list."""
RENAMED = {
    "consensus.lapse": "consensus.unauthenticated_updates",
    "consensus.key.capacity_tags": "consensus.key.capacity_rounds",
}
"""Keys of earlier versions, and what they are called now."""
IN_SECONDS = {
    "network.conditions.good_rounds": "network.conditions.good_s",
    "network.conditions.degraded_rounds": "network.conditions.degraded_s",
    "network.conditions.down_rounds": "network.conditions.down_s",
    "network.conditions.coherence_rounds": "network.conditions.drift_s",
    "network.conditions.calibration_rounds": "network.conditions.calibration_s",
    "consensus.key.lifetime_rounds": "consensus.key.lifetime_s",
}
"""Keys of earlier versions that were numbers of rounds, and the times that took their place."""
EDGE = "an edge such as [A, B, 11.8], or [A, B, 11.8, 2] with its channels"
KEYS = [joined(section, name) for section, model in SECTIONS.items() for name in model.model_fields]
"""Dotted keys of all sections and of all fields."""


def unknown(key: str) -> str:
    """Returns the message about an unknown key, with the most similar key of any section.

    Args:
        key: Dotted key that is not a setting.

    Example:
        >>> unknown("network.hub_coherence")
        'network.hub_coherence is not a setting; did you mean hardware.hub_coherence_s?'
    """
    key = key[:80] or "the empty key"
    if key in RENAMED:
        return f"{key} is now called {RENAMED[key]}"
    if key in IN_SECONDS:
        round_s = "network.windows * network.window_s"
        return f"{key} is now {IN_SECONDS[key]}, a time in s: multiply the rounds by {round_s}"
    section, _, name = key.rpartition(".")
    if section in ENTRIES:
        return f"{key} is not a setting; {nearest(name, ENTRIES[section].model_fields)}"

    def likeness(known: str) -> float:
        # The name counts most: often it is right but in the wrong section, or only a part of it.
        other = known.rpartition(".")[2]
        return _alike(name, other) + 0.3 * (name in other.split("_")) + 0.3 * _alike(key, known)

    likeliest = max(KEYS, key=likeness)
    if likeness(likeliest) > 0.85:
        return f"{key} is not a setting; did you mean {likeliest}?"
    place = section if section in SECTIONS else ""
    fields = ", ".join(SECTIONS[place].model_fields)
    return f"{key} is not a setting; {place or 'a scenario'} has {fields}"


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def allowed(key: str, *, is_entry: bool = False) -> str:
    """Returns a description of the values that a key may have, such as a type and a range.

    Args:
        key: Dotted key of a section or field. A range is in the unit that the key ends in, as for
            `network.window_s` in s.
        is_entry: Whether an entry of a list is meant, not the list.

    Example:
        >>> allowed("network.nodes")
        'an integer from 1 to 1000'
        >>> allowed("network.cutoff_fidelity")
        'a finite number above 0.25 and below 1, or null'
    """
    if key in OPTIONAL:
        return "the name or path of a graph, or a mapping of settings, or null"
    if key in SECTIONS:
        return "a mapping of settings"
    section, _, name = key.rpartition(".")
    schema = (SECTIONS | ENTRIES)[section].model_json_schema()["properties"][name]
    if is_entry:
        return _described(_entries(schema.get("anyOf", [schema])[0]))
    return _described(schema)


def _described(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return EDGE
    if "anyOf" in schema:
        return ", or ".join(map(_described, schema["anyOf"]))
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "array":
        return f"a list{_size(schema)}, each {_described(_entries(schema))}"
    return NOUNS[schema["type"]] + _range(schema)


def _entries(schema: dict[str, Any]) -> dict[str, Any]:
    return schema["items"] if "items" in schema else schema["prefixItems"][0]


def _size(schema: dict[str, Any]) -> str:
    if "minItems" not in schema:
        return ""
    least, most = schema["minItems"], schema["maxItems"]
    return f" of {least} entries" if least == most else f" of {least} to {most} entries"


def _range(schema: dict[str, Any]) -> str:
    if schema["type"] == "integer" and "minimum" in schema:
        schema = {"maximum": LARGEST_INTEGER, **schema}
    if {"minimum", "maximum"} <= schema.keys():
        return f" from {schema['minimum']} to {schema['maximum']}"
    bounds = {
        "of at least": schema.get("minimum"),
        "above": schema.get("exclusiveMinimum"),
        "of at most": schema.get("maximum"),
        "below": schema.get("exclusiveMaximum"),
    }
    given = [f" {words} {bound}" for words, bound in bounds.items() if bound is not None]
    return " and".join(given)


def shown(value: object) -> str:
    """Returns a value as messages show it: as in YAML, and shortened.

    Args:
        value: Any value.

    Example:
        >>> shown(None), shown((1, "two"))
        ('null', "[1, 'two']")
    """
    value = list(value) if isinstance(value, tuple) else value
    try:
        text = BRIEF.repr(value)
    except ValueError:
        # Python refuses to write integers of more than 4300 digits.
        return f"a {type(value).__name__} too long to show"
    return {"None": "null", "True": "true", "False": "false"}.get(text, text)
