"""Sabotage by name, and the points of a round at which its hooks are called.

Sabotage is what the coalition and Byzantine members do beside sending updates. The functions
themselves are in `network.sabotage`, `consensus.sabotage` and `consensus.committee_sabotage`, next
to what they disturb.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.consensus import committee_sabotage as of_the_committee
from ceas_gym.consensus import sabotage as of_the_mail
from ceas_gym.network import sabotage as of_the_network
from ceas_gym.types import Coalition, Delivery, Links, Params, Received, Sabotage

SABOTAGE: dict[str, Sabotage] = {
    **of_the_network.SABOTAGE,
    **of_the_mail.SABOTAGE,
    **of_the_committee.SABOTAGE,
}


def schedule(
    params: Params, coalition: Coalition, asked: Float[Array, "windows nodes"]
) -> Float[Array, "windows nodes"]:
    """Returns the channel-time that nodes really get, after the attack has taken some.

    Args:
        params: The scenario, with the hooks of the attack.
        coalition: The Byzantine nodes.
        asked: Share of a channel that the action gives each node, in [0, 1].
    """
    for hook in _hooks(params, "schedule"):
        asked = hook(params, coalition, asked)
    return asked * time(params, coalition, asked.shape[0])[:, None]


def time(params: Params, coalition: Coalition, windows: int) -> Float[Array, " windows"]:
    """Returns the share of each window in which pairs are generated, in [0, 1].

    Args:
        params: The scenario, with the hooks of the attack.
        coalition: The Byzantine nodes; its `window` is the number of the first window.
        windows: Number of windows; at least 1.
    """
    left = jnp.ones(windows, params.network.switch.channels.dtype)
    for hook in _hooks(params, "time"):
        left = jnp.clip(hook(params, coalition, left), 0, 1)
    return left


def links(params: Params, coalition: Coalition, links: Links) -> Links:
    """Returns the rates and decay of the links, after the coalition has disturbed them."""
    for hook in _hooks(params, "links"):
        links = hook(params, coalition, links)
    return links


def tests(params: Params, coalition: Coalition) -> Bool[Array, " nodes"]:
    """Returns which nodes falsely report that all their verification pairs failed."""
    fakes = jnp.zeros_like(coalition.acting)
    for hook in _hooks(params, "tests"):
        fakes = hook(params, coalition, fakes)
    return fakes


def delivery(params: Params, coalition: Coalition, delivery: Delivery) -> Delivery:
    """Returns the shots, signal and tags that the hub learns of, after nodes may keep silent."""
    for hook in _hooks(params, "delivery"):
        delivery = hook(params, coalition, delivery)
    return delivery


def trap_chance(
    params: Params, coalition: Coalition, delivery: Delivery
) -> Float[Array, "nodes members"]:
    """Returns the probability that a trap passes, by node and by the member that served it.

    Args:
        params: The scenario, in which traps are set.
        coalition: The Byzantine nodes, and the round.
        delivery: Contractions of this round.
    """
    assert params.learning.trap_chances is not None, "A scenario with traps has their chances."
    honest = jnp.clip(delivery.contraction @ params.learning.trap_chances.honest, 0, 1)
    chance = honest
    for hook in _hooks(params, "trap_chance"):
        chance = hook(params, coalition, chance, delivery)
    is_byzantine = params.consensus.members.is_byzantine
    return jnp.where(is_byzantine, chance[:, None], honest[:, None])


def learn(
    params: Params, coalition: Coalition, learn: Callable[..., Array]
) -> Callable[..., Array]:
    """Returns the function by which nodes measure gradients, with sabotage.

    Args:
        params: The scenario, with the hooks of the attack.
        coalition: The Byzantine nodes.
        learn: Function of the `Delivery`, the nodes whose labels are poisoned, and a random key,
            which returns the gradients, shape (nodes, parameters).
    """
    for hook in _hooks(params, "learn"):
        learn = hook(params, coalition, learn)
    return learn


def received(
    params: Params, coalition: Coalition, delivery: Delivery, received: Received
) -> Received:
    """Returns the updates that the hub holds, after the coalition has tampered with messages.

    Args:
        params: The scenario, with the hooks of the attack.
        coalition: The Byzantine nodes.
        delivery: What the network delivered in this round.
        received: Updates as honest nodes would have sent them.
    """
    for hook in _hooks(params, "received"):
        received = hook(params, coalition, received, delivery)
    return received


def member_pairs(params: Params, coalition: Coalition) -> Float[Array, ""]:
    """Returns the pairs that the links between members use up in a round, with sabotage."""
    pairs = params.consensus.members.pairs
    for hook in _hooks(params, "member_pairs"):
        pairs = jnp.maximum(hook(params, coalition, pairs), 0)
    return pairs


def _hooks(params: Params, name: str) -> list[Callable[..., Any]]:
    hooks = (getattr(each, name) for each in params.adversary.sabotage)
    return [hook for hook in hooks if hook is not None]
