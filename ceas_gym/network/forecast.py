"""Forecast: what the hub can expect of its links, for observations and for policies that plan."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.network import conditions, counts
from ceas_gym.types import Links, Network


def expected_pairs(
    network: Network, rate: Float[Array, " edges"] | None = None
) -> Float[Array, " nodes"]:
    """Returns the mean number of pairs from a whole channel in a window: the slowest link's.

    Args:
        network: Routes.
        rate: Factor on the success probability of every edge; by default all are good.
    """
    tried = jnp.floor(network.attempts_per_window) * network.modes
    pairs = tried * network.success_probability
    if rate is not None:
        pairs = pairs * rate[network.edge]
    return jnp.where(network.is_hop, pairs, jnp.inf).min(axis=1)


def nominal(network: Network) -> Links:
    """Returns rates and decay when every link is good and no coherence time has drifted."""
    return conditions.links(network, conditions.steady(network))


def new_contraction(network: Network, links: Links) -> Float[Array, "letters nodes"]:
    """Returns the contraction at its window's end of a pair whose links are all new, by the books.

    Pairs whose links waited at a relay are worse.
    """
    hops = jnp.where(network.is_hop, links.fresh[-1], 1)
    return hops.prod(axis=-1) * network.swap_contraction


def by_age(
    network: Network,
    new: Float[Array, "letters nodes"],
    survival: Float[Array, " nodes"],
    windows: int,
) -> Float[Array, "letters nodes ages"]:
    """Returns the contraction of a pair at each age, in windows.

    Args:
        network: The letters that memories decay.
        new: Contraction at age zero.
        survival: Factor that a window in memory leaves of a decaying letter.
        windows: Number of ages.
    """
    decay = survival ** network.decaying[:, None]
    return new[..., None] * decay[..., None] ** jnp.arange(windows, dtype=new.dtype)


def lifetime(network: Network, links: Links) -> Float[Array, " nodes"]:
    """Returns at how many window ends a new pair is above the cut-off, by the books."""
    new, survival = new_contraction(network, links), links.decay[-1, 0]
    fidelity = counts.fidelity(by_age(network, new, survival, network.ages))
    return (fidelity >= network.cutoff_fidelity).sum(axis=1).astype(new.dtype)


def quality(network: Network) -> Float[Array, " nodes"]:
    """Returns what a whole channel is worth in a window: pairs times contraction squared."""
    contraction = new_contraction(network, nominal(network)).mean(axis=0)
    return expected_pairs(network) * contraction**2
