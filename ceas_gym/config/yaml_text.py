"""Reads and writes YAML 1.2 as scenarios and graphs use it."""

import re
from collections.abc import Hashable
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.reader import ReaderError

from ceas_gym.config import values
from ceas_gym.config.keys import shown
from ceas_gym.config.sources import ScenarioError

TAG = "tag:yaml.org,2002:"
NUMBER = r"[-+]?(\.[0-9][0-9_]*|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?"
PLAIN_SCALARS = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("float", rf"{NUMBER}|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.0123456789")),
)
"""Type, pattern and first characters of plain scalars that are not text.

They are those of YAML 1.2, and numbers with underscores, as `1_000` in Python.
"""


def parsed(text: str, source: str) -> object:
    """Returns the data of a text in YAML.

    Whole numbers of absolute value in [0, 2^31) become integers, all other numbers floats.

    Args:
        text: One document.
        source: What messages call it.

    Raises:
        ScenarioError: If it can't be read.

    Source:
        Core schema of YAML 1.2, https://yaml.org/spec/1.2.2.

    Example:
        >>> parsed("{a: 1e3, b: no}", "mine.yaml")
        {'a': 1000, 'b': 'no'}
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        reason = line + ", ".join(filter(None, (error.context, error.problem)))
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"line {line}: character {chr(error.character)!r} is not allowed"
    except RecursionError:
        reason = "nested too deeply"
    # PyYAML does not catch these errors of scalars such as "\UFFFFFFFF" and `!!float x`.
    except (ValueError, OverflowError, LookupError) as error:
        reason = f"malformed value: {error}"
    raise ScenarioError(f"{source}: {reason}")


def mapping(text: str, source: str, contents: str) -> dict[str, Any]:
    """Returns the mapping that a text in YAML holds; empty if the text has no content.

    As in `parsed`, whole numbers of absolute value in [0, 2^31) are integers, all others floats.

    Args:
        text: One document.
        source: What messages call it.
        contents: What it maps names to, for the message.

    Raises:
        ScenarioError: If it can't be read or is not a mapping.
    """
    data = parsed(text, source)
    if data is not None and not isinstance(data, dict):
        raise ScenarioError(f"{source} must be a mapping of {contents}, but is {shown(data)}")
    return data or {}


def written(data: dict[str, Any]) -> str:
    r"""Returns data in YAML, in lines of at most 100 characters where they can be folded.

    A list is written in one line, a list of lists with one line for each entry.

    Args:
        data: Nested mappings, whose lists are tuples.

    Example:
        >>> written({"a": (1, 2), "b": (("x", 1), ("y", 2))})
        'a: [1, 2]\nb:\n- [x, 1]\n- [y, 2]\n'
    """
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 (as PyYAML has it)
    yaml_constructors: dict[str | None, Any] = {  # noqa: RUF012
        None: yaml.SafeLoader.construct_undefined
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Returns a mapping whose keys are text and appear once; other keys are errors."""
        data = super().construct_mapping(node, deep)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            problem = None
            if key.tag != TAG + "str":
                problem = f"key {shown(key.value)} is not text"
            elif key.value in lines:
                problem = f"key {key.value} appears twice, first on line {lines[key.value]}"
            if problem:
                raise ConstructorError(None, None, problem, key.start_mark)
            lines[key.value] = key.start_mark.line + 1
        return data

    def construct_number(self, node: yaml.ScalarNode) -> object:
        """Returns an integer for whole numbers of absolute value in [0, 2^31), or else a float."""
        return values.number(self.construct_yaml_float(node))

    def construct_text(self, node: yaml.ScalarNode) -> str:
        """Returns the text of a scalar, if it can be encoded in UTF-8."""
        text = self.construct_scalar(node)
        text.encode()  # Refuses half a surrogate pair, which can't be written to a file.
        return text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        """Returns that repeated values are written out, not as references to the first one."""
        return True

    def represent_text(self, data: str) -> yaml.Node:
        """Returns text as a scalar, quoted where a reader would take it for something else."""
        # PyYAML would lose some of Unicode's line breaks, but escapes them within double quotes.
        return self.represent_scalar(TAG + "str", data, style=None if data.isprintable() else '"')

    def represent_tuple(self, data: tuple[object, ...]) -> yaml.Node:
        """Returns a list in one line, unless it contains lists."""
        flat = not any(isinstance(entry, tuple) for entry in data)
        return self.represent_sequence(TAG + "seq", data, flow_style=flat)


for _kind, _pattern, _first in PLAIN_SCALARS:
    # The dumper keeps the patterns of YAML 1.1 as well, so that it quotes every text that a reader
    # of either version would take for something else.
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(TAG + _kind, re.compile(rf"^(?:{_pattern})$"), _first)
for _kind in ("null", "bool", "seq", "map"):
    _Loader.add_constructor(TAG + _kind, yaml.SafeLoader.yaml_constructors[TAG + _kind])
_Loader.add_constructor(TAG + "float", _Loader.construct_number)
_Loader.add_constructor(TAG + "str", _Loader.construct_text)
_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(tuple, _Dumper.represent_tuple)
