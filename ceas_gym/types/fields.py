"""Marks of the records' fields."""

from dataclasses import field
from typing import Any


def static() -> Any:  # noqa: ANN401 - stands for a value of the field's type
    """Marks a field as part of the compiled program: another value compiles anew."""
    return field(metadata={"static": True})
