"""Who plays: a contestant at its tuned settings or at a given rate, where it can play."""

import hashlib
import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from ceas_agents.evaluation import contestants, play, tuned
from ceas_agents.evaluation.contestants import Contestant
from ceas_agents.evaluation.tuned import RATE
from ceas_agents.leaderboard.suite import Cell
from ceas_agents.policies import checkpoints
from ceas_agents.policies.registry import POLICIES
from ceas_gym import config
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params


class Entry(NamedTuple):
    """A policy by its name, and what the user sets."""

    name: str
    """As `evaluation.contestants.get` takes it."""
    settings: tuple[tuple[str, float], ...] = ()
    """The learning rate by its dotted key, or nothing."""


class Ready(NamedTuple):
    """A contestant of a cell, and what it plays."""

    contestant: Contestant
    scenario: Scenario
    params: Params


def entry(name: str, settings: Mapping[str, object]) -> Entry:
    """Returns who plays, after checking that there is such a policy and that the suite stays fixed.

    Args:
        name: Of a contestant or an agent, path of an agent's file, or `module:function`.
        settings: Values by dotted key; only `learning.learning_rate` may be among them.

    Raises:
        ValueError: If the policy is unknown, or something else is set.

    Example:
        >>> entry("ceas", {"learning.learning_rate": 0.4})
        Entry(name='ceas', settings=(('learning.learning_rate', 0.4),))
    """
    if others := settings.keys() - {RATE}:
        raise ValueError(f"--set {min(others)}: the suite is fixed; only {RATE} may be set")
    contestants.get(name)
    rates = {key: config.load("tiny", {key: value}).learning for key, value in settings.items()}
    return Entry(name, tuple((key, each.learning_rate) for key, each in rates.items()))


def ready(who: Entry, cell: Cell) -> Ready:
    """Returns a contestant with the parameters under which it plays a cell.

    Args:
        who: From `entry`. A rate that it sets takes the place of a tuned one.
        cell: Of the suite.

    Raises:
        ValueError: If it can't play there, with the reason.
    """
    given = dict(who.settings)
    scenario = config.load(cell.scenario, cell.changes | given)
    chosen = contestants.get(who.name)
    chosen = tuned.contestant(cell.scenario, chosen, given, scenario.episode.decision)
    return Ready(chosen, scenario, play.prepare(scenario, [chosen])[chosen.name])


def refusal(who: Entry, cell: Cell) -> str:
    """Returns in one line why a policy can't play a cell, or nothing if it can.

    Args:
        who: From `entry`.
        cell: Of the suite.
    """
    try:
        ready(who, cell)
    except ValueError as error:
        return " ".join(str(error).split())
    return ""


def file_hash(name: str) -> str:
    """Returns the SHA-256 of the file that an agent or a user's function comes from.

    Args:
        name: As for `entry`.

    Returns:
        64 characters, or nothing for policies that come with the package as code.

    Example:
        >>> file_hash("ceas:serve=quorum")
        ''
    """
    file = _file(name)
    return hashlib.sha256(file.read_bytes()).hexdigest() if file else ""


def folder_name(name: str) -> str:
    """Returns a policy's name as that of a folder; an agent's file has that of its own folder.

    Args:
        name: As for `entry`.

    Example:
        >>> folder_name("ceas:serve=quorum"), folder_name("runs/train/mine/best.npz")
        ('ceas-serve-quorum', 'mine')
    """
    named = Path(name).absolute().parent.name if name.endswith(".npz") else name
    return re.sub(r"[^\w.-]+", "-", named)


def _file(name: str) -> Path | None:
    first, colon, _ = name.partition(":")
    if name in checkpoints.shipped():
        return checkpoints.shipped_file(name)
    if name.endswith(".npz"):
        return Path(name)
    if not colon or first in {**contestants.CONTESTANTS, **POLICIES}:
        return None
    return Path(importlib.import_module(first).__file__ or "")
