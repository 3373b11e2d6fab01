"""Sources of scenarios: the package's own files, a user's files, or `Scenario` objects."""

import difflib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import resources
from itertools import takewhile
from pathlib import Path
from typing import Literal

from ceas_gym import user_files
from ceas_gym.config.keys import shown
from ceas_gym.scenario import Scenario


class ScenarioError(ValueError):
    """An error in a scenario, described in one printable line."""

    __module__ = "ceas_gym.config"

    def __init__(self, message: str) -> None:
        """Joins the message into one line and escapes characters that can't be printed."""
        line = " ".join(message.split())
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in line))


Kind = Literal["scenarios", "graphs"]
SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "scenarios": (".yaml", ".yml"),
    "graphs": (".yaml", ".yml", ".graphml", ".txt"),
}
"""Endings that the name of a user's file may have."""


def shipped(kind: Kind = "scenarios") -> list[str]:
    """Returns the names of the scenarios, or graphs, that come with the package, sorted.

    Args:
        kind: `"scenarios"` or `"graphs"`.

    Example:
        >>> shipped()[:4]
        ['circuit', 'drift-loop', 'features', 'metro']
        >>> shipped("graphs")
        ['surfnet-randstad']
    """
    files = (resources.files("ceas_gym") / kind).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def describe(name: str, kind: Kind = "scenarios") -> str:
    """Returns the opening comment of a shipped scenario or graph, as one line.

    Args:
        name: One of `shipped(kind)`.
        kind: `"scenarios"` or `"graphs"`.

    Raises:
        ScenarioError: If nothing of that kind and name is shipped.

    Example:
        >>> describe("tiny").split(":")[0]
        'Four nodes, one of them Byzantine'
    """
    comment = takewhile(lambda line: line.startswith("#"), shipped_text(name, kind).splitlines())
    return " ".join(line.lstrip("# ") for line in comment)


@contextmanager
def naming(scenario: str | os.PathLike[str] | Scenario) -> Generator[None, None, None]:
    """Returns a context that turns a `ValueError` into a `ScenarioError` with the source's name.

    Args:
        scenario: The scenario, as it was given to `load`.

    Raises:
        ScenarioError: In place of a `ValueError`.

    Example:
        >>> with naming("mine.yaml"):
        ...     raise ValueError("attack.name: attack 'non' is unknown; did you mean none?")
        Traceback (most recent call last):
        ...
        ceas_gym.config.ScenarioError: mine.yaml: attack.name: attack 'non' is unknown; did you \
mean none?
    """
    with prefixing(lambda: source(scenario)):
        yield


@contextmanager
def prefixing(prefix: Callable[[], str]) -> Generator[None, None, None]:
    """Returns a context that turns a `ValueError` into a `ScenarioError` with a prefix.

    Args:
        prefix: Returns the prefix; it is called only if there is an error.

    Raises:
        ScenarioError: In place of a `ValueError`.
    """
    try:
        yield
    except ValueError as error:
        raise ScenarioError(f"{prefix()}: {error}") from error


def source(scenario: str | os.PathLike[str] | Scenario) -> str:
    """Returns what messages call the source of a scenario: its path, if it has one.

    Args:
        scenario: As it was given to `load`.

    Raises:
        ScenarioError: If it is neither a name nor a path nor a scenario.
    """
    if isinstance(scenario, Scenario):
        return "scenario"
    try:
        name = os.fsdecode(scenario)
    except TypeError:
        known = "a shipped name, a path or a Scenario"
        raise ScenarioError(f"scenario must be {known}, but is {shown(scenario)}") from None
    return f"scenario {name.strip()}" if scenario == name and not is_path(name) else name


def is_path(name: str, kind: Kind = "scenarios", folder: Path = Path()) -> bool:
    """Returns whether a name means a user's file: by its form, or because such a file exists.

    Args:
        name: Name of a scenario or graph, or path of a file.
        kind: `"scenarios"` or `"graphs"`.
        folder: Where a relative path starts.
    """
    if name in shipped(kind):
        return False
    separated = os.sep in name or bool(os.altsep and os.altsep in name)
    exists = bool(name) and os.path.exists(folder / name)
    return separated or exists or name.endswith(SUFFIXES[kind])


def shipped_text(name: str, kind: Kind = "scenarios") -> str:
    """Returns the text of a shipped scenario or graph.

    Args:
        name: One of `shipped(kind)`.
        kind: `"scenarios"` or `"graphs"`.

    Raises:
        ScenarioError: If there is none of that name.
    """
    names = shipped(kind)
    if name not in names:
        close = difflib.get_close_matches(name.lower(), names, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        suffixes = " or ".join(ending for ending in SUFFIXES[kind] if ending != ".yml")
        known = f"shipped are {', '.join(names)}, and the name of a file ends in {suffixes}"
        raise ScenarioError(f"{kind[:-1]} {name!r} is unknown{hint}; {known}")
    file = resources.files("ceas_gym") / kind / f"{name}.yaml"
    return file.read_text(encoding="utf-8")


def file_text(name: str) -> str:
    """Returns the text of a user's file.

    Args:
        name: Path of a file in UTF-8.

    Raises:
        ScenarioError: If it can't be read.
    """
    try:
        return user_files.text(name)
    except ValueError as error:
        raise ScenarioError(str(error)) from error
