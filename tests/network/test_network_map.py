"""The map: distances are those of the routes, and nobody stands on anybody else."""

import itertools

import numpy as np
import pytest

from ceas_gym import config
from ceas_gym.network import network_map, setup, topology


def radii(found):
    return np.hypot(found["x"], found["y"])


def test_a_star_turns_clockwise_from_the_nearest_node_to_the_farthest():
    found = network_map.drawn(topology.star(np.array([30.0, 10.0, 0.0, 20.0]), channels=1))
    x, y = np.array(found["x"]), np.array(found["y"])
    assert radii(found)[0] == 0
    # Nodes 2, 1, 3 and 0 stand at twelve, three, six and nine o'clock.
    step = (1 - network_map.NEAREST) / 3
    reach = network_map.NEAREST + step * np.arange(4)
    np.testing.assert_allclose(x[[3, 2, 4, 1]], reach * [0, 1, 0, -1], atol=1e-4)
    np.testing.assert_allclose(y[[3, 2, 4, 1]], reach * [-1, 0, 1, 0], atol=1e-4)
    assert found["km"] == [30.0, 10.0, 0.0, 20.0]
    assert found["before"] == [0] * 4
    assert found["rings"] == [
        [10.0, pytest.approx(reach[1], abs=1e-4)],
        [20.0, pytest.approx(reach[2], abs=1e-4)],
        [30.0, 1.0],
    ]


def test_a_graph_keeps_distances_and_has_room_for_everybody():
    scenario = config.load("surfnet")
    built = setup.layout(scenario.network, scenario.hardware)[0]
    found = network_map.drawn(built)
    share = built.route_km / built.route_km.max()
    expected = network_map.NEAREST + (1 - network_map.NEAREST) * share
    np.testing.assert_allclose(radii(found)[found["vertex"]], expected, atol=2e-4)
    places = np.array([found["x"], found["y"]]).T[[0, *found["vertex"]]]
    nearest = min(np.hypot(*(a - b)) for a, b in itertools.combinations(places, 2))
    assert nearest > 0.1
    # Every route is a path of fibres that are drawn.
    ends = {tuple(fibre[:2]): fibre[2] for fibre in found["fibres"]}
    for node, hop in np.argwhere(built.is_hop):
        assert ends[tuple(built.ends[node, hop].tolist())] == built.edge[node, hop]


def test_fibres_of_no_length_stand_around_the_hub():
    found = network_map.drawn(topology.star(np.zeros(2), channels=1))
    assert radii(found).round(3).tolist() == [0.0, network_map.NEAREST, network_map.NEAREST]
