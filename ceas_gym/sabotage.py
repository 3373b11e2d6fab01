"""What the coalition does beside sending updates, by name, and where a round lets it.

The functions stand where what they disturb is at home: `network.sabotage`, `consensus.sabotage`.
"""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.consensus import sabotage as of_the_mail
from ceas_gym.network import sabotage as of_the_network
from ceas_gym.types import Coalition, Delivery, Links, Params, Received, Sabotage

SABOTAGE: dict[str, Sabotage] = {**of_the_network.SABOTAGE, **of_the_mail.SABOTAGE}


def schedule(
    params: Params, coalition: Coalition, asked: Float[Array, "windows nodes"]
) -> Float[Array, "windows nodes"]:
    """Returns the channel-time that is really given, from what the action asks."""
    for hook in _hooks(params, "schedule"):
        asked = hook(params, coalition, asked)
    return asked


def links(params: Params, coalition: Coalition, links: Links) -> Links:
    """Returns the links as they are while the coalition disturbs them."""
    for hook in _hooks(params, "links"):
        links = hook(params, coalition, links)
    return links


def tests(params: Params, coalition: Coalition) -> Bool[Array, " nodes"]:
    """Returns which nodes report a failure of every verification pair."""
    fakes = jnp.zeros_like(coalition.acting)
    for hook in _hooks(params, "tests"):
        fakes = hook(params, coalition, fakes)
    return fakes


def delivery(params: Params, coalition: Coalition, delivery: Delivery) -> Delivery:
    """Returns what the hub comes to know of what the network delivered."""
    for hook in _hooks(params, "delivery"):
        delivery = hook(params, coalition, delivery)
    return delivery


def received(
    params: Params, coalition: Coalition, delivery: Delivery, received: Received
) -> Received:
    """Returns what the hub holds after the coalition has tampered with its mail."""
    for hook in _hooks(params, "received"):
        received = hook(params, coalition, received, delivery)
    return received


def _hooks(params: Params, name: str) -> list[Callable[..., Any]]:
    hooks = (getattr(each, name) for each in params.adversary.sabotage)
    return [hook for hook in hooks if hook is not None]
