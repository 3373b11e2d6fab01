"""The site of the pages: all are in its menu, the reference says what the code says, cells run."""

import ast
import doctest
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import scripts

from ceas_gym import config
from ceas_gym.scenario import Scenario

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
MENU = re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text(), re.DOTALL)
TUTORIAL = sorted((DOCS / "tutorial").glob("*.md"))
SITE = ("sphinx", "furo", "myst_nb")
"""Packages of the extra `docs`."""
SHELL = re.compile(r"\A%%bash\n(.*)\Z", re.DOTALL)
RUN_CELLS = """
import json, sys
names = {"__name__": "__main__"}
for cell in json.load(sys.stdin):
    exec(compile(cell, "cell", "exec"), names)
"""


def cells(page: Path) -> list[str]:
    """Returns the code of a page, in which commands are as Python runs them."""
    found = re.findall(r"^```\{code-cell\} python\n(.*?)^```$", page.read_text(), re.DOTALL | re.M)
    return [SHELL.sub(_command, re.sub(r"\A(:.*\n)+\n", "", cell)) for cell in found]


def _command(cell: re.Match[str]) -> str:
    return f"import subprocess; subprocess.run({cell[1]!r}, shell=True, check=True)"


@pytest.fixture(scope="module")
def script():
    return scripts.load("reference")


def test_every_page_is_in_the_menu_once():
    lines = "\n".join(MENU).splitlines()
    listed = [line for line in lines if line and not line.startswith(":")]
    pages = [path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")]
    assert sorted(listed) == sorted(set(pages) - {"index"})


def test_the_reference_says_what_the_code_says(script):
    for page in script.PAGES:
        text = (DOCS / page).read_text(encoding="utf-8")
        assert text == script.show.filled(text, script.block), "run: python docs/reference.py"


def test_every_setting_has_a_line(script):
    lines = "\n".join(script.settings())
    keys = {key.rpartition(".")[2] for key in config.flat(Scenario())}
    assert len(keys) > 80
    assert {key for key in keys if f"\n| `{key}` | " not in lines} == set()


def test_no_meaning_is_left_out(script):
    rows = [row for section in script.keys.SECTIONS for row in script.rows(section)]
    assert [name for name, *_, meaning in rows if len(meaning) < 10] == []


def test_examples_of_the_script_run(script):
    found = doctest.testmod(script)
    assert found.attempted >= 3
    assert not found.failed


@pytest.mark.parametrize("page", TUTORIAL, ids=lambda page: page.stem)
def test_cells_of_the_tutorial_are_python(page):
    assert len(cells(page)) >= 3
    for cell in cells(page):
        ast.parse(cell)


@pytest.mark.slow
@pytest.mark.parametrize("page", TUTORIAL, ids=lambda page: page.stem)
def test_the_tutorial_runs(page, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    command = [sys.executable, "-c", RUN_CELLS]
    subprocess.run(command, input=json.dumps(cells(page)), text=True, check=True, cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(importlib.util.find_spec, SITE)), reason="the extra docs is not installed"
)
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q"]
    command += ["-D", "nb_execution_mode=off", "docs", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "source" / "ceas_gym" / "dynamics.py.html").is_file()
