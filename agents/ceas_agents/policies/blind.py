"""Planning that is blind to teams: as if every node were on its own, with a vote and a circuit.

It is the baseline that shows what it is worth to know that links of a team are needed together.
"""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Int

from ceas_agents.policies.scarcity import quorum
from ceas_gym.types import Params, Shot


def alone(params: Params) -> Params:
    """Returns the scenario as it looks to a planner that does not know of teams.

    A shot takes a pair for each of its qubits. The rule tolerates as many Byzantine nodes as there
    are nodes in the teams that it really tolerates.

    Args:
        params: A scenario with teams.
    """
    network, consensus = params.network, params.consensus
    each = jnp.arange(network.nodes)
    teams = replace(
        network.teams,
        nodes=each[:, None],
        of_node=each,
        qpu=jnp.zeros_like(each),
        shot=Shot(qubits=network.qubits, data=(network.qubits,)),
    )
    return replace(
        params,
        network=replace(network, teams=teams),
        consensus=replace(consensus, tolerated=consensus.tolerated * network.teams.size),
    )


def least_votes(params: Params) -> Int[Array, ""]:
    """Returns the fewest nodes to serve so that a quorum of teams, and one more, is complete.

    With u nodes unserved, at most u teams are incomplete, wherever these nodes are.

    Args:
        params: A scenario with teams.
    """
    teams = params.network.teams.number
    return params.network.nodes - jnp.maximum(teams - quorum(params.consensus) - 1, 0)
