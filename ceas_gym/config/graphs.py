"""Graphs by name: shipped ones, and a user's files in YAML or GraphML.

A YAML file holds the settings of a graph (hub, relays, edges), as `network.graph` of a scenario
may. In GraphML, edges have the attribute `length_km` or `length`, both in km, and optionally
`channels`. The graph has the attribute `hub`, which is the id of a vertex. Vertices may have the
attribute `relay`. Defaults of these attributes are used.
"""

from pathlib import Path
from typing import Any

from ceas_gym.config import graphml, sources, yaml_text
from ceas_gym.config.sources import ScenarioError


def read(name: str, folder: Path) -> tuple[str, dict[str, Any]]:
    """Returns what messages call a graph, and its settings, which are not checked yet.

    Args:
        name: A shipped name, or a path that ends in `.yaml`, `.yml` or `.graphml`.
        folder: Where a relative path starts.

    Returns:
        The name or path, and hub, relays, and edges with lengths in km.

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
