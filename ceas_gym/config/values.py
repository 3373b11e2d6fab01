"""The data of a scenario before its check: nested mappings, as files and overrides give them."""

import math
from typing import Any

from ceas_gym.config.keys import LARGEST_INTEGER, SECTIONS, joined


def replaced(data: dict[str, Any], path: list[str], value: object) -> dict[str, Any]:
    """Returns a scenario's data with another value at the end of a path of keys.

    Args:
        data: Nested mappings, which are not changed.
        path: Names of the sections and of the field.
        value: What it shall be.

    Example:
        >>> replaced({"episode": None}, ["episode", "rounds"], 5)
        {'episode': {'rounds': 5}}
    """
    name, *rest = path
    if not rest:
        return {**data, name: value}
    inner = {} if data.get(name) is None else data[name]
    # What stands in the place of a section is for the check to report.
    return {**data, name: replaced(inner, rest, value)} if isinstance(inner, dict) else data


def normalized(data: dict[str, Any], section: str = "") -> dict[str, Any]:
    """Returns a scenario's data as the strict check wants it.

    Empty sections become empty mappings, lists tuples, whole numbers of 32 bits integers, and what
    NumPy and JAX hold Python's own numbers.

    Args:
        data: Nested mappings, which are not changed.
        section: Dotted key of the section that `data` is.

    Example:
        >>> normalized({"network": None, "learning": {"classes": [3.0, 8e0]}})
        {'network': {}, 'learning': {'classes': (3, 8)}}
    """
    result: dict[str, Any] = {}
    for name, value in data.items():
        key = joined(section, name)
        if key not in SECTIONS:
            result[name] = _plain(value)
        elif isinstance(value, dict):
            result[name] = normalized(value, key)
        else:
            result[name] = {} if value is None else value
    return result


def _plain(value: object) -> object:
    value = number(value)
    return tuple(map(number, value)) if isinstance(value, list | tuple) else value


def number(value: Any) -> object:  # noqa: ANN401 (whatever a user gives)
    """Returns a whole number of 32 bits as an integer, any other as a float, the rest as it is.

    Numbers and arrays of NumPy and JAX become Python's numbers and lists.

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
