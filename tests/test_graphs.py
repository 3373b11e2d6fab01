"""Graphs of fibres: the settings, the shipped one, and files in YAML and GraphML."""

import itertools
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from refusals import refusal

from ceas_agents import catalogue
from ceas_gym import config
from ceas_gym.config.keys import shown
from ceas_gym.scenario import EdgeSettings, GraphSettings, NetworkSettings

EDGES = [["hub", "relay", 10], ["relay", "a", 2.5, 3], ["relay", "b", 4], ["b", "hub", 0]]
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
YAML = f"hub: hub\nrelays: [relay]\nedges: {EDGES}"
SMALL = "network: {{graph: {}}}\nattack: {{byzantine_nodes: 0}}"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def graphml(
    hub: str | None = "hub", length="length_km", relay: object = True, drop=None
) -> nx.Graph:
    graph = nx.Graph()
    if hub is not None:
        graph.graph["hub"] = hub
    for one, other, km, *channels in EDGES:
        data = {length: km} | ({"channels": channels[0]} if channels else {})
        graph.add_edge(one, other, **({} if other == drop else data))
    graph.nodes["relay"]["relay"] = relay
    return graph


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


# --- Overrides and writing ---


CALM = {"attack.byzantine_nodes": 0}


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


# --- Mistakes ---


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "surfnet-randstat",
            "my.yaml: network.graph: graph 'surfnet-randstat' is unknown (did you mean "
            "surfnet-randstad?); shipped are surfnet-randstad, and the name of a file ends in "
            ".yaml or .graphml",
        ),
        ("no.yaml", "my.yaml: network.graph: no.yaml can't be read: no such file or directory"),
        ("my/no", "my.yaml: network.graph: my/no must end in .yaml, .yml or .graphml"),
        ("net.txt", "my.yaml: network.graph: net.txt must end in .yaml, .yml or .graphml"),
    ],
)
def test_a_graph_that_is_not_there_is_refused_in_these_words(here, name, message):
    (here / "net.txt").write_text(YAML)
    (here / "my.yaml").write_text(SMALL.format(name))
    assert refusal("my.yaml") == message
    in_override = message.replace("my.yaml", "overrides", 1)
    assert refusal("tiny", {"network.graph": name}) == in_override


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hub: a: b", "my.yaml: network.graph: net.yaml: line 1: mapping values are not allowed"),
        ("[1]", "my.yaml: network.graph: net.yaml must be a mapping of settings, but is [1]"),
        ("", "net.yaml: network.graph.hub is missing (and 1 more)"),
        ("hub: a\nedges: [[a, b]]", "net.yaml: network.graph.edges[0] must be an edge such as"),
        ("hub: c\nedges: [[a, b, 1]]", "net.yaml: network.graph.hub: 'c' is no end of any edge"),
        ("hub: a\nedge: []\nedges: [[a, b, 1]]", "net.yaml: network.graph.edge is not a setting"),
    ],
)
def test_a_broken_graph_in_yaml_is_refused_with_its_name(here, text, message):
    (here / "net.yaml").write_text(text)
    (here / "my.yaml").write_text(SMALL.format("net.yaml"))
    assert refusal("my.yaml").startswith(message)


def test_edges_within_themselves_are_refused(here):
    (here / "net.yaml").write_text("hub: a\nedges: &e [[a, b, *e]]")
    assert refusal("tiny", {"network.graph": "net.yaml"}).startswith(
        "net.yaml: network.graph.edges[0].length_km must be a finite number of at least 0, but is "
    )


def test_an_override_of_a_part_needs_a_graph():
    assert refusal("tiny", {"network.graph.hub": "a"}) == (
        "scenario tiny: network.graph.edges is missing"
    )


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (
            graphml(hub=None),
            "overrides: network.graph: net.graphml: the graph has no attribute hub",
        ),
        (
            graphml(hub="hubb"),
            "net.graphml with overrides: network.graph.hub: 'hubb' is no end of any edge; did you mean hub?",
        ),
        (
            graphml(drop="a"),
            "overrides: network.graph: net.graphml: edge relay - a has no attribute "
            "length_km or length",
        ),
        (
            graphml(relay=1),
            "overrides: network.graph: net.graphml: relay of vertex relay must be true or false, "
            "but is 1",
        ),
    ],
)
def test_a_wrong_graph_in_graphml_is_refused_in_these_words(here, graph, message):
    nx.write_graphml(graph, here / "net.graphml")
    assert refusal("tiny", {"network.graph": "net.graphml", **CALM}) == message


@pytest.mark.parametrize(
    "content",
    ["", "<graphml>", "<graphml/>", "hub: a", "<a><b/></a>", "<graphml>" * 5],
)
def test_broken_xml_is_refused_with_its_name(here, content):
    (here / "net.graphml").write_text(content)
    message = refusal("tiny", {"network.graph": "net.graphml"})
    assert message.startswith("overrides: network.graph: net.graphml is not GraphML: ")


@pytest.mark.parametrize("length", ["far", True, -1.0, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(here, length):
    graph = nx.Graph(hub="a")
    graph.add_edge("a", "b", length_km=length)
    nx.write_graphml(graph, here / "net.graphml")
    assert refusal("tiny", {"network.graph": "net.graphml", **CALM}) == (
        "net.graphml: network.graph.edges[0].length_km must be a finite number of at least 0, "
        f"but is {shown(int(length) if length == -1 else length)}"
    )
