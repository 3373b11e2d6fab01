"""Steering: a network sets three numbers of CEAS anew in every window.

    number of nodes = quorum + room s(x_0 - 2)        room = nodes - quorum
    G0              = 300 exp(x_1) shots
    passed over     = f s(x_2 - 4), rounded          f = nodes that the rule tolerates

with the outputs x of the network and the logistic function s. So a network whose outputs are zero
plays CEAS with a few nodes beyond the quorum. Few numbers for any number of nodes: that is what a
search over whole episodes can learn (`training.evolution`).

The hub can't see who is Byzantine, only whether learning goes on. Whether it goes badly because of
the nodes with the best links, or without them, depends on whether they took part. So the network
also sees its `reliance` on them (`closed_loop.trust`).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_agents.policies.closed_loop import ceas, prospects, trust
from ceas_agents.policies.closed_loop.outlook import Aim
from ceas_gym.consensus.protocol import quorum
from ceas_gym.task.readiness import HALF
from ceas_gym.types import Observation, Params

OUTPUTS = 3
"""Numbers that are steered: nodes beyond a quorum, G0, and nodes that are passed over."""
SPARE, PASSED_OVER = -2.0, -4.0
"""Added to the first and to the last output, so that zeros serve few nodes, and the best ones."""


def play(
    outputs: Float[Array, " 3"], params: Params, observation: Observation
) -> Float[Array, " nodes_and_1"]:
    """Returns the action of CEAS in a window, in [-1, 1], with its numbers set by outputs.

    Args:
        outputs: Of the network; any numbers.
        params: The scenario; its steps are windows.
        observation: What the hub knows, every entry in [0, 1].
    """
    room = jnp.maximum(params.network.nodes - quorum(params.consensus), 0)
    return serve(
        params,
        observation,
        spare=room * jax.nn.sigmoid(outputs[0] + SPARE),
        half=HALF * jnp.exp(outputs[1]),
        passed_over=trust.tolerated(params) * jax.nn.sigmoid(outputs[2] + PASSED_OVER),
    )


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
    least, found = quorum(params.consensus), prospects.assess(params.network, observation)
    able = found.able & ~trust.among_best(params.network, passed_over)
    number = jnp.minimum(least + spare, params.network.nodes)
    aim = Aim(number=number, half=half, enough=least)
    return ceas.act(params, observation, found._replace(able=able), aim)
