"""Measures how both packages are built: imports, files, functions and docstrings.

    python docs/house.py

A part is a module or a package directly in `ceas_gym` or `ceas_agents`. An import is counted once
for each pair of parts, whichever of their files has it. The depth is the number of parts in the
longest chain of imports. The length of a function is that of its body, in lines without docstring.
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
"""A file of more lines than this is long."""
UNITS = (
    *("s", "ms", "seconds", "km", "Hz", "bits?", "nats", "per cent", "radians", "years"),
    *("pairs", "rounds", "windows", "slots", "shots", "lines", "words"),
)
MEASURE = re.compile(rf"\bshapes?\b|\b(?:in|of) (?:a |an )?(?:{'|'.join(UNITS)})\b|\bin [\[(]-?\d")
"""Finds a shape, a unit or a range in a docstring."""
SHAPE = re.compile(r"\[[\w.]*(?:Array|ndarray), ")
"""Finds a shape in an annotation."""
Function = ast.FunctionDef | ast.AsyncFunctionDef
Graph = dict[str, set[str]]


class Measured(NamedTuple):
    """The measures of a package, in the order of the table."""

    parts: int
    depth: str
    imports: int
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
    "parts",
    "depth of imports",
    "imports between parts",
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


def parts(folder: Path) -> dict[str, list[Path]]:
    """Returns the files of each part of a package."""
    found = {
        path.stem: sorted(path.rglob("*.py")) if path.is_dir() else [path]
        for path in sorted(folder.iterdir())
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    }
    return {part: files for part, files in found.items() if files}


def imports(package: str, inside: dict[str, list[Path]]) -> Graph:
    """Returns which other parts each part imports."""
    found: Graph = {}
    for part, files in inside.items():
        named = {name for file in files for name in _imported(file, package)}
        found[part] = named & (inside.keys() - {part})
    return found


def _imported(file: Path, package: str) -> Iterator[str]:
    # Names that the file imports from the package: those of parts, and others.
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.ImportFrom) and node.module == package:
            yield from (alias.name for alias in node.names)
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith(f"{package}."))


def depth(graph: Graph) -> str:
    """Returns the number of parts in the longest chain of imports, or a cycle if there is one.

    Example:
        >>> depth({"a": {"b", "c"}, "b": {"c"}, "c": set()})
        '3'
        >>> depth({"a": {"b"}, "b": {"a"}})
        'cycle: a b a'
    """
    found: dict[str, int] = {}

    def below(part: str, chain: tuple[str, ...]) -> int:
        if part in chain:
            raise RecursionError(" ".join((*chain[chain.index(part) :], part)))
        if part not in found:
            others = [below(other, (*chain, part)) for other in sorted(graph[part])]
            found[part] = 1 + max(others, default=0)
        return found[part]

    try:
        return str(max(below(part, ()) for part in graph))
    except RecursionError as error:
        return f"cycle: {error}"


def body_lines(function: Function) -> int:
    """Returns the length of a function's body in lines, without its docstring.

    Example:
        >>> body_lines(ast.parse('def f():' + chr(10) + '  "Says."' + chr(10) + '  x = 1').body[0])
        1
    """
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def states_measures(function: Function) -> bool:
    """Returns whether annotations or docstring of a function state a shape, a unit or a range."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    types = [each.annotation for each in given] + [function.returns]
    annotated = any(SHAPE.search(ast.unparse(each)) for each in types if each is not None)
    return annotated or bool(MEASURE.search(ast.get_docstring(function) or ""))


def names_source(function: Function) -> bool:
    """Returns whether the docstring of a function has a section `Source`."""
    return "Source:" in (ast.get_docstring(function) or "")


def public(file: Path) -> Iterator[Function]:
    """Yields the functions and methods of a file whose names do not begin with `_`."""
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
    """Returns the measures of a package."""
    inside = parts(folder)
    graph = imports(package, inside)
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
        depth(graph),
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
    """Returns the number of words on a page, including code."""
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
