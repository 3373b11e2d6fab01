"""The settings of an experiment's YAML file, checked by a pydantic model."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ceas_gym.config import keys
from ceas_gym.registry import nearest

UNION = ("str", "list[str]")
"""Parts of an error's location in which pydantic names a type that it tried, not a setting."""


class Checked(BaseModel, frozen=True):
    """Settings that accept no unknown names and convert no types."""

    model_config = ConfigDict(strict=True, extra="forbid")


S = TypeVar("S", bound=Checked)


def check(
    model: type[S], data: Mapping[str, object], source: str, sections: Mapping[str, type[Checked]]
) -> S:
    """Returns the settings of a file.

    Args:
        model: Model of the whole file.
        data: Contents of the file.
        source: What error messages call the file.
        sections: Models of the file's sections, by name.

    Raises:
        ValueError: If a name is unknown or missing, or a value is wrong.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors()
    # Unknown keys are reported first, because a mistyped key may explain a missing one.
    details = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    path = [str(part) for part in details["loc"] if part not in UNION]
    key = ".".join(path)
    if details["type"] == "extra_forbidden":
        known = sections.get(path[0], model) if path[1:] else model
        raise ValueError(
            f"{source}: {key} is not a setting; {nearest(path[-1], known.model_fields)}"
        )
    if details["type"] == "missing":
        raise ValueError(f"{source}: {key} is missing")
    reason = details["msg"][0].lower() + details["msg"][1:]
    raise ValueError(f"{source}: {key}: {reason}, but is {keys.shown(details['input'])}")
