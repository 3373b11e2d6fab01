"""The neural networks of learned schedulers, one form each: deterministic, in JAX, without torch.

In the forms `nodes` and `residual`, the same small network is applied to every node, and sees the
mean over all of them (`policies.node_network`). So it depends neither on the order of the nodes nor
on their number. With four layers it schedules whole rounds; with six, single windows, and says when
the barrier fires. A residual scheduler also sees what CEAS asks for, and adds to it. The form
`dispatch` sees means over the nodes, so it works for any number of nodes, too
(`policies.choice_network`); it values the choices of `ceas_gym.task.dispatch`, of which there are
other numbers in rounds and in windows. The other forms see the whole observation as one vector, and
work only for actions of the shape that they were trained for.

Every form takes its layers, the columns of the observation that it was trained on, the scenario,
the observation and a random key, and returns requests in [-1, 1].
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ceas_agents.policies import choice_network, node_network, steering
from ceas_agents.policies.ceas import ceas
from ceas_agents.policies.closed_loop import trust
from ceas_agents.policies.closed_loop.ceas import ceas as ceas_by_window
from ceas_agents.policies.node_network import Activation, through
from ceas_agents.policies.node_network import Layer as Layer
from ceas_agents.policies.node_network import Layers as Layers
from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.task import actions, dispatch
from ceas_gym.task.observations import COLUMN, NODE_FEATURES, PLACE, summary
from ceas_gym.types import Observation, Params


class Features(NamedTuple):
    """Names of the features that an agent was trained on, in the order of its inputs."""

    nodes: tuple[str, ...]
    network: tuple[str, ...]


class Columns(NamedTuple):
    """Where these features are in an observation."""

    nodes: Int[Array, " features"]
    network: Int[Array, " features"]


TODAY = Features(tuple(feature.name for feature in NODE_FEATURES), tuple(PLACE))
"""All features of an observation."""
OF_TEAMS = Features(tuple(COLUMN), tuple(PLACE))
"""The same where nodes form teams."""

Form = Callable[[Layers, Columns, Params, Observation, Key[Array, ""]], Float[Array, "..."]]
"""A policy with its layers and columns as additional first arguments."""


def columns(features: Features) -> Columns:
    """Returns where features are in an observation.

    Args:
        features: By their names.

    Raises:
        ValueError: If there is no feature of a name.

    Example:
        >>> columns(Features(nodes=("condition", "rate"), network=("progress",))).nodes.tolist()
        [1, 0]
    """
    for names, known in zip(features, (COLUMN, PLACE), strict=True):
        for name in names:
            if name not in known:
                raise ValueError(f"it was trained on the feature {name!r}, which is no more")
    return Columns(
        array([COLUMN[name] for name in features.nodes], np.int32),
        array([PLACE[name] for name in features.network], np.int32),
    )


def nodes(
    layers: Layers,
    columns: Columns,
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
) -> Float[Array, "..."]:
    """Learned: one network for every node, which sees the mean over all of them.

    Source:
        Zaheer et al., Deep Sets, NeurIPS 30 (2017), arXiv:1703.06114.
    """
    del key
    return _each(layers, columns, params, observation, None)


def residual(
    layers: Layers,
    columns: Columns,
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
) -> Float[Array, "..."]:
    """Learned: one network for every node, whose output is added to the requests of CEAS.

    Source:
        Silver, Allen, Tenenbaum and Kaelbling, Residual Policy Learning, arXiv:1812.06298.
    """
    _require_decision(layers, params)
    return _each(layers, columns, params, observation, base(params, observation, key))


def base(params: Params, observation: Observation, key: Key[Array, ""]) -> Float[Array, "..."]:
    """Returns the action of CEAS to which a residual scheduler adds, whatever a step is.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used by CEAS.
    """
    policy = ceas_by_window if params.by_window else ceas
    return policy(params, observation, key)


def flat(
    layers: Layers,
    columns: Columns,
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
) -> Float[Array, "windows nodes"]:
    """Learned: one network for the whole observation."""
    del key
    return jnp.clip(_whole(layers, params, _seen(columns, observation), jnp.tanh), -1, 1)


def squashed(
    layers: Layers,
    columns: Columns,
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
) -> Float[Array, "windows nodes"]:
    """Learned: one network for the whole observation, with a tanh on its requests.

    Source:
        The mean action of soft actor-critic: Haarnoja et al., ICML 2018, arXiv:1801.01290.
    """
    del key
    return jnp.tanh(_whole(layers, params, _seen(columns, observation), jax.nn.relu))


def dispatched(
    layers: Layers,
    columns: Columns,
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
) -> Float[Array, "..."]:
    """Learned: the allowed choice of a scheduling rule that a network values most.

    Raises:
        ValueError: If the network was trained for other features, or for another number of choices.

    Source:
        The greedy policy of a deep Q-network: Mnih et al., Nature 518, 529 (2015).
    """
    del key
    shown = choice_network.see(params, observation, _seen(columns, observation))
    _require("inputs", layers[0].weight.shape[0], shown.features.size)
    _require("choices", layers[-1].bias.size, dispatch.size(params))
    values = choice_network.values(layers, shown.features)
    choice = choice_network.best(values, shown.allowed)
    return dispatch.action(params, observation, choice)


def steered(
    layers: Layers,
    columns: Columns,
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
) -> Float[Array, " nodes_and_1"]:
    """Learned: CEAS for windows, whose numbers a network sets anew in every window.

    The network sees its features, as means over the nodes if they are features of nodes, and the
    reliance on the nodes with the best links (`policies.closed_loop.trust`).
    """
    del key
    return steering.play(_steering(layers, columns, params, observation), params, observation)


def steered_freely(
    layers: Layers,
    columns: Columns,
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
) -> Float[Array, " nodes_and_1"]:
    """Learned: the same, but the number of nodes does not depend on what CEAS would serve."""
    del key
    outputs = _steering(layers, columns, params, observation)
    return steering.play_freely(outputs, params, observation)


def _steering(
    layers: Layers, columns: Columns, params: Params, observation: Observation
) -> Float[Array, " 3"]:
    if not params.by_window:
        raise ValueError(BY_WINDOW)
    if params.network.teams.size > 1:
        raise ValueError(
            "agent steers CEAS for single nodes, but nodes form teams; set learning.scheme to data"
        )
    seen = jnp.append(summary(_seen(columns, observation)), trust.reliance(params, observation))
    _require("inputs", layers[0].weight.shape[0], seen.size)
    _require("outputs", layers[-1].bias.size, steering.OUTPUTS)
    return through(layers, seen, jnp.tanh)


FORMS: dict[str, Form] = {
    "nodes": nodes,
    "residual": residual,
    "flat": flat,
    "squashed": squashed,
    "dispatch": dispatched,
    "steered": steered,
    "steered_freely": steered_freely,
}
"""Each raises a ValueError if the layers do not fit the scenario."""
BY_WINDOW = "agent schedules single windows, but episode.decision of the scenario is round"
PER_NODE = ("nodes", "residual")
"""Forms of the layers of `policies.node_network`."""


def _each(
    layers: Layers,
    columns: Columns,
    params: Params,
    observation: Observation,
    base: Float[Array, "..."] | None,
) -> Float[Array, "..."]:
    _require_decision(layers, params)
    seen = node_network.see(params, _seen(columns, observation), base)
    _require("inputs of each node", layers[0].weight.shape[0], node_network.width(seen))
    _require("requests of each node", layers[3].bias.size, actions.windows(params))
    requests, leaning = node_network.ask(layers, seen)
    return node_network.action(requests, None if leaning is None else leaning > 0)


def _whole(
    layers: Layers, params: Params, observation: Observation, activation: Activation
) -> Float[Array, "..."]:
    seen, shape = _vector(observation), actions.shape(params)
    _require("inputs", layers[0].weight.shape[0], seen.size)
    _require("requests", layers[-1].bias.size, math.prod(shape))
    return through(layers, seen, activation).reshape(shape)


def _seen(columns: Columns, observation: Observation) -> Observation:
    return Observation(observation.nodes[:, columns.nodes], observation.network[columns.network])


def _vector(observation: Observation) -> Float[Array, " inputs"]:
    # Stable-Baselines3 concatenates the parts in the order of their names.
    return jnp.concatenate([observation.network, observation.nodes.ravel()])


def _require(what: str, trained: int, given: int) -> None:
    if trained != given:
        raise ValueError(f"agent was trained for {trained} {what}, but the scenario has {given}")


def _require_decision(layers: Layers, params: Params) -> None:
    if len(layers) == node_network.OF_ROUNDS:
        _require_rounds(params)
    elif not params.by_window:
        raise ValueError(BY_WINDOW)


def _require_rounds(params: Params) -> None:
    if params.by_window:
        raise ValueError(
            "agent schedules whole rounds, but episode.decision of the scenario is window"
        )
