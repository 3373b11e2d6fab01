"""Graphs that are refused: every message."""

import networkx as nx
import pytest
from helpers.graph_files import CALM, SMALL, YAML, graphml
from helpers.refusals import refusal

from ceas_gym.config.keys import shown

ENDINGS = "must end in .yaml, .yml, .graphml, or .txt for SNDlib's format"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "surfnet-randstat",
            "my.yaml: network.graph: graph 'surfnet-randstat' is unknown (did you mean "
            "surfnet-randstad?); shipped are surfnet-randstad, and the name of a file ends in "
            ".yaml or .graphml or .txt",
        ),
        ("no.yaml", "my.yaml: network.graph: no.yaml can't be read: no such file or directory"),
        ("my/no", f"my.yaml: network.graph: my/no {ENDINGS}"),
        ("net.xml", f"my.yaml: network.graph: net.xml {ENDINGS}"),
        (
            "net.txt",
            "my.yaml: network.graph: net.txt is not in SNDlib's native format: its first line does "
            "not start with ?SNDlib native format",
        ),
    ],
)
def test_a_graph_that_is_not_there_is_refused_in_these_words(here, name, message):
    for file in ("net.txt", "net.xml"):
        (here / file).write_text(YAML)
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
        "net.yaml: network.graph.edges[0].length_km must be a finite number from 0 to 100000, "
        "but is "
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
            "the map names no hub; set network.map.hub to a vertex, or to central (vertices: "
            "'hub', 'relay', 'a', 'b')",
        ),
        (graphml(hub="hubb"), "the map's hub: 'hubb' is no vertex; did you mean hub?"),
        (
            graphml(drop="a"),
            "edge relay - a has no attribute length_km or length, and no coordinates at both ends",
        ),
        (graphml(relay="no"), "relay of vertex relay must be true or false, but is 'no'"),
    ],
)
def test_a_wrong_graph_in_graphml_is_refused_in_these_words(here, graph, message):
    nx.write_graphml(graph, here / "net.graphml")
    said = refusal("tiny", {"network.graph": "net.graphml", **CALM})
    assert said == f"overrides: network.graph: net.graphml: {message}"


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
        "overrides: network.graph: net.graphml: length_km of edge a - b must be a finite number of "
        f"at least 0, but is {shown(str(length))}"
    )
