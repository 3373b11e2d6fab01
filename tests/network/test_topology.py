"""Topologies by hand and against networkx: routes, their hops and ends, and what nodes share."""

from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from network import built

from ceas_gym.network import topology
from ceas_gym.network.topology import Topology
from ceas_gym.scenario import GraphSettings, NetworkSettings

RANDOM = np.random.default_rng(0)


def from_graph(graph: GraphSettings, channels: int = 3, edge_channels: int = 2) -> Topology:
    return topology.from_graph(graph, channels, edge_channels)


def stops(graph: GraphSettings, routes: Topology, node: int) -> list[str]:
    """Names along the route of a node, from the hub on, by the ends of its hops."""
    names = [graph.hub, *graph.nodes, *graph.relays]
    ends = routes.ends[node][routes.is_hop[node]]
    assert (ends[1:, 0] == ends[:-1, 1]).all()
    return [names[ends[0, 0]], *(names[far] for far in ends[:, 1])]


# --- The star ---


def test_star_has_a_fibre_for_each_node_and_one_bottleneck() -> None:
    routes = topology.star(np.array([1.0, 5.0, 2.0]), channels=2)
    assert routes.hop_km.tolist() == [[1.0], [5.0], [2.0]]
    assert routes.ends.tolist() == [[[0, 1]], [[0, 2]], [[0, 3]]]
    assert (routes.vertex.tolist(), routes.vertices) == ([1, 2, 3], 4)
    assert routes.is_hop.all()
    assert (routes.channels.tolist(), routes.passes.tolist()) == ([2.0], [[1.0] * 3])


def test_star_has_the_lengths_of_its_scenario() -> None:
    given = NetworkSettings(nodes=2, lengths_km=(3.0, 4.0), channels=5)
    routes = topology.build(given, RANDOM)
    assert routes.length_km.tolist() == [3.0, 4.0]
    assert routes.channels.tolist() == [5.0]
    drawn = topology.build(NetworkSettings(nodes=500, shortest_km=2, longest_km=3), RANDOM)
    assert 2 <= drawn.length_km.min() < 2.05 < 2.95 < drawn.length_km.max() <= 3


def test_star_as_a_graph_is_the_star() -> None:
    as_graph = from_graph(built.graph(("hub", "A", 1.0), ("B", "hub", 5.0)), channels=2)
    star = topology.star(np.array([1.0, 5.0]), channels=2)
    for name, one, other in zip(star._fields, star, as_graph, strict=True):
        assert np.array_equal(one, other), name


# --- Graphs ---


def test_repeater_chain() -> None:
    """Two relays, 3, 4 and 5 km, and a single node: no fibre is shared."""
    graph = built.chains([3.0, 4.0, 5.0])
    routes = from_graph(graph)
    assert routes.hop_km.tolist() == [[3.0, 4.0, 5.0]]
    assert routes.ends.tolist() == [[[0, 2], [2, 3], [3, 1]]]
    assert (routes.vertex.tolist(), routes.vertices) == ([1], 4)
    assert (routes.channels.tolist(), routes.passes.tolist()) == ([3.0], [[1.0]])


def test_nodes_along_a_chain_relay_and_share_its_fibres() -> None:
    graph = built.graph(("hub", "A", 3.0), ("B", "A", 4.0, 7), ("C", "B", 5.0))
    routes = from_graph(graph)
    assert routes.hop_km.tolist() == [[3.0, 0.0, 0.0], [3.0, 4.0, 0.0], [3.0, 4.0, 5.0]]
    assert routes.longest_route_km == 12.0
    assert routes.is_hop.sum(axis=1).tolist() == [1, 2, 3]
    assert [stops(graph, routes, node) for node in range(3)] == [
        ["hub", "A"],
        ["hub", "A", "B"],
        ["hub", "A", "B", "C"],
    ]
    # The hub, then the two shared fibres; the last one is C's alone.
    assert routes.channels.tolist() == [3.0, 2.0, 7.0]
    assert routes.passes.tolist() == [[1, 1, 1], [1, 1, 1], [0, 1, 1]]


def test_route_is_the_shortest_not_the_one_of_fewest_hops() -> None:
    graph = built.graph(
        ("hub", "A", 9.0), ("hub", "R", 2.0), ("R", "A", 3.0), ("A", "B", 1.0), relays=["R"]
    )
    routes = from_graph(graph)
    assert graph.nodes == ("A", "B")
    assert stops(graph, routes, 0) == ["hub", "R", "A"]
    assert stops(graph, routes, 1) == ["hub", "R", "A", "B"]
    assert routes.edge[1].tolist() == [1, 2, 3]


@st.composite
def graphs(draw: st.DrawFn) -> GraphSettings:
    """Connected graphs of up to nine vertices, one of which is the hub and some are relays."""
    size = draw(st.integers(2, 9))
    length = st.floats(0.5, 30.0)
    pairs = {(draw(st.integers(0, new - 1)), new) for new in range(1, size)}
    more = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    pairs |= {pair for pair in draw(st.lists(more, max_size=8)) if pair[0] < pair[1]}
    edges = [(f"v{a}", f"v{b}", draw(length)) for a, b in sorted(pairs)]
    hub = draw(st.integers(0, size - 1))
    others = [f"v{vertex}" for vertex in range(size) if vertex != hub]
    relays = draw(st.lists(st.sampled_from(others), unique=True, max_size=len(others) - 1))
    return built.graph(*edges, hub=f"v{hub}", relays=relays)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(graph=graphs())
def test_any_graph_has_shortest_routes_and_names_every_shared_fibre(graph: GraphSettings) -> None:
    routes = from_graph(graph)
    fibres = nx.Graph()
    for edge in graph.edges:
        fibres.add_edge(*edge.ends, km=edge.length_km)
    users: list[set[int]] = [set() for _ in graph.edges]
    for node, name in enumerate(graph.nodes):
        least = nx.shortest_path_length(fibres, graph.hub, name, weight="km")
        assert routes.hop_km[node].sum() == pytest.approx(least)
        path = stops(graph, routes, node)
        assert (path[0], path[-1]) == (graph.hub, name)
        for hop, pair in enumerate(pairwise(path)):
            edge = int(routes.edge[node, hop])
            assert set(graph.edges[edge].ends) == set(pair)
            users[edge].add(node)
    shared = [set(np.flatnonzero(row).tolist()) for row in routes.passes]
    assert shared == [set(range(len(graph.nodes))), *(used for used in users if len(used) > 1)]
    assert routes.vertices == len({end for edge in graph.edges for end in edge.ends})
    assert routes.vertex.tolist() == list(range(1, len(graph.nodes) + 1))
