"""Writes the reference pages from the code: environment, settings, command line and names.

    python docs/reference.py

A test compares the pages with the code.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import show
import typer
from pydantic.fields import FieldInfo
from typer.testing import CliRunner

from ceas_agents import catalogue, cli
from ceas_agents.training.plan import LEARNS
from ceas_gym.config import keys
from ceas_gym.envs.env import CEASEnv
from ceas_gym.scenario import presets
from ceas_gym.scenario.section import Section

DOCS = Path(__file__).parent
UNITS = {
    "_db_per_km": "dB/km",
    "_km_per_s": "km/s",
    "_km": "km",
    "_s": "s",
    "_windows": "windows",
    "_rounds": "rounds",
    "_bits": "bits",
}
"""What the end of a setting's name says of its unit; the first that fits counts."""
FILE = re.compile(r"`((?:docs|configs|tests|ceas_gym)/[\w./-]+\.\w+)`")
WIDTH = 100
"""Of the text of a command, in characters."""


# --- The environment ---


def environment() -> Iterator[str]:
    """Yields what the environment says of itself, without its arguments in Python."""
    text = inspect.getdoc(CEASEnv) or ""
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    about = (each for each in sections if not each.startswith("## Arguments"))
    yield from "".join(about).partition("\nSource:")[0].splitlines()


# --- Settings ---


def settings() -> Iterator[str]:
    """Yields a section for each section of a scenario, with a table of its settings."""
    for section, model in sections():
        about = (inspect.getdoc(model) or "").split("\n\nExample:")[0]
        yield from ("", f"## `{section}`" if section else "## The scenario", "", linked(about), "")
        yield from show.table(("setting", "unit", "default", "range", "meaning"), rows(section), 5)
    for preset in presets.PRESETS:
        yield from ("", f"## Hardware preset `{preset}`", "", f"{presets.ABOUT[preset]}", "")
        yield from show.table(("setting", "value", "source"), figures(preset), 3)


def sections() -> Iterator[tuple[str, type[Section]]]:
    """Yields each section by its dotted key, followed by the entries of its lists."""
    for section, model in keys.SECTIONS.items():
        yield section, model
        yield from (each for each in keys.ENTRIES.items() if each[0].rpartition(".")[0] == section)


def rows(section: str) -> Iterator[tuple[str, ...]]:
    """Yields the entries of a section's table.

    Args:
        section: Dotted key of the section; empty for the scenario itself.
    """
    for name, field in dict(sections())[section].model_fields.items():
        key = keys.joined(section, name)
        if key in keys.SECTIONS and key not in keys.OPTIONAL:
            continue  # It has a table of its own.
        yield f"`{name}`", unit(name), default(field), keys.allowed(key), meaning(name, field)


def unit(name: str) -> str:
    """Returns the unit in which a setting's name ends, or nothing.

    Example:
        >>> unit("window_s"), unit("attenuation_db_per_km"), unit("nodes")
        ('s', 'dB/km', '')
    """
    return next((shown for end, shown in UNITS.items() if name.endswith(end)), "")


def default(field: FieldInfo) -> str:
    """Returns the default of a setting as YAML has it, or that there is none."""
    value = field.default
    if field.is_required():
        return "none: it must be given"
    return f"`{f'{value:g}' if isinstance(value, float) else keys.shown(value).strip(chr(39))}`"


def meaning(name: str, field: FieldInfo) -> str:
    """Returns what a setting means, in one line, or where its default is from."""
    figure = presets.PRESETS["custom"].get(name)
    said = field.description or (figure.source if figure else "")
    return linked(entry(said))


def entry(text: str) -> str:
    r"""Returns a text as the entry of a table has it: in one line, with bars that end no column.

    Example:
        >>> entry("decay to |0>")
        'decay to \\|0>'
    """
    return " ".join(text.split()).replace("|", r"\|")


def linked(text: str) -> str:
    """Returns a text in which files of the repository are links.

    Example:
        >>> linked("as `docs/model.md` says")
        'as [`docs/model.md`](model.md) says'
    """
    return FILE.sub(lambda match: f"[{match[0]}]({_path(match[1])})", text)


def _path(file: str) -> str:
    return file.removeprefix("docs/") if file.startswith("docs/") else f"../{file}"


def figures(preset: str) -> Iterator[tuple[str, ...]]:
    """Yields the values of a hardware preset, with their sources."""
    for name, figure in presets.PRESETS[preset].items():
        yield f"`{name}`", f"`{keys.shown(figure.value).strip(chr(39))}`", figure.source


# --- The command line ---


def commands() -> Iterator[str]:
    """Yields what `--help` prints, of the whole and of each command."""
    yield from ("", "## `ceas-gym`", "", "```text", helped(), "```")
    for name in typer.main.get_command(cli.app).commands:  # pyright: ignore[reportAttributeAccessIssue]
        yield from ("", f"## `ceas-gym {name}`", "", "```text", helped(name), "```")


def helped(*command: str) -> str:
    """Returns what a command prints for `--help`.

    Args:
        command: Its name, or nothing for the whole.
    """
    runner = CliRunner(env={"COLUMNS": str(WIDTH), "TERMINAL_WIDTH": str(WIDTH)})
    printed = runner.invoke(
        cli.app, [*command, "--help"], prog_name="ceas-gym", terminal_width=WIDTH
    )
    return "\n".join(line.rstrip() for line in printed.stdout.strip().splitlines())


# --- Names ---


def names() -> Iterator[str]:
    """Yields a table for each kind of name."""
    learners = {name: f"trains {', '.join(kinds)}" for name, kinds in LEARNS.items()}
    kinds: dict[str, dict[str, str]] = {**catalogue.catalogue(), "learners": learners}
    for kind, entries in kinds.items():
        heading = catalogue.HEADINGS.get(kind, kind)
        yield from ("", f"## {heading[0].upper()}{heading[1:]}", "")
        yield from show.table(
            ("name", "what it is"),
            ((f"`{name}`", entry(line)) for name, line in entries.items()),
            2,
        )


BLOCKS: dict[str, Callable[[], Iterator[str]]] = {
    "environment": environment,
    "settings": settings,
    "commands": commands,
    "names": names,
}
"""What the pages have between marks, by the word in the mark."""
PAGES = ("environment.md", "settings.md", "command-line.md", "names.md")


def block(name: str) -> str:
    """Returns the text between the marks of that name.

    Raises:
        KeyError: If there is none.
    """
    return "\n".join(BLOCKS[name]())


def main() -> None:
    """Writes the pages anew."""
    for page in PAGES:
        show.fill(DOCS / page, block)


if __name__ == "__main__":
    main()
