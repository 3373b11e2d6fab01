"""Plays the shipped agents, and what they are compared with, for `agents.py`.

The seeds and networks of `closed_loop.py`, so every episode has its counterpart there. The folder
keeps the episodes, and an interrupted run goes on from there.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import closed_loop
import numpy as np
from closed_loop import NETWORKS, RUNGS
from show import PLACEMENTS

from ceas_agents.evaluation import contestants, tuned
from ceas_agents.evaluation import play as evaluate
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.policies import checkpoints, steering
from ceas_agents.policies.networks import Layers
from ceas_agents.training.evolution import weights
from ceas_gym import config

AGENT, BOLD = "steered-v3", "steered-v1"
"""The agents: one that should cost nothing at random, and one for which both placements count."""
ALWAYS, CEAS, WARY = "never the best", "ceas", "ceas-wary"
RATE: dict[str, object] = {"learning.learning_rate": 0.6}
"""The rate at which the agents were trained, on every scenario; the others' are tuned on each."""
SIZES: dict[str, dict[str, object]] = {
    "20 nodes": {"network.nodes": 20, "attack.byzantine_nodes": 5},
    "100 nodes": {"network.nodes": 100, "attack.byzantine_nodes": 25},
}
"""Other numbers of nodes; channels are in proportion to them."""
RESIZED = ("unequal-loop",)
LADDER = "as shipped"


class Cell(NamedTuple):
    """A scenario, its size, the placement of the attackers, and a contestant."""

    rung: str
    size: str
    placement: str
    name: str

    @property
    def file(self) -> str:
        """Returns the name of the file that keeps its episodes."""
        return f"{', '.join(self).replace(':', ' ')}.json"


def cells() -> list[Cell]:
    """Returns who plays where."""
    ladder = [
        Cell(rung, LADDER, where, name)
        for rung in RUNGS
        for where in PLACEMENTS
        for name in (AGENT, BOLD, ALWAYS, WARY)
    ]
    resized = [
        Cell(rung, size, where, name)
        for rung in RESIZED
        for size in SIZES
        for where in PLACEMENTS
        for name in (AGENT, BOLD, CEAS)
    ]
    return ladder + resized


def contestant(cell: Cell) -> Contestant:
    """Returns who plays in a cell: CEAS as tuned for the rung, the others at the agent's rate."""
    if cell.name in (CEAS, WARY):
        return tuned.contestant(cell.rung, contestants.get(cell.name))
    name = BOLD if cell.name == ALWAYS else cell.name
    agent = checkpoints.load(checkpoints.shipped_file(name))
    if cell.name == ALWAYS:
        agent = agent._replace(layers=always(agent.features.network))
    return Contestant(cell.name, checkpoints.policy(agent), RATE)


def always(sees: tuple[str, ...]) -> Layers:
    """Returns the network that the search starts with, if it never trusted the best links.

    Args:
        sees: What it sees of the network.
    """
    widths = (len(sees) + 1, weights.WARY_HIDDEN, steering.OUTPUTS)
    first, last = weights.layers(weights.wary(sees), widths)
    more = np.array([0.0, 0.0, 9.0], np.float32)
    return (first, last._replace(weight=np.zeros_like(last.weight), bias=last.bias + more))


def scenario(cell: Cell) -> Any:  # noqa: ANN401 - a scenario
    """Returns the scenario of a cell."""
    changes = NETWORKS | {"attack.placement": cell.placement} | SIZES.get(cell.size, {})
    nodes = changes.get("network.nodes")
    if isinstance(nodes, int):
        shipped = config.load(cell.rung).network
        changes["network.channels"] = shipped.channels * nodes // shipped.nodes
    return config.load(cell.rung, changes)


def play(folder: Path, seeds: Sequence[int]) -> None:
    """Plays what the folder lacks: a file for each cell, with a row and a curve for each seed."""
    folder.mkdir(parents=True, exist_ok=True)
    for cell in cells():
        if (folder / cell.file).exists():
            continue
        settings = scenario(cell)
        chosen = contestant(cell)
        params = evaluate.prepare(settings, [chosen])[chosen.name]
        target = settings.episode.target_accuracy
        closed_loop.keep(folder / cell.file, chosen, params, target, seeds)
