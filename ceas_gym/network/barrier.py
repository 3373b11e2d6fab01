"""The barrier: stored pairs become shots of teams, and key becomes tags."""

from dataclasses import replace

import jax.numpy as jnp
from jaxtyping import Array, Bool, Key

from ceas_gym.network import ages, arrival, counts, delivery, key_pool, teams
from ceas_gym.types import Delivery, Ledger, Links, Memory, Network


def spend(
    network: Network,
    links: Links,
    memory: Memory,
    ledger: Ledger,
    key: Key[Array, ""],
    executed: Delivery | None = None,
) -> tuple[Memory, Delivery, Ledger]:
    """Returns the memory after the barrier, the delivery, and the completed ledger.

    A team takes part if its nodes have pairs for at least one shot, and key for all its tags of the
    round; where the protocol accepts unauthenticated updates, it needs no key. Nodes may purify
    pairs first, and then turn them into as many whole shots as they make. Unused stored pairs stay
    in memory. Unused purified pairs are discarded, because the hub's estimate stores pairs by age
    only.

    Args:
        network: What a shot takes, purification, teleportation and tags.
        links: Decay in this round.
        memory: Pairs and key at the barrier.
        ledger: The round's ledger so far.
        key: Random key.
        executed: Shots that were executed before the barrier; None stands for no shots.

    Returns:
        The memory, the `Delivery` (shots, contractions in [-1, 1], tags), and the ledger with
        `spent` and `sacrificed`.

    Source:
        Teleportation of a register: Bennett et al., PRL 70, 1895 (1993), as in `physics.register`.
    """
    memory = ages.widened(network, memory)
    has_key = teams.every(network.teams, key_pool.suffices(network.key, memory.key_bits))
    taking_part = able(network, memory, executed)
    nodes_taking_part = teams.of_nodes(network.teams, taking_part)
    offer = network.operations.purification(network, links, memory, nodes_taking_part, key)
    possible = teams.shots(network, offer.pairs.sum(axis=1))
    shots = jnp.where(nodes_taking_part, possible, 0)
    wanted = shots * teams.ends(network)
    taken = counts.take(offer.pairs, wanted, oldest_first=network.oldest_first)
    new = delivery.of_pairs(network, offer.contraction, taken, shots)
    whole = arrival.together(executed, new)
    counted = jnp.where(taking_part, whole.shots, 0)
    authenticated = has_key & (counted > 0)

    stored = (offer.pairs - taken)[:, -network.memories.oldest :]
    spent = taken.sum(axis=1)
    tagged = teams.of_nodes(network.teams, authenticated)
    key_bits = key_pool.spend(network.key, memory.key_bits, tagged)
    left = ages.narrowed(network, replace(memory, pairs=stored, key_bits=key_bits))
    lost = memory.pairs.sum(axis=1) - stored.sum(axis=1) - spent
    given = replace(whole, shots=counted, authenticated=authenticated)
    return left, given, replace(ledger, spent=ledger.spent + spent, sacrificed=lost)


def able(
    network: Network, memory: Memory, executed: Delivery | None = None
) -> Bool[Array, " teams"]:
    """Returns which teams could take part: they have a shot, and key if it is needed.

    Args:
        network: What a shot takes, and key of a round.
        memory: Pairs and key that are stored.
        executed: Shots that were executed since the last barrier; None stands for no shots.
    """
    has_key = teams.every(network.teams, key_pool.suffices(network.key, memory.key_bits))
    enough = teams.every(network.teams, memory.pairs.sum(axis=1) >= teams.ends(network))
    if executed is not None:
        enough |= executed.shots > 0
    return (has_key | network.unauthenticated_spend) & enough
