"""Graphs by name: shipped ones, and files of the user's in YAML or GraphML.

A YAML file holds the settings of a graph: hub, relays and edges, as the scenario itself may. In
GraphML, edges have the attribute `length_km` or `length`, and optionally `channels`; the graph has
the attribute `hub`, the id of a vertex; vertices may have the attribute `relay`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ceas_gym.config import sources, yaml_text
from ceas_gym.config.keys import shown
from ceas_gym.config.sources import ScenarioError


def read(name: str, folder: Path) -> tuple[str, dict[str, Any]]:
    """Returns the settings of a graph, unchecked, with what messages call it in front.

    Args:
        name: A shipped name, or a path that ends in `.yaml`, `.yml` or `.graphml`.
        folder: Where a relative path starts.

    Raises:
        ScenarioError: If there is no such graph, or its text can't be read.

    Example:
        >>> read("surfnet-randstad", Path())[1]["hub"]
        'Delft1'
    """
    if not sources.is_path(name, "graphs", folder):
        contents = sources.shipped_text(name, "graphs")
        return f"graph {name}", yaml_text.mapping(contents, f"graph {name}", "settings")
    path = str(folder / name)
    if not path.endswith(sources.SUFFIXES["graphs"]):
        raise ScenarioError(f"{path} must end in .yaml, .yml or .graphml")
    contents = sources.file_text(path)
    if path.endswith(".graphml"):
        return path, _from_graphml(contents, path)
    return path, yaml_text.mapping(contents, path, "settings")


def _from_graphml(contents: str, source: str) -> dict[str, Any]:
    import networkx as nx

    try:
        graph: Any = nx.parse_graphml(contents)
    # What networkx and the XML parser raise of broken files has no common base.
    except Exception as error:
        raise ScenarioError(f"{source} is not GraphML: {error or type(error).__name__}") from error
    if "hub" not in graph.graph:
        raise ScenarioError(f"{source}: the graph has no attribute hub")
    return {
        "hub": str(graph.graph["hub"]),
        "relays": [name for name, data in graph.nodes(data=True) if _is_relay(name, data, source)],
        "edges": [_edge(one, other, data, source) for one, other, data in graph.edges(data=True)],
    }


def _is_relay(name: str, data: Mapping[str, object], source: str) -> bool:
    relay = data.get("relay", False)
    if not isinstance(relay, bool):
        raise ScenarioError(
            f"{source}: relay of vertex {name} must be true or false, but is {shown(relay)}"
        )
    return relay


def _edge(one: str, other: str, data: Mapping[str, object], source: str) -> dict[str, object]:
    length = data.get("length_km", data.get("length"))
    if length is None:
        raise ScenarioError(f"{source}: edge {one} - {other} has no attribute length_km or length")
    return {"ends": [one, other], "length_km": length, "channels": data.get("channels")}
