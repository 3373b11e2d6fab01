"""Graphs of fibres: the settings, the shipped one, and files in YAML and GraphML."""

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from helpers.graph_files import CALM, EDGES, SMALL, YAML, graphml

from ceas_agents import catalogue
from ceas_gym import config
from ceas_gym.scenario import EdgeSettings, GraphSettings, NetworkSettings

GRAPH = GraphSettings(
    hub="hub",
    relays=("relay",),
    edges=(
        EdgeSettings(ends=("hub", "relay"), length_km=10.0),
        EdgeSettings(ends=("relay", "a"), length_km=2.5, channels=3),
        EdgeSettings(ends=("relay", "b"), length_km=4.0),
        EdgeSettings(ends=("b", "hub"), length_km=0.0),
    ),
)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def fibres(graph: GraphSettings | None):
    """Returns what a graph says whatever its order, which networkx does not keep."""
    assert graph is not None
    edges = {(frozenset(edge.ends), edge.length_km, edge.channels) for edge in graph.edges}
    return graph.hub, graph.relays, edges


# --- Settings ---


def test_nodes_are_in_order_of_first_appearance():
    assert GRAPH.vertices == ("hub", "relay", "a", "b")
    assert GRAPH.nodes == ("a", "b")


def test_an_edge_is_written_in_short_or_in_full():
    short = GraphSettings.model_validate({"hub": "hub", "relays": ["relay"], "edges": EDGES})
    full = [
        {"ends": edge[:2], **dict(zip(("length_km", "channels"), edge[2:], strict=False))}
        for edge in EDGES
    ]
    in_full = GraphSettings.model_validate({"hub": "hub", "relays": ["relay"], "edges": full})
    assert short == in_full == GRAPH


def test_the_number_of_nodes_is_the_graph_s():
    assert NetworkSettings(graph=GRAPH).nodes == 2
    assert NetworkSettings(graph=GRAPH, nodes=2) == NetworkSettings(graph=GRAPH)
    with pytest.raises(ValueError, match="nodes = 10 does not agree"):
        NetworkSettings(graph=GRAPH, nodes=10)


def test_a_graph_has_at_most_a_thousand_nodes():
    edges = tuple(EdgeSettings(ends=("hub", str(i)), length_km=1.0) for i in range(1001))
    assert len(GraphSettings(hub="hub", edges=edges[:-1]).nodes) == 1000
    with pytest.raises(ValueError, match="have 1001 vertices besides hub and relays"):
        GraphSettings(hub="hub", edges=edges)


# --- The shipped one ---


def test_surfnet_has_the_published_fibres():
    graph = config.load("surfnet").network.graph
    assert graph is not None
    lengths = {edge.ends: edge.length_km for edge in graph.edges}
    assert len(lengths) == 24
    assert len(graph.vertices) == 20
    assert config.load("surfnet").network.nodes == len(graph.nodes) == 19
    # Two of the five fibres of the repeater path from Delft to Eindhoven, and the extremes.
    assert lengths["Delft2", "R'dam1"] == 14.6
    assert lengths["Utrecht2", "Nieuwegein"] == 19.1
    assert min(lengths.values()) == lengths["Utrecht1", "Utrecht2"] == 1.8
    assert max(lengths.values()) == lengths["R'dam1", "Utrecht2"] == 68.2
    assert sum(lengths.values()) == pytest.approx(707.2)


def test_surfnet_s_hub_has_the_shortest_routes():
    graph = config.load("surfnet").network.graph
    assert graph is not None
    names = graph.vertices
    # Floyd and Warshall.
    km = np.where(np.eye(len(names), dtype=bool), 0.0, np.inf)
    for edge in graph.edges:
        one, other = (names.index(end) for end in edge.ends)
        km[one, other] = km[other, one] = edge.length_km
    for via in range(len(names)):
        km = np.minimum(km, km[:, via, None] + km[None, via, :])
    means = km.sum(axis=1) / (len(names) - 1)
    assert names[int(means.argmin())] == graph.hub == "Delft1"
    assert means.min() == pytest.approx(67.8, abs=0.05)


def test_graphs_are_listed():
    assert config.shipped("graphs") == ["surfnet-randstad"]
    assert config.describe("surfnet-randstad", "graphs").endswith(".")
    assert "hub:" not in config.describe("surfnet-randstad", "graphs")
    assert "surfnet-randstad" in catalogue.text("graphs")


# --- Files ---


@pytest.mark.parametrize("name", ["net.yaml", "net.yml", "net.graphml"])
def test_a_file_is_looked_for_beside_the_scenario(here, name):
    folder = here / "folder"
    folder.mkdir()
    if name == "net.graphml":
        nx.write_graphml(graphml(), folder / name)
    else:
        (folder / name).write_text(YAML)
    (folder / "my.yaml").write_text(SMALL.format(name))
    assert fibres(config.load("folder/my.yaml").network.graph) == fibres(GRAPH)
    assert config.load(folder / "my.yaml").network.nodes == 2
    (here / "my.yaml").write_text(SMALL.format(folder / name))
    assert fibres(config.load("my.yaml").network.graph) == fibres(GRAPH)


def test_an_override_is_looked_for_in_the_working_directory(here):
    (here / "folder").mkdir()
    (here / "folder" / "my.yaml").write_text("attack: {byzantine_nodes: 0}")
    (here / "net.yaml").write_text(YAML)
    changed = config.load("folder/my.yaml", {"network.graph": "net.yaml"})
    assert changed.network.graph == GRAPH


def test_a_shipped_name_wins_over_a_folder_of_that_name(here):
    (here / "surfnet-randstad").mkdir()
    graph = config.load("surfnet").network.graph
    assert graph is not None
    assert graph.hub == "Delft1"


def test_graphml_may_say_length_and_leave_out_relays(here):
    nx.write_graphml(graphml(length="length", relay=False), here / "net.graphml")
    calm = {"network.graph": "net.graphml", "attack.byzantine_nodes": 0}
    graph = config.load("tiny", calm).network.graph
    assert graph is not None
    assert set(graph.nodes) == {"relay", "a", "b"}
    assert fibres(graph)[2] == fibres(GRAPH)[2]


def test_graphml_may_give_its_hub_as_a_number(here):
    graph = nx.Graph(hub=1)
    graph.add_edge("1", "2", length_km=3.0)
    nx.write_graphml(graph, here / "net.graphml")
    loaded = config.load("tiny", {"network.graph": "net.graphml"} | CALM).network.graph
    assert loaded is not None
    assert (loaded.hub, loaded.nodes) == ("1", ("2",))


# --- Overrides and writing ---


def test_an_override_of_the_graph_replaces_nodes_and_lengths(here):
    Path("my.yaml").write_text(
        "network: {nodes: 4, lengths_km: [1, 2, 3, 4]}\nattack: {byzantine_nodes: 1}"
    )
    graph = {"hub": "hub", "relays": ["relay"], "edges": EDGES}
    for base, given in itertools.product(("my.yaml", "surfnet"), (graph, GRAPH)):
        calm: dict[str, object] = {"network.graph": given, "attack.byzantine_nodes": 0}
        from_name, from_object = config.load(base, calm), config.load(config.load(base), calm)
        assert from_name == from_object
        assert from_name.network.graph == GRAPH
        assert from_name.network.nodes == 2


def test_a_graph_can_be_taken_away():
    for base in ("surfnet", config.load("surfnet")):
        star = config.load(base, {"network.graph": None}).network
        assert (star.graph, star.nodes) == (None, 10)
    assert config.load("tiny", {"network.graph": None}) == config.load("tiny")


@pytest.mark.parametrize("first", ["network.graph", "network.graph.hub"])
def test_parts_of_a_graph_are_overridden_in_any_order(first):
    overrides = {"network.graph": "surfnet-randstad", "network.graph.hub": "R'dam1"}
    overrides = {first: overrides[first], **overrides}
    graph = config.load("small", overrides).network.graph
    assert graph is not None
    assert graph.hub == "R'dam1"
    relayed = config.load(config.load("surfnet"), {"network.graph.relays": ["Delft2"]})
    assert relayed.network.nodes == 18


def test_what_is_written_has_a_line_for_each_edge(here):
    scenario = config.load("tiny", {"network.graph": GRAPH, **CALM})
    text = config.dump(scenario)
    assert "    - [relay, a, 2.5, 3]\n    - [relay, b, 4.0]\n" in text
    Path("my.yaml").write_text(text)
    assert config.load("my.yaml") == scenario
    assert config.load(scenario) == scenario
