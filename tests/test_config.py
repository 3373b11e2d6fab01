"""Scenario files and overrides: what is read and written. What is refused has a file of its own."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ceas_gym import config
from ceas_gym.config.keys import OPTIONAL, SECTIONS, joined
from ceas_gym.scenario import AttackSettings, NetworkSettings, Scenario

SCENARIOS = Path(config.__file__).parents[1] / "scenarios"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes my.yaml in what is then the working directory."""
    monkeypatch.chdir(tmp_path)

    def write(text: str) -> str:
        Path("my.yaml").write_text(text, encoding="utf-8", newline="")
        return "my.yaml"

    return write


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("scenarios") / "my.yaml"


def field(scenario: Scenario, key: str) -> object:
    found: object = scenario
    for name in key.split("."):
        found = getattr(found, name)
    return found


# --- Shipped scenarios ---


def test_the_shipped_names_are_those_of_the_files():
    assert config.shipped() == sorted(file.stem for file in SCENARIOS.glob("*.yaml"))
    assert {"tiny", "small", "paper"} <= set(config.shipped())


@pytest.mark.parametrize("name", config.shipped())
def test_a_shipped_scenario_loads_by_name_and_by_path(name):
    scenario = config.load(name)
    assert scenario.name == name
    assert config.load(SCENARIOS / f"{name}.yaml") == scenario
    assert config.load(str(SCENARIOS / f"{name}.yaml")) == scenario


@pytest.mark.parametrize("name", config.shipped())
def test_a_shipped_scenario_says_what_its_file_says(name):
    written = yaml.safe_load((SCENARIOS / f"{name}.yaml").read_text())
    network = written["network"]
    if "graph" in network:
        file = SCENARIOS.parent / "graphs" / f"{network['graph']}.yaml"
        network["graph"] = yaml.safe_load(file.read_text())
    assert config.load(name) == Scenario(**written)


def test_paper_drift_is_paper_that_changes():
    paper = yaml.safe_load((SCENARIOS / "paper.yaml").read_text())
    drift = yaml.safe_load((SCENARIOS / "paper-drift.yaml").read_text())
    assert drift["network"].pop("conditions") == {"links": "markov", "coherence": "drifting"}
    assert drift.pop("name") == "paper-drift"
    assert drift == {key: value for key, value in paper.items() if key != "name"}


LADDER = ("paper", "short-memory", "scarce", "metro", "unequal")


@pytest.mark.parametrize("name", LADDER)
def test_every_rung_has_a_committee_of_four(name):
    with_committee = config.load(f"{name}-committee")
    asked = with_committee.consensus.committee
    assert (asked.members, asked.byzantine) == (4, 1)
    alone = {"name": name, "consensus": Scenario().consensus}
    assert with_committee.model_copy(update=alone) == config.load(name)


@pytest.mark.parametrize("name", config.shipped())
def test_a_description_is_the_opening_comment(name):
    description = config.describe(name)
    assert description[0].isupper()
    assert description.endswith(".")
    assert description.isprintable()
    assert "name:" not in description


def test_a_shipped_name_wins_over_a_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("tiny").mkdir()
    assert config.load("tiny").name == "tiny"


# --- What is read ---


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "null", "network:\n", "consensus:\n  key:\n", "\ufeff"]
)
def test_what_is_left_out_has_its_default(write, text):
    assert config.load(write(text)) == Scenario()


@pytest.mark.parametrize("name", ["my.yaml", "my.yml", "./my", "my", "folder/my"])
def test_a_path_has_a_suffix_or_a_separator_or_exists(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    Path(name).write_text("name: mine")
    assert config.load(name).name == "mine"


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("learning.learning_rate", "1e-3", 1e-3),
        ("learning.learning_rate", "1E3", 1e3),
        ("learning.learning_rate", ".5", 0.5),
        ("learning.learning_rate", "2", 2.0),
        ("hardware.fibre_speed_km_per_s", "214_000.", 214e3),
        ("episode.rounds", "2e1", 20),
        ("episode.rounds", "20.0", 20),
        ("episode.rounds", "010", 10),
        ("episode.rounds", "2147483647", 2**31 - 1),
        ("attack.name", "none", "none"),
        ("attack.name", "no", "no"),
        ("attack.name", "off", "off"),
        ("attack.name", "2026-01-01", "2026-01-01"),
        ("attack.name", "'20'", "20"),
        ("attack.strength", "~", None),
        ("attack.strength", "1e6", 1e6),
        ("network.cutoff_fidelity", "null", None),
        ("learning.classes", "[1, 2.0, 3e0]", (1, 2, 3)),
    ],
)
def test_scalars_are_those_of_yaml_1_2(write, key, written, value):
    section, name = key.split(".")
    read = config.load(write(f"{section}: {{{name}: {written}}}"))
    overridden = config.load(Scenario(), dict([config.parse_override(f"{key}={written}")]))
    assert repr(field(read, key)) == repr(value)
    assert overridden == read


def test_anchors_are_resolved(write):
    scenario = config.load(write("network: {longest_km: &far 30, shortest_km: *far}"))
    assert scenario.network.shortest_km == 30.0


# --- Overrides ---


def test_overrides_change_files_and_scenarios_alike(write):
    overrides = {"attack.name": "none", "consensus.key.security_bits": 64, "name": "mine"}
    path = write("network: {nodes: 7}\nconsensus:\n")
    from_file = config.load(path, overrides)
    assert from_file == config.load(config.load(path), overrides)
    assert from_file.attack.name == "none"
    assert from_file.consensus.key.security_bits == 64
    assert from_file.network.nodes == 7


def test_nothing_given_is_changed():
    lengths = [1, 2.5, 3, 4]
    overrides = {"network.lengths_km": lengths, "attack.name": "none"}
    scenario = Scenario(network=NetworkSettings(nodes=4), attack=AttackSettings(byzantine_nodes=1))
    before = scenario.model_dump_json()
    changed = config.load(scenario, overrides)
    assert changed.network.lengths_km == (1.0, 2.5, 3.0, 4.0)
    assert overrides == {"network.lengths_km": [1, 2.5, 3, 4], "attack.name": "none"}
    assert overrides["network.lengths_km"] is lengths
    assert scenario.model_dump_json() == before


def test_values_of_numpy_count_as_plain_ones():
    overrides = {
        "network.lengths_km": np.arange(4),
        "episode.rounds": np.int64(5),
        "network.window_s": np.float32(0.5),
        "learning.classes": [np.int32(1), np.int32(2)],
    }
    plain = {"network.lengths_km": [0, 1, 2, 3], "episode.rounds": 5, "network.window_s": 0.5}
    assert config.load("tiny", overrides) == config.load(
        "tiny", {**plain, "learning.classes": [1, 2]}
    )


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("attack.name=none", ("attack.name", "none")),
        ("attack.strength=null", ("attack.strength", None)),
        ("attack.strength=", ("attack.strength", None)),
        (" network.nodes = 12 ", ("network.nodes", 12)),
        ("a=1e-3", ("a", 1e-3)),
        ("a=[3, 8]", ("a", [3, 8])),
        ("a=b=c", ("a", "b=c")),
    ],
)
def test_an_override_is_a_key_and_yaml(text, parsed):
    assert config.parse_override(text) == parsed


# --- Writing ---


def test_what_is_written_is_complete_in_the_order_of_the_model():
    lines = config.dump(config.load("tiny")).splitlines()
    written = [line.split(":")[0].strip() for line in lines]
    assert written == [key.rpartition(".")[2] for key in _in_order("")]
    assert "  graph: null" in lines
    assert "  classes: [3, 8]" in lines


def _in_order(section: str) -> list[str]:
    found = []
    for name in SECTIONS[section].model_fields:
        key = joined(section, name)
        found += [key, *(_in_order(key) if key in SECTIONS.keys() - OPTIONAL else [])]
    return found


@pytest.mark.parametrize("name", config.shipped())
def test_what_is_written_reads_back(write, name):
    network = config.load(name).network
    changes: dict[str, object] = {"attack.strength": 1e-5, "hardware.preset": "nv_centre"}
    if network.graph is None:
        changes["network.lengths_km"] = np.linspace(0.0, 1 / 3, network.nodes)
    scenario = config.load(name, changes)
    assert config.load(write(config.dump(scenario))) == scenario


@pytest.mark.parametrize("name", ["no", "1e5", "1_0", "2026-01-01", "", " a ", "~", "a: b", "\x85"])
def test_text_that_looks_like_something_else_reads_back(write, name):
    scenario = config.load("tiny", {"name": name})
    assert config.load(write(config.dump(scenario))) == scenario


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    name=st.text(st.characters(codec="utf-8")),
    strength=st.none() | st.floats(-1e6, 1e6),
    rounds=st.integers(1, 2**31 - 1),
)
def test_any_scenario_reads_back(file, name, strength, rounds):
    changes = {"name": name, "attack.strength": strength, "episode.rounds": rounds}
    scenario = config.load("tiny", changes)
    file.write_text(config.dump(scenario), encoding="utf-8", newline="")
    assert config.load(file) == scenario


def test_what_is_written_means_the_same_to_readers_of_yaml_1_1():
    scenario = config.load("tiny", {"name": "off"})
    read = yaml.safe_load(config.dump(scenario))
    assert read["name"] == "off"
    assert Scenario(**read) == scenario


# --- Importing ---


def test_importing_it_stays_light():
    heavy = "{'jax', 'pennylane', 'torch', 'matplotlib', 'sklearn', 'networkx'}"
    load = "from ceas_gym import config; config.load('surfnet')"
    code = f"{load}; import sys; sys.exit({heavy} & set(sys.modules) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (0, "")
