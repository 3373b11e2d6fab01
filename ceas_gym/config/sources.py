"""Where scenarios come from: the package's own files, a user's files, or objects."""

import difflib
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import resources
from itertools import takewhile
from pathlib import Path
from typing import Literal

from ceas_gym.config.keys import shown
from ceas_gym.scenario import Scenario


class ScenarioError(ValueError):
    """What is wrong with a scenario, in one printable line."""

    __module__ = "ceas_gym.config"

    def __init__(self, message: str) -> None:
        """Makes one line of the message and escapes what can't be printed."""
        line = " ".join(message.split())
        super().__init__("".join(c if c.isprintable() else repr(c)[1:-1] for c in line))


Kind = Literal["scenarios", "graphs"]
SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "scenarios": (".yaml", ".yml"),
    "graphs": (".yaml", ".yml", ".graphml"),
}
"""How the name of a user's file of each kind may end."""


def shipped(kind: Kind = "scenarios") -> list[str]:
    """Returns the names of the scenarios, or graphs, that come with the package.

    Example:
        >>> shipped()[:4]
        ['metro', 'micro', 'paper', 'paper-drift']
        >>> shipped("graphs")
        ['surfnet-randstad']
    """
    files = (resources.files("ceas_gym") / kind).iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))


def describe(name: str, kind: Kind = "scenarios") -> str:
    """Returns the opening comment of a shipped scenario or graph, as one line.

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
    """Makes any `ValueError` from within a `ScenarioError` that names the scenario's source.

    Args:
        scenario: As given to `load`.

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
    """Makes any `ValueError` from within a `ScenarioError` with a prefix.

    Raises:
        ScenarioError: In place of a `ValueError`.
    """
    try:
        yield
    except ValueError as error:
        raise ScenarioError(f"{prefix()}: {error}") from error


def source(scenario: str | os.PathLike[str] | Scenario) -> str:
    """Returns what messages call the source of a scenario: its path, if it has one.

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
    """Returns whether a name stands for a user's file: by its form, or because there is one."""
    if name in shipped(kind):
        return False
    separated = os.sep in name or bool(os.altsep and os.altsep in name)
    exists = bool(name) and os.path.exists(folder / name)
    return separated or exists or name.endswith(SUFFIXES[kind])


def shipped_text(name: str, kind: Kind = "scenarios") -> str:
    """Returns the text of a shipped scenario or graph.

    Raises:
        ScenarioError: If there is none of that name.
    """
    names = shipped(kind)
    if name not in names:
        close = difflib.get_close_matches(name.lower(), names, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        suffixes = " or ".join(SUFFIXES[kind][::2])
        known = f"shipped are {', '.join(names)}, and the name of a file ends in {suffixes}"
        raise ScenarioError(f"{kind[:-1]} {name!r} is unknown{hint}; {known}")
    file = resources.files("ceas_gym") / kind / f"{name}.yaml"
    return file.read_text(encoding="utf-8")


def file_text(name: str) -> str:
    """Returns the text of a user's file.

    Raises:
        ScenarioError: If it can't be read.
    """
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
    except UnicodeDecodeError as error:
        reason = f"byte {error.start} is not UTF-8 text"
    except ValueError as error:  # Such as a null character in the name.
        reason = str(error)
    raise ScenarioError(f"{name} can't be read: {reason}")
