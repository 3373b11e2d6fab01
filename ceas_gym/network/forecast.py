"""Forecasts of pairs and their quality, for observations and for policies that plan."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ceas_gym.network import conditions, counts
from ceas_gym.types import Links, Network


def expected_pairs(network: Network) -> Float[Array, " nodes"]:
    """Returns the mean number of pairs in a window on a whole channel, if all links are good.

    It is that of the route's slowest link.

    Args:
        network: Routes, attempts and success probabilities.
    """
    return jnp.where(network.routes.is_hop, _pairs_of_links(network), jnp.inf).min(axis=1)


def likely_pairs(
    network: Network, belief: Float[Array, "edges conditions"]
) -> Float[Array, " nodes"]:
    """Returns the mean number of pairs in a window on a whole channel, by the hub's belief.

    The route's slowest link counts. The mean of the minimum of independent numbers is the sum, over
    all values that it can take, of the step to that value times the probability that every link
    reaches it.

    Args:
        network: Routes, and the factor of each condition on the rate.
        belief: Probability of each condition of every edge, in [0, 1].
    """
    pairs = _pairs_of_links(network)[..., None] * network.condition_model.rate
    pairs = jnp.where(network.routes.is_hop[..., None], pairs, 0)
    levels = jnp.sort(pairs.reshape(len(pairs), -1))
    reached = pairs[:, None] >= levels[..., None, None]
    chance = (reached * belief[network.routes.edge][:, None]).sum(axis=-1)
    all_reach = jnp.where(network.routes.is_hop[:, None], chance, 1).prod(axis=-1)
    return (jnp.diff(levels, prepend=0) * all_reach).sum(axis=-1)


def nominal(network: Network) -> Links:
    """Returns success probabilities, in [0, 1], and decay if links are good and nothing drifted."""
    return conditions.links(network, conditions.steady(network))


def new_contraction(network: Network, links: Links) -> Float[Array, "xyz nodes"]:
    """Returns the estimated contraction of a new pair at the end of its window; in [-1, 1].

    It is that of a pair whose links were all heralded in this window. If one waited at a relay, the
    pair is worse.

    Source:
        Product over the swapped links, as in `physics.bell.swap`.
    """
    hops = jnp.where(network.routes.is_hop, links.fresh[-1], 1)
    return hops.prod(axis=-1) * network.operations.swap_contraction


def by_age(
    new: Float[Array, "xyz nodes"], decay: Float[Array, "xyz nodes"], windows: int
) -> Float[Array, "xyz nodes ages"]:
    """Returns the contraction of a pair at each age, in windows.

    Args:
        new: Contraction of X, Y and Z at age zero, in [-1, 1].
        decay: Factor on each of them for a window in memory, in [0, 1].
        windows: Number of ages; at least 1.

    Source:
        Exponential decay, as in `physics.memories`.

    Example:
        >>> by_age(jnp.array([[0.5]]), jnp.array([[0.25]]), 3).tolist()
        [[[0.5, 0.125, 0.03125]]]
    """
    return new[..., None] * counts.powers(decay, windows)


def survival(decay: Float[Array, "xyz nodes"]) -> Float[Array, " nodes"]:
    """Returns the factor, in [0, 1], for a window on the contraction that decays fastest.

    It is the only decay that an observation tells. In memories with a single decay rate, all
    contractions that decay have this factor.

    Args:
        decay: Factor on the contractions of X, Y and Z for a window in memory, in [0, 1].
    """
    return decay.min(axis=0)


def decay_of_letters(
    network: Network, survival: Float[Array, " nodes"]
) -> Float[Array, "xyz nodes"]:
    """Returns the factors for a window on X, Y and Z, from that on the fastest (`survival`).

    A contraction that decays at half the rate has the square root of that factor. The ratio of the
    rates is that of the scenario's memories. Drift changes it slightly where hub and node have
    different ratios.

    Args:
        network: Decay rates of the memories, per window.
        survival: Factor for a window on the contraction that decays fastest, in [0, 1].
    """
    rate = (
        network.memories.decay_rate[:, :1] + network.memories.decay_rate[:, network.routes.vertex]
    )
    fastest = rate.max(axis=0)
    share = rate / jnp.where(fastest > 0, fastest, 1)
    slower = jnp.where(share > 0, survival**share, 1)
    return jnp.where(share < 1, slower, survival)


def lifetime(network: Network, links: Links) -> Float[Array, " nodes"]:
    """Returns for how many windows a new pair is not below the cut-off, by the hub's estimate.

    The end of the window in which it was heralded is counted, so the result is in [0, ages].
    """
    new = new_contraction(network, links)
    fidelity = counts.fidelity(by_age(new, links.decay[-1], network.memories.ages))
    return (fidelity >= network.memories.cutoff_fidelity).sum(axis=1).astype(new.dtype)


def quality(network: Network) -> Float[Array, " nodes"]:
    """Returns the value of a whole channel in a window: pairs times squared contraction.

    The square is the Fisher information of a qubit teleported through one pair, in units of that
    with a perfect pair.

    Source:
        Braunstein and Caves, PRL 72, 3439 (1994), as in `physics.information`.
    """
    contraction = new_contraction(network, nominal(network)).mean(axis=0)
    return expected_pairs(network) * contraction**2


def _pairs_of_links(network: Network) -> Float[Array, "nodes hops"]:
    tried = jnp.floor(network.generation.attempts_per_window) * network.generation.modes
    return tried * network.generation.success_probability
