r"""CEAS, the reference policy: channel-time by its marginal Fisher information at the barrier.

In each round it minimises the noise of the honest updates among the nodes it serves,

    minimise   sum_{k served} 1 / I_k,        I_k = stored_k + sum_w value_wk x_wk,
    subject to sum_k x_wk <= channels_w,  0 <= x_wk <= 1,  sum_w pairs_k x_wk <= room_k,

with the share x_wk of a channel for node k in window w, and the same limit on the channels of
every fibre that routes share. The value of a whole channel is the pairs
it yields times the Fisher information that a pair still carries at the barrier: zero where it
would expire on the way, so such pairs are never asked for. The sum is diminishing in every I_k, so
no node is starved. The nodes served are those with the most to gain, as many as minimise the
certificate of the robust rule (`consensus.weights.certificate`), and at least a quorum.
Before that, nodes short of key get the channel-time for their tag in the earliest windows, where
pairs are good for nothing else.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key

from ceas_agents import market
from ceas_agents.market import Market
from ceas_gym.consensus import weights
from ceas_gym.types import Observation, Params


def ceas(
    params: Params, observation: Observation, key: Key[Array, ""]
) -> Float[Array, "windows nodes"]:
    """Gives channel-time by its marginal Fisher information at the barrier: the reference."""
    del key
    found = market.survey(params.network, observation)
    served = choose(params, found)
    give = partial(market.allocate, found, served)
    return market.plan(params.network, found, observation, served, give)


def focused(
    params: Params, observation: Observation, key: Key[Array, ""], share: float = 2 / 3
) -> Float[Array, "windows nodes"]:
    """Serves the most productive two thirds of the nodes for the greatest sum of root information.

    CEAS minimises the noise of a mean. What moves a median of Gaussian updates is divided by their
    summed density at the centre, in proportion to the sum of their 1/sigma_k, so this one maximises
    sum sqrt(I_k), and spends neither key nor data on slow links. It does not look whether that
    leaves a quorum.

    Args:
        params: The scenario.
        observation: What the hub knows.
        key: Not used.
        share: Of the nodes, to serve.
    """
    del key
    found = market.survey(params.network, observation)
    able = (found.value.sum(axis=0) > 0) & found.can_tag
    served = able & (_rank(found, able) < share * able.size)
    give = partial(market.allocate, found, served, fairness=0.5)
    return market.plan(params.network, found, observation, served, give)


def choose(params: Params, found: Market) -> Bool[Array, " nodes"]:
    """Returns which nodes to serve: the most productive ones, as many as the certificate asks for.

    For the first m nodes by productivity e (information of a channel over all windows), the
    cheapest way to spend the channel-time T of the hub's channels, of which m nodes use m at most,
    leaves the mean noise V_m = 1/floor + (sum 1/sqrt(e))^2 / (m T), without the limits of single
    windows and nodes. The m that minimises the certificate
    sqrt(kappa V_m) + sqrt(V_m / m), kappa = 2 share / (1 - 2 share), is taken, from the least
    that can commit.
    """
    productivity = found.value.sum(axis=0)
    able = (productivity > 0) & found.can_tag
    rank = _rank(found, able)
    order = jnp.argsort(rank)
    cost = jnp.cumsum(1 / jnp.sqrt(jnp.maximum(productivity[order], 1e-9)))
    count = jnp.arange(1, rank.size + 1)
    usable = jnp.minimum(params.network.channels[0], count)
    noise = 1 / params.learning.batch_floor + cost**2 / (count * usable)
    bound = jax.vmap(_certificate, in_axes=(None, 0, 0))(params, count, noise)
    best = jnp.argmin(jnp.where(count <= able.sum(), bound, jnp.inf)) + 1
    return able & (rank < best)


def _rank(found: Market, able: Bool[Array, " nodes"]) -> Int[Array, " nodes"]:
    # The most productive node comes first.
    return jnp.argsort(jnp.argsort(-jnp.where(able, found.value.sum(axis=0), 0)))


def _certificate(params: Params, count: Array, noise: Array) -> Array:
    # Of equal votes, which nodes of equal noise have.
    consensus = params.consensus
    voters = jnp.arange(params.network.vertex.shape[0]) < count
    share = consensus.tolerated / count
    bound = weights.certificate(voters / count, share, jnp.full(voters.shape, noise))
    commits = (consensus.votes_needed * consensus.tolerated < count) & (
        share <= consensus.largest_share
    )
    return jnp.where(commits, bound, 1e9 - count)
