"""Relays: pairs of single links wait in memory, and are swapped as soon as a whole route has them.

Time passes in windows. At a window's end every relay knows what was heralded on its links, and
swaps as many pairs as all links of the route can supply, the freshest first and coupled at random;
that the relays of a route tell each other what was heralded takes no time here. A full memory
refuses new pairs. Relays serve any number of routes at once, as far as the fibres carry them.
What is left waits in the relay's memory, under the same cut-off as any pair, for the next window.
A swap always succeeds (matter qubits); its noise is in `Operations.swap_contraction`. Pairs of
links are known by their age: where coherence drifts, one left from the last round counts as if it
had always decayed as it does now, which a slow drift allows. The ledger begins with a swapped pair;
pairs of links that are lost at a relay are in none of its parts.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.network import counts
from ceas_gym.types import Links, Network

PLENTY = 2**30
"""Pairs of a link that the route does not have."""


def contraction_by_age(
    network: Network, links: Links
) -> Float[Array, "truth_and_estimate xyz nodes hops ages"]:
    """Returns the mean contraction of a link's pair at a window's end, by its age.

    Where no route has a relay, no link's pair gets older than that.
    """
    oldest = network.memories.ages if network.routes.is_hop.shape[1] > 1 else 1
    return links.fresh[..., None] * counts.powers(links.link_decay, oldest)


def connect(
    network: Network,
    values: Float[Array, "truth_and_estimate xyz nodes hops ages"],
    waiting: Int[Array, "nodes hops ages"],
    heralded: Int[Array, "nodes hops"],
) -> tuple[
    Int[Array, "nodes hops ages"],
    Int[Array, " nodes"],
    Float[Array, "truth_and_estimate xyz nodes"],
]:
    """Returns what waits at the relays after a window, and the new pairs of hub and node.

    Args:
        network: Routes and memories.
        values: Contraction of a link's pair by age (`contraction_by_age`).
        waiting: Pairs of links at the end of the last window.
        heralded: Pairs heralded on each link in this window.

    Returns:
        The waiting pairs, the number of new pairs, and their mean contraction. Every hop's pair is
        drawn independently of the others', so the mean of the product is the product of the means.
    """
    if heralded.shape[1] == 1:
        return waiting, heralded[:, 0], values[..., 0, 0]
    alive = counts.fidelity(values[-1]) >= network.memories.cutoff_fidelity
    older, _ = counts.age(waiting, alive)
    new = jnp.where(alive[..., 0], heralded, 0)
    pairs, _ = counts.admit(older, new, network.memories.per_link)
    # Where the route is a single link there is no relay: its pairs go straight to the node.
    direct = ~network.routes.is_hop[:, 1, None, None]
    straight = jnp.zeros_like(pairs).at[..., 0].set(heralded)
    pairs = jnp.where(direct, straight, pairs)
    supplied = jnp.where(network.routes.is_hop, pairs.sum(axis=-1), PLENTY)
    swapped = supplied.min(axis=1)
    taken = counts.take(pairs, swapped[:, None], oldest_first=False)
    mean = (taken * values).sum(axis=-1) / jnp.maximum(swapped, 1)[:, None]
    whole = jnp.where(network.routes.is_hop, mean, 1).prod(axis=-1)
    return pairs - taken, swapped, whole * network.operations.swap_contraction
