"""Relays: pairs of single links wait in memory, and are swapped when every link of a route has one.

At the end of a window every relay knows what was heralded on its links, and swaps as many pairs as
all links of the route can supply, the freshest first, coupled at random. The messages between
relays about what was heralded take no time here. A full memory refuses new pairs. A relay serves
any number of routes at once, as far as the fibres allow. Pairs that are left wait in the relay's
memory for the next window, under the same cut-off as any pair. A swap always succeeds (matter
qubits); its noise is in `Operations.swap_contraction`. Pairs of links are stored by age only: where
coherence drifts, a pair from the last round is treated as if it had always decayed at the present
rate, which is accurate enough if the drift is slow. The ledger counts a pair from its swap on;
pairs of links that are lost at a relay are not in it.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.network import counts
from ceas_gym.types import Links, Network

PLENTY = 2**30
"""Stands for the pairs of a link beyond the end of a route, which limits nothing."""


def contraction_by_age(
    network: Network, links: Links
) -> Float[Array, "truth_and_estimate xyz nodes hops ages"]:
    """Returns the mean contraction of a link's pair at the end of a window, by age; in [-1, 1].

    Where no route has a relay, age 0 is the only one, because no link's pair has to wait.
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
        values: Contraction of a link's pair by age (`contraction_by_age`), in [-1, 1].
        waiting: Pairs of links at the end of the last window.
        heralded: Pairs heralded on each link in this window.

    Returns:
        The waiting pairs, the number of new pairs, and their mean contraction. This is the product
        of the means over the hops, because the pairs of different hops are drawn independently.

    Source:
        Swaps: Zukowski et al., PRL 71, 4287 (1993), as in `physics.bell.swap`.
    """
    if heralded.shape[1] == 1:
        return waiting, heralded[:, 0], values[..., 0, 0]
    alive = counts.fidelity(values[-1]) >= network.memories.cutoff_fidelity
    older, _ = counts.age(waiting, alive)
    new = jnp.where(alive[..., 0], heralded, 0)
    pairs, _ = counts.admit(older, new, network.memories.per_link)
    # A route of a single link has no relay, so its pairs are pairs of hub and node at once.
    direct = ~network.routes.is_hop[:, 1, None, None]
    straight = jnp.zeros_like(pairs).at[..., 0].set(heralded)
    pairs = jnp.where(direct, straight, pairs)
    supplied = jnp.where(network.routes.is_hop, pairs.sum(axis=-1), PLENTY)
    swapped = supplied.min(axis=1)
    taken = counts.take(pairs, swapped[:, None], oldest_first=False)
    mean = counts.total(taken, values) / jnp.maximum(swapped, 1)[:, None]
    whole = jnp.where(network.routes.is_hop, mean, 1).prod(axis=-1)
    return pairs - taken, swapped, whole * network.operations.swap_contraction
