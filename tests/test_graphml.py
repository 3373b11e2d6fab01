"""GraphML by the letter: defaults count, nothing vanishes, and what is no fibre is refused."""

import networkx as nx
import numpy as np
import pytest
from helpers.graph_files import CALM
from helpers.refusals import refusal

from ceas_gym import config
from ceas_gym.scenario import GraphSettings

NAMESPACE = 'xmlns="http://graphml.graphdrawing.org/xmlns"'
KEYS = """
  <key id="h" for="graph" attr.name="hub" attr.type="string"/>
  <key id="r" for="node" attr.name="relay" attr.type="boolean"/>
  <key id="l" for="edge" attr.name="length_km" attr.type="double"/>
  <key id="m" for="edge" attr.name="length" attr.type="double"/>
  <key id="c" for="edge" attr.name="channels" attr.type="int"/>
"""
HUB = '<data key="h">hub</data>'
REMEDY = "take it out of the relays, or choose another hub"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(contents: str, keys: str = KEYS, attributes: str = 'edgedefault="undirected"') -> None:
    graph = f"<graph {attributes}>{contents}</graph>"
    text = f'<?xml version="1.0"?><graphml {NAMESPACE}>{keys}{graph}</graphml>'
    with open("net.graphml", "w", encoding="utf-8") as file:
        file.write(text)


def vertices(*names: str) -> str:
    return "".join(f'<node id="{name}"/>' for name in names)


def vertex(name: str, relay: str) -> str:
    return f'<node id="{name}"><data key="r">{relay}</data></node>'


def edge(one: str, other: str, attributes: str = "", **data: object) -> str:
    values = "".join(f'<data key="{key}">{value}</data>' for key, value in data.items())
    return f'<edge source="{one}" target="{other}" {attributes}>{values}</edge>'


def default(key: str, value: str) -> str:
    """Returns the keys with a default for one of them."""
    start = KEYS.index(f'id="{key}"')
    end = KEYS.index("/>", start)
    return f"{KEYS[:end]}><default>{value}</default></key>{KEYS[end + 2 :]}"


def loaded() -> GraphSettings:
    graph = config.load("tiny", {"network.graph": "net.graphml"} | CALM).network.graph
    assert graph is not None
    return graph


def refused() -> str:
    message = refusal("tiny", {"network.graph": "net.graphml"} | CALM)
    return message.removeprefix("overrides: network.graph: net.graphml: ")


def no_route(hub: str, names: str) -> str:
    return (
        f"no route leads from the hub {hub!r} to {names}; leave them out by "
        "network.map.leave_out = [unreached]"
    )


def attempt() -> str:
    """Returns what is said of the file, nothing if it loads."""
    try:
        loaded()
    except config.ScenarioError as error:
        return str(error)
    return ""


def edges() -> list[tuple[tuple[str, str], float, int | None]]:
    return [(each.ends, each.length_km, each.channels) for each in loaded().edges]


LINE = HUB + vertices("hub", "a", "b") + edge("hub", "a", l=1) + edge("a", "b", l=2)


def test_a_plain_graph_is_read() -> None:
    write(LINE)
    assert edges() == [(("hub", "a"), 1.0, None), (("a", "b"), 2.0, None)]
    assert (loaded().hub, loaded().nodes, loaded().relays) == ("hub", ("a", "b"), ())


@pytest.mark.parametrize("namespace", ["", 'xmlns="http://graphml.graphdrawing.org/xmlns/1.0"'])
def test_a_graph_without_the_usual_namespace_is_read(here, namespace: str) -> None:
    text = f"<graphml {namespace}>{KEYS}<graph>{LINE}</graph></graphml>"
    (here / "net.graphml").write_text(text, encoding="utf-8")
    assert loaded().nodes == ("a", "b")


def test_nodes_are_numbered_as_networkx_orders_edges() -> None:
    names = ["hub", "b", "a", "d", "c"]
    joined = [("d", "c"), ("a", "hub"), ("c", "b"), ("hub", "b"), ("d", "a"), ("c", "hub")]
    write(HUB + vertices(*names) + "".join(edge(*ends, l=1) for ends in joined))
    expected = list(nx.read_graphml("net.graphml").edges())
    assert [each.ends for each in loaded().edges] == expected


# --- Vertices without edges ---


@pytest.mark.parametrize("name", ["c", "Zürich 2"])
def test_a_vertex_without_edges_is_named(name: str) -> None:
    write(LINE + vertices(name))
    assert refused() == no_route("hub", repr(name))


def test_vertices_out_of_reach_are_named_alike() -> None:
    write(LINE + vertices("c", "d") + edge("c", "d", l=1))
    assert refused() == no_route("hub", "'c', 'd'")


def test_a_relay_or_a_hub_without_edges_is_named() -> None:
    write(LINE + vertex("r", "true"))
    assert refused() == no_route("hub", "'r'")
    write(LINE.replace(">hub<", ">c<") + vertices("c"))
    assert refused() == no_route("c", "'hub', 'a', 'b'")


# --- Defaults ---


def test_the_default_of_relay_counts() -> None:
    write(
        HUB
        + vertices("hub", "a")
        + vertex("b", "false")
        + edge("hub", "a", l=1)
        + edge("a", "b", l=2),
        default("r", "true"),
    )
    # It makes no relay of the hub, of which nothing is said.
    assert (loaded().relays, loaded().nodes) == (("a",), ("b",))


def test_a_hub_that_is_said_to_be_a_relay_is_refused() -> None:
    write(HUB + vertex("hub", "true") + vertices("a") + edge("hub", "a", l=1))
    assert refused().endswith("network.graph.relays: 'hub' is the hub; " + REMEDY)


def test_the_defaults_of_edges_count() -> None:
    keys = default("l", "5.5").replace('attr.name="channels" attr.type="int"/>', CHANNELS)
    write(HUB + vertices("hub", "a", "b") + edge("hub", "a") + edge("a", "b", l=2, c=3), keys)
    assert edges() == [(("hub", "a"), 5.5, 7), (("a", "b"), 2.0, 3)]


CHANNELS = 'attr.name="channels" attr.type="int"><default>7</default></key>'


def test_a_given_length_counts_before_a_default_one() -> None:
    write(HUB + vertices("hub", "a") + edge("hub", "a", m=3), default("l", "5.5"))
    assert edges() == [(("hub", "a"), 3.0, None)]
    write(HUB + vertices("hub", "a") + edge("hub", "a"), default("m", "4"))
    assert edges() == [(("hub", "a"), 4.0, None)]


@pytest.mark.parametrize("owner", ["graph", "all"])
def test_the_default_of_the_hub_counts(owner: str) -> None:
    keys = default("h", "a").replace('for="graph"', f'for="{owner}"')
    write(LINE.removeprefix(HUB), keys)
    assert (loaded().hub, loaded().nodes) == ("a", ("hub", "b"))


def test_a_default_of_anything_counts_for_all() -> None:
    write(
        LINE, default("r", "true").replace('for="node"', 'for="all"').replace(">true<", ">false<")
    )
    assert loaded().relays == ()
    write(LINE + edge("hub", "b", l=9), default("c", "3").replace('for="edge"', 'for="all"'))
    assert {each.channels for each in loaded().edges} == {3}


def test_a_default_for_others_does_not_count() -> None:
    write(LINE, default("c", "3").replace('for="edge"', 'for="node"'))
    assert {each.channels for each in loaded().edges} == {None}


# --- What is no graph of fibres ---


def test_several_graphs_in_a_file_are_refused(here) -> None:
    text = f"<graphml {NAMESPACE}>{KEYS}<graph>{LINE}</graph><graph>{LINE}</graph></graphml>"
    (here / "net.graphml").write_text(text, encoding="utf-8")
    assert refused() == "the file holds 2 graphs, but must hold one"


def test_directed_edges_are_refused() -> None:
    said = "edge hub - a is directed, but a fibre has no direction"
    write(LINE, attributes='edgedefault="directed"')
    assert refused() == said
    write(LINE.replace('target="a"', 'target="a" directed="true"', 1))
    assert refused() == said
    nx.write_graphml(nx.DiGraph([("hub", "a")], hub="hub"), "net.graphml")
    assert refused() == said


def test_edges_that_say_that_they_are_not_directed_are_read() -> None:
    write(LINE.replace("<edge ", '<edge directed="false" '), attributes='edgedefault="directed"')
    assert len(edges()) == 2


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (
            edge("a", "hub", l=9),
            "2 edges join 'hub' and 'a'; set network.map.parallel_edges = merge, or take them out",
        ),
        (
            edge("hub", "a", l=1),
            "2 edges join 'hub' and 'a'; set network.map.parallel_edges = merge, or take them out",
        ),
        (edge("b", "b", l=1), "edges[2] joins 'b' with itself"),
        (edge("b", "hubb", l=1), "edge b - hubb: 'hubb' is no vertex; did you mean hub?"),
        ('<edge source="a"/>', "edge a - : '' is no vertex; known: a, b, hub"),
        (vertices("a"), "vertex a appears twice"),
        ("<node/>", "a vertex has no id"),
        ('<node id="n"><graph/></node>', "a graph within the graph is no fibre; take it out"),
        ("<hyperedge/>", "a hyperedge within the graph is no fibre; take it out"),
        (
            edge("hub", "b"),
            "edge hub - b has no attribute length_km or length, and no coordinates at both ends",
        ),
        (edge("hub", "b", x=1), "edge hub - b has data of key 'x', which is not declared"),
        (vertex("a2", "yes"), "relay of vertex a2 must be true or false, but is 'yes'"),
        (vertex("a2", ""), "relay of vertex a2 must be true or false, but is ''"),
        (
            edge("hub", "b", l="far"),
            "length_km of edge hub - b must be a finite number of at least 0, but is 'far'",
        ),
        (edge("hub", "b", c="1.5"), "channels of edge hub - b must be an integer, but is '1.5'"),
    ],
)
def test_what_is_no_graph_of_fibres_is_refused_in_these_words(contents: str, message: str) -> None:
    write(LINE + contents)
    assert refused().endswith(message)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (default("r", "maybe"), "the default of relay must be true or false, but is 'maybe'"),
        (
            default("l", ""),
            "the default of length_km must be a finite number of at least 0, but is ''",
        ),
        (KEYS + '<key id="r" attr.name="x"/>', "key 'r' appears twice"),
    ],
)
def test_wrong_keys_are_refused_in_these_words(keys: str, message: str) -> None:
    write(LINE, keys)
    assert message in refused()


def test_an_attribute_that_is_given_twice_is_refused() -> None:
    twice = '<node id="c"><data key="r">true</data><data key="r">false</data></node>'
    write(LINE + twice)
    assert refused() == "vertex c has the attribute relay twice"


def test_what_editors_add_is_passed_over() -> None:
    keys = KEYS + '<key id="y" yfiles.type="nodegraphics"/><key id="x" attr.name="x"/>'
    drawing = '<data key="y"><shape>round</shape></data><data key="x">not a number</data>'
    write(LINE + f'<desc>fibres</desc><node id="c">{drawing}<port name="p"/></node>', keys)
    assert refused() == no_route("hub", "'c'")
    write(LINE.replace('<node id="b"/>', f'<node id="b">{drawing}</node>'), keys)
    assert loaded().nodes == ("a", "b")


def test_a_mutated_file_loads_or_is_refused_in_one_line(here) -> None:
    random = np.random.default_rng(0)
    fragments = ["<", ">", "/", '"', "&", "<graph>", "</graph>", "true", "1e999", "é", "\0", " x"]
    whole = f'<?xml version="1.0" encoding="utf-8"?><graphml {NAMESPACE}>{default("c", "7")}'
    whole = f"{whole}<graph>{LINE}</graph></graphml>"
    for _ in range(300):
        start, length = random.integers(len(whole)), random.integers(12)
        text = f"{whole[:start]}{random.choice(fragments)}{whole[start + length :]}"
        (here / "net.graphml").write_text(text, encoding="utf-8")
        message = attempt()
        assert message == "" or (message.isprintable() and "net.graphml" in message)


@pytest.mark.parametrize("encoding", ["nothing", "utf-16", "utf-32"])
def test_a_declared_encoding_that_is_not_so_is_no_traceback(here, encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><graphml>{KEYS}<graph>{LINE}</graph>'
    (here / "net.graphml").write_text(f"{text}</graphml>", encoding="utf-8")
    message = attempt()
    assert message == "" or "net.graphml is not GraphML: " in message
