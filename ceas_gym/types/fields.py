"""How the fields of a record are marked."""

from dataclasses import field
from typing import Any


def static() -> Any:  # noqa: ANN401 - stands for a value of the field's type
    """Returns a dataclass field that is part of the compiled program: a new value recompiles it."""
    return field(metadata={"static": True})
