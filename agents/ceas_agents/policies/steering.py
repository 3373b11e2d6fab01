"""Steering: a network sets three numbers of CEAS anew in every window.

    number of nodes = quorum + room s(x_0 + s^-1(share))     room = nodes - quorum
    G0              = 300 exp(x_1) shots
    passed over     = f s(x_2 - 4)                           f = nodes that the rule tolerates

with the outputs x of the network, the logistic function s, and the share of the room that CEAS
itself would serve; numbers of nodes are rounded. So a network whose outputs are zero plays CEAS,
and a network adapts what CEAS plans to how learning goes. Few numbers for any number of nodes: that
is what a search over whole episodes can learn (`training.evolution`). An earlier agent,
`steered-v1`, does not ask how many nodes CEAS would serve (`play_freely`).

The hub can't see who is Byzantine, only whether learning goes on. If it goes badly, the nodes with
the best links can be at fault only if they took part. So the network also sees its `reliance` on
them (`closed_loop.trust`).
"""

import jax
import jax.numpy as jnp
from jax.scipy.special import logit
from jaxtyping import Array, Float

from ceas_agents.policies.closed_loop import ceas, prospects, trust
from ceas_agents.policies.closed_loop.outlook import Aim
from ceas_agents.policies.closed_loop.prospects import Prospects
from ceas_gym.consensus.protocol import quorum
from ceas_gym.task.readiness import HALF
from ceas_gym.types import Observation, Params

OUTPUTS = 3
"""Numbers that are steered: nodes beyond a quorum, G0, and nodes that are passed over."""
PASSED_OVER = -4.0
"""Added to the last output, so that zeros pass over no node."""
SPARE = -2.0
"""Added to the first output in `play_freely`, so that zeros serve few nodes."""
LESS_THAN_ONE = 0.4
"""How far the share stays from both ends of the room, in nodes, so that its logit is finite."""


def play(
    outputs: Float[Array, " 3"], params: Params, observation: Observation
) -> Float[Array, " nodes_and_1"]:
    """Returns the action of CEAS in a window, in [-1, 1], with its numbers set by outputs.

    Args:
        outputs: Of the network; any numbers.
        params: The scenario; its steps are windows.
        observation: What the hub knows, every entry in [0, 1].
    """
    passed_over = trust.tolerated(params) * jax.nn.sigmoid(outputs[2] + PASSED_OVER)
    found, least = without_best(params, observation, passed_over), quorum(params.consensus)
    half = HALF * jnp.exp(outputs[1])
    aim = Aim(number=params.network.nodes, half=half, enough=least, placement="unknown")
    fresh = prospects.emptied(params.network, observation, found)
    own = ceas.number(params, fresh, aim, spare=0, serve="least_loss")
    number = least + adjusted(own - least, params.network.nodes - least, outputs[0])
    return ceas.act(params, observation, found, aim._replace(number=number))


def adjusted(
    spare: Float[Array, ""], room: Float[Array, ""] | int, output: Float[Array, ""]
) -> Float[Array, ""]:
    """Returns the nodes to serve beyond a quorum: a whole number in [0, room].

    Args:
        spare: Those that CEAS would serve.
        room: All there are beyond a quorum; at least 0.
        output: Of the network: 0 changes nothing, negative numbers serve fewer.

    Example:
        >>> [float(adjusted(jnp.float32(6), 24, jnp.float32(by))) for by in (-9, 0, 1, 9)]
        [0.0, 6.0, 11.0, 24.0]
    """
    least = LESS_THAN_ONE / jnp.maximum(room, 1)
    share = jnp.clip(spare / jnp.maximum(room, 1), least, 1 - least)
    return jnp.round(jnp.maximum(room, 0) * jax.nn.sigmoid(logit(share) + output))


def serve(
    params: Params,
    observation: Observation,
    spare: float | Array,
    half: float | Array,
    passed_over: float | Array,
) -> Float[Array, " nodes_and_1"]:
    """Returns the action of CEAS in a window, in [-1, 1], without the nodes with the best links.

    Args:
        params: The scenario; its steps are windows.
        observation: What the hub knows, every entry in [0, 1].
        spare: Nodes to serve beyond a quorum; at least 0.
        half: Information G0, in shots, at which a barrier is worth one half; above 0.
        passed_over: Number of nodes with the best links that get no channel-time; at least 0.
    """
    least, found = quorum(params.consensus), without_best(params, observation, passed_over)
    number = jnp.minimum(least + spare, params.network.nodes)
    return ceas.act(params, observation, found, Aim(number=number, half=half, enough=least))


def without_best(params: Params, observation: Observation, number: float | Array) -> Prospects:
    """Returns the prospects of the nodes, of which those with the best links are taken as unable.

    Args:
        params: The scenario; its steps are windows.
        observation: What the hub knows, every entry in [0, 1].
        number: Nodes that are passed over; rounded.
    """
    found = prospects.assess(params.network, observation)
    return found._replace(able=found.able & ~trust.among_best(params.network, number))


def play_freely(
    outputs: Float[Array, " 3"], params: Params, observation: Observation
) -> Float[Array, " nodes_and_1"]:
    """Returns the same where the number of nodes does not depend on what CEAS would serve.

        number of nodes = quorum + room s(x_0 - 2)

    Args:
        outputs: As for `play`.
        params: As for `play`.
        observation: As for `play`.
    """
    room = jnp.maximum(params.network.nodes - quorum(params.consensus), 0)
    return serve(
        params,
        observation,
        spare=room * jax.nn.sigmoid(outputs[0] + SPARE),
        half=HALF * jnp.exp(outputs[1]),
        passed_over=trust.tolerated(params) * jax.nn.sigmoid(outputs[2] + PASSED_OVER),
    )
