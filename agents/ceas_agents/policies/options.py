"""Parameters of shipped policies by name, as in `ceas:placement=random`."""

import inspect
import typing
from collections.abc import Callable
from functools import partial
from typing import Any

from ceas_agents.policies.base import Policy
from ceas_gym.registry import nearest

GIVEN = 3
"""Number of arguments that every policy is called with; those after them are its options."""


def chosen(name: str, policy: Policy, text: str) -> Policy:
    """Returns the policy with its options set.

    Args:
        name: What error messages call the policy.
        policy: A shipped policy.
        text: Such as `share=0.5`; several options are joined by commas.

    Raises:
        ValueError: If an option is unknown, given twice or has a value that it can't have.

    Example:
        >>> from ceas_agents.policies.registry import POLICIES
        >>> chosen("focused", POLICIES["focused"], "share=0.5").keywords
        {'share': 0.5}
    """
    known, values = options(policy), dict[str, object]()
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key:
            raise ValueError(f"policy {name!r}: {part!r} is no option; write option=value")
        if key not in known:
            raise ValueError(f"policy {name!r}: option {key!r} is unknown; {nearest(key, known)}")
        if key in values:
            raise ValueError(f"policy {name!r}: option {key!r} is given twice")
        values[key] = _value(f"policy {name!r}: {key}", known[key], value)
    return partial(policy, **values)


def options(policy: Callable[..., Any]) -> dict[str, Any]:
    """Returns the types of a policy's options, by name.

    Args:
        policy: A shipped policy, whose arguments are annotated.

    Example:
        >>> from ceas_agents.policies.registry import POLICIES
        >>> options(POLICIES["focused"]), options(POLICIES["uniform"])
        ({'share': <class 'float'>}, {'cadence': <class 'float'>})
    """
    names = list(inspect.signature(policy).parameters)[GIVEN:]
    types = typing.get_type_hints(policy)
    return {name: types[name] for name in names}


def numbers(policy: Callable[..., Any]) -> dict[str, float]:
    """Returns the defaults of the numeric options of a policy, such as `share` in [0, 1].

    Args:
        policy: A shipped policy.

    Example:
        >>> from ceas_agents.policies.registry import POLICIES
        >>> numbers(POLICIES["uniform"]), numbers(POLICIES["focused"])
        ({'cadence': 0.0}, {'share': 0.6666666666666666})
    """
    parameters = inspect.signature(policy).parameters
    return {
        name: parameters[name].default for name, kind in options(policy).items() if kind is float
    }


def given(policy: Callable[..., Any]) -> dict[str, Any]:
    """Returns the numbers and words that a policy's options are set to, by name.

    Args:
        policy: Any policy; only a `partial` has options that are set.

    Example:
        >>> from ceas_agents.policies.registry import POLICIES
        >>> focused = POLICIES["focused"]
        >>> given(chosen("focused", focused, "share=0.5")), given(focused)
        ({'share': 0.5}, {})
    """
    keywords = policy.keywords if isinstance(policy, partial) else {}
    return {name: value for name, value in keywords.items() if isinstance(value, int | float | str)}


def _value(what: str, kind: Any, text: str) -> object:  # noqa: ANN401 - a type
    if kind is float:
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{what} must be a number, but is {text!r}") from None
    allowed = typing.get_args(kind)
    if text not in allowed:
        raise ValueError(f"{what} must be one of {', '.join(allowed)}, but is {text!r}")
    return text
