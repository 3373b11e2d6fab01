"""Sabotage of the network: asking for more channel-time, jamming, failing tests, keeping silent."""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ceas_gym.network import switch
from ceas_gym.types import Coalition, Delivery, Links, Params, Sabotage


def exhaust(
    params: Params, coalition: Coalition, schedule: Float[Array, "windows nodes"]
) -> Float[Array, "windows nodes"]:
    """Returns the schedule after the acting nodes have asked for more (`exhaustion`).

    They claim that attempts failed, and ask for `request_factor` times what they were given. The
    hub grants each node at most its quota in a step, or what the schedule gives it if that is
    more, and divides the channels again. Without a quota, on full channels and with equal shares,
    f such nodes of n leave an honest node n / (q f + n - f) of its time, with the factor q.

    Args:
        params: The quota, the bottlenecks, and the factor by which the nodes ask for more.
        coalition: The Byzantine nodes.
        schedule: Share of a channel that the action gives each node, in [0, 1].
    """
    network, factor = params.network, params.adversary.request_factor
    asked = jnp.where(coalition.acting, jnp.minimum(factor * schedule, 1.0), schedule)
    most = jnp.maximum(schedule.sum(axis=0), network.switch.quota * schedule.shape[0])
    granted = asked * jnp.minimum(1.0, most / jnp.maximum(asked.sum(axis=0), 1e-30))
    return switch.share(network.switch, granted)


def jam(params: Params, coalition: Coalition, links: Links) -> Links:
    """Returns the links with added loss on all hops of the other nodes' routes (`jamming`).

    The success probability there is multiplied by `jammed_rate`, in [0, 1]. The hub sees only what
    is heralded, so where links have conditions, it takes a jammed link for a degraded one.
    """
    acting, rate = coalition.acting, params.adversary.jammed_rate
    kept = jnp.where(acting.any() & ~acting, rate, 1.0)
    return replace(links, success_probability=links.success_probability * kept[:, None])


def fail_tests(
    params: Params, coalition: Coalition, fakes: Bool[Array, " nodes"]
) -> Bool[Array, " nodes"]:
    """Returns the nodes that report a failure of every test: all acting ones (`under_claiming`)."""
    del params
    return fakes | coalition.acting


def withhold(params: Params, coalition: Coalition, delivery: Delivery) -> Delivery:
    """Returns the delivery when the acting nodes send no message (`withholding`).

    The hub then knows of 0 shots and no tag of theirs. Their pairs are spent.
    """
    del params
    return replace(
        delivery,
        shots=jnp.where(coalition.acting_teams, 0, delivery.shots),
        authenticated=delivery.authenticated & ~coalition.acting_teams,
    )


SABOTAGE: dict[str, Sabotage] = {
    "exhaustion": Sabotage(
        about="Ask for `request_factor` times the channel-time that they are given.",
        schedule=exhaust,
    ),
    "jamming": Sabotage(
        about="Cut the success probability of all other links to `jammed_rate`.", links=jam
    ),
    "under_claiming": Sabotage(
        about="Fail every verification pair of a round, to look poor.", tests=fail_tests
    ),
    "withholding": Sabotage(about="Send nothing, against the quorum.", delivery=withhold),
}
