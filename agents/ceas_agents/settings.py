"""The settings of an experiment's YAML file, checked by a model of pydantic's."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ceas_gym.config import keys
from ceas_gym.registry import nearest

UNION = ("str", "list[str]")
"""Parts of a place that name the kind that was tried, not a setting."""


class Checked(BaseModel, frozen=True):
    """Settings that take no other names and convert no values."""

    model_config = ConfigDict(strict=True, extra="forbid")


S = TypeVar("S", bound=Checked)


def check(
    model: type[S], data: Mapping[str, object], source: str, sections: Mapping[str, type[Checked]]
) -> S:
    """Returns the settings of a file.

    Args:
        model: Of the file.
        data: What the file says.
        source: What messages call the file.
        sections: Models of the file's sections, by name.

    Raises:
        ValueError: If a name or a value is wrong, or one is missing.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        problems = error.errors()
    # A mistyped key may be the reason why another one is missing.
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
