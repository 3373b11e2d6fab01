"""Graphs by name: shipped ones, and a user's files in YAML, GraphML or SNDlib's native format.

A YAML file holds the settings of a graph (hub, relays, edges), as `network.graph` of a scenario
may. The others are maps, of which `network.map` says what becomes of them (`config.maps`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ceas_gym.config import graphml, maps, sndlib, sources, yaml_text
from ceas_gym.config.maps import Map
from ceas_gym.config.sources import ScenarioError
from ceas_gym.scenario import MapSettings

MAPS: dict[str, Callable[[str, str], Map]] = {".graphml": graphml.read, ".txt": sndlib.read}
"""How maps are read, by the ending of their names."""


def read(name: str, folder: Path, asked: MapSettings) -> tuple[str, dict[str, Any]]:
    """Returns what messages call a graph, and its settings, which are not checked yet.

    Args:
        name: A shipped name, or a path that ends in `.yaml`, `.yml`, `.graphml` or `.txt`.
        folder: Where a relative path starts.
        asked: What is to be made of a map.

    Returns:
        The name or path, and hub, relays, edges with lengths in km, and of a map what became of it.

    Raises:
        ScenarioError: If there is no such graph, or its text can't be read.

    Example:
        >>> read("surfnet-randstad", Path(), MapSettings())[1]["hub"]
        'Delft1'
    """
    if not sources.is_path(name, "graphs", folder):
        contents, called = sources.shipped_text(name, "graphs"), f"graph {name}"
        return called, _spelled_out(contents, called, asked)
    path = str(folder / name)
    if not path.endswith(sources.SUFFIXES["graphs"]):
        raise ScenarioError(
            f"{path} must end in .yaml, .yml, .graphml, or .txt for SNDlib's format"
        )
    contents, reader = sources.file_text(path), MAPS.get(Path(path).suffix)
    if reader is None:
        return path, _spelled_out(contents, path, asked)
    drawn = reader(contents, path)
    with sources.prefixing(lambda: path):
        graph = maps.settings(drawn, asked)
        return path, graph | {"about": f"{Path(path).name} has {graph['about']}"}


def _spelled_out(contents: str, called: str, asked: MapSettings) -> dict[str, Any]:
    if asked != MapSettings():
        raise ScenarioError(
            f"{called} is no map: network.map has no effect on it, but network.graph.hub has"
        )
    return yaml_text.mapping(contents, called, "settings")
