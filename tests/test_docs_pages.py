"""The pages for contributors say what the code says: targets, tables, layers, tree and words."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from ceas_gym import types

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
WORDS = re.findall(r"^\| ([^|]+) \| ([^|]+) \| ([^|]*)\|$", GLOSSARY, flags=re.MULTILINE)
TREE, LAYERS = re.findall(r"```text\n(.*?)```", ARCHITECTURE, flags=re.DOTALL)


def test_every_target_of_make_is_listed_once():
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):.*## ", makefile, flags=re.MULTILINE)
    assert re.findall(r"^\| `make ([\w-]+)` ", CONTRIBUTING, flags=re.MULTILINE) == targets


def test_files_that_contributors_are_sent_to_exist():
    named = re.findall(r"\]\(([^)#:]+)\)", CONTRIBUTING)
    assert named
    for path in named:
        assert (ROOT / path).is_file(), path


def test_tables_stand_where_contributors_are_told():
    tables = re.findall(r"\[`([A-Z_]+)`\]\(([^)]+)\)", CONTRIBUTING)
    assert {"RULES", "ATTACKS", "SABOTAGE", "POLICIES", "DATASETS", "REWARDS"} <= dict(
        tables
    ).keys()
    for name, path in tables:
        text = (ROOT / path).read_text()
        assert re.search(rf"^{name}\b.* = ", text, flags=re.MULTILINE), (name, path)


def test_tests_that_cover_what_is_added_exist():
    tables = re.findall(r"^\| .* \| ([^|]*`) \|$", CONTRIBUTING, flags=re.MULTILINE)
    named = [name for cell in tables for name in re.findall(r"`([\w/]+\*?\.py)`", cell)]
    assert len(named) > 20
    for pattern in named:
        assert list((ROOT / "tests").glob(pattern)), pattern


def test_hooks_of_sabotage_are_listed():
    hooks = [each.name for each in dataclasses.fields(types.Sabotage) if each.name != "about"]
    assert re.findall(r"^\| `(\w+)` \| ", CONTRIBUTING, flags=re.MULTILINE) == hooks
    assert set(re.findall(r"`sabotage\.(\w+)`", ARCHITECTURE)) == set(hooks)


def test_layers_are_those_that_are_enforced():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = settings["tool"]["importlinter"]["contracts"]
    (layers,) = (each["layers"] for each in contracts if each.get("containers") == ["ceas_gym"])
    assert LAYERS.split("\n") == [*layers, ""]


@pytest.mark.parametrize("package", ["ceas_gym", "agents/ceas_agents"])
def test_the_tree_names_every_module(package):
    start = TREE.index(f"\n{package}/") if package.startswith("agents") else 0
    end = TREE.find("\nagents/", start + 1)
    # Names of each line, before what is said of them.
    lines = [re.split(r" {3,}", line.strip())[0] for line in TREE[start:end].strip().splitlines()]
    named = {name for line in lines[1:] for name in line.split(", ")}
    holds = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / package).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    unsaid = {"__init__.py"} if package.startswith("agents") else set()
    assert named == holds - unsaid


def test_every_word_has_one_meaning():
    words = [word for word, _, _ in WORDS if word not in ("word", "---")]
    assert len(words) > 60
    assert len(set(words)) == len(words)


def test_fields_of_the_glossary_exist():
    checked = 0
    for _, _, code in WORDS:
        for record, field in re.findall(r"`([A-Z]\w+)\.(\w+)`", code):
            kind = getattr(types, record)
            # Named tuples have their fields as attributes, as any class has its properties.
            fields = getattr(kind, "__dataclass_fields__", ())
            assert field in fields or hasattr(kind, field), f"{record}.{field}"
            checked += 1
    assert checked > 30
