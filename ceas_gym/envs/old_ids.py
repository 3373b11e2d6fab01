"""Ids that are gone: making one of them is an error that says what to write instead.

Gymnasium itself refuses the older versions of an id that still exists.
"""

from typing import Any, NoReturn

from gymnasium.error import DeprecatedEnv

NEW = "ceas_gym/CEAS-v1"


def make(*, was: str, **_: Any) -> NoReturn:  # noqa: ANN401 - whatever a user gives
    """Raises a `DeprecatedEnv`, for `gymnasium.make`.

    Args:
        was: The scenario that the id stood for.

    Example:
        >>> try:
        ...     make(was="tiny")
        ... except DeprecatedEnv as error:
        ...     print(error)
        The id ceas_gym/CEASTiny-v0 is gone; write gym.make("ceas_gym/CEAS-v1", scenario="tiny").
    """
    raise DeprecatedEnv(_message(was, f'make("{NEW}", scenario="{was}")'))


def make_vec(*, was: str, num_envs: int, **_: Any) -> NoReturn:  # noqa: ANN401
    """Raises a `DeprecatedEnv`, for `gymnasium.make_vec`.

    Args:
        was: The scenario that the id stood for.
        num_envs: Number of environments, at least 1.
    """
    call = f'make_vec("{NEW}", num_envs={num_envs}, scenario="{was}")'
    raise DeprecatedEnv(_message(was, call))


def _message(was: str, call: str) -> str:
    return f"The id ceas_gym/CEAS{was.title()}-v0 is gone; write gym.{call}."
