"""Measures how both packages are built: rooms and floors, functions, files, docstrings.

    python docs/house.py

A room is a module or a package directly in `ceas_gym` or `ceas_agents`. An arrow leads from a room
to one that it imports, wherever in its files it does so; floors are the rooms of the longest way
along arrows. Bodies of functions are counted in lines, without their docstrings.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PACKAGES = {"ceas_gym": ROOT / "ceas_gym", "ceas_agents": ROOT / "agents" / "ceas_agents"}
LONG = 300
"""Lines, beyond which a file is long."""
UNITS = (
    *("s", "ms", "seconds", "km", "Hz", "bits?", "nats", "per cent", "radians", "years"),
    *("pairs", "rounds", "windows", "slots", "shots", "lines", "words"),
)
MEASURE = re.compile(rf"\bshapes?\b|\b(?:in|of) (?:a |an )?(?:{'|'.join(UNITS)})\b|\bin [\[(]-?\d")
"""A shape, a unit or a range in a docstring."""
SHAPE = re.compile(r"\[[\w.]*(?:Array|ndarray), ")
"""A shape in an annotation."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Graph = dict[str, set[str]]


class Measured(NamedTuple):
    """What is measured of a package, in the order of the table."""

    rooms: int
    floors: str
    arrows: int
    files: int
    lines: int
    functions: int
    median: int
    ninth_decile: int
    longest: str
    long_files: str
    shaped: str
    sourced: str
    both: str


LABELS = (
    "rooms",
    "floors",
    "arrows among rooms",
    "files",
    "lines",
    "functions",
    "median function, in lines",
    "90 % of functions, in lines",
    "longest function, in lines",
    f"files over {LONG} lines",
    "public functions that state shapes or units",
    "public functions that name a source",
    "public functions that do both",
)


def rooms(folder: Path) -> dict[str, list[Path]]:
    """Returns the files of each room of a package."""
    found = {
        path.stem: sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for path in sorted(folder.iterdir())
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    return {room: files for room, files in found.items() if files}


def arrows(package: str, inside: dict[str, list[Path]]) -> Graph:
    """Returns which rooms each room imports."""
    found: Graph = {}
    for room, files in inside.items():
        named = {name for file in files for name in _imported(file, package)}
        found[room] = named & (inside.keys() - {room})
    return found


def _imported(file: Path, package: str) -> Iterator[str]:
    # Rooms, and names of other things, of the package.
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            yield from (alias.name for alias in node.names)
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith(f"{package}."))


def floors(graph: Graph) -> str:
    """Returns the number of rooms on the longest way, or one that goes in a circle.

    Example:
        >>> floors({"a": {"b", "c"}, "b": {"c"}, "c": set()})
        '3'
        >>> floors({"a": {"b"}, "b": {"a"}})
        'circle: a b a'
    """
    height: dict[str, int] = {}

    def climb(room: str, way: tuple[str, ...]) -> int:
        if room in way:
            raise RecursionError(" ".join((*way[way.index(room) :], room)))
        if room not in height:
            below = [climb(other, (*way, room)) for other in sorted(graph[room])]
            height[room] = 1 + max(below, default=0)
        return height[room]

    try:
        return str(max(climb(room, ()) for room in graph))
    except RecursionError as error:
        return f"circle: {error}"


def body_lines(function: Function) -> int:
    """Returns how many lines the body of a function takes, without its docstring.

    Example:
        >>> body_lines(ast.parse('def f():' + chr(10) + '  "Says."' + chr(10) + '  x = 1').body[0])
        1
    """
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def states_measures(function: Function) -> bool:
    """Returns whether a function says of which shape or unit anything is."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    types = [each.annotation for each in given] + [function.returns]
    annotated = any(SHAPE.search(ast.unparse(each)) for each in types if each is not None)
    return annotated or bool(MEASURE.search(ast.get_docstring(function) or ""))


def names_source(function: Function) -> bool:
    """Returns whether the docstring of a function has a section on its source."""
    return "Source:" in (ast.get_docstring(function) or "")


def public(file: Path) -> Iterator[Function]:
    """Yields the functions of a file, and the methods, whose names do not begin with `_`."""
    nested = {
        inner
        for outer in ast.walk(_tree(file))
        if isinstance(outer, Function)
        for inner in ast.walk(outer)
        if inner is not outer
    }
    for node in ast.walk(_tree(file)):
        if isinstance(node, Function) and node not in nested and not node.name.startswith("_"):
            yield node


def measured(package: str, folder: Path) -> Measured:
    """Returns what is measured of a package."""
    inside = rooms(folder)
    graph = arrows(package, inside)
    files = sorted(folder.rglob("*.py"))
    lines = {file: len(file.read_text("utf-8").splitlines()) for file in files}
    lengths = {
        f"{file.relative_to(folder)}:{node.name}": body_lines(node)
        for file in files
        for node in ast.walk(_tree(file))
        if isinstance(node, Function)
    }
    shown = [node for file in files for node in public(file)]
    longest = max(lengths, key=lambda name: lengths[name])
    cuts = quantiles(lengths.values(), n=10)
    long = [f"{file.relative_to(folder)} ({lines[file]})" for file in files if lines[file] > LONG]
    return Measured(
        len(inside),
        floors(graph),
        sum(map(len, graph.values())),
        len(files),
        sum(lines.values()),
        len(lengths),
        round(cuts[4]),
        round(cuts[8]),
        f"{lengths[longest]} ({longest})",
        ", ".join(long) or "none",
        _share([states_measures(node) for node in shown]),
        _share([names_source(node) for node in shown]),
        _share([states_measures(node) and names_source(node) for node in shown]),
    )


def words(page: Path) -> int:
    """Returns how many words a page has, code included."""
    return len(page.read_text("utf-8").split())


def _share(hits: list[bool]) -> str:
    return f"{100 * sum(hits) / len(hits):.0f} % of {len(hits)}"


@cache
def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def main() -> None:
    """Prints the table."""
    found = {package: measured(package, folder) for package, folder in PACKAGES.items()}
    print("| | " + " | ".join(f"`{package}`" for package in found) + " |")
    print("|---|" + "---|" * len(found))
    for label, *values in zip(LABELS, *found.values(), strict=True):
        print(f"| {label} | " + " | ".join(map(str, values)) + " |")
    print(f"\nREADME.md: {words(ROOT / 'README.md')} words")


if __name__ == "__main__":
    main()
