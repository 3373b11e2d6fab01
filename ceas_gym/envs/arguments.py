"""Checks of the environments' arguments. A mistake is a `ValueError` that names the argument.

Numbers of NumPy and JAX count as Python's. Text and booleans never count as numbers, nor numbers as
booleans.
"""

import operator
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ceas_gym.registry import nearest, one_line

KINDS = {
    "b": "booleans",
    "c": "complex numbers",
    "M": "dates",
    "m": "time spans",
    "U": "text",
    "S": "bytes",
    "V": "records",
}
"""What messages call those of NumPy's types that are not real numbers."""
MASK = "reset_mask"


def action(value: object, shape: Sequence[int], name: str = "action") -> NDArray[np.float32]:
    """Returns an action as an array of the given shape.

    Args:
        value: Integers or floats of any width, in an array or nested lists.
        shape: Shape that it must have.
        name: What messages call it.

    Raises:
        ValueError: If it is not made of real numbers, has another shape, or has an entry that is
            not finite.

    Example:
        >>> action([[0, 0.5]], (1, 2)).dtype
        dtype('float32')
        >>> action([["0", "1"]], (1, 2))
        Traceback (most recent call last):
        ...
        ValueError: Argument `action` must be an array of real numbers, but is made of text.
    """
    array, shape = _real(name, value), tuple(shape)
    if array.shape != shape:
        raise ValueError(f"Argument `{name}` must have shape {shape}, but has {array.shape}.")
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise ValueError(f"Argument `{name}` must be finite, but is {array[place]} at {place}.")
    with np.errstate(over="ignore"):
        # A number too large for 32 bits becomes infinite, and is later clipped to the action space.
        return array.astype(np.float32, copy=False)


def actions(value: object, agents: Sequence[str], shape: Sequence[int]) -> NDArray[np.float32]:
    """Returns the actions of several agents as one array, whose last axis is the agents.

    Args:
        value: An action for each agent, by name.
        agents: Names of all agents.
        shape: Shape that the action of each must have.

    Raises:
        ValueError: If it is not a mapping, an agent is missing or unknown, or an action is none.

    Example:
        >>> actions({"b": [3, 4], "a": [1, 2]}, ["a", "b"], (2,)).tolist()
        [[1.0, 3.0], [2.0, 4.0]]
        >>> actions({"b": [3, 4]}, ["a", "b"], (2,))
        Traceback (most recent call last):
        ...
        ValueError: Argument `actions` has no action for 'a'.
    """
    if not isinstance(value, Mapping):
        raise ValueError(f"Argument `actions` must be a mapping, but is {_shown(value)}.")
    if unknown := [name for name in value if name not in agents]:
        hint = nearest(str(unknown[0]), agents)
        raise ValueError(f"Argument `actions` holds {_shown(unknown[0])}, unknown; {hint}")
    if missing := [name for name in agents if name not in value]:
        raise ValueError(f"Argument `actions` has no action for {missing[0]!r}.")
    each = [action(value[name], shape, f"actions[{name!r}]") for name in agents]
    return np.stack(each, axis=-1)


def choices(value: object, number: int, shape: Sequence[int] = ()) -> NDArray[np.int32]:
    """Returns choices as an array of the given shape.

    Args:
        value: A whole number of any type in [0, number), or an array or nested lists of them.
        number: Number of choices; at least 1.
        shape: Shape that it must have; by default that of a single choice.

    Raises:
        ValueError: If it is not made of whole numbers in that range, or has another shape.

    Example:
        >>> choices([0, 2], 3, (2,)).tolist()
        [0, 2]
        >>> choices(3, 3)
        Traceback (most recent call last):
        ...
        ValueError: Argument `action` must be in [0, 2], but holds 3.
    """
    array, shape = _array("action", value), tuple(shape)
    if array.dtype.kind not in "iu":
        raise ValueError(
            f"Argument `action` must be made of whole numbers, but is made of {_kind(array)}."
        )
    if array.shape != shape:
        raise ValueError(f"Argument `action` must have shape {shape}, but has {array.shape}.")
    for wrong in array[(array < 0) | (array >= number)]:
        raise ValueError(f"Argument `action` must be in [0, {number - 1}], but holds {wrong}.")
    return array.astype(np.int32)


def seed(value: object) -> int | None:
    """Returns a seed as an integer, at least 0, or None if there is none.

    Args:
        value: A whole number of any type, in [0, infinity), or None.

    Raises:
        ValueError: If it is not a whole number from 0 on.

    Example:
        >>> seed(np.int64(3))
        3
    """
    return None if value is None else _whole("seed", value, least=0)


def seeds(value: object, rows: int) -> tuple[int | None, list[int | None]]:
    """Returns the single seed of a batch, if one was given, and a seed for each of its rows.

    Args:
        value: One seed s, so that row i has s + i; a sequence or an array of seeds, shape (rows,),
            some of which may be None; or None for no seeds.
        rows: Number of rows; at least 1.

    Raises:
        ValueError: If a seed is not a whole number from 0 on, or their number is not that of the
            rows.

    Example:
        >>> seeds(3, 2), seeds([5, None], 2), seeds(None, 2)
        ((3, [3, 4]), (None, [5, None]), (None, [None, None]))
    """
    if value is None:
        return None, [None] * rows
    listed = _listed(value)
    if listed is None:
        first = _whole("seed", value, least=0)
        return first, [first + row for row in range(rows)]
    if len(listed) != rows:
        raise ValueError(f"Argument `seed` has {len(listed)} entries for {rows} rows.")
    return None, [seed(entry) for entry in listed]


def count(name: str, value: object) -> int:
    """Returns a number of things as an integer, in [1, infinity).

    Args:
        name: Name of the argument.
        value: What was given for it.

    Raises:
        ValueError: If it is not a whole number from 1 on.

    Example:
        >>> count("num_envs", 0)
        Traceback (most recent call last):
        ...
        ValueError: Argument `num_envs` must be a whole number from 1 on, but is 0.
    """
    return _whole(name, value, least=1)


def reset_mask(options: object, rows: int) -> NDArray[np.bool_]:
    """Returns which rows to reset, shape (rows,): those of `options["reset_mask"]`, or all.

    Args:
        options: The argument of `reset`: a mapping, or None.
        rows: Number of rows; at least 1.

    Raises:
        ValueError: If the options are not a mapping or have another key, or the mask is not an
            array of booleans of that shape.

    Example:
        >>> reset_mask({"reset_mask": [True, False]}, 2).tolist()
        [True, False]
    """
    if options is None:
        options = {}
    if not isinstance(options, Mapping):
        raise ValueError(f"Argument `options` must be a mapping, but is {_shown(options)}.")
    if unknown := [name for name in options if name != MASK]:
        hint = nearest(str(unknown[0]), [MASK])
        raise ValueError(f"Argument `options` holds {_shown(unknown[0])}, unknown; {hint}")
    if MASK not in options:
        return np.ones(rows, dtype=bool)
    mask = _array(MASK, options[MASK])
    if mask.dtype != bool:
        raise ValueError(f"Argument `{MASK}` must be booleans, but is made of {_kind(mask)}.")
    if mask.shape != (rows,):
        raise ValueError(f"Argument `{MASK}` must have shape ({rows},), but has {mask.shape}.")
    return mask


def choice(name: str, value: object, known: Iterable[str]) -> str:
    """Returns a text that must be one of a few.

    Args:
        name: Name of the argument.
        value: What was given for it.
        known: All texts that are allowed.

    Raises:
        ValueError: If it is not one of them.

    Example:
        >>> choice("render_mode", "rgb_aray", ["rgb_array"])
        Traceback (most recent call last):
        ...
        ValueError: Argument `render_mode` is 'rgb_aray', unknown; did you mean rgb_array?
    """
    known = list(known)
    if not isinstance(value, str) or value not in known:
        hint = nearest(str(value), known)
        raise ValueError(f"Argument `{name}` is {_shown(value)}, unknown; {hint}")
    return value


def _whole(name: str, value: Any, least: int) -> int:  # noqa: ANN401 - whatever a user gives
    try:
        number = None if isinstance(value, bool | np.bool_) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        raise ValueError(
            f"Argument `{name}` must be a whole number from {least} on, but is {_shown(value)}."
        )
    return number


def _listed(value: Any) -> list[Any] | None:  # noqa: ANN401 - whatever a user gives
    if isinstance(value, str | bytes):
        return None
    if getattr(value, "ndim", 0) == 1:
        return np.asarray(value).tolist()
    return list(value) if isinstance(value, Sequence) else None


def _real(name: str, value: object) -> NDArray[Any]:
    array = _array(name, value)
    # `can_cast` also knows types that are not NumPy's own, such as bfloat16.
    if array.dtype == bool or not np.can_cast(array.dtype, np.float32, "same_kind"):
        raise ValueError(
            f"Argument `{name}` must be an array of real numbers, but is made of {_kind(array)}."
        )
    return array


def _array(name: str, value: object) -> NDArray[Any]:
    if _is_masked(value):
        raise ValueError(f"Argument `{name}` must not be masked; fill in what is missing.")
    try:
        return np.asarray(value)
    # Rows may differ in length, and objects of other libraries may raise any error.
    except Exception as error:
        raise ValueError(
            f"Argument `{name}` can't be read as an array: {one_line(error)}."
        ) from error


def _is_masked(value: object) -> bool:
    rows = value if isinstance(value, list | tuple) else []
    return np.ma.isMaskedArray(value) or any(map(_is_masked, rows))


def _kind(array: NDArray[Any]) -> str:
    if array.dtype != object:
        return KINDS.get(array.dtype.kind, str(array.dtype))
    first = next(iter(array.flat), None)
    return f"objects such as a {type(first).__name__}"


def _shown(value: object) -> str:
    return " ".join(reprlib.repr(value).split())
