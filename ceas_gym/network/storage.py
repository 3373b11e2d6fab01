"""Storage: pairs wait in memory by age, until the barrier, unless they expire or become key."""

from dataclasses import fields
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ceas_gym.jax_utils import packing
from ceas_gym.network import arrival, counts, key_pool, relays
from ceas_gym.types import Gathered, Ledger, Links, Memory, Network


class Arrivals(NamedTuple):
    """New pairs of hub and node in a window."""

    pairs: Int[Array, " nodes"]
    contraction: Float[Array, "truth_and_estimate xyz nodes"]


def empty(network: Network) -> Memory:
    """Returns an empty memory: no pairs, contraction 0, and 0 bits of key."""
    nodes, hops = network.routes.is_hop.shape
    axes, sides = network.memories.decay_rate.shape[0], 1 + network.estimate_may_differ
    number = network.memories.decay_rate.dtype
    return Memory(
        pairs=jnp.zeros((nodes, network.memories.ages), jnp.int32),
        contraction=jnp.zeros((sides, axes, nodes, network.memories.ages), number),
        links=jnp.zeros((nodes, hops, network.memories.ages if hops > 1 else 0), jnp.int32),
        key_bits=jnp.zeros((nodes, network.key.members, network.key.slots), number),
    )


def begin(network: Network, memory: Memory) -> Gathered:
    """Returns the state of the network before the first window: the memory, and counts of zero.

    Args:
        network: Routes.
        memory: Pairs and key that the last barrier left.
    """
    none, hops = (
        jnp.zeros(network.routes.vertex.shape, jnp.int32),
        jnp.zeros(network.routes.edge.shape, jnp.int32),
    )
    nothing = no_fates(none)
    return Gathered(
        memory=memory,
        ledger=nothing,
        tried=hops,
        heralded=hops,
        window=jnp.int32(0),
        executed=arrival.none(network),
    )


def no_fates(none: Int[Array, " nodes"]) -> Ledger:
    """Returns a ledger in which all counts are zero.

    Args:
        none: Zeros, one for each node.
    """
    return Ledger(**{fate.name: none for fate in fields(Ledger)})


def store(
    network: Network, links: Links, memory: Memory, heralded: Int[Array, "windows nodes hops"]
) -> tuple[Memory, Ledger]:
    """Returns the memory at the barrier after all windows of a round, and the ledger so far.

    It calls `window` for each window in turn, with the pairs that were heralded in it.

    Args:
        network: Routes and memories.
        links: Decay in this round.
        memory: Pairs and key left from earlier rounds.
        heralded: Pairs heralded on each link in each window.

    Returns:
        The memory, and the round's ledger, in which `spent`, `sacrificed` and `tested` are
        still zero.
    """

    def one(memory: Memory, new: tuple[Array, Array]) -> tuple[Memory, Ledger]:
        return window(network, links, memory, *new)

    windows_left = jnp.arange(network.windows)[::-1]
    memory, ledgers = jax.lax.scan(one, memory, (heralded, windows_left))
    return memory, jax.tree.map(lambda fate: fate.sum(axis=0), ledgers)


def window(
    network: Network,
    links: Links,
    memory: Memory,
    heralded: Int[Array, "nodes hops"],
    windows_left: Int[Array, ""],
) -> tuple[Memory, Ledger]:
    """Returns the memory after one window, and what became of pairs in it.

    Relays swap; some of the new pairs are measured into key; stored pairs age, and those below the
    cut-off expire; the other new pairs are stored, or blocked by a full memory. All of this is
    decided by the hub's estimate.

    Args:
        network: Routes and memories.
        links: Decay in this round.
        memory: The memory before the window.
        heralded: Pairs heralded on each link in this window.
        windows_left: Number of windows until the barrier; at least 0.

    Source:
        Discarding pairs at a cut-off as in Khatri, Quantum 5, 537 (2021), arXiv:2007.03193, with
        the fidelity in place of the age.
    """
    values = relays.contraction_by_age(network, links)
    waiting, *arrived = relays.connect(network, values, memory.links, heralded)
    arrivals = Arrivals(*arrived)
    key_bits, keyed = _measure(network, links, memory.key_bits, arrivals, windows_left)
    unmeasured = Arrivals(arrivals.pairs - keyed, arrivals.contraction)
    pairs, contraction, expired, blocked = _hold(network, links, memory, unmeasured)
    none = jnp.zeros_like(keyed)
    ledger = Ledger(
        generated=arrivals.pairs,
        spent=none,
        keyed=keyed,
        expired=expired,
        blocked=blocked,
        sacrificed=none,
        tested=none,
    )
    after = Memory(pairs=pairs, contraction=contraction, links=waiting, key_bits=key_bits)
    return packing.of_types(after, memory), ledger


def rest(
    network: Network, links: Links, memory: Memory, windows: Int[Array, ""]
) -> tuple[Memory, Int[Array, " nodes"]]:
    """Returns the memory after windows in which pairs age and none are made, and what expired.

    Args:
        network: Routes and memories.
        links: Decay in this round.
        memory: The memory before.
        windows: Number of windows; at least 0.

    Returns:
        The memory, and the number of pairs that expired at each node.
    """
    none = jnp.zeros_like(memory.pairs[:, 0])
    unheralded = jnp.zeros(network.routes.edge.shape, none.dtype)

    def one(_: int, held: tuple[Memory, Array]) -> tuple[Memory, Array]:
        memory, ledger = window(network, links, held[0], unheralded, jnp.int32(0))
        return memory, packing.of_types(held[1] + ledger.expired, none)

    return jax.lax.fori_loop(0, windows, one, (memory, none))


def _measure(
    network: Network, links: Links, key_bits: Array, arrivals: Arrivals, windows_left: Array
) -> tuple[Array, Array]:
    estimated = arrivals.contraction[-1]
    at_barrier = counts.fidelity(estimated * links.decay[-1] ** windows_left)
    lasts = (at_barrier >= network.memories.cutoff_fidelity) & (
        windows_left < network.memories.ages
    )
    per_pair = key_pool.bits_per_pair(network.key, estimated)
    return key_pool.measure(network.key, key_bits, arrivals.pairs, per_pair, lasts)


def _hold(
    network: Network, links: Links, memory: Memory, arrivals: Arrivals
) -> tuple[Array, Array, Array, Array]:
    # All pairs grow one age older. New pairs have age zero, and expire at once if they are below
    # the cut-off.
    older = memory.contraction[..., :-1] * links.decay[..., None]
    contraction = jnp.concatenate([arrivals.contraction[..., None], older], axis=-1)
    alive = counts.fidelity(contraction[-1]) >= network.memories.cutoff_fidelity
    pairs, expired = counts.age(memory.pairs, alive)
    storable = jnp.where(alive[:, 0], arrivals.pairs, 0)
    pairs, blocked = counts.admit(pairs, storable, network.memories.per_link)
    return pairs, contraction, expired + arrivals.pairs - storable, blocked
