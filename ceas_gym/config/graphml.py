"""Reads maps in GraphML; a file that does not describe a graph of fibres is refused.

These attributes are read, each with the default of its key: `hub` of the graph; `relay`, `label`,
`Latitude`, `Longitude`, `Internal` and `hyperedge` of vertices; and `length_km`, `length` and
`channels` of edges. Neither the case of a name counts, nor the type that its key declares: maps,
such as those of the Internet Topology Zoo, differ in both. All others are ignored, as is what
editors add for drawing.

Source:
    Brandes, Eiglsperger, Lerner and Pich, Graph Markup Language (GraphML), in: Handbook of Graph
    Drawing and Visualization, CRC Press (2013). The attributes of the Internet Topology Zoo: Knight
    et al., IEEE J. Sel. Areas Commun. 29, 1765 (2011).
"""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from ceas_gym.config import sources
from ceas_gym.config.keys import shown
from ceas_gym.config.maps import Fibre, Map, Place
from ceas_gym.registry import nearest

ALIASES = {"lat": "latitude", "lon": "longitude", "long": "longitude", "lng": "longitude"}
"""Other names of attributes, in lower case."""
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def _length(text: str) -> float:
    if not 0 <= (length := float(text)) < math.inf:
        raise ValueError
    return length


def _angle(most: float) -> Callable[[str], float]:
    def read(text: str) -> float:
        if not abs(angle := float(text)) <= most:
            raise ValueError
        return angle

    return read


def _whole(text: str) -> int:
    if (number := float(text)) != int(number):
        raise ValueError
    return int(number)


def _boolean(text: str) -> bool:
    return BOOLEANS[text.lower()]


LENGTH = ("a finite number of at least 0", _length)
BOOLEAN = ("true or false", _boolean)
READERS: dict[str, dict[str, tuple[str, Callable[[str], Any]]]] = {
    "graph": {"hub": ("text", str)},
    "node": {
        "label": ("text", str),
        "relay": BOOLEAN,
        "latitude": ("an angle from -90 to 90 degrees", _angle(90)),
        "longitude": ("an angle from -180 to 180 degrees", _angle(180)),
        "internal": BOOLEAN,
        "hyperedge": BOOLEAN,
    },
    "edge": {"length_km": LENGTH, "length": LENGTH, "channels": ("an integer", _whole)},
}
"""For each attribute, by what has it, what messages call its values, and how they are read. If both
lengths are given, `length_km` is used."""


class _Key(NamedTuple):
    name: str
    """In lower case, and without aliases."""
    owner: str
    """What has the attribute: `graph`, `node`, `edge` or `all`."""
    default: str | None


class _Values(NamedTuple):
    given: dict[str, Any]
    default: dict[str, Any]

    def first(self, *names: str) -> Any:  # noqa: ANN401 (of the type that its reader returns)
        """Returns the first of these attributes that is given, else the first with a default."""
        found = (source[name] for source in self for name in names if name in source)
        return next(found, None)


def read(text: str, source: str) -> Map:
    """Returns the map that a file holds.

    A vertex that stands for a hyperedge is a relay, unless the file says that it is none.

    Args:
        text: Contents of the file.
        source: What messages call it.

    Raises:
        ScenarioError: If it is not GraphML, or can't be read as one graph of fibres.

    Example:
        >>> graph = '<graph><data key="h">A</data><node id="A"/><node id="B"/>'
        >>> edge = '<edge source="B" target="A"><data key="l">3</data></edge></graph>'
        >>> keys = '<key id="h" attr.name="hub"/><key id="l" attr.name="length" attr.type="int"/>'
        >>> read(f"<graphml>{keys}{graph}{edge}</graphml>", "my.graphml").fibres
        [Fibre(ends=('A', 'B'), length_km=3.0, channels=None)]
    """
    with sources.prefixing(lambda: f"{source} is not GraphML"):
        root = _parsed(text)
    with sources.prefixing(lambda: source):
        graph, keys = _only_graph(root), _keys(root)
        hub = _values(graph, "graph", "the graph", keys).first("hub")
        places = _places(graph, keys)
        fibres = list(_fibres(graph, [place.identity for place in places], keys))
        relays = _defaults("node", keys).get("relay", False)
        return Map(places, fibres, hub, are_relays=relays)


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
        name = key.get("attr.name", "").strip().lower()
        default = next(_children(key, "default"), None)
        found[identity] = _Key(
            name=ALIASES.get(name, name),
            owner=key.get("for", "all"),
            default=None if default is None else default.text or "",
        )
    return found


def _values(element: Element, owner: str, called: str, keys: dict[str, _Key]) -> _Values:
    # Values of the attributes in `READERS`.
    given: dict[str, Any] = {}
    for data in _children(element, "data"):
        identity = data.get("key", "")
        if identity not in keys:
            raise ValueError(f"{called} has data of key {identity!r}, which is not declared")
        name = keys[identity].name
        if name in given:
            raise ValueError(f"{called} has the attribute {name} twice")
        if name in READERS[owner]:
            given[name] = _value(owner, name, data.text or "", f"{name} of {called}")
    return _Values(given, _defaults(owner, keys))


def _defaults(owner: str, keys: dict[str, _Key]) -> dict[str, Any]:
    return {
        key.name: _value(owner, key.name, key.default, f"the default of {key.name}")
        for key in keys.values()
        if key.default is not None and key.owner in (owner, "all")
        if key.name in READERS[owner]
    }


def _value(owner: str, name: str, text: str, called: str) -> Any:  # noqa: ANN401 (as its reader)
    words, reader = READERS[owner][name]
    try:
        return reader(text.strip())
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"{called} must be {words}, but is {shown(text)}") from None


# --- Vertices and edges ---


def _places(graph: Element, keys: dict[str, _Key]) -> list[Place]:
    found: dict[str, Place] = {}
    for vertex in _children(graph, "node"):
        name = vertex.get("id")
        if name is None:
            raise ValueError("a vertex has no id")
        if name in found:
            raise ValueError(f"vertex {name} appears twice")
        found[name] = _place(name, _values(vertex, "node", f"vertex {name}", keys))
    return list(found.values())


def _place(name: str, values: _Values) -> Place:
    latitude, longitude = values.first("latitude"), values.first("longitude")
    is_junction = True if values.first("hyperedge") else None
    return Place(
        identity=name,
        label=values.first("label") or "",
        at=None if latitude is None or longitude is None else (latitude, longitude),
        relay=values.given.get("relay", is_junction),
        is_external=values.first("internal") is False,
    )


def _fibres(graph: Element, vertices: list[str], keys: dict[str, _Key]) -> Iterator[Fibre]:
    place = {name: number for number, name in enumerate(vertices)}
    by_default = str(graph.get("edgedefault") == "directed").lower()
    for edge in _children(graph, "edge"):
        ends = [edge.get("source", ""), edge.get("target", "")]
        called = f"edge {' - '.join(ends)}"
        for end in ends:
            if end not in place:
                raise ValueError(f"{called}: {end!r} is no vertex; {nearest(end, vertices)}")
        if edge.get("directed", by_default) == "true":
            raise ValueError(f"{called} is directed, but a fibre has no direction")
        one, other = sorted(ends, key=place.__getitem__)
        values = _values(edge, "edge", called, keys)
        yield Fibre((one, other), values.first("length_km", "length"), values.first("channels"))
