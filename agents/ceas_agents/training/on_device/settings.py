"""What the settings of all learners on the device share: ranges of values, and their check."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

from pydantic import Field

from ceas_agents.settings import Checked, check

Count = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
Weight = Annotated[float, Field(ge=0)]
S = TypeVar("S", bound=Checked)


def checked(model: type[S], given: Mapping[str, object], source: str) -> S:
    """Returns settings of a file, which may write a number like 1.0 as 1.

    Args:
        model: Names, ranges and defaults.
        given: Values by name; the others have their defaults.
        source: What error messages call the section of the file.

    Raises:
        ValueError: If a name is unknown, or a value is wrong.
    """

    # YAML has 1 for 1.0, which is a number of another type.
    def converted(name: str, value: object) -> object:
        field = model.model_fields.get(name)
        is_float = field is not None and field.annotation is float
        return float(value) if is_float and type(value) is int else value

    return check(model, {name: converted(name, value) for name, value in given.items()}, source, {})
