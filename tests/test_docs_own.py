"""The page on own data and maps: blocks run, commands are understood, messages are as shown."""

import re
import shlex
import sys
import types
from itertools import pairwise
from pathlib import Path

import pytest
from helpers.refusals import refusal

from ceas_agents.evaluation import links
from ceas_gym import config
from ceas_gym.config import graphml
from ceas_gym.learning import data, own_data
from ceas_gym.scenario import MapSettings, Scenario

PAGE = (Path(__file__).parent.parent / "docs" / "own-data-and-maps.md").read_text()


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)


COMMANDS = [shlex.split(block) for block in blocks("sh")]
MESSAGES = [line for block in blocks("text") for line in block.splitlines()]


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory):
    """A folder in which all blocks of the page ran, and `my_data.py` is there."""
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("own")
        patch.chdir(path)
        for number, block in enumerate(blocks("python")):
            module = types.ModuleType(f"block_{number}")
            exec(block, vars(module))
            if hasattr(module, "read"):
                patch.setitem(sys.modules, "my_data", module)
        yield path


def asked(command: list[str]) -> Scenario:
    """Returns the scenario of a command, whose settings follow `--set`."""
    changes = [after for word, after in pairwise(command) if word == "--set"]
    return config.load(command[2], dict(map(config.parse_override, changes)))


def test_commands_find_samples_that_can_be_learned_from() -> None:
    of_files = [command for command in COMMANDS if "learning.dataset" in " ".join(command)]
    assert len(of_files) == 2
    for command in of_files:
        assert command[:2] == ["ceas-gym", "evaluate"]
        learning = asked(command).learning
        training, _, _ = data.prepare(learning)
        assert training.features.shape == (len(training.labels), learning.features)
        assert set(training.labels) == {0, 1}


def test_what_a_command_says_is_what_the_page_shows() -> None:
    note, *_ = MESSAGES
    assert note == f"note: {own_data.described(asked(COMMANDS[0]).learning)}"


def test_the_map_becomes_the_graph_that_is_shown(folder: Path) -> None:
    wished, becomes, _ = blocks("yaml")
    (folder / "my.yaml").write_text(wished)
    assert becomes in config.dump(config.load("my.yaml"))
    wished_for, said = config.load("my.yaml").network, asked(COMMANDS[2]).network
    assert (wished_for.graph, wished_for.map) == (said.graph, said.map)


def test_mistakes_are_answered_as_the_page_shows(folder: Path) -> None:
    whole = (folder / "flowers.csv").read_text()
    lines = whole.splitlines()
    numbers = lines[2].split(",")
    (folder / "flowers.csv").write_text(
        whole.replace(lines[2], ",".join([numbers[0], "n/a", *numbers[2:]]))
    )
    said = [refusal("tiny", {"learning.dataset": "flowers.csv"})]
    rows = [[*line.split(",")[:3], "1.5", line.split(",")[4]] for line in lines[1:]]
    (folder / "flowers.csv").write_text("\n".join([lines[0], *map(",".join, rows)]))
    said += [built({"learning.dataset": "flowers.csv"})]
    (folder / "flowers.csv").write_text(whole)
    said += [built({"learning.dataset": "flowers.csv", "learning.features": 5})]
    changes = dict(map(config.parse_override, COMMANDS[2][6::2]))
    del changes["network.map.leave_out"]
    said += [refusal("tiny", changes)]
    assert [f"error: {line}" for line in said] == MESSAGES[1:-1]


def built(changes: dict[str, object]) -> str:
    with pytest.raises(ValueError, match=r"learning\.") as caught, config.naming("tiny"):
        data.prepare(config.load("tiny", changes).learning)
    return str(caught.value)


def test_the_links_of_the_laboratory_are_those_that_are_shown(folder: Path) -> None:
    (folder / "lab.yaml").write_text(blocks("yaml")[2])
    lab = config.load("lab.yaml")
    columns = links.show(lab)[0].columns
    rows = zip(*(column.cells for column in columns), strict=True)
    lines = [f"| {' | '.join(map(str, row))} |" for row in ([c.header for c in columns], *rows)]
    assert all(line in PAGE for line in lines)
    poor = config.load(lab, {"hardware.node_coherence_s": 0.05})
    assert links.show(poor)[1][-1] == MESSAGES[-1]


def test_every_setting_of_a_map_is_on_the_page() -> None:
    named = re.findall(r"^\| `(\w+)` \| ", PAGE, flags=re.MULTILINE)
    assert named == list(MapSettings.model_fields)


def test_every_attribute_that_is_read_is_on_the_page() -> None:
    start = PAGE.index("| of | attribute | |")
    rows = re.findall(r"^\| [\w ]*\| ([^|]*) \|", PAGE[start:], flags=re.MULTILINE)
    named = {name.lower() for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == {name for owner in graphml.READERS.values() for name in owner}
