"""Where hub, nodes and relays stand on the map: by the lengths of their fibres."""

from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from ceas_gym.network.topology import Topology

HUB = 0
"""Vertex of the hub."""
NEAREST = 0.45
"""Distance from the hub at which a node with a fibre of length zero stands; the farthest has 1."""
MOST_RINGS = 4


class _Fibre(NamedTuple):
    near: int
    far: int
    number: int


def drawn(topology: Topology) -> dict[str, Any]:
    """Returns the map: how far a node stands from the hub says how long its route is.

    Nodes that are reached through a relay stand behind it. Where fibres form a star, nodes stand
    around the hub from the nearest to the farthest, clockwise from the top.

    Args:
        topology: From `network.setup.layout`.

    Returns:
        `x` and `y` of every vertex in [-1, 1], with y downward; `fibres`, the two vertices of each
        fibre that routes use, and its number; for each node its `vertex`, the vertex `before` it
        on its route, and the length `km` of the route; and `rings`, distances in km, each with its
        radius.

    Example:
        >>> from ceas_gym.network import topology
        >>> found = drawn(topology.star(np.array([1.0, 2.0]), channels=1))
        >>> found["y"], found["fibres"]
        ([0.0, -0.725, 1.0], [[0, 1, 0], [0, 2, 1]])
    """
    fibres, km = _tree(topology)
    longest = max(max(km.values()), 1e-9)
    turn = _turns({vertex: _behind(vertex, fibres, km) for vertex in km})
    reach = {vertex: _radius(km[vertex] / longest) for vertex in km if vertex != HUB}
    x, y = np.zeros(topology.vertices), np.zeros(topology.vertices)
    for vertex, radius in reach.items():
        angle = 2 * np.pi * turn[vertex]
        x[vertex], y[vertex] = radius * np.sin(angle), -radius * np.cos(angle)
    before = {fibre.far: fibre.near for fibre in fibres}
    nodes: list[int] = topology.vertex.tolist()
    return {
        "x": (x.round(4) + 0.0).tolist(),
        "y": (y.round(4) + 0.0).tolist(),
        "fibres": [list(fibre) for fibre in fibres],
        "vertex": nodes,
        "before": [before[vertex] for vertex in nodes],
        "km": topology.route_km.round(1).tolist(),
        "rings": [[each, round(_radius(each / longest), 4)] for each in _rings(longest)],
    }


def _tree(topology: Topology) -> tuple[list[_Fibre], dict[int, float]]:
    # The fibres by which each vertex is first reached, and every vertex's distance from the hub.
    fibres, km = list[_Fibre](), {HUB: 0.0}
    for node, hop in np.argwhere(topology.is_hop).tolist():
        near, far = topology.ends[node, hop].tolist()
        if far not in km:
            km[far] = km[near] + float(topology.hop_km[node, hop])
            fibres.append(_Fibre(near, far, int(topology.edge[node, hop])))
    return fibres, km


def _behind(vertex: int, fibres: list[_Fibre], km: dict[int, float]) -> list[int]:
    return sorted((fibre.far for fibre in fibres if fibre.near == vertex), key=km.__getitem__)


def _turns(behind: dict[int, list[int]]) -> dict[int, float]:
    # All vertices share the circle equally, each amid those behind it.
    def around(vertex: int) -> list[int]:
        half = len(behind[vertex]) // 2
        found = [around(other) for other in behind[vertex]]
        return list(chain(*found[:half], [vertex], *found[half:]))

    order = [vertex for vertex in around(HUB) if vertex != HUB]
    return {vertex: place / len(order) for place, vertex in enumerate(order)}


def _radius(share: float) -> float:
    return NEAREST + (1 - NEAREST) * share


def _rings(longest: float) -> list[float]:
    # Round distances, of which the longest route has a few.
    steps = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]
    step = next((each for each in steps if longest / each <= MOST_RINGS), longest)
    return [float(step * number) for number in range(1, int(longest / step) + 1)]
