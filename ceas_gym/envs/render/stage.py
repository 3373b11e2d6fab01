"""What stays the same in all pictures of a network."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from ceas_gym import layouts
from ceas_gym.envs.core import Scene
from ceas_gym.network import network_map, setup
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params


class Stage(NamedTuple):
    """What stays the same in all pictures of a network."""

    title: str
    subtitle: str
    nodes: int
    labels: list[str]
    """Number of each node; where nodes form teams, with the number of its team behind a stroke."""
    team: Int[np.ndarray, " nodes"]
    """Number of each node's team; where every node is a team of its own, that of the node."""
    teams: int
    members: Bool[np.ndarray, " members"]
    """Whether each member of the committee is Byzantine; one hub is a committee of one."""
    windows: int
    """Windows for which there is room between two barriers."""
    memories: int
    """Pairs for which a link has memories."""
    budget_s: float
    map: dict[str, Any]
    """From `network.network_map.drawn`."""


def build(scenario: Scenario, params: Params, scene: Scene, layout: int) -> Stage:
    """Returns what stays the same in all pictures of a layout.

    Args:
        scenario: The scenario.
        params: Of the scenario.
        scene: Any of an episode of the layout.
        layout: Number of the layout, in [0, layouts).
    """
    network = params.network
    played = layouts.scenarios(scenario)[layout].network
    windows = network.most_windows if params.by_window else network.windows
    topology = setup.layout(played, scenario.hardware)[0]
    budget_s = float(params.budget) * played.window_s
    return Stage(
        title=scenario.name,
        subtitle=_subtitle(params, played.window_s, budget_s),
        nodes=network.nodes,
        labels=_labels(np.asarray(scene.team), network.teams.number),
        team=np.asarray(scene.team),
        teams=network.teams.number,
        members=np.asarray(params.consensus.members.is_byzantine),
        windows=int(windows),
        memories=int(network.memories.per_link),
        budget_s=budget_s,
        map=network_map.drawn(topology),
    )


def _subtitle(params: Params, window_s: float, budget_s: float) -> str:
    network = params.network
    nodes = f"{network.nodes} node{'s' * (network.nodes > 1)}"
    if network.teams.size > 1:
        nodes += f" in {network.teams.number} teams"
    step = "a step is a window" if params.by_window else f"{network.windows} windows a round"
    return f"{nodes}, {step} (window {window_s:g} s, budget {budget_s:g} s)"


def _labels(team: Int[np.ndarray, " nodes"], teams: int) -> list[str]:
    if teams == len(team):
        return [str(node) for node in range(len(team))]
    return [f"{node}/{number}" for node, number in enumerate(team.tolist())]
