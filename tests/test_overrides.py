"""Overrides as people type and programs make them: spaces, paths, numbers of other libraries."""

from pathlib import Path

import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from helpers.graph_files import CALM, YAML, graphml
from helpers.refusals import refusal

from ceas_agents import catalogue
from ceas_agents.evaluation import contestants
from ceas_agents.sweeps import plan as plans
from ceas_agents.training import plan as training_plan
from ceas_gym import config

RULE = "clip+nnm+trimmed_mean"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- Spaces ---


@pytest.mark.parametrize(
    "key", [" episode.rounds", "episode.rounds ", "\tepisode.rounds\n", "episode . rounds"]
)
def test_spaces_around_a_key_are_left_out(key):
    assert config.load("tiny", {key: 5}).episode.rounds == 5
    assert config.load("tiny", dict([config.parse_override(f"{key}=5")])).episode.rounds == 5


def test_a_key_that_is_given_twice_is_refused():
    assert refusal("tiny", {"episode.rounds": 5, " episode.rounds": 6}) == (
        "overrides: episode.rounds is given twice"
    )


@pytest.mark.parametrize("key", ["network.graph", " network.graph ", "hardware.preset "])
def test_keys_that_replace_others_may_have_spaces(here, key):
    Path("net.yaml").write_text(YAML, encoding="utf-8")
    value = "net.yaml" if "graph" in key else "nv_centre"
    spaced, plain = config.load("tiny", {key: value} | CALM), {key.strip(): value} | CALM
    assert spaced == config.load("tiny", plain)


@pytest.mark.parametrize(
    ("key", "typed", "meant"),
    [
        ("consensus.rule", " clip + nnm+trimmed_mean ", RULE),
        ("attack.name", "white_box + jamming", "white_box+jamming"),
        ("consensus.unauthenticated_updates", " cache", "cache"),
        ("learning.dataset", "wine\n", "wine"),
        ("hardware.preset", " nv_centre", "nv_centre"),
    ],
)
def test_spaces_around_names_are_left_out(key, typed, meant):
    assert config.load("tiny", {key: typed}) == config.load("tiny", {key: meant})


def test_the_name_and_the_vertices_keep_theirs():
    graph = {"hub": " a", "edges": [[" a", "b", 1]]}
    scenario = config.load("tiny", {"network.graph": graph, "name": " mine + yours"} | CALM)
    assert scenario.name == " mine + yours"
    assert scenario.network.graph is not None
    assert scenario.network.graph.hub == " a"


def test_names_on_the_command_line_may_have_spaces():
    assert config.load(" tiny ") == config.load("tiny")
    assert contestants.get(" ceas") is contestants.CONTESTANTS["ceas"]
    assert catalogue.text("rules ") == catalogue.text("rules")
    with config_error() as caught, config.naming(" tiny"):
        raise ValueError("broken")
    assert str(caught.value) == "scenario tiny: broken"


def config_error():
    return pytest.raises(config.ScenarioError)


def test_keys_in_files_of_sweeps_and_training_may_have_spaces(here):
    Path("sweep.yaml").write_text(
        "scenario: tiny\npolicy: uniform\nepisodes: 1\n"
        'set: {" episode.rounds": 2}\n'
        'vary: {"attack.byzantine_nodes ": [0, 1], sent: {no: {" attack.name": none}}}\n',
        encoding="utf-8",
    )
    plan = plans.load(Path("sweep.yaml"), {"learning.layers ": 1})
    assert plan.fixed == {"episode.rounds": 2, "learning.layers": 1}
    assert plan.factors["sent"] == {"no": {"attack.name": "none"}}
    assert [cell.refusal for cell in plan.cells] == ["", ""]
    Path("train.yaml").write_text('scenario: tiny\nset: {" episode.rounds": 2}\n', encoding="utf-8")
    trained = training_plan.load(Path("train.yaml"), {" learning.layers": 1}).scenario
    assert (trained.episode.rounds, trained.learning.layers) == (2, 1)


# --- What is no mapping ---


@pytest.mark.parametrize(
    ("overrides", "shown"),
    [("episode.rounds=5", "'episode.rounds=5'"), ([("a", 1)], "[('a', 1)]"), (5, "5")],
)
def test_overrides_that_are_no_mapping_are_refused(overrides, shown):
    assert refusal("tiny", overrides) == (
        f"overrides must be a mapping of keys to values, but is {shown}"
    )


# --- Paths ---


@pytest.mark.parametrize("name", ["net.yaml", "net.graphml"])
def test_a_path_of_a_graph_is_as_good_as_text(here, name):
    Path("net.yaml").write_text(YAML, encoding="utf-8")
    nx.write_graphml(graphml(), "net.graphml")
    by_path = config.load("tiny", {"network.graph": Path(name)} | CALM)
    assert by_path == config.load("tiny", {"network.graph": name} | CALM)
    absolute = config.load("tiny", {"network.graph": here / name} | CALM)
    assert absolute == by_path


def test_a_path_that_leads_nowhere_is_named():
    assert refusal("tiny", {"network.graph": Path("no.yaml")}).startswith(
        "overrides: network.graph: no.yaml can't be read"
    )


# --- Numbers of NumPy and JAX ---


@pytest.mark.parametrize("library", [np, jnp], ids=["numpy", "jax"])
def test_numbers_and_arrays_of_other_libraries_are_plain(library):
    scenario = config.load(
        "tiny",
        {
            "episode.rounds": library.int32(5),
            "learning.learning_rate": library.float32(0.25),
            "learning.classes": library.array([1, 7]),
            "network.lengths_km": library.array([1.0, 2.0, 3.0, 4.5]),
        },
    )
    plain = {
        "episode.rounds": 5,
        "learning.learning_rate": 0.25,
        "learning.classes": [1, 7],
        "network.lengths_km": [1, 2, 3, 4.5],
    }
    assert scenario == config.load("tiny", plain)
