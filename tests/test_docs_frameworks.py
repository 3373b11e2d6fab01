"""The page on frameworks: its lines run, and its tables say what the environments are."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parent.parent / "docs" / "frameworks.md").read_text()
BLOCKS = re.findall(r"^## ([^\n:]+).*?```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
MODULES = {
    "Stable-Baselines3": ("stable_baselines3", "PPO: accuracy"),
    "sb3-contrib": ("sb3_contrib", "MaskablePPO: choice"),
    "PettingZoo": ("pettingzoo", "auction: return"),
}
LONGEST = 22
"""Lines of a block, without empty ones."""


def test_every_framework_of_the_table_has_a_section() -> None:
    named = re.findall(r"^\| \[([^\]]+)\]", PAGE, re.MULTILINE)
    assert named == [title for title, _ in BLOCKS] == list(MODULES)


@pytest.mark.parametrize(("title", "block"), BLOCKS, ids=list(MODULES))
def test_its_lines_run(title: str, block: str, capsys: pytest.CaptureFixture[str]) -> None:
    module, printed = MODULES[title]
    pytest.importorskip(module, reason=f"{module} is not installed")
    assert sum(map(bool, block.splitlines())) <= LONGEST
    exec(compile(block, title, "exec"), {"__name__": "example"})
    assert capsys.readouterr().out.startswith(printed)
