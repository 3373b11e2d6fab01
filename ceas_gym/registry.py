"""Functions chosen by name: a shipped one from a table, or a user's own as `module:function`."""

import difflib
import importlib
import sys
import traceback
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import BuiltinFunctionType, FunctionType
from typing import Any, TypeVar, cast

import cloudpickle

F = TypeVar("F", bound=Callable[..., Any])
RENAMED = {("attack", "lapse_synchronised"): "opportunistic"}
"""Names of earlier versions, with the kind of function, and what they are called now."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns a hint with the known name most similar to `name`, or with all known names.

    Args:
        name: A name that is not known.
        known: All names that are.

    Source:
        Ratcliff and Metzener, Dr. Dobb's Journal (July 1988), as in Python's `difflib`.

    Example:
        >>> nearest("trimed_mean", ["mean", "trimmed_mean"])
        'did you mean trimmed_mean?'
    """
    known = list(known)
    match = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {match[0]}?" if match else f"known: {', '.join(sorted(known))}"


def resolve(kind: str, name: str, table: Mapping[str, F], record: type | None = None) -> F:
    """Returns the function that `name` stands for.

    Args:
        kind: What is looked up, for the error message, such as `"rule"`.
        name: A key of `table`, or `"module:function"` for a user's own function.
        table: Shipped functions by name.
        record: Type of a record that the user may give instead of a function, if there is one.

    Raises:
        ValueError: If the name is unknown, can't be imported, or is not a function.

    Example:
        >>> resolve("root", "math:isqrt", {})(16)
        4
    """
    if name in table:
        return table[name]
    if (kind, name) in RENAMED:
        raise ValueError(f"{kind} {name!r} is now called {RENAMED[kind, name]!r}")
    if ":" not in name:
        raise ValueError(f"{kind} {name!r} is unknown; {nearest(name, table)}")
    function = imported(kind, name, record)
    if record is not None and isinstance(function, record):
        return cast("F", function)
    return cast("F", function if _goes_by_its_name(function) else Imported(kind, name, function))


def imported(kind: str, name: str, record: type | None = None) -> Any:  # noqa: ANN401
    """Returns the function that `module:function` names, or a record of the given type.

    Args:
        kind: What is looked up, for the error message, such as `"rule"`.
        name: `"module:function"`.
        record: Type of a record that is allowed instead of a function, if there is one.

    Raises:
        ValueError: If it can't be imported, or is not a function.
    """
    module, _, attribute = name.partition(":")
    try:
        function: Any = getattr(importlib.import_module(module), attribute)
    # The module is the user's own, and may raise anything while it is imported.
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and module.endswith(".py"):
            right = f"{module.removesuffix('.py')}:{attribute}"
            reason = f"leave out .py, as in {right!r}"
        else:
            reason = one_line(error) + _place(error, module)
        raise ValueError(f"{kind} {name!r} can't be imported: {reason}") from error
    if callable(function) or (record and isinstance(function, record)):
        return function
    kinds = f"neither a function nor a {record.__name__}" if record else "not a function"
    raise ValueError(f"{kind} {name!r} is {kinds}")


@dataclass(frozen=True, eq=False)
class Imported:
    """A user's function that pickle can't find by name, such as a compiled one or a lambda.

    It is pickled by its name in the scenario. A copy is equal to it, so that nothing is compiled
    again.
    """

    kind: str
    name: str
    function: Callable[..., Any]

    def __call__(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - as the user has it
        """Returns what the user's function returns."""
        return self.function(*arguments, **named)

    def __eq__(self, other: object) -> bool:
        """Returns whether `other` is the same function under the same name."""
        return isinstance(other, Imported) and self._identity == other._identity

    def __hash__(self) -> int:
        """Returns a hash, which is the same for equal functions."""
        return hash(self._identity)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        """Returns how pickle restores it: by its name."""
        same = partial(Imported, self.kind, self.name, self.function)
        return by_name(partial(resolve, self.kind, self.name, {}), same, self.name)

    @property
    def _identity(self) -> tuple[str, int]:
        return self.name, id(self.function)


def by_name(
    find: Callable[[], Any], same: Callable[[], Any], name: str
) -> tuple[Callable[..., Any], tuple[object, ...]]:
    """Returns how pickle restores an object that has a name, for its method `__reduce__`.

    It is found by its name. Another process can't import what a script or a notebook defines, so
    the code of such an object is stored as well.

    Args:
        find: Finds the object by its name, in the process that reads the pickle.
        same: Makes the object from its contents.
        name: Name in the scenario, which contains `module:function` for a user's own function.
    """
    return _found, (find, cloudpickle.dumps(same) if "__main__:" in name else b"")


def _found(find: Callable[[], Any], same: bytes) -> Any:  # noqa: ANN401 - whatever was pickled
    try:
        return find()
    except ValueError:
        if not same:
            raise
        return cloudpickle.loads(same)()


def _goes_by_its_name(function: Callable[..., Any]) -> bool:
    # Whether pickle stores the function by the place where it is found, in a module or class.
    if not isinstance(function, FunctionType | BuiltinFunctionType | type):
        return False
    found: Any = sys.modules.get(function.__module__)
    for part in function.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is function


def _place(error: BaseException, *modules: str) -> str:
    # Where in a user's modules the error was raised; empty if it was not raised there.
    frames = traceback.walk_tb(error.__traceback__)
    places = [
        f" ({Path(frame.f_code.co_filename).name}, line {line})"
        for frame, line in frames
        if frame.f_globals.get("__name__") in modules
    ]
    return places[-1] if places else ""


def one_line(error: BaseException) -> str:
    r"""Returns the first line of an error's message, or the error's type if it has no message.

    Args:
        error: Any error.

    Example:
        >>> one_line(ValueError("not finite\nin row 3")), one_line(KeyError())
        ('not finite', 'KeyError')
    """
    return next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)


@contextmanager
def calling(kind: str, name: str, module: str = "") -> Generator[None, None, None]:
    """Returns a context that turns any error of a user's function into a `ValueError` of one line.

    The line ends with the place in the user's file, if the error was raised there.

    Args:
        kind: What the function is, such as `"rule"`.
        name: Its name in the scenario.
        module: Where it is defined, if the name does not say so.

    Raises:
        ValueError: In place of any other error, which is its cause.

    Example:
        >>> with calling("rule", "mine:rule"):
        ...     1 / 0
        Traceback (most recent call last):
        ...
        ValueError: rule 'mine:rule' raised ZeroDivisionError: division by zero
    """
    try:
        yield
    except Exception as error:
        what = type(error).__name__
        reason = one_line(error)
        words = what if reason == what else f"{what}: {reason}"
        own = [part.partition(":")[0] for part in name.split("+") if ":" in part]
        place = _place(error, module, *own)
        raise ValueError(f"{kind} {name!r} raised {words}{place}") from error


@contextmanager
def asked_by(setting: str) -> Generator[None, None, None]:
    """Returns a context that puts a setting's dotted key in front of any `ValueError`.

    Args:
        setting: Dotted key of the setting that asked for what is computed.

    Raises:
        ValueError: In place of a `ValueError`, which is its cause.

    Example:
        >>> with asked_by("consensus.rule"):
        ...     resolve("rule", "meen", {"mean": sum})
        Traceback (most recent call last):
        ...
        ValueError: consensus.rule: rule 'meen' is unknown; did you mean mean?
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{setting}: {error}") from error
