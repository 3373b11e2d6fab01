"""Learned schedulers: as policies, as files, and those that come with the package."""

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from numpy.typing import NDArray

from ceas_agents.policies.networks import (
    FORMS,
    PER_NODE,
    TODAY,
    Features,
    Layer,
    Layers,
    columns,
)
from ceas_agents.policies.node_network import OF_ROUNDS, OF_WINDOWS
from ceas_gym.registry import nearest
from ceas_gym.task.dispatch import RULES

AGENT, CARD = "agent.npz", "README.md"
NAMED = ("node_features", "network_features")
"""Arrays of a file with the names of the features, as in `Features`."""
INSTALLED = Path(__file__).parents[1] / "checkpoints"
CHECKPOINTS = INSTALLED if INSTALLED.is_dir() else Path(__file__).parents[2] / "checkpoints"
"""Where each shipped agent has a folder; in the source tree, it is next to the package."""
UNREADABLE = (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises when a file is not in its format, or is damaged."""


class Agent(NamedTuple):
    """A trained scheduler: the form of its network, the weights, and what it looks at."""

    form: str
    """A key of `FORMS`."""
    layers: Layers
    """From the input to the output."""
    features: Features = TODAY
    """What it was trained on."""


def policy(agent: Agent) -> Partial:
    """Returns the scheduler as a pytree, so that other weights of its form need no recompilation.

    The policy raises a `ValueError` if it is called with a scenario that the agent does not fit.

    Args:
        agent: Its layers must be of the shapes that its form takes; this is not checked here.

    Returns:
        A policy, whose actions are in [-1, 1].

    Raises:
        ValueError: If there is no such form, or no such feature.
    """
    if agent.form not in FORMS:
        raise ValueError(f"form {agent.form!r} is unknown; {nearest(agent.form, FORMS)}")
    return Partial(FORMS[agent.form], agent.layers, columns(agent.features))


def save(agent: Agent, path: Path) -> None:
    """Writes the agent as an `.npz` file of NumPy, either completely or not at all.

    Args:
        agent: The trained agent; its weights are stored in single precision, in their shapes.
        path: The file, which is replaced if it exists.

    Raises:
        OSError: If the file can't be written.
    """
    arrays: dict[str, Any] = {
        f"{place}.{part}": np.asarray(value, np.float32)
        for place, layer in enumerate(agent.layers)
        for part, value in layer._asdict().items()
    }
    arrays |= {name: list(names) for name, names in zip(NAMED, agent.features, strict=True)}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    with beside.open("wb") as file:
        np.savez(file, allow_pickle=False, form=agent.form, rules=list(RULES), **arrays)
    beside.replace(path)


def load(path: Path) -> Agent:
    """Returns the agent of a file, after checking that the shapes of its layers fit together.

    Args:
        path: An `.npz` file that `save` wrote.

    Raises:
        ValueError: If the file can't be read or holds something else.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return _read(arrays)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise ValueError(f"{path} can't be read: {reason}") from error
    except UNREADABLE as error:
        raise ValueError(f"{path} holds no learned scheduler: {_reason(error)}") from error


def shipped() -> list[str]:
    """Returns the names of the agents that come with the package, sorted."""
    return sorted(file.parent.name for file in CHECKPOINTS.glob(f"*/{AGENT}"))


def shipped_file(name: str) -> Path:
    """Returns the path of a shipped agent's file.

    Args:
        name: One of `shipped()`.
    """
    return CHECKPOINTS / name / AGENT


def describe(name: str) -> str:
    """Returns the first line of a shipped agent's model card, or of its form's docstring.

    Args:
        name: One of `shipped()`.
    """
    card = CHECKPOINTS / name / CARD
    if card.is_file():
        text = card.read_text(encoding="utf-8")
    else:
        text = FORMS[load(shipped_file(name)).form].__doc__ or ""
    return text.split("\n")[0].lstrip("# ")


def _reason(error: Exception) -> str:
    # NumPy takes whatever it does not know for pickled objects, and names a missing array.
    if "pickle" in str(error):
        return "it is no archive of NumPy"
    if isinstance(error, KeyError):
        return f"it lacks an array: {error.args[0]}"
    return str(error)


def _read(arrays: Mapping[str, NDArray[Any]]) -> Agent:
    places = range(sum(name.endswith(".weight") for name in arrays))
    parts = [[arrays[f"{place}.{part}"] for part in Layer._fields] for place in places]
    layers = tuple(Layer(*(jnp.asarray(part, jnp.float32) for part in layer)) for layer in parts)
    agent = Agent(str(arrays["form"]), layers, _features(arrays))
    policy(agent)
    if not _is_whole(agent):
        raise ValueError("its layers do not fit together")
    if agent.form == "dispatch":
        _check_rules([str(name) for name in arrays["rules"]])
    if not all(np.isfinite(part).all() for layer in parts for part in layer):
        raise ValueError("its weights are not finite")
    return agent


def _features(arrays: Mapping[str, NDArray[Any]]) -> Features:
    if not all(name in arrays for name in NAMED):
        raise ValueError("it does not name its features, so it is of version 0.1.0; train it anew")
    return Features(*(tuple(map(str, arrays[name].tolist())) for name in NAMED))


def _check_rules(trained: list[str]) -> None:
    # An agent knows a choice by its number.
    if trained != list(RULES):
        raise ValueError(
            f"it picks among {', '.join(trained)}, but the rules are {', '.join(RULES)}; "
            "train it anew"
        )


def _is_whole(agent: Agent) -> bool:
    shapes = [(*layer.weight.shape, *layer.bias.shape) for layer in agent.layers]
    if any(len(shape) != 3 or shape[1] != shape[2] for shape in shapes):
        return False
    taken, given = [shape[0] for shape in shapes[1:]], [shape[1] for shape in shapes[:-1]]
    if agent.form in PER_NODE:
        barrier = [given[1], *given[4:]] if len(shapes) == OF_WINDOWS else []
        is_known = len(shapes) in (OF_ROUNDS, OF_WINDOWS)
        return is_known and taken == [given[0], 2 * given[1], given[2], *barrier]
    return bool(shapes) and taken == given
