r"""CEAS, the reference policy: it schedules for the least error of the aggregation rule.

In each round it chooses the nodes to serve and their schedule so that the loss J of the rule
(`aims`) is least,

    minimise   J(I),        I_k = stored_k + sum_w value_wk x_wk,
    subject to sum_k x_wk <= channels_w,  0 <= x_wk <= 1,  sum_w pairs_k x_wk <= room_k,

with the share x_wk of a channel for node k in window w, and the same limit on the channels of every
fibre that routes share. The value of a whole channel is the pairs that it generates times the
Fisher information that each still carries at the barrier. It is zero where a pair would expire
before the barrier, so CEAS never asks for such pairs. The information that enters the rule is
I_k B / (I_k + B), where B is the number of shots beyond which minibatch noise dominates.

*Which nodes.* The most productive nodes are served, as many as make J least, but at least one more
than a quorum. For each number of nodes, key comes first: nodes that lack key get the channel-time
for their tags, and a node that can't get enough is not counted. To compare the numbers, the rest of
the channel-time is divided in three ways, as if all windows were one, and the best is taken: for
the greatest sum of root information, for the least sum of noise, and for equal information. The
schedule itself follows the gradient of J.

*When?* Key for some of a node's tags is worth nothing in this round, but it is kept for later ones.
Where the channel-time of one round can't tag a quorum, CEAS gathers key over several: before the
round of the commit it makes only key, and so little that no node spends any yet.

*Teams.* Where several nodes form a team, which makes one update, all of this is said of teams. What
a team's channel-time is worth depends on its scarcest link, and key is needed for one node of it
(`team_planning`).

*Where are the f colluders?* `placement` is the assumption, with m of n nodes served:

- `best`: all f have the served links that carry most information, so data sent there are lost;
- `unknown`: all f are among the served nodes, equally likely on each of them;
- `random`: among the served nodes are f m / n colluders plus one standard deviation of that
  hypergeometric number, equally likely on each of them.

`random` serves fewer nodes, each with more information: it gains a little if colluders are placed
at random, and loses much if they are on the best links. `best` and `unknown` differ little.
"""

from dataclasses import replace
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key

from ceas_agents.policies import blind, planning, serving
from ceas_agents.policies.serving import RESERVE, Placement
from ceas_gym.network.teams import of_nodes
from ceas_gym.task import actions
from ceas_gym.task.observations import COLUMN
from ceas_gym.types import Network, Observation, Params

Teams = Literal["coupled", "blind"]


def ceas(
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
    placement: Placement = "unknown",
    teams: Teams = "coupled",
) -> Float[Array, "windows nodes"]:
    """Plans which nodes to serve, so that noise and Byzantine nodes harm the hub's update least.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        placement: Where colluders are assumed to be: `best`, `unknown` or `random`.
        teams: Where nodes form teams, `coupled` plans for teams, and `blind` as if every node were
            on its own.

    Returns:
        The action, in [-1, 1].
    """
    del key
    if teams == "blind" and params.network.teams.size > 1:
        least = blind.least_votes(params)
        return _planned(blind.alone(params), observation, placement, least)
    return _planned(params, observation, placement, serving.least_votes(params))


def _planned(
    params: Params, observation: Observation, placement: Placement, least: Array
) -> Float[Array, "windows nodes"]:
    network = params.network
    found = planning.assess(network, observation)
    need = planning.team_tag_time(network, observation)
    wait = serving.wait_for_quorum(params, found, need, least)
    served = serving.choose(params, found, need, placement, wait, least)
    gain = partial(_gain, params, served, placement)
    give = planning.divide(network, found, served, gain)
    now = planning.plan(network, found, observation, served, give)
    tagged = of_nodes(network.teams, served & found.can_tag)
    return jnp.where(wait > 0, gather(network, observation, tagged), now)


def gather(
    network: Network, observation: Observation, served: Bool[Array, " nodes"]
) -> Float[Array, "windows nodes"]:
    """Returns the action that makes key for a later round, so little that no node spends any yet.

    A node that held key for all its tags would take part in this round already.

    Args:
        network: Key that a round uses up, and the rates of the links.
        observation: What the hub knows, every entry in [0, 1].
        served: Nodes that get key.
    """
    nothing = observation.nodes.at[:, COLUMN["tags"]].set(0)
    whole = planning.tag_time(network, replace(observation, nodes=nothing))
    missing = planning.tag_time(network, observation) - RESERVE * whole
    return actions.encode(planning.fill_windows(network, jnp.where(served, missing, 0).clip(0)))


def focused(
    params: Params, observation: Observation, key: Key[Array, ""], share: float = 2 / 3
) -> Float[Array, "windows nodes"]:
    """Serves the most productive two thirds of the nodes for the greatest sum of root information.

    It considers neither whether these nodes make a quorum, nor where the colluders may be.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        key: Not used.
        share: Share of the nodes to serve, in [0, 1].

    Returns:
        The action, in [-1, 1].
    """
    del key
    found = planning.assess(params.network, observation)
    able = serving.able_to_serve(found)
    served = able & (serving.by_productivity(found, able) < share * able.size)
    give = planning.divide(params.network, found, served, planning.fair(0.5))
    return planning.plan(params.network, found, observation, served, give)


def _gain(
    params: Params,
    served: Bool[Array, " nodes"],
    placement: Placement,
    information: Float[Array, " nodes"],
) -> Float[Array, " nodes"]:
    # Decrease of the loss per unit of each node's information.
    slope = jax.grad(lambda each: serving.loss_of(params, each, served, placement))(information)
    return jnp.maximum(-slope, 0)
