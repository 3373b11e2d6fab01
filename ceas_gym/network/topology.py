"""Topology: a star, or a graph of fibres with the shortest routes from the hub to the nodes."""

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ceas_gym.scenario import GraphSettings, NetworkSettings


class Topology(NamedTuple):
    """The fibres and memories that each node's route uses; the hub is vertex 0."""

    length_km: Float[np.ndarray, " edges"]
    """Length of each fibre edge, in km."""
    edge: Int[np.ndarray, "nodes hops"]
    """Fibre edge of every hop, from the hub outwards; 0 beyond the end of the route."""
    ends: Int[np.ndarray, "nodes hops 2"]
    """The two vertices of every hop."""
    is_hop: Bool[np.ndarray, "nodes hops"]
    """Whether the route has this hop; routes differ in length."""
    vertex: Int[np.ndarray, " nodes"]
    """Vertex at which the node is."""
    vertices: int
    """Number of vertices, the hub included."""
    channels: Float[np.ndarray, " bottlenecks"]
    """Channels of the hub, then of every fibre edge that several routes share."""
    passes: Float[np.ndarray, "bottlenecks nodes"]
    """One where the node's route passes through the bottleneck, else zero."""

    @property
    def hop_km(self) -> Float[np.ndarray, "nodes hops"]:
        """Returns the length of every hop in km, 0 beyond the end of the route."""
        return np.where(self.is_hop, self.length_km[self.edge], 0.0)

    @property
    def route_km(self) -> Float[np.ndarray, " nodes"]:
        """Returns the length of every node's route in km."""
        return self.hop_km.sum(axis=1)

    @property
    def longest_route_km(self) -> float:
        """Returns the length of the longest route from the hub to a node, in km."""
        return float(self.route_km.max())


def build(settings: NetworkSettings, random: np.random.Generator) -> Topology:
    """Returns the topology of a scenario.

    Args:
        settings: The graph, or the lengths of a star in km, or the range that they are drawn from.
        random: Draws the lengths of a star, uniformly.
    """
    if settings.graph is not None:
        return from_graph(settings.graph, settings.channels, settings.edge_channels)
    lengths = random.uniform(settings.shortest_km, settings.longest_km, settings.nodes)
    if settings.lengths_km is not None:
        lengths = np.array(settings.lengths_km)
    return star(lengths, settings.channels)


def star(length_km: Float[np.ndarray, " nodes"], channels: int) -> Topology:
    """Returns a star: every node has a fibre of its own, and the hub is the only bottleneck.

    Args:
        length_km: Length of each node's fibre in km; at least 0.
        channels: Channels of the hub; at least 1.

    Example:
        >>> star(np.array([1.0, 2.0]), channels=1).ends.tolist()
        [[[0, 1]], [[0, 2]]]
    """
    nodes = np.arange(len(length_km))
    return Topology(
        length_km=length_km,
        edge=nodes[:, None],
        ends=np.stack([np.zeros_like(nodes), nodes + 1], axis=1)[:, None],
        is_hop=np.ones((len(nodes), 1), bool),
        vertex=nodes + 1,
        vertices=len(nodes) + 1,
        channels=np.array([float(channels)]),
        passes=np.ones((1, len(nodes))),
    )


def from_graph(graph: GraphSettings, channels: int, edge_channels: int) -> Topology:
    """Returns the topology of a graph, in which each node is reached by the shortest route in km.

    Args:
        graph: Hub, nodes, relays and fibres.
        channels: Channels of the hub; at least 1.
        edge_channels: Channels of a fibre edge that does not set its own; at least 1.

    Source:
        Dijkstra, Numerische Mathematik 1, 269 (1959), by networkx.
    """
    number = {name: place for place, name in enumerate([graph.hub, *graph.nodes, *graph.relays])}
    edge_of = {frozenset(edge.ends): place for place, edge in enumerate(graph.edges)}
    routes = [_route(graph, node) for node in graph.nodes]
    shape = (len(routes), max(map(len, routes)))
    edge, ends, is_hop = np.zeros(shape, int), np.zeros((*shape, 2), int), np.zeros(shape, bool)
    for node, route in enumerate(routes):
        for hop, (near, far) in enumerate(route):
            edge[node, hop] = edge_of[frozenset((near, far))]
            ends[node, hop] = number[near], number[far]
            is_hop[node, hop] = True
    limits, passes = _bottlenecks(edge, is_hop, [e.channels or edge_channels for e in graph.edges])
    return Topology(
        length_km=np.array([fibre.length_km for fibre in graph.edges]),
        edge=edge,
        ends=ends,
        is_hop=is_hop,
        vertex=np.array([number[node] for node in graph.nodes]),
        vertices=len(number),
        channels=np.array([float(channels), *limits]),
        passes=np.vstack([np.ones(len(routes)), passes]),
    )


def most_central(edges: Iterable[tuple[str, str, float]], candidates: Iterable[str]) -> str:
    """Returns the vertex with the shortest routes to all others, in sum.

    Of vertices that do not reach equally many, it is one of those that reach most. Of several that
    are as central, it is the first.

    Args:
        edges: Both ends of every edge, and its length in km; no two join the same vertices.
        candidates: Names of vertices; at least one.

    Source:
        Closeness centrality: Sabidussi, Psychometrika 31, 581 (1966).

    Example:
        >>> most_central([("A", "B", 1.0), ("B", "C", 2.0)], ["A", "B", "C"])
        'B'
    """
    import networkx as nx

    fibres = nx.Graph()
    fibres.add_weighted_edges_from(edges)

    def remoteness(name: str) -> tuple[int, float]:
        routes = nx.single_source_dijkstra_path_length(fibres, name) if name in fibres else {}
        return -len(routes), sum(routes.values())

    return min(candidates, key=remoteness)


def _route(graph: GraphSettings, node: str) -> list[tuple[str, str]]:
    # The hops from the hub to the node, each as a pair of vertices.
    import networkx as nx

    fibres = nx.Graph()
    fibres.add_weighted_edges_from((*edge.ends, edge.length_km) for edge in graph.edges)
    path = nx.dijkstra_path(fibres, graph.hub, node)
    return list(pairwise(path))


def _bottlenecks(
    edge: Int[np.ndarray, "nodes hops"], is_hop: Bool[np.ndarray, "nodes hops"], channels: list[int]
) -> tuple[Float[np.ndarray, " shared"], Float[np.ndarray, "shared nodes"]]:
    # A fibre that only one node uses is no bottleneck, because no node gets more than one channel.
    uses = np.array([((edge == fibre) & is_hop).any(axis=1) for fibre in range(len(channels))])
    shared = uses.sum(axis=1) > 1
    return np.array(channels, float)[shared], uses[shared].astype(float)
