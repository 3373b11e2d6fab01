"""What the coalition does in the network: it asks for more than its share, jams, keeps silent."""

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
    hub grants a node that asks at most its quota of a round, or what the schedule gives it if that
    is more, and shares the channels out anew. Without a quota and on full channels, f such nodes of
    n with equal shares leave an honest node n / (q f + n - f) of its time, at a factor of q.

    Args:
        params: The quota and the bottlenecks, and how much the nodes ask for.
        coalition: Who acts.
        schedule: As the action asks.
    """
    network, factor = params.network, params.adversary.request_factor
    asked = jnp.where(coalition.acting, jnp.minimum(factor * schedule, 1.0), schedule)
    most = jnp.maximum(schedule.sum(axis=0), network.switch.quota)
    granted = asked * jnp.minimum(1.0, most / jnp.maximum(asked.sum(axis=0), 1e-30))
    return switch.share(network.switch, granted)


def jam(params: Params, coalition: Coalition, links: Links) -> Links:
    """Returns the links with loss on all hops of the other nodes' routes (`jamming`).

    Attempts there succeed with `jammed_rate` times the probability. The hub sees what is heralded,
    and where links have conditions, takes a jammed one for a degraded one.
    """
    acting, rate = coalition.acting, params.adversary.jammed_rate
    kept = jnp.where(acting.any() & ~acting, rate, 1.0)
    return replace(links, success_probability=links.success_probability * kept[:, None])


def fail_tests(
    params: Params, coalition: Coalition, fakes: Bool[Array, " nodes"]
) -> Bool[Array, " nodes"]:
    """Returns that the acting nodes report a failure of every test (`under_claiming`)."""
    del params
    return fakes | coalition.acting


def withhold(params: Params, coalition: Coalition, delivery: Delivery) -> Delivery:
    """Returns what arrives when the acting nodes keep silent about what they did (`withholding`).

    Without a word from them the hub knows of no shot and no tag. Their pairs are spent.
    """
    del params
    return replace(
        delivery,
        shots=jnp.where(coalition.acting, 0, delivery.shots),
        authenticated=delivery.authenticated & ~coalition.acting,
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
