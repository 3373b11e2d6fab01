"""Rounds that are made up, for pictures and tables: of any size, and without any simulation."""

from typing import Any

import numpy as np

from ceas_gym.envs.core import Scene
from ceas_gym.envs.render import story
from ceas_gym.envs.render.stage import Stage
from ceas_gym.envs.render.story import Story
from ceas_gym.network import network_map, topology
from ceas_gym.task import metrics

MEMORIES, BUDGET_S = 100, 80.0
KINDS: dict[str, Any] = {
    "schedule": float,
    "pairs": int,
    "key": float,
    "ready": int,
    "counted": int,
    "weights": float,
    "byzantine": int,
    "conditions": int,
}


def stage(nodes: int = 4, windows: int = 8, members: int = 1, **changed: Any) -> Stage:
    """Returns a star whose nodes are at 1, 2, ... km, so that they turn clockwise in order."""
    star = topology.star(np.arange(1.0, nodes + 1), channels=1)
    made = Stage(
        title="made-up",
        subtitle=f"{nodes} nodes",
        nodes=nodes,
        labels=[str(node) for node in range(nodes)],
        team=np.arange(nodes),
        teams=nodes,
        members=np.arange(members) == 1,
        windows=windows,
        memories=MEMORIES,
        budget_s=BUDGET_S,
        map=network_map.drawn(star),
    )
    return made._replace(**changed)


def scene(nodes: int = 4, windows: int = 8, ages: int = 16, **given: Any) -> Scene:
    """Returns a scene in which nothing happened but what is given, for each node or for all."""
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(KINDS, (nodes,))
    shapes |= {"schedule": (windows, nodes), "pairs": (nodes, ages)}
    values: dict[str, Any] = {
        name: np.broadcast_to(np.asarray(given.pop(name, 0), kind), shapes[name])
        for name, kind in KINDS.items()
    }
    values |= {"team": np.arange(nodes), "exposed": np.zeros(1, int), "quorum": np.array(3)} | given
    return Scene(**values)


def info(**given: float) -> dict[str, float]:
    """Returns metrics that are zero but for those given."""
    return dict.fromkeys(metrics.NAMES, 0.0) | given


def told(*scenes: Scene, fired: bool = True, accuracy: float = 0.5, **given: float) -> Story:
    """Returns the story of an episode of these steps, which take 8 s each."""
    blank = scenes[0]._replace(
        **{n: np.zeros_like(getattr(scenes[0], n)) for n in ("pairs", "key")}
    )
    found = story.start(blank, info(accuracy=accuracy, validation_loss=1.0))
    for step, each in enumerate(scenes, start=1):
        now = {"time_s": 8.0 * step, "fired": float(fired), "accuracy": accuracy}
        story.tell(found, each, info(validation_loss=0.7, **now) | given)
    return found
