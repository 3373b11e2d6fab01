"""Reads graphs of fibres in GraphML; a file that does not describe such a graph is refused.

These attributes are read, each with the default of its key: `hub` of the graph, `relay` of
vertices, and `length_km`, `length` and `channels` of edges. All others are ignored, as is what
editors add for drawing.

Source:
    Brandes, Eiglsperger, Lerner and Pich, Graph Markup Language (GraphML), in: Handbook of Graph
    Drawing and Visualization, CRC Press (2013).
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ceas_gym.config import sources
from ceas_gym.config.keys import shown
from ceas_gym.registry import nearest

ATTRIBUTES = {"graph": ("hub",), "node": ("relay",), "edge": ("length_km", "length", "channels")}
"""Attributes that are read, by what has them. If both lengths are given, `length_km` is used."""
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "boolean": ("true or false", lambda text: BOOLEANS[text.lower()]),
    "int": ("an integer", int),
    "long": ("an integer", int),
    "float": ("a number", float),
    "double": ("a number", float),
    "string": ("text", str),
}
"""For each type, what messages call its values, and how they are read."""


class _Key(NamedTuple):
    name: str
    kind: str
    owner: str
    """What has the attribute: `graph`, `node`, `edge` or `all`."""
    default: str | None


class _Values(NamedTuple):
    given: dict[str, object]
    default: dict[str, object]

    def first(self, *names: str) -> object:
        """Returns the first of these attributes that is given, else the first with a default."""
        found = (source[name] for source in self for name in names if name in source)
        return next(found, None)


def settings(text: str, source: str) -> dict[str, Any]:
    """Returns the settings of a graph: hub, relays, and edges with lengths in km.

    Their values are not checked yet. Edges are ordered by their first vertex, so that nodes are
    numbered in the order of the file.

    Args:
        text: Contents of the file.
        source: What messages call it.

    Raises:
        ScenarioError: If it is not GraphML, or can't be read as one graph of fibres.

    Example:
        >>> graph = '<graph><data key="h">A</data><node id="A"/><node id="B"/>'
        >>> edge = '<edge source="B" target="A"><data key="l">3</data></edge></graph>'
        >>> keys = '<key id="h" attr.name="hub"/><key id="l" attr.name="length" attr.type="int"/>'
        >>> settings(f"<graphml>{keys}{graph}{edge}</graphml>", "my.graphml")["edges"]
        [{'ends': ['A', 'B'], 'length_km': 3, 'channels': None}]
    """
    with sources.prefixing(lambda: f"{source} is not GraphML"):
        root = _parsed(text)
    with sources.prefixing(lambda: source):
        return _settings(_only_graph(root), _keys(root))


def _settings(graph: Element, keys: dict[str, _Key]) -> dict[str, Any]:
    named = _values(graph, "graph", "the graph", keys).first("hub")
    if named is None:
        raise ValueError("the graph has no attribute hub")
    hub, vertices = str(named), _vertices(graph)
    edges = list(_edges(graph, list(vertices), keys))
    relays = [name for name, vertex in vertices.items() if _is_relay(vertex, name, hub, keys)]
    joined = {end for edge in edges for end in edge["ends"]}
    for name in vertices:
        if name not in (hub, *relays, *joined):
            raise ValueError(f"no route leads from the hub {hub!r} to {name!r}")
    return {"hub": hub, "relays": relays, "edges": edges}


# --- The file ---


def _parsed(text: str) -> Element:
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from error
    if _tag(root) != "graphml":
        raise ValueError(f"its root is {_tag(root)}")
    if next(_children(root, "graph"), None) is None:
        raise ValueError("it holds no graph")
    return root


def _only_graph(root: Element) -> Element:
    graph, *others = _children(root, "graph")
    if others:
        raise ValueError(f"the file holds {1 + len(others)} graphs, but must hold one")
    for inner in graph.iter():
        if _tag(inner) == "hyperedge" or (_tag(inner) == "graph" and inner is not graph):
            raise ValueError(f"a {_tag(inner)} within the graph is no fibre; take it out")
    return graph


def _children(element: Element, tag: str) -> Iterator[Element]:
    return (child for child in element if _tag(child) == tag)


def _tag(element: Element) -> str:
    # The tag without its namespace, which many files leave out.
    return element.tag.rpartition("}")[2]


# --- Attributes ---


def _keys(root: Element) -> dict[str, _Key]:
    found: dict[str, _Key] = {}
    for key in _children(root, "key"):
        identity = key.get("id", "")
        if identity in found:
            raise ValueError(f"key {identity!r} appears twice")
        default = next(_children(key, "default"), None)
        found[identity] = _Key(
            name=key.get("attr.name", ""),
            kind=key.get("attr.type", "string"),
            owner=key.get("for", "all"),
            default=None if default is None else default.text or "",
        )
    return found


def _values(element: Element, owner: str, called: str, keys: dict[str, _Key]) -> _Values:
    # Values of the attributes in `ATTRIBUTES`.
    given: dict[str, object] = {}
    for data in _children(element, "data"):
        identity = data.get("key", "")
        if identity not in keys:
            raise ValueError(f"{called} has data of key {identity!r}, which is not declared")
        key = keys[identity]
        if key.name in given:
            raise ValueError(f"{called} has the attribute {key.name} twice")
        if key.name in ATTRIBUTES[owner]:
            given[key.name] = _value(key, data.text or "", f"{key.name} of {called}")
    default = {
        key.name: _value(key, key.default, f"the default of {key.name}")
        for key in keys.values()
        if key.default is not None and key.owner in (owner, "all")
        if key.name in ATTRIBUTES[owner]
    }
    return _Values(given, default)


def _value(key: _Key, text: str, called: str) -> object:
    if key.kind not in READERS:
        raise ValueError(
            f"{called} has the unknown type {key.kind!r}; {nearest(key.kind, READERS)}"
        )
    words, read = READERS[key.kind]
    try:
        return read(text.strip())
    except (ValueError, KeyError):
        raise ValueError(f"{called} must be {words}, but is {shown(text)}") from None


# --- Vertices and edges ---


def _vertices(graph: Element) -> dict[str, Element]:
    vertices: dict[str, Element] = {}
    for vertex in _children(graph, "node"):
        name = vertex.get("id")
        if name is None:
            raise ValueError("a vertex has no id")
        if name in vertices:
            raise ValueError(f"vertex {name} appears twice")
        vertices[name] = vertex
    return vertices


def _is_relay(vertex: Element, name: str, hub: str, keys: dict[str, _Key]) -> bool:
    found = _values(vertex, "node", f"vertex {name}", keys)
    # A default of `relay` does not make the hub a relay; only its own attribute could.
    relay = found.given.get("relay", False) if name == hub else found.first("relay") or False
    if not isinstance(relay, bool):
        raise ValueError(f"relay of vertex {name} must be true or false, but is {shown(relay)}")
    return relay


def _edges(graph: Element, vertices: list[str], keys: dict[str, _Key]) -> Iterator[dict[str, Any]]:
    place = {name: number for number, name in enumerate(vertices)}
    by_default = str(graph.get("edgedefault") == "directed").lower()
    found: list[tuple[list[str], Element]] = []
    for edge in _children(graph, "edge"):
        ends = [edge.get("source", ""), edge.get("target", "")]
        called = f"edge {' - '.join(ends)}"
        for end in ends:
            if end not in place:
                raise ValueError(f"{called}: {end!r} is no vertex; {nearest(end, vertices)}")
        if edge.get("directed", by_default) == "true":
            raise ValueError(f"{called} is directed, but a fibre has no direction")
        found.append((sorted(ends, key=place.__getitem__), edge))
    for ends, edge in sorted(found, key=lambda each: place[each[0][0]]):
        called = f"edge {' - '.join(ends)}"
        values = _values(edge, "edge", called, keys)
        length = values.first("length_km", "length")
        if length is None:
            raise ValueError(f"{called} has no attribute length_km or length")
        yield {"ends": ends, "length_km": length, "channels": values.first("channels")}
