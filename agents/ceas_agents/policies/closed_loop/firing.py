"""When a barrier fires, for policies whose schedule does not depend on it."""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.consensus.protocol import quorum
from ceas_gym.network import teams
from ceas_gym.task import actions
from ceas_gym.task.observations import COLUMN, PLACE
from ceas_gym.types import Observation, Params


def waited(params: Params, observation: Observation) -> Int[Array, ""]:
    """Returns the number of windows since the last barrier, with the one that comes; at least 1.

    Args:
        params: The scenario, with the unit in which the observation tells it.
        observation: What the hub knows.
    """
    before = observation.network[PLACE["waited"]] * params.network.most_windows
    return jnp.round(before).astype(jnp.int32) + 1


def windows_left(params: Params, observation: Observation) -> Int[Array, ""]:
    """Returns the windows that are left of the budget; at least 0.

    Args:
        params: The budget.
        observation: What the hub knows.
    """
    left = (1 - observation.network[PLACE["progress"]]) * params.budget
    return jnp.round(left).astype(jnp.int32)


def by_clock(params: Params, observation: Observation, cadence: float | Array) -> Bool[Array, ""]:
    """Returns whether so many windows are over at the end of the one that comes.

    Args:
        params: The scenario.
        observation: What the hub knows.
        cadence: In windows; 0 stands for `network.windows`.
    """
    windows = jnp.where(cadence > 0, cadence, params.network.windows)
    return waited(params, observation) >= windows


def if_ready(params: Params, observation: Observation, cadence: float | Array) -> Bool[Array, ""]:
    """Returns whether a quorum of teams is ready before the window that comes, and it is time.

    A node is a team of its own, unless several form one.

    Args:
        params: The scenario.
        observation: What the hub knows.
        cadence: Least number of windows from one barrier to the next.
    """
    ready = teams.first(params.network.teams, observation.nodes[:, COLUMN["ready"]]).sum()
    return (ready >= quorum(params.consensus)) & (waited(params, observation) >= cadence)


def action(shares: Float[Array, " nodes"], fires: Bool[Array, ""]) -> Float[Array, " nodes_and_1"]:
    """Returns the action that asks for these shares, and fires at the end of the window or not.

    Args:
        shares: Of a channel, in [0, 1].
        fires: Whether the barrier fires.

    Example:
        >>> action(jnp.array([0.0, 0.5]), jnp.array(True)).tolist()
        [-1.0, 0.0, 1.0]
    """
    return jnp.append(actions.encode(shares), jnp.where(fires, 1.0, -1.0))
