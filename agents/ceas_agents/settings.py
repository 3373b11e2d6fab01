"""The settings of an experiment's YAML file, checked by a pydantic model."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ceas_gym.config import keys
from ceas_gym.registry import nearest

UNION = ("str", "list[str]")
"""Parts of an error's location in which pydantic names a type that it tried, not a setting."""
WORDS = {
    "int_type": "an integer",
    "float_type": "a number",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping of settings",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge}",
    "greater_than": "above {gt:g}",
    "less_than": "below {lt}",
    "too_short": "a mapping of at least {min_length} name",
}
"""What a value must be, by pydantic's names for errors."""


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
    is_union = any(part in UNION for part in details["loc"])
    words = "text or a list of texts" if is_union else WORDS.get(details["type"])
    limits = details.get("ctx", {})
    reason = f"must be {words.format(**limits)}" if words else details["msg"].lower()
    raise ValueError(f"{source}: {key} {reason}, but is {keys.shown(details['input'])}")
