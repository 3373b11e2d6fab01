"""Every number that a scenario may set, with values at its bounds and outside them."""

from collections.abc import Iterator
from math import inf, nextafter
from typing import Any, NamedTuple

from ceas_gym.config.keys import ENTRIES, SECTIONS, joined

NUMERIC = ("integer", "number")
BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")


class Number(NamedTuple):
    """A number of a scenario."""

    key: str
    """Dotted key of the field."""
    path: tuple[str, ...]
    """One `items` for each level of lists, if the numbers are entries of the field's list."""
    schema: dict[str, Any]

    @property
    def name(self) -> str:
        """Returns the dotted name of the number, as a test's id."""
        return ".".join((self.key, *self.path))

    @property
    def bounds(self) -> list[float]:
        """Returns the bounds of the number, in its unit, whether they are allowed or excluded."""
        return [self.schema[name] for name in BOUNDS if name in self.schema]

    @property
    def inside(self) -> list[float]:
        """Returns the least and the greatest allowed value, and the values next to them."""
        least, most = self._least, self._most
        return [least, self._next(least, inf), self._next(most, -inf), most]

    @property
    def outside(self) -> list[float]:
        """Returns the greatest value that is too small, and the least that is too large."""
        return [self._next(self._least, -inf), self._next(self._most, inf)]

    @property
    def _least(self) -> float:
        if "minimum" in self.schema:
            return self.schema["minimum"]
        return nextafter(self.schema["exclusiveMinimum"], inf)

    @property
    def _most(self) -> float:
        if "maximum" in self.schema:
            return self.schema["maximum"]
        return nextafter(self.schema["exclusiveMaximum"], -inf)

    def _next(self, value: float, to: float) -> float:
        if self.schema["type"] == "integer":
            return value + (1 if to > value else -1)
        return nextafter(value, to)


def numbers() -> Iterator[Number]:
    """Yields every number that a scenario may set."""
    for section, model in (SECTIONS | ENTRIES).items():
        for name, schema in model.model_json_schema()["properties"].items():
            for option in schema.get("anyOf", [schema]):
                yield from _leaves(joined(section, name), (), option)


def _leaves(key: str, path: tuple[str, ...], schema: dict[str, Any]) -> Iterator[Number]:
    if schema.get("type") in NUMERIC:
        yield Number(key, path, schema)
    items = schema.get("items", {})
    for option in items.get("anyOf", [items]):
        if option:
            yield from _leaves(key, (*path, "items"), option)
