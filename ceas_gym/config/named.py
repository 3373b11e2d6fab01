"""Puts overrides into a scenario's data, and in place of a named file what it holds.

A map becomes the hub, the relays and the edges of a graph. Of a file of samples only the classes
are read here, where the scenario does not choose some.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ceas_gym.config import graphs, sources, values
from ceas_gym.config.keys import GRAPH, MAP
from ceas_gym.learning import files
from ceas_gym.scenario import MapSettings

DATASET = "learning.dataset"
GRAPH_PATH = ["network", "graph"]
MAP_PATH = ["network", "map"]
DATASET_PATH = ["learning", "dataset"]
CLASSES_PATH = ["learning", "classes"]


@dataclass(frozen=True)
class Source:
    """The data of a scenario before its check, and where they are from."""

    name: str
    """What messages call it."""
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    """Nested mappings in the shape of a `Scenario`."""
    folder: Path = Path()
    """Where the relative paths of its files start."""
    graph: str | None = None
    """What messages call the graph, if the scenario names one instead of spelling it out."""


def resolved(source: Source, overrides: Mapping[str, object]) -> Source:
    """Returns a scenario's data with overrides, and without names of files but that of its samples.

    Args:
        source: The scenario.
        overrides: Values by dotted key, all of which are settings.

    Raises:
        ScenarioError: If a file can't be read, or is no graph or data set, or if something is asked
            of a map, but there is none.
    """
    _check_map(source.data, overrides)
    data = values.without_replaced(_with_paths(source), overrides)
    folder = Path() if GRAPH in overrides else source.folder
    of_graph = {key for key in overrides if key.startswith(f"{GRAPH}.")}
    for key in overrides.keys() - of_graph:
        data = values.replaced(data, key.split("."), overrides[key])
    source = _with_graph(replace(source, data=data, folder=folder), GRAPH in overrides)
    data = source.data
    for key in of_graph:
        data = values.replaced(data, key.split("."), overrides[key])
    return _with_classes(replace(source, data=data), DATASET in overrides)


def _check_map(data: dict[str, Any], overrides: Mapping[str, object]) -> None:
    names_map = isinstance(values.found(data, GRAPH_PATH), str | os.PathLike)
    asked = [key for key in overrides if key.startswith(f"{MAP}.")]
    if asked and not names_map and GRAPH not in overrides:
        raise sources.ScenarioError(
            f"overrides: {asked[0]} has no effect, because no map is named in {GRAPH}"
        )


def _with_paths(source: Source) -> dict[str, Any]:
    # The path of a file of samples will start in the working directory. It already does in the
    # scenario that a run writes into its folder.
    name = values.found(source.data, DATASET_PATH)
    if not isinstance(name, str) or not files.is_file(name.strip()):
        return source.data
    beside, here = source.folder / name.strip(), Path(name.strip())
    path = here if here.exists() and not beside.exists() else beside
    return values.replaced(source.data, DATASET_PATH, str(path))


def _with_graph(source: Source, is_overridden: bool) -> Source:
    name = values.found(source.data, GRAPH_PATH)
    if not isinstance(name, str | os.PathLike):
        return source
    asked = _map(source.data)
    if asked is None:
        return replace(source, data=values.replaced(source.data, GRAPH_PATH, None))
    asked_by = "overrides" if is_overridden else source.name
    with sources.prefixing(lambda: f"{asked_by}: {GRAPH}"):
        called, graph = graphs.read(os.fsdecode(name), source.folder, asked)
    return replace(source, data=values.replaced(source.data, GRAPH_PATH, graph), graph=called)


def _map(data: dict[str, Any]) -> MapSettings | None:
    # None if they are wrong, which the check of the whole scenario will report.
    asked = values.found(data, MAP_PATH)
    if asked is None:
        return MapSettings()
    if not isinstance(asked, dict):
        return None
    try:
        return MapSettings.model_validate(values.normalized(asked, MAP), strict=True)
    except ValidationError:
        return None


def _with_classes(source: Source, is_overridden: bool) -> Source:
    learning = source.data.get("learning")
    if not isinstance(learning, dict) or learning.get("classes") is not None:
        return source
    name, label_column = values.plain(learning.get("dataset")), learning.get("label_column")
    if not isinstance(name, str) or not files.is_file(name.strip()):
        return source
    asked_by = "overrides" if is_overridden else source.name
    with sources.prefixing(lambda: f"{asked_by}: {DATASET}"):
        classes = files.classes(name.strip(), label_column and str(label_column))
    return replace(source, data=values.replaced(source.data, CLASSES_PATH, classes))
