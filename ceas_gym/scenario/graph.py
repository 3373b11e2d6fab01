"""A network beyond the star: fibre edges between named vertices, one of which is the hub."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ceas_gym.registry import nearest
from ceas_gym.scenario.section import Count, Kilometres, Section

MOST_NODES = 1000


def _text_of_number(value: object) -> object:
    return str(value) if type(value) is int else value


Vertex = Annotated[str, BeforeValidator(_text_of_number)]
"""Label or id of a vertex; ids are often numbers."""


class MapSettings(Section, frozen=True):
    """How a map in GraphML or in SNDlib's native format becomes the graph of the network.

    It has no effect on a graph that is spelled out, or in YAML.
    """

    hub: Vertex | None = None
    """Label or id of the vertex that is the hub, in place of the one that the map names. `central`
    is the vertex with the shortest routes to all others, in sum."""
    detour_factor: Annotated[float, Field(ge=1, le=10)] | None = None
    """A fibre whose length the map does not state is this times as long as the great circle between
    its ends. With null, such a map is refused: no one factor is right for all networks."""
    parallel_edges: Literal["refuse", "merge"] = "refuse"
    """What becomes of several fibres between the same vertices. `merge` makes one fibre of them, as
    long as the shortest, with the channels of all if each states its own."""
    leave_out: tuple[Vertex, ...] = ()
    """Labels or ids of vertices that are left out with their fibres. Three words stand for several
    vertices: `external` for those of other networks (attribute `Internal` = 0), `unlocated` for
    those without coordinates, and `unreached` for those to which no route leads from the hub."""


class EdgeSettings(Section, frozen=True):
    """A fibre between two vertices, in short `[A, B, length_km]` or `[A, B, length_km, channels]`.

    Example:
        >>> EdgeSettings.model_validate(["A", "B", 11.8]).length_km
        11.8
    """

    ends: tuple[str, str]
    """Names of the two vertices."""
    length_km: Kilometres
    """Length of the fibre."""
    channels: Count | None = None
    """Channels that it carries at the same time, in place of `network.edge_channels`."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, data: Any) -> Any:  # noqa: ANN401 (whatever a user gives)
        if not isinstance(data, list | tuple) or len(data) not in (3, 4):
            return data
        ends, others = tuple(data[:2]), data[2:]
        return {"ends": ends, **dict(zip(("length_km", "channels"), others, strict=False))}


class GraphSettings(Section, frozen=True):
    """The graph of fibres. It is connected, and no two edges join the same vertices.

    Example:
        >>> edges = (EdgeSettings(ends=("A", "B"), length_km=3), EdgeSettings(ends=("C", "B"),
        ...     length_km=4))
        >>> GraphSettings(hub="B", edges=edges).nodes
        ('A', 'C')
    """

    about: str = ""
    """What became of the map that the graph was read from; it has no effect."""
    hub: str
    """Name of the vertex that is the hub."""
    relays: tuple[str, ...] = ()
    """Vertices that only relay and do not learn. A node may be a relay as well."""
    edges: tuple[EdgeSettings, ...]
    """The fibres."""

    @property
    def vertices(self) -> tuple[str, ...]:
        """Returns the names of all vertices, in order of first appearance in `edges`.

        They are the hub, the relays and the nodes; their number is in [2, infinity).
        """
        return tuple(dict.fromkeys(end for edge in self.edges for end in edge.ends))

    @property
    def nodes(self) -> tuple[str, ...]:
        """Returns the names of the vertices that learn, in order of first appearance.

        Their number is in [1, 1000].
        """
        others = {self.hub, *self.relays}
        return tuple(vertex for vertex in self.vertices if vertex not in others)

    @model_validator(mode="after")
    def _check(self) -> "GraphSettings":
        self._check_edges()
        self._check_names()
        self._check_connected()
        if not 1 <= len(self.nodes) <= MOST_NODES:
            raise ValueError(
                f"edges have {len(self.nodes)} vertices besides hub and relays, "
                f"but nodes must be 1 to {MOST_NODES}"
            )
        return self

    def _check_edges(self) -> None:
        first: dict[frozenset[str], int] = {}
        for index, edge in enumerate(self.edges):
            one, other = edge.ends
            if one == other:
                raise ValueError(f"edges[{index}] joins {one!r} with itself")
            earlier = first.setdefault(frozenset(edge.ends), index)
            if earlier != index:
                raise ValueError(
                    f"edges[{index}] joins {one!r} with {other!r} as edges[{earlier}] does"
                )

    def _check_names(self) -> None:
        for field, name in (("hub", self.hub), *(("relays", relay) for relay in self.relays)):
            if name not in self.vertices:
                hint = f"; {nearest(name, self.vertices)}" if self.vertices else ""
                raise ValueError(f"{field}: {name!r} is no end of any edge{hint}")
        if self.hub in self.relays:
            raise ValueError(
                f"relays: {self.hub!r} is the hub; take it out of the relays, or choose another hub"
            )
        for index, relay in enumerate(self.relays):
            if relay in self.relays[:index]:
                raise ValueError(f"relays: {relay!r} is named twice")

    def _check_connected(self) -> None:
        ends = [edge.ends for edge in self.edges]
        missed = set(self.vertices) - reached(self.hub, ends)
        for vertex in self.vertices:
            if vertex in missed:
                raise ValueError(f"edges: no route leads from the hub {self.hub!r} to {vertex!r}")


def reached(start: str, edges: Iterable[tuple[str, str]]) -> set[str]:
    """Returns the vertices to which a route leads, and the start itself.

    Args:
        start: Name of a vertex.
        edges: Both ends of every edge.

    Example:
        >>> sorted(reached("A", [("B", "C"), ("B", "A"), ("D", "E")]))
        ['A', 'B', 'C']
    """
    neighbours: dict[str, list[str]] = {}
    for one, other in edges:
        neighbours.setdefault(one, []).append(other)
        neighbours.setdefault(other, []).append(one)
    found, waiting = {start}, [start]
    while waiting:
        new = set(neighbours.get(waiting.pop(), [])) - found
        found |= new
        waiting += new
    return found
