"""The page: one file with the player, and with episodes as data."""

import html
import json
import re
from importlib import resources
from typing import Any

import numpy as np

from ceas_agents.replay import encoding
from ceas_agents.replay.record import FATES, Episode
from ceas_gym.network import network_map, setup
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

WEIGHT = 10_000
"""Number that stands for the whole weight of a barrier."""
STYLE, PAGE = "player.css", "page.html"
SCRIPTS = ("core.js", "network_map.js", "chart.js", "panel.js", "player.js")
"""In the order in which the browser runs them."""


def text(data: dict[str, Any]) -> str:
    """Returns the page as HTML, which needs no other file.

    Args:
        data: From `data`.
    """
    parts = {
        "TITLE": html.escape(f"{data['scenario']}, seed {data['seed']}"),
        "STYLE": _file(STYLE),
        # A browser would take `</script>` in a name for the end of the data.
        "DATA": json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "SCRIPT": "\n".join(map(_file, SCRIPTS)),
    }
    return re.sub(r"\[\[(\w+)\]\]", lambda place: parts[place[1]], _file(PAGE))


def data(scenario: Scenario, seed: int, sides: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns what the page shows, in types that JSON has.

    Args:
        scenario: The scenario of the layout that was played.
        seed: Of the episodes.
        sides: From `side`.
    """
    graph = scenario.network.graph
    topology = setup.layout(scenario.network, scenario.hardware)[0]
    names = graph.nodes if graph else [f"node {node}" for node in range(len(topology.vertex))]
    return {
        "scenario": scenario.name,
        "seed": seed,
        "window_s": scenario.network.window_s,
        "target": scenario.episode.target_accuracy,
        "map": network_map.drawn(topology),
        "names": list(names),
        "fates": list(FATES),
        "whole": encoding.WHOLE,
        "weight": WEIGHT,
        "sides": sides,
    }


def side(name: str, note: str, episode: Episode, params: Params) -> dict[str, Any]:
    """Returns what the page shows of one contestant.

    Args:
        name: Of the contestant.
        note: What people should know of the episode; it may be empty.
        episode: As it was recorded.
        params: Under which the contestant played.
    """
    frames, barriers = episode.frames, episode.barriers
    fired = episode.metrics["fired"] > 0
    accuracy = np.append(episode.metrics["accuracy_before"][:1], episode.metrics["accuracy"][fired])
    members = np.asarray(params.consensus.members.is_byzantine)
    return {
        "policy": name,
        "note": note,
        "budget": int(params.budget),
        "quorum": episode.quorum,
        "memories": int(params.network.memories.per_link),
        "byzantine": encoding.flags(episode.byzantine),
        "members": encoding.flags(members),
        "clock": frames.clock.tolist(),
        "isBarrier": encoding.flags(frames.is_barrier),
        "accuracy": [round(float(each), 5) for each in np.nan_to_num(accuracy)],
        "committed": encoding.flags(episode.metrics["committed"][fired] > 0),
        "late": [round(float(each), 3) for each in barriers.late],
        "pairs": encoding.aging(frames.pairs, frames.clock, frames.is_barrier),
        "key": encoding.stack(encoding.shares(frames.key)),
        "served": encoding.stack(encoding.shares(frames.served)),
        "conditions": encoding.stack(frames.links),
        "produced": encoding.stack(frames.fates),
        "counted": encoding.stack(np.asarray(barriers.counted)),
        "weights": encoding.stack(np.rint(np.nan_to_num(barriers.weights) * WEIGHT)),
        "shots": encoding.stack(np.asarray(barriers.shots)),
        "exposed": encoding.stack(np.asarray(barriers.exposed)),
    }


def _file(name: str) -> str:
    return (resources.files("ceas_agents.replay") / name).read_text(encoding="utf-8").strip()
