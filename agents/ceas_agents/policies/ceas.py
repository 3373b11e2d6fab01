r"""CEAS, the reference policy: nodes and channel-time by what the aggregation rule makes of them.

In each round it chooses whom to serve and how, so that the loss J of the rule (`aims`) is least,

    minimise   J(I),        I_k = stored_k + sum_w value_wk x_wk,
    subject to sum_k x_wk <= channels_w,  0 <= x_wk <= 1,  sum_w pairs_k x_wk <= room_k,

with the share x_wk of a channel for node k in window w, and the same limit on the channels of every
fibre that routes share. The value of a whole channel is the pairs it yields times the Fisher
information that a pair still carries at the barrier: zero where it would expire on the way, so such
pairs are never asked for. The rule sees I_k B / (I_k + B), with B the shots at which the noise of
the minibatch takes over.

*Whom.* The most productive nodes, as many as make J least, from one more than can just commit.
For each number the key comes first: nodes short of it get the channel-time for their tag, and who
can't get enough does not count. To compare numbers of nodes, the rest is dealt in three ways, as if
all windows were one, and the best is taken: for the greatest sum of root information, for the least
sum of noise, and for equal information. The schedule itself follows the gradient of J.

*Where do the f colluders sit?* `placement` says what is believed, for m served of n nodes:

- `best`: all f of them on the links that carry most, so that data given to these are lost;
- `unknown`: all f of them among the served, on any of their links;
- `random`: among the served are f m / n of them plus one standard deviation of that hypergeometric
  number, on any of their links.

`random` serves fewer nodes, each better: it gains a little from colluders at random, and loses much
to colluders on the best links. `best` and `unknown` differ little.
"""

from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_agents.policies import aims, planning
from ceas_agents.policies.aims import Crowd
from ceas_agents.policies.planning import Opportunities
from ceas_agents.policies.scarcity import quorum
from ceas_gym.consensus import ranks
from ceas_gym.types import Observation, Params

Placement = Literal["best", "unknown", "random"]

FITS = 0.98
"""Share of the channel-time that key can be packed into: windows are filled node by node."""
ROUNDS_OF_SHARING = 3
"""In which shares beyond a whole channel are dealt to the others."""
EXPONENTS = (1.0, -0.5, -1.0)
"""Of productivity e, with which channel-time is dealt: e for the greatest sum of root information,
1 / sqrt(e) for the least noise, 1 / e for equal information."""


def ceas(
    params: Params,
    observation: Observation,
    key: Key[Array, ""],
    placement: Placement = "unknown",
) -> Float[Array, "windows nodes"]:
    """Serves whom and as the aggregation rule loses least to noise and colluders: the reference.

    Args:
        params: The scenario.
        observation: What the hub knows.
        key: Not used.
        placement: What is believed of the colluders: `best`, `unknown` or `random`.
    """
    del key
    found = planning.assess(params.network, observation)
    served = choose(params, found, planning.tag_time(params.network, observation), placement)
    gain = partial(_gain, params, served, placement)
    give = partial(planning.allocate, found, served, gain=gain)
    return planning.plan(params.network, found, observation, served, give)


def focused(
    params: Params, observation: Observation, key: Key[Array, ""], share: float = 2 / 3
) -> Float[Array, "windows nodes"]:
    """Serves the most productive two thirds of the nodes for the greatest sum of root information.

    It does not look whether that leaves a quorum, nor where colluders may sit.

    Args:
        params: The scenario.
        observation: What the hub knows.
        key: Not used.
        share: Of the nodes, to serve.
    """
    del key
    found = planning.assess(params.network, observation)
    able = _able(found)
    served = able & (_rank(found, able) < share * able.size)
    give = partial(planning.allocate, found, served, gain=planning.fair(0.5))
    return planning.plan(params.network, found, observation, served, give)


def choose(
    params: Params, found: Opportunities, tag_time: Float[Array, " nodes"], placement: Placement
) -> Bool[Array, " nodes"]:
    """Returns which nodes to serve: the most productive ones, as many as make the loss least.

    Args:
        params: The scenario.
        found: What channel-time can buy.
        tag_time: Windows of a channel that each node needs for the key it lacks.
        placement: As for `ceas`.
    """
    able = _able(found)
    rank = _rank(found, able)

    def loss(count: Array, exponent: Array) -> Array:
        counted, information = _outlook(params, found, tag_time, able & (rank < count), exponent)
        votes = counted.sum()
        lost = loss_of(params, information, counted, placement)
        return jnp.where(votes >= least_votes(params), lost, 1e9 - votes)

    counts, exponents = jnp.arange(1, able.size + 1), jnp.array(EXPONENTS)
    every = jax.vmap(jax.vmap(loss, in_axes=(None, 0)), in_axes=(0, None))(counts, exponents)
    return able & (rank < counts[jnp.argmin(every.min(axis=1))])


def colluders(params: Params, votes: Int[Array, ""], placement: Placement) -> Float[Array, ""]:
    """Returns how many colluders to reckon with among so many nodes.

    Args:
        params: The scenario: f of the n nodes are tolerated.
        votes: Nodes that are served: m.
        placement: As for `ceas`.
    """
    nodes, bad = params.network.nodes, params.consensus.tolerated
    if placement != "random":
        return jnp.minimum(bad, votes).astype(jnp.float32)
    share = votes / nodes
    variance = bad * share * (1 - share) * (nodes - bad) / max(nodes - 1, 1)
    return jnp.minimum(bad * share + jnp.sqrt(jnp.maximum(variance, 0)), jnp.minimum(bad, votes))


def loss_of(
    params: Params,
    information: Float[Array, " nodes"],
    served: Bool[Array, " nodes"],
    placement: Placement,
) -> Float[Array, ""]:
    """Returns what the hub's rule loses, where these nodes have this information.

    Args:
        params: The scenario.
        information: In shots of perfect signal.
        served: Nodes with a vote.
        placement: As for `ceas`.
    """
    votes, roots = served.sum(), _roots(params, information)
    bad = colluders(params, votes, placement)
    if placement == "best":
        # The colluders are the f served nodes with most information.
        above = ranks.mass_below(-jnp.where(served, roots, -1), served.astype(jnp.float32))
        honest = jnp.where(served, jnp.clip(above + 1 - bad, 0, 1), 0)
    else:
        honest = jnp.where(served, 1 - bad / jnp.maximum(votes, 1), 0)
    tolerated = params.consensus.tolerated.astype(jnp.float32)
    crowd = Crowd(votes.astype(jnp.float32), tolerated, params.learning.program.parameters)
    return aims.of_rule(params.consensus.rule)(roots, honest, crowd)


def least_votes(params: Params) -> Int[Array, ""]:
    """Returns the least number of nodes with which the hub can commit, and one to spare."""
    return jnp.minimum(quorum(params.consensus) + 1, params.network.nodes)


def _outlook(
    params: Params,
    found: Opportunities,
    tag_time: Array,
    served: Bool[Array, " nodes"],
    exponent: Array,
) -> tuple[Bool[Array, " nodes"], Float[Array, " nodes"]]:
    # Who gets a tag, least need first, and what information all could have beside.
    windows, channels = params.network.windows, params.network.switch.channels[0]
    need = jnp.where(served, tag_time, jnp.inf)
    before = ranks.mass_below(need, jnp.where(served, tag_time, 0))
    counted = served & (tag_time <= windows) & (before + tag_time <= FITS * windows * channels)
    for_key = jnp.where(counted, tag_time, 0)
    left = jnp.maximum(windows * channels - for_key.sum(), 0)
    most = jnp.where(counted, windows - for_key, 0)
    productivity = jnp.where(counted, found.value.sum(axis=0), 0)

    def deal(_: int, time: Array) -> Array:
        wish = jnp.where(time < most, jnp.maximum(productivity, 1e-9) ** exponent, 0)
        return jnp.minimum(most, time + (left - time.sum()) * wish / jnp.maximum(wish.sum(), 1e-9))

    time = jax.lax.fori_loop(0, ROUNDS_OF_SHARING, deal, jnp.zeros_like(most))
    return counted, found.stored + productivity / windows * time


def _gain(
    params: Params,
    served: Bool[Array, " nodes"],
    placement: Placement,
    information: Float[Array, " nodes"],
) -> Float[Array, " nodes"]:
    # By how much the loss falls with each node's information.
    slope = jax.grad(lambda each: loss_of(params, each, served, placement))(information)
    return jnp.maximum(-slope, 0)


def _roots(params: Params, information: Float[Array, " nodes"]) -> Float[Array, " nodes"]:
    # More shots do not help beyond the minibatch.
    floor = params.learning.batch_floor
    return jnp.sqrt(information * floor / (information + floor))


def _able(found: Opportunities) -> Bool[Array, " nodes"]:
    return (found.value.sum(axis=0) > 0) & found.can_tag


def _rank(found: Opportunities, able: Bool[Array, " nodes"]) -> Int[Array, " nodes"]:
    # The most productive node comes first.
    return jnp.argsort(jnp.argsort(-jnp.where(able, found.value.sum(axis=0), 0)))
