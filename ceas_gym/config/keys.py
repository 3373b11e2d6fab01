"""The keys of a scenario by dotted name, and in words what each may be."""

import difflib
import reprlib
from typing import Any

from ceas_gym.scenario import Scenario, Section

LARGEST_INTEGER = 2**31 - 1
"""The simulation counts in 32 bits."""
NOUNS = {"integer": "an integer", "number": "a finite number", "string": "text", "null": "null"}
"""Types of JSON schemas in words. No setting may be infinite."""

BRIEF = reprlib.Repr()
BRIEF.maxlevel = 2


def joined(section: str, name: str) -> str:
    """Returns the dotted key of what a section has under a name.

    Example:
        >>> joined("consensus.key", "security_bits"), joined("", "network")
        ('consensus.key.security_bits', 'network')
    """
    return f"{section}.{name}" if section else name


def _sections(model: type[Section] = Scenario, prefix: str = "") -> dict[str, type[Section]]:
    found = {prefix: model}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, Section):
            found |= _sections(kind, joined(prefix, name))
    return found


SECTIONS = _sections()
"""Models by dotted key; the scenario itself is the section without a name."""
KEYS = [joined(section, name) for section, model in SECTIONS.items() for name in model.model_fields]
"""Dotted keys of all sections and of all fields."""


def unknown(key: str) -> str:
    """Returns what to say of a key that is none, with the nearest one of any section.

    Example:
        >>> unknown("network.hub_coherence")
        'network.hub_coherence is not a setting; did you mean hardware.hub_coherence_s?'
    """
    key = key[:80] or "the empty key"
    section, _, name = key.rpartition(".")

    def likeness(known: str) -> float:
        # The name counts most: it is often right in the wrong section, or a word of the right one.
        other = known.rpartition(".")[2]
        return _alike(name, other) + 0.3 * (name in other.split("_")) + 0.3 * _alike(key, known)

    nearest = max(KEYS, key=likeness)
    if likeness(nearest) > 0.85:
        return f"{key} is not a setting; did you mean {nearest}?"
    place = section if section in SECTIONS else ""
    fields = ", ".join(SECTIONS[place].model_fields)
    return f"{key} is not a setting; {place or 'a scenario'} has {fields}"


def _alike(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other).ratio()


def allowed(key: str, *, is_entry: bool = False) -> str:
    """Returns what a key may be.

    Args:
        key: Dotted key of a section or field.
        is_entry: Whether an entry of the list is meant, not the list.

    Example:
        >>> allowed("network.nodes")
        'an integer from 1 to 1000'
        >>> allowed("network.cutoff_fidelity")
        'a finite number above 0.25 and below 1, or null'
    """
    if key in SECTIONS:
        return "a mapping of settings"
    section, _, name = key.rpartition(".")
    schema = SECTIONS[section].model_json_schema()["properties"][name]
    options = schema.get("anyOf", [schema])
    if is_entry:
        return _described(options[0]["items"])
    return ", or ".join(_described(option) for option in options)


def _described(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema["type"] == "array":
        return f"a list{_size(schema)}, each {_described(schema['items'])}"
    return NOUNS[schema["type"]] + _range(schema)


def _size(schema: dict[str, Any]) -> str:
    return (
        f" of {schema['minItems']} to {schema['maxItems']} entries" if "minItems" in schema else ""
    )


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
    """Returns a value as a message has it: as in YAML, and cut short.

    Example:
        >>> shown(None), shown((1, "two"))
        ('null', "[1, 'two']")
    """
    value = list(value) if isinstance(value, tuple) else value
    try:
        text = BRIEF.repr(value)
    except ValueError:
        # Python writes no integer of more than 4300 digits.
        return f"a {type(value).__name__} too long to show"
    return {"None": "null", "True": "true", "False": "false"}.get(text, text)
