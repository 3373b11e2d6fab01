"""Maps as they are found: each quirk of the Internet Topology Zoo, in a file of our own."""

import math

import networkx as nx
import numpy as np
import pytest
from helpers.zoo_maps import (
    DELFT,
    HAGUE,
    LEIDEN,
    LINE,
    ROTTERDAM,
    TYPES,
    by_vectors,
    loaded,
    refused,
    write,
)

from ceas_gym.config.maps import EARTH_KM, great_circle_km
from ceas_gym.scenario import GraphSettings


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ends(graph: GraphSettings) -> list[tuple[str, str]]:
    return [edge.ends for edge in graph.edges]


# --- Lengths ---


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((0.0, 0.0), (0.0, 90.0), math.pi / 2 * EARTH_KM),
        ((90.0, 17.0), (-90.0, 3.0), math.pi * EARTH_KM),
        ((10.0, 179.5), (10.0, -179.5), 109.5),
        ((52.5, 13.4), (52.5, 13.4), 0.0),
        # Paris and New York, and Sydney and Santiago, to the kilometres that atlases agree on.
        ((48.857, 2.351), (40.713, -74.006), 5837.0),
        ((-33.869, 151.209), (-33.457, -70.648), 11340.0),
    ],
)
def test_great_circles_have_known_lengths(one, other, km) -> None:
    assert great_circle_km(one, other) == pytest.approx(km, rel=2e-3, abs=1e-9)
    assert great_circle_km(one, other) == pytest.approx(great_circle_km(other, one))


def test_great_circles_are_those_of_vectors() -> None:
    random = np.random.default_rng(3)
    places = np.stack([random.uniform(-90, 90, 200), random.uniform(-180, 180, 200)], axis=1)
    near = places[:100] + random.normal(size=(100, 2)) * 1e-4
    for one, other in [
        *zip(places[:100], places[100:], strict=True),
        *zip(places[:100], near, strict=True),
    ]:
        expected = by_vectors(tuple(one), tuple(other))
        assert great_circle_km(tuple(one), tuple(other)) == pytest.approx(expected, rel=1e-6)


def test_a_length_is_the_great_circle_times_the_factor() -> None:
    write(*LINE)
    direct = [by_vectors((52.01, 4.36), (52.08, 4.31)), by_vectors((52.08, 4.31), (52.16, 4.49))]
    for factor in (1.0, 1.5):
        lengths = [edge.length_km for edge in loaded(detour_factor=factor).edges]
        assert lengths == pytest.approx([factor * km for km in direct], abs=1e-3)


def test_a_stated_length_stands() -> None:
    write(LINE[0], [(0, 1, {"length_km": 20}), (1, 2)])
    assert loaded(detour_factor=2.0).edges[0].length_km == 20
    assert "no attribute length_km or length" in refused(detour_factor=None)
    write([{"label": "a"}, {"label": "b"}], [(0, 1, {"length_km": 20})])
    assert loaded(detour_factor=None).edges[0].length_km == 20


def test_no_length_is_made_up() -> None:
    write(*LINE)
    assert refused(detour_factor=None) == (
        "edge Delft - The Hague has no attribute length_km or length; to make lengths from "
        "coordinates, state by network.map.detour_factor how much longer fibres are than great "
        "circles"
    )


# --- Labels ---


def test_vertices_are_called_by_their_labels() -> None:
    write(*LINE)
    assert ends(loaded()) == [("Delft", "The Hague"), ("The Hague", "Leiden")]


def test_labels_that_are_missing_or_given_twice_are_told_apart_by_ids() -> None:
    nameless = {name: value for name, value in LEIDEN.items() if name != "label"}
    write([DELFT, {**HAGUE, "label": "Delft"}, nameless, {**ROTTERDAM, "label": ""}], STAR)
    assert loaded(hub="0").vertices == ("Delft (0)", "Delft (1)", "2", "3")
    assert loaded(hub="Delft (1)").hub == "Delft (1)"
    assert loaded(hub=2).hub == "2"
    assert refused(hub="Delft").startswith("network.map.hub: 'Delft' is no vertex; did you mean ")


STAR = [(0, 1), (0, 2), (0, 3)]


def test_labels_that_look_like_ids_do_not_join_vertices() -> None:
    write([{**DELFT, "label": "1"}, {**HAGUE, "label": ""}, {**LEIDEN, "label": "1 (1)"}], LINE[1])
    assert loaded().vertices == ("0", "1", "2")


# --- The hub ---


def test_the_most_central_vertex_has_the_shortest_routes() -> None:
    random = np.random.default_rng(0)
    tree = nx.random_labeled_tree(12, seed=1)
    places = random.uniform([40, 0], [50, 10], (12, 2))
    nodes = [{"label": f"v{i}", "Latitude": a, "Longitude": b} for i, (a, b) in enumerate(places)]
    write(nodes, [*tree.edges(), (0, 5), (3, 9)], defaults=None)
    graph = loaded(parallel_edges="merge")
    # Floyd and Warshall.
    km = np.where(np.eye(12, dtype=bool), 0.0, np.inf)
    for edge in graph.edges:
        one, other = (int(end[1:]) for end in edge.ends)
        km[one, other] = km[other, one] = edge.length_km
    for via in range(12):
        km = np.minimum(km, km[:, via, None] + km[None, via, :])
    assert graph.hub == f"v{km.sum(axis=1).argmin()}"


def test_a_hub_is_asked_for_in_place_of_the_map_s_or_of_none() -> None:
    write(*LINE)
    assert [loaded(hub=hub).hub for hub in ("central", "Leiden", "0")] == [
        "The Hague",
        "Leiden",
        "Delft",
    ]
    assert refused(hub=None) == (
        "the map names no hub; set network.map.hub to a vertex, or to central (vertices: 'Delft', "
        "'The Hague', 'Leiden')"
    )
    graph = nx.Graph(hub="a")
    graph.add_edge("a", "b", length_km=3.0)
    nx.write_graphml(graph, "zoo.graphml")
    assert (loaded(hub=None).hub, loaded(hub="b").hub) == ("a", "b")


# --- Several edges, and several networks ---


def test_parallel_edges_are_refused_or_merged() -> None:
    several = [(0, 1, {"length_km": 9, "channels": 2}), (1, 0, {"length_km": 7, "channels": 3})]
    write(LINE[0], [*several, (1, 2)])
    assert refused() == (
        "2 edges join 'Delft' and 'The Hague'; set network.map.parallel_edges = merge, or take "
        "them out"
    )
    first, second = loaded(parallel_edges="merge").edges
    assert (first.ends, first.length_km, first.channels) == (("Delft", "The Hague"), 7, 5)
    assert second.channels is None
    # Where one does not state its channels, their sum is not known.
    write(LINE[0], [*several, (0, 1, {"length_km": 8}), (1, 2)])
    assert loaded(parallel_edges="merge").edges[0].channels is None


def test_vertices_out_of_reach_are_named_and_may_be_left_out() -> None:
    write([DELFT, HAGUE, LEIDEN, ROTTERDAM], [(0, 1), (2, 3)])
    assert refused(hub="Delft") == (
        "no route leads from the hub 'Delft' to 'Leiden', 'Rotterdam'; leave them out by "
        "network.map.leave_out = [unreached]"
    )
    assert loaded(hub="Leiden", leave_out=["unreached"]).vertices == ("Leiden", "Rotterdam")
    assert loaded(hub="Delft", leave_out=["Leiden", "3"]).vertices == ("Delft", "The Hague")
    assert refused(leave_out=["Leyden"]) == (
        "network.map.leave_out: 'Leyden' is no vertex; did you mean Leiden?"
    )


def test_the_most_central_vertex_is_in_the_largest_part() -> None:
    write([ROTTERDAM, HAGUE, DELFT, HAGUE, LEIDEN], [(0, 1), (2, 3), (3, 4)])
    assert loaded(leave_out=["unreached"]).hub == "The Hague (3)"


def test_external_vertices_are_kept_unless_they_are_left_out() -> None:
    flagged = [{**each, "Internal": int(each is not LEIDEN)} for each in LINE[0]]
    write(flagged, LINE[1])
    assert loaded().vertices == ("Delft", "The Hague", "Leiden")
    assert loaded(leave_out=["external"]).vertices == ("Delft", "The Hague")


@pytest.mark.parametrize("known", [{}, {"Latitude": 52.1}])
def test_vertices_without_coordinates_are_named(known) -> None:
    write([DELFT, HAGUE, {"label": "Leiden", **known}], [(0, 1), (1, 2)])
    assert refused() == (
        "no coordinates are known of 'Leiden', where fibres end of unknown length; add them, or "
        "leave such vertices out by network.map.leave_out = [unlocated]"
    )
    assert loaded(leave_out=["unlocated"]).vertices == ("Delft", "The Hague")
    write([DELFT, HAGUE, {"label": "Leiden", **known}], [(0, 1), (1, 2, {"length_km": 20})])
    assert loaded().edges[1].length_km == 20


def test_a_vertex_that_stands_for_a_hyperedge_is_a_relay() -> None:
    nodes = [{**HAGUE, "hyperedge": 1, "label": ""}, DELFT, ROTTERDAM, LEIDEN]
    write(nodes, STAR)
    graph = loaded()
    assert graph.relays == ("0",)
    assert graph.hub in {"Delft", "Rotterdam", "Leiden"}
    write([{**nodes[0], "relay": "false"}, *nodes[1:]], STAR)
    assert (loaded().relays, loaded().hub) == ((), "0")


# --- Attributes ---


def test_speeds_of_links_are_passed_over_whatever_they_are() -> None:
    speeds = {"LinkSpeed": "1-10", "LinkSpeedUnits": "G", "LinkLabel": ">= 10 Gbps & dark"}
    types = TYPES | {"LinkSpeed": "int", "LinkSpeedRaw": "double"}
    write(LINE[0], [(0, 1, speeds | {"LinkSpeedRaw": "fast"}), (1, 2)], types)
    assert len(loaded().edges) == 2


@pytest.mark.parametrize(
    "types",
    [
        {},
        dict.fromkeys(["Latitude", "Longitude", "length_km"], "int"),
        dict.fromkeys(["Latitude", "Longitude", "Internal", "channels"], "string"),
        dict.fromkeys(["Latitude", "channels", "Internal"], "boolean"),
        dict.fromkeys(["Latitude", "channels", "Internal"], "duoble"),
    ],
)
def test_types_that_keys_declare_do_not_count(types) -> None:
    nodes = [{**each, "Internal": 1} for each in LINE[0]]
    write(nodes, [(0, 1, {"length_km": " 7.5 ", "channels": "2.0"}), (1, 2)], types)
    first, second = loaded().edges
    assert (first.length_km, first.channels) == (7.5, 2)
    assert second.length_km == pytest.approx(by_vectors((52.08, 4.31), (52.16, 4.49)), abs=1e-3)


@pytest.mark.parametrize("names", [("lat", "lon"), ("LATITUDE", "Long"), ("latitude", "lng")])
def test_attributes_have_other_names_too(names) -> None:
    write(*LINE)
    expected = loaded()
    new: dict[str, str] = {"Latitude": names[0], "Longitude": names[1]}
    renamed = [{new.get(name, name): value for name, value in each.items()} for each in LINE[0]]
    write(renamed, LINE[1])
    assert loaded() == expected


def test_defaults_count_for_coordinates_and_flags() -> None:
    bare = {name: value for name, value in LEIDEN.items() if name != "Longitude"}
    write([DELFT, HAGUE, bare], LINE[1], defaults={"Longitude": "4.49"})
    with_default = loaded()
    write(*LINE)
    assert loaded() == with_default
    flagged = [{**DELFT, "Internal": 1}, {**HAGUE, "Internal": 1}, LEIDEN]
    write(flagged, LINE[1], defaults={"Internal": "0"})
    assert loaded(leave_out=["external"]).vertices == ("Delft", "The Hague")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Latitude": 95}, "latitude of vertex 0 must be an angle from -90 to 90 degrees"),
        ({"Longitude": "east"}, "longitude of vertex 0 must be an angle from -180 to 180 degrees"),
        ({"Latitude": "nan"}, "latitude of vertex 0 must be an angle"),
        ({"Internal": "maybe"}, "internal of vertex 0 must be true or false, but is 'maybe'"),
        ({"lat": 52}, "vertex 0 has the attribute latitude twice"),
    ],
)
def test_wrong_attributes_are_named(changes, message: str) -> None:
    write([{**DELFT, **changes}, HAGUE, LEIDEN], LINE[1])
    assert refused().startswith(message)
