"""Graphs by name: shipped ones, and files of the user's in YAML or GraphML.

A YAML file holds the settings of a graph: hub, relays and edges, as the scenario itself may. In
GraphML, edges have the attribute `length_km` or `length`, and optionally `channels`; the graph has
the attribute `hub`, the id of a vertex; vertices may have the attribute `relay`. Defaults of these
attributes count.
"""

from pathlib import Path
from typing import Any

from ceas_gym.config import graphml, sources, yaml_text
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
        return path, graphml.settings(contents, path)
    return path, yaml_text.mapping(contents, path, "settings")
