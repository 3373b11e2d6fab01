"""What the coalition does in the network: it asks for more than its share, jams, keeps silent."""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.network import switch
from ceas_gym.types import Adversary, Delivery, Links, Network


def exhaust(
    network: Network,
    adversary: Adversary,
    acting: Bool[Array, " nodes"],
    schedule: Float[Array, "windows nodes"],
) -> Float[Array, "windows nodes"]:
    """Returns the schedule after the acting nodes have asked for more (`exhaustion`).

    They claim that attempts failed, and ask for `request_factor` times what they were given. The
    hub grants a node that asks at most its quota of a round, or what the schedule gives it if that
    is more, and shares the channels out anew. Without a quota and on full channels, f such nodes of
    n with equal shares leave an honest node n / (q f + n - f) of its time, at a factor of q.

    Args:
        network: Its quota and bottlenecks.
        adversary: Whether and how much they ask.
        acting: Byzantine nodes, once they have begun.
        schedule: As the action asks.
    """
    if "exhaustion" not in adversary.sabotage:
        return schedule
    asked = jnp.where(acting, jnp.minimum(adversary.request_factor * schedule, 1.0), schedule)
    most = jnp.maximum(schedule.sum(axis=0), network.quota)
    granted = asked * jnp.minimum(1.0, most / jnp.maximum(asked.sum(axis=0), 1e-30))
    return switch.share(network, granted)


def withhold(adversary: Adversary, acting: Bool[Array, " nodes"], delivery: Delivery) -> Delivery:
    """Returns what arrives when the acting nodes keep silent about what they did (`withholding`).

    Without a word from them the hub knows of no shot and no tag. Their pairs are spent.
    """
    if "withholding" not in adversary.sabotage:
        return delivery
    return replace(
        delivery,
        shots=jnp.where(acting, 0, delivery.shots),
        authenticated=delivery.authenticated & ~acting,
    )


def jam(adversary: Adversary, acting: Bool[Array, " nodes"], links: Links) -> Links:
    """Returns the links with loss on all hops of the other nodes' routes (`jamming`).

    Attempts there succeed with `jammed_rate` times the probability. The hub sees what is heralded,
    and where links have conditions, takes a jammed one for a degraded one.
    """
    if "jamming" not in adversary.sabotage:
        return links
    kept = jnp.where(acting.any() & ~acting, adversary.jammed_rate, 1.0)
    return replace(links, success_probability=links.success_probability * kept[:, None])
