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
    return jnp.where(network.routes.is_hop, _pairs_of_links(network), jnp.inf).min(axis=1)


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
    pairs = _pairs_of_links(network)[..., None] * network.condition_model.rate
    pairs = jnp.where(network.routes.is_hop[..., None], pairs, 0)
    levels = jnp.sort(pairs.reshape(len(pairs), -1))
    reached = pairs[:, None] >= levels[..., None, None]
    chance = (reached * belief[network.routes.edge][:, None]).sum(axis=-1)
    all_reach = jnp.where(network.routes.is_hop[:, None], chance, 1).prod(axis=-1)
    return (jnp.diff(levels, prepend=0) * all_reach).sum(axis=-1)


def nominal(network: Network) -> Links:
    """Returns rates and decay when every link is good and no coherence time has drifted."""
    return conditions.links(network, conditions.steady(network))


def new_contraction(network: Network, links: Links) -> Float[Array, "xyz nodes"]:
    """Returns the estimated contraction, at its window's end, of a pair whose links are all new.

    Pairs whose links waited at a relay are worse.
    """
    hops = jnp.where(network.routes.is_hop, links.fresh[-1], 1)
    return hops.prod(axis=-1) * network.operations.swap_contraction


def by_age(
    new: Float[Array, "xyz nodes"], decay: Float[Array, "xyz nodes"], windows: int
) -> Float[Array, "xyz nodes ages"]:
    """Returns the contraction of a pair at each age, in windows.

    Args:
        new: Contraction at age zero.
        decay: Factor that a window in memory leaves of each letter.
        windows: Number of ages.

    Example:
        >>> by_age(jnp.array([[0.5]]), jnp.array([[0.25]]), 3).tolist()
        [[[0.5, 0.125, 0.03125]]]
    """
    return new[..., None] * counts.powers(decay, windows)


def survival(decay: Float[Array, "xyz nodes"]) -> Float[Array, " nodes"]:
    """Returns what a window leaves of the letter that decays fastest: all an observation tells.

    Where all letters that decay do so at one rate, it is the factor on each of them.

    Args:
        decay: Factor that a window in memory leaves of each letter.
    """
    return decay.min(axis=0)


def decay_of_letters(
    network: Network, survival: Float[Array, " nodes"]
) -> Float[Array, "xyz nodes"]:
    """Returns the factor on each letter, from that on the one that decays fastest (`survival`).

    A letter of half its rate keeps the root of it. The ratio of the rates is taken from memories
    that have not drifted; it drifts a little where hub and node differ in it.

    Args:
        network: Rates of decay.
        survival: What a window in memory leaves of the letter that decays fastest.
    """
    rate = (
        network.memories.decay_rate[:, :1] + network.memories.decay_rate[:, network.routes.vertex]
    )
    fastest = rate.max(axis=0)
    share = rate / jnp.where(fastest > 0, fastest, 1)
    slower = jnp.where(share > 0, survival**share, 1)
    return jnp.where(share < 1, slower, survival)


def lifetime(network: Network, links: Links) -> Float[Array, " nodes"]:
    """Returns at how many window ends a new pair is above the cut-off, by the estimate."""
    new = new_contraction(network, links)
    fidelity = counts.fidelity(by_age(new, links.decay[-1], network.memories.ages))
    return (fidelity >= network.memories.cutoff_fidelity).sum(axis=1).astype(new.dtype)


def quality(network: Network) -> Float[Array, " nodes"]:
    """Returns what a whole channel is worth in a window: pairs times contraction squared."""
    contraction = new_contraction(network, nominal(network)).mean(axis=0)
    return expected_pairs(network) * contraction**2


def _pairs_of_links(network: Network) -> Float[Array, "nodes hops"]:
    tried = jnp.floor(network.generation.attempts_per_window) * network.generation.modes
    return tried * network.generation.success_probability
