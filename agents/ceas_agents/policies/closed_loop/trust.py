"""Trust in the nodes with the best links, which is lost when learning goes badly with them.

The hub can't see who is Byzantine, only whether learning goes on. The nodes with the best links are
those that a scheduler relies on, so there attackers do most harm. *Wary* scheduling relies on them
as long as learning goes well. Once a part of the time is over and validation accuracy is still
poor, it passes over three quarters of as many of them as the rule of aggregation tolerates, and at
least a quorum is left. It goes on doing so for the rest of the episode, because accuracy that is
good without them says nothing about them.

Three quarters are enough: the rule copes with the attackers that may be left. And where there are
none among the best links, so that distrust is a mistake, passing over all would cost more.

Source:
    Derived here, from what a learned agent does and from trials on training seeds (docs/trust.md).
"""

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_gym.consensus.protocol import quorum
from ceas_gym.network import forecast
from ceas_gym.task.observations import PLACE, column
from ceas_gym.types import Network, Observation, Params

LATE, POOR = 0.33, 0.5
"""Share of the budget from which trust may be lost, and the validation accuracy below which it is.

Sooner, an unlucky training looks like an attacked one (docs/trust.md)."""
PASSED_OVER = 0.75
"""Nodes that are passed over, as a share of those that the rule is set to tolerate."""
FEW = 0.6
"""Reliance below which trust was lost before. It is at most a quarter where nodes are passed over.
"""


def wary(
    params: Params,
    observation: Observation,
    late: float | Array = LATE,
    poor: float | Array = POOR,
) -> Bool[Array, " nodes"]:
    """Returns which nodes get channel-time: all, or all but some of those with the best links.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        late: Share of the budget from which trust may be lost; in [0, 1].
        poor: Validation accuracy below which it is; in [0, 1].
    """
    progress, accuracy = (
        observation.network[PLACE[name]] for name in ("progress", "validation_accuracy")
    )
    lost_before = reliance(params, observation) < FEW
    is_lost = lost_before | ((progress > late) & (accuracy < poor))
    return ~(is_lost & among_best(params.network, most_passed_over(params)))


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
