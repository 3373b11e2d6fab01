"""Where everything of a network's map stands in a picture, in pixels."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

Points = Float[np.ndarray, "points 2"]
LEFT, TOP, SIZE = 20.0, 72.0, 720.0
"""Left and upper edge of the map, and its width and height."""
MARGIN = 66.0
"""Room for numbers and weights around the nodes."""
HUB_RADIUS = 17.0
NEAR_HUB = 0.14
"""Where the path of the oldest pairs ends, as a share of the map's radius."""
SMALLEST, LARGEST = 3.0, 11.0
"""Radius of a node."""
BEFORE_WEIGHT, WEIGHT = 25.0, 32.0
"""From a node's edge to the bar of its weight; longest bar."""


class Places(NamedTuple):
    """Places in pixels from the upper left corner, and radii in pixels."""

    hub: Float[np.ndarray, " 2"]
    radius: float
    """Of the farthest node."""
    vertices: Points
    nodes: Points
    node_radius: float
    outwards: Points
    """Direction from the hub to each node, of length 1."""
    newest: Points
    """Where the newest pairs of each node are drawn."""
    oldest: Points


def build(drawn: dict[str, Any]) -> Places:
    """Returns the places of a map, which it fills.

    Args:
        drawn: From `network.network_map.drawn`.
    """
    x, y = np.array(drawn["x"]), np.array(drawn["y"])
    radius = (SIZE - 2 * MARGIN) / max(np.ptp(x), np.ptp(y), 1)
    middle = np.array([LEFT + SIZE / 2, TOP + SIZE / 2])
    hub = middle - radius * np.array([x.min() + x.max(), y.min() + y.max()]) / 2
    vertices = hub + radius * np.stack([x, y], axis=1)
    nodes, before = vertices[drawn["vertex"]], vertices[drawn["before"]]
    node_radius = float(np.clip(1.05 * radius / len(nodes), SMALLEST, LARGEST))
    # Pairs are born beside the node's ring of key, and the oldest stop short of the hub.
    beside = 1.4 * node_radius + 4
    stop = np.where(np.array(drawn["before"]) == 0, radius * NEAR_HUB, beside)
    return Places(
        hub=hub,
        radius=radius,
        vertices=vertices,
        nodes=nodes,
        node_radius=node_radius,
        outwards=_directions(hub, nodes),
        newest=_moved(nodes, before, np.full(len(nodes), beside)),
        oldest=_moved(before, nodes, stop),
    )


def between(start: Points, end: Points, shares: Float[np.ndarray, " shares"]) -> Points:
    """Returns the points at given shares of the way of each path, shape (paths, shares, 2)."""
    return start[:, None] + (end - start)[:, None] * shares[:, None]


def _directions(start: Points, end: Points) -> Points:
    way = end - start
    return way / np.maximum(np.hypot(*way.T), 1e-9)[:, None]


def _moved(start: Points, end: Points, distance: Float[np.ndarray, " paths"]) -> Points:
    way = end - start
    share = distance / np.maximum(np.hypot(*way.T), 1e-9)
    return start + way * np.minimum(share, 0.5)[:, None]
