"""What importing costs, what the README promises, and that versions agree."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = (README, (ROOT / "docs" / "model.md").read_text())
# Each as the module `__main__` of its own, where its functions are looked for.
RUN_BLOCKS = """
import json, sys, types
for block in json.load(sys.stdin):
    sys.modules["__main__"] = main = types.ModuleType("__main__")
    exec(block, vars(main))
"""


def loaded_after(code):
    """Returns the top-level modules that a fresh process has after running the code."""
    code += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_import_registers_and_loads_nothing_heavy():
    heavy = {"jax", "pennylane", "torch", "stable_baselines3"}
    heavy |= {"matplotlib", "pettingzoo", "pydantic", "sklearn"}
    assert not loaded_after("import ceas_gym; dir(ceas_gym)") & heavy


def test_the_functional_interface_is_loaded_when_it_is_used():
    loaded = loaded_after("import ceas_gym; ceas_gym.make_params")
    assert "jax" in loaded
    assert not loaded & {"torch", "stable_baselines3", "matplotlib"}


def test_evaluation_needs_no_torch():
    loaded = loaded_after("from ceas_agents import cli; from ceas_agents.evaluation import run")
    assert not loaded & {"torch", "stable_baselines3"}


def test_training_on_the_device_needs_no_torch():
    loaded = loaded_after(
        "from ceas_agents.training import train; from ceas_agents.training.on_device import trainer"
    )
    assert not loaded & {"torch", "stable_baselines3"}


def test_wrappers_need_no_library_of_learners():
    assert not loaded_after("import ceas_agents.wrappers") & {"torch", "stable_baselines3"}


def test_blocks_of_the_pages_run():
    found = [re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL) for page in PAGES]
    assert all(found)
    blocks = [block for page in found for block in page]
    # One process runs them all, but what registers the environments is imported only once.
    assert all("\nimport ceas_gym\n" in block for block in blocks if "gym.make(" in block)
    command = [sys.executable, "-W", "error", "-c", RUN_BLOCKS]
    subprocess.run(command, input=json.dumps(blocks), text=True, check=True, cwd=ROOT)


def test_readme_names_files_that_exist():
    for path in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / path).exists(), path


def test_readme_is_read_in_five_minutes():
    assert len(README.split()) <= 1200


def test_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    sections = re.findall(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    newest = next(section for section in sections if section != "Unreleased")
    assert project["dynamic"] == ["version"]
    assert importlib.metadata.version("ceas-gym") == cited["version"] == newest
    assert cited["license"] == project["license"]
    assert [author["name"] for author in cited["authors"]] == [
        author["name"] for author in project["authors"]
    ]


def test_commits_are_checked_by_what_lint_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    rule = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule is not None
    commands = [line.strip().replace("$(BIN)", ".venv/bin") for line in rule[1].splitlines()]
    assert [hook["entry"] for hook in hooks] == commands
