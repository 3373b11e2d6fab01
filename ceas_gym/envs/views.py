"""Views of an environment: what an agent is shown, and what its actions mean.

| view | observation | action |
|---|---|---|
| `PLAIN` | a table of the nodes, and the network | shares of the channels |
| `FLAT` | both in one vector | the same numbers in one vector |
| `DISPATCH` | means over the nodes, and the network | a choice of `task.dispatch` |

A view serves single environments and batches: arrays of a batch have the rows as first axis.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.spaces import Space
from jax.typing import ArrayLike
from jaxtyping import Array, Float
from numpy.typing import NDArray

from ceas_gym import layouts
from ceas_gym.envs import arguments
from ceas_gym.envs.core import LAYOUT, Output
from ceas_gym.jax_utils import parallel
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.task import actions, dispatch, observations
from ceas_gym.task.observations import NETWORK_FEATURES, node_features
from ceas_gym.types import Observation, Params

Spaces = tuple[Space[Any], Space[Any]]
"""Of the observations and of the actions of one environment."""


class Seen(NamedTuple):
    """What the hub observed last, and the layout that is played there."""

    nodes: NDArray[np.float32]
    """Shape (*batch, nodes, features), in [0, 1], as `network`."""
    network: NDArray[np.float32]
    layout: NDArray[np.int32]
    """Shape (*batch,)."""


class View(NamedTuple):
    """What an agent is shown, and what its actions mean."""

    spaces: Callable[[Params], Spaces]
    shown: Callable[[Seen], Any]
    """Returns the agent's observations, shape (*batch, ...)."""
    asked: Callable[[Params, Seen, object], NDArray[np.float32]]
    """Returns the requests, shape (*batch, *`actions.shape`), that an agent's actions stand for; it
    raises a `ValueError` for actions that are none."""


def seen(output: Output) -> Seen:
    """Returns the part of an output that the hub observes.

    Args:
        output: Of one environment or of a batch, with arrays of NumPy.
    """
    figures: Any = output.figures
    nodes: Any = output.nodes
    network: Any = output.network
    return Seen(nodes, network, figures[..., LAYOUT].astype(np.int32))


def masks(params: Params, seen: Seen) -> NDArray[np.bool_]:
    """Returns which choices are allowed (`task.dispatch.mask`), shape (*batch, choices).

    Args:
        params: The scenario.
        seen: What the hub observed last.
    """
    return _of_rows(_masks, params, seen)


# --- Plain ---


def _spaces(params: Params) -> Spaces:
    nodes = params.network.nodes
    observation: dict[str, Space[Any]] = {
        "nodes": spaces.Box(0.0, 1.0, (nodes, len(node_features(params.network))), np.float32),
        "network": spaces.Box(0.0, 1.0, (len(NETWORK_FEATURES),), np.float32),
    }
    return spaces.Dict(observation), spaces.Box(-1.0, 1.0, actions.shape(params), np.float32)


def _parts(seen: Seen) -> dict[str, NDArray[np.float32]]:
    return {"nodes": seen.nodes, "network": seen.network}


def _requests(params: Params, seen: Seen, given: object) -> NDArray[np.float32]:
    return arguments.action(given, (*seen.layout.shape, *actions.shape(params)))


PLAIN = View(_spaces, _parts, _requests)


# --- Flat ---


def _flat_spaces(params: Params) -> Spaces:
    observation, action = _spaces(params)
    return spaces.flatten_space(observation), spaces.flatten_space(action)


def _flattened(seen: Seen) -> NDArray[np.float32]:
    # In the order of `gymnasium.spaces.flatten`: the parts by name.
    nodes = seen.nodes.reshape((*seen.layout.shape, -1))
    return np.concatenate([seen.network, nodes], axis=-1)


def _unflattened(params: Params, seen: Seen, given: object) -> NDArray[np.float32]:
    shape, batch = actions.shape(params), seen.layout.shape
    flat = arguments.action(given, (*batch, int(np.prod(shape))))
    return flat.reshape((*batch, *shape))


FLAT = View(_flat_spaces, _flattened, _unflattened)


# --- Dispatch ---


def _choice_spaces(params: Params) -> Spaces:
    size = len(NETWORK_FEATURES) + len(node_features(params.network))
    shown = spaces.Box(0.0, 1.0, (size,), np.float32)
    return shown, spaces.Discrete(dispatch.size(params))


def _summary(seen: Seen) -> NDArray[np.float32]:
    return np.array(_summaries(seen.nodes, seen.network))


def _chosen(params: Params, seen: Seen, given: object) -> NDArray[np.float32]:
    choices = arguments.choices(given, dispatch.size(params), seen.layout.shape)
    return _of_rows(_actions, params, seen, choices)


DISPATCH = View(_choice_spaces, _summary, _chosen)


def _of_rows(
    call: Callable[..., Array], params: Params, seen: Seen, *others: NDArray[Any]
) -> NDArray[Any]:
    # A single environment is a batch of one row.
    batch = seen.layout.shape
    rows = [part.reshape((-1, *part.shape[len(batch) :])) for part in (*seen, *others)]
    # A copy: PyTorch warns of arrays that it may not write to, as those of JAX are.
    found = np.array(call(params, *rows))
    return found.reshape((*batch, *found.shape[1:]))


@often
def _summaries(nodes: Array, network: Array) -> Array:
    return observations.summary(Observation(nodes, network))


@often
def _actions(
    params: Params, nodes: ArrayLike, network: ArrayLike, layout: ArrayLike, choices: ArrayLike
) -> Array:
    def row(nodes: Array, network: Array, layout: Array, choice: Array) -> Float[Array, "..."]:
        own = layouts.chosen(params, layout)
        return dispatch.action(own, Observation(nodes, network), choice)

    return parallel.each(row, nodes, network, layout, choices)


@often
def _masks(params: Params, nodes: ArrayLike, network: ArrayLike, layout: ArrayLike) -> Array:
    def row(nodes: Array, network: Array, layout: Array) -> Array:
        own = layouts.chosen(params, layout)
        return dispatch.mask(own, Observation(nodes, network))

    return parallel.each(row, nodes, network, layout)
