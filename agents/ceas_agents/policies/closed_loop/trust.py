"""Trust in the nodes with the best links, which is lost when learning goes badly with them.

The hub can't see who is Byzantine, only whether learning goes on. The nodes with the best links are
those that a scheduler relies on, so there attackers do most harm. *Wary* scheduling relies on them
as long as learning goes well. It has *relapsed* once the validation loss is above the lowest of the
episode by most of the loss of guessing. From then on, three quarters of as many of these nodes as
the rule of aggregation tolerates are passed over, and at least a quorum is left. It stays so for
the rest of the episode, because a loss that is low without them says nothing about them.

An unlucky training is slow to learn, but seldom forgets what it has learned; an attacked one does.
So a relapse tells the two apart sooner and with fewer mistakes than a low accuracy (docs/trust.md).

Three quarters are enough: the rule copes with the attackers that may be left. And where there are
none among the best links, so that distrust is a mistake, passing over all would cost more.

Source:
    The loss against its lowest value so far: Prechelt, Early stopping - but when?, in Neural
    Networks: Tricks of the Trade (1998). Its use here, and the numbers, from trials on training
    seeds (docs/trust.md).
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.consensus.protocol import quorum
from ceas_gym.network import forecast
from ceas_gym.task.observations import PLACE, column
from ceas_gym.types import Network, Observation, Params

EARLY, RISE = 0.06, 0.8
"""Share of the budget from which trust may be lost, and how far the validation loss is then above
its lowest value, as a share of the loss of guessing.

Sooner, an unlucky training looks like an attacked one (docs/trust.md)."""
PASSED_OVER = 0.75
"""Nodes that are passed over, as a share of those that the rule is set to tolerate."""
FEW = 0.6
"""Reliance below which trust was lost before. It is at most a quarter where nodes are passed over.
"""


def wary(
    params: Params,
    observation: Observation,
    early: float | Array = EARLY,
    rise: float | Array = RISE,
) -> Bool[Array, " nodes"]:
    """Returns which nodes get channel-time: all, or all but some of those with the best links.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        early: As for `relapsed`.
        rise: As for `relapsed`.
    """
    return trusted(params, observation, relapsed(observation, early, rise))


def trusted(params: Params, observation: Observation, badly: Array) -> Bool[Array, " nodes"]:
    """Returns which nodes get channel-time if learning goes badly now, or did so before.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        badly: Whether trust is lost now, if it was not lost before.
    """
    lost_before = reliance(params, observation) < FEW
    return ~((lost_before | badly) & among_best(params.network, most_passed_over(params)))


def relapsed(
    observation: Observation, early: float | Array = EARLY, rise: float | Array = RISE
) -> Bool[Array, ""]:
    """Returns whether the model has become much worse than it was.

    Args:
        observation: What the hub knows, every entry in [0, 1].
        early: Share of the budget before which nothing is judged; in [0, 1].
        rise: Validation loss above its lowest value, as a share of the loss of guessing; in [0, 2].
            The observation holds at most twice the loss of guessing.
    """
    progress, loss, lowest = (
        observation.network[PLACE[name]] for name in ("progress", "validation_loss", "lowest_loss")
    )
    return (progress > early) & (2 * (loss - lowest) > rise)


def most_passed_over(params: Params) -> Float[Array, ""]:
    """Returns how many nodes are passed over without trust, so that at least a quorum is left."""
    room = jnp.maximum(params.network.nodes - quorum(params.consensus), 0)
    return jnp.minimum(PASSED_OVER * tolerated(params), room)


def reliance(params: Params, observation: Observation) -> Float[Array, ""]:
    """Returns the share of the nodes with the best links that took part in the last round.

    These are as many as the rule is set to tolerate.

    Args:
        params: The scenario.
        observation: What the hub knows; only the shots of the last round are used.

    Returns:
        In [0, 1]; 1 before the first round.
    """
    best = among_best(params.network, tolerated(params))
    took_part = column(params.network, observation, "shots") > 0
    share = (best & took_part).sum() / jnp.maximum(tolerated(params), 1)
    return jnp.where(took_part.any(), share, 1.0)


def among_best(network: Network, number: float | Array) -> Bool[Array, " nodes"]:
    """Returns which nodes have the best links by calibration, where attackers would gain most.

    Args:
        network: Links, whose `forecast.quality` is compared.
        number: How many nodes; rounded.
    """
    place = jnp.argsort(jnp.argsort(-forecast.quality(network)))
    return place < jnp.round(number)


def tolerated(params: Params) -> Int[Array, ""]:
    """Returns how many Byzantine nodes the rule is set to tolerate, at most all nodes."""
    return jnp.minimum(params.consensus.tolerated, params.network.nodes)
