"""Maps as the Internet Topology Zoo has them, small ones of our own."""

from xml.sax.saxutils import escape

import numpy as np

from ceas_gym import config
from ceas_gym.config.maps import EARTH_KM
from ceas_gym.scenario import GraphSettings
from helpers.graph_files import CALM
from helpers.refusals import refusal

DELFT, HAGUE, ROTTERDAM, LEIDEN = (
    {"label": "Delft", "Latitude": 52.01, "Longitude": 4.36},
    {"label": "The Hague", "Latitude": 52.08, "Longitude": 4.31},
    {"label": "Rotterdam", "Latitude": 51.92, "Longitude": 4.48},
    {"label": "Leiden", "Latitude": 52.16, "Longitude": 4.49},
)
LINE = ([DELFT, HAGUE, LEIDEN], [(0, 1), (1, 2)])
"""Delft, The Hague, Leiden, in a row."""
TYPES = {"Latitude": "double", "Longitude": "double", "Internal": "int", "hyperedge": "int"}


def write(nodes, edges, types=TYPES, defaults: dict[str, str] | None = None) -> None:
    """Writes a map as the Zoo does: numbered vertices, keys in no order, nothing about a hub.

    An edge is a pair of numbers, and may have a third entry, with its attributes.
    """
    owners = {name: "node" for node in nodes for name in node}
    owners |= {name: "edge" for edge in edges for name in (edge[2] if edge[2:] else {})}
    keys = ""
    for name, owner in reversed(owners.items()):
        default = (defaults or {}).get(name)
        inner = "" if default is None else f"<default>{default}</default>"
        kind = types.get(name, "string")
        keys += f'<key attr.name="{name}" attr.type="{kind}" for="{owner}" id="{name}">'
        keys += f"{inner}</key>"

    def data(values) -> str:
        return "".join(f'<data key="{k}">{escape(str(v))}</data>' for k, v in values.items())

    vertices = "".join(f'<node id="{i}">{data(each)}</node>' for i, each in enumerate(nodes))
    links = "".join(
        f'<edge source="{one}" target="{other}">{"".join(map(data, more))}</edge>'
        for one, other, *more in edges
    )
    graph = f'<graph edgedefault="undirected">{vertices}{links}</graph>'
    text = f'<graphml xmlns="http://graphml.graphdrawing.org/xmlns">{keys}{graph}</graphml>'
    with open("zoo.graphml", "w", encoding="utf-8") as file:
        file.write(text)


def asked(**wishes: object) -> dict[str, object]:
    wishes = {"hub": "central", "detour_factor": 1.0} | wishes
    given = {f"network.map.{name}": value for name, value in wishes.items() if value is not None}
    return {"network.graph": "zoo.graphml"} | given | CALM


def loaded(**wishes: object) -> GraphSettings:
    graph = config.load("tiny", asked(**wishes)).network.graph
    assert graph is not None
    return graph


def refused(**wishes: object) -> str:
    return refusal("tiny", asked(**wishes)).removeprefix("overrides: network.graph: zoo.graphml: ")


def by_vectors(one: tuple[float, float], other: tuple[float, float]) -> float:
    """The same distance from the angle between two vectors."""
    phi, lam = np.radians([one, other]).T
    x, y = np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=1)
    return float(EARTH_KM * np.arctan2(np.linalg.norm(np.cross(x, y)), x @ y))
