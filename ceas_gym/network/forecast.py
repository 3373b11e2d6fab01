"""Forecast: what the hub can expect of its links, for observations and for policies that plan."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.network import conditions, counts
from ceas_gym.types import Links, Network


def expected_pairs(network: Network) -> Float[Array, " nodes"]:
    """Returns the mean pairs from a whole channel in a window, all in good order: the least link's.

    Args:
        network: Routes.
    """
    return jnp.where(network.is_hop, _pairs_of_links(network), jnp.inf).min(axis=1)


def likely_pairs(
    network: Network, belief: Float[Array, "edges conditions"]
) -> Float[Array, " nodes"]:
    """Returns the mean over the conditions that the links are believed to be in.

    The mean of the least of independent numbers is the sum, over all levels that it can take, of
    the step to that level times the chance that no link falls short of it.

    Args:
        network: Routes, and what each condition leaves of the rate.
        belief: Probability of each condition of every edge.
    """
    pairs = _pairs_of_links(network)[..., None] * network.weather.rate
    pairs = jnp.where(network.is_hop[..., None], pairs, 0)
    levels = jnp.sort(pairs.reshape(len(pairs), -1))
    reached = pairs[:, None] >= levels[..., None, None]
    chance = (reached * belief[network.edge][:, None]).sum(axis=-1)
    all_reach = jnp.where(network.is_hop[:, None], chance, 1).prod(axis=-1)
    return (jnp.diff(levels, prepend=0) * all_reach).sum(axis=-1)


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
    decay = jnp.where(network.decaying[:, None] > 0, survival, 1)
    return new[..., None] * counts.powers(decay, windows)


def lifetime(network: Network, links: Links) -> Float[Array, " nodes"]:
    """Returns at how many window ends a new pair is above the cut-off, by the books."""
    new, survival = new_contraction(network, links), links.decay[-1, 0]
    fidelity = counts.fidelity(by_age(network, new, survival, network.ages))
    return (fidelity >= network.cutoff_fidelity).sum(axis=1).astype(new.dtype)


def quality(network: Network) -> Float[Array, " nodes"]:
    """Returns what a whole channel is worth in a window: pairs times contraction squared."""
    contraction = new_contraction(network, nominal(network)).mean(axis=0)
    return expected_pairs(network) * contraction**2


def _pairs_of_links(network: Network) -> Float[Array, "nodes hops"]:
    tried = jnp.floor(network.attempts_per_window) * network.modes
    return tried * network.success_probability
