"""Every parameter of a scenario, with its value and its source."""

from typing import Any, NamedTuple

from ceas_gym.scenario import Scenario, presets
from ceas_gym.scenario.section import Section


class Parameter(NamedTuple):
    """A setting of the scenario."""

    key: str
    value: str
    origin: str
    """Where it is set: `scenario` for the scenario's file, or `default`."""
    about: str
    """Its meaning, or the source of its value."""


def table(scenario: Scenario) -> list[Parameter]:
    """Returns all parameters, section by section.

    Args:
        scenario: Resolved settings.

    Example:
        >>> [line.value for line in table(Scenario()) if line.key == "network.nodes"]
        ['10']
    """
    return _lines(scenario, Scenario(), "", scenario.hardware.preset)


def _lines(section: Section, usual: Section, prefix: str, preset: str) -> list[Parameter]:
    found: list[Parameter] = []
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), prefix + name
        if isinstance(value, Section):
            same = getattr(usual, name)
            base = same if isinstance(same, type(value)) else type(value)()
            found += _lines(value, base, f"{key}.", preset)
        else:
            origin = "default" if value == getattr(usual, name) else "scenario"
            about = _source(key, preset) or " ".join((field.description or "").split())
            found.append(Parameter(key, _shown(value), origin, about))
    return found


def _source(key: str, preset: str) -> str:
    section, _, name = key.partition(".")
    figure = presets.PRESETS[preset].get(name) if section == "hardware" else None
    return figure.source if figure else ""


def _shown(value: Any) -> str:  # noqa: ANN401 - any setting
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
