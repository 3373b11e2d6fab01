"""The windows of the slow reference's network: a node, a window and a pair at a time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
from reference_pairs import Array, Pair, Storage, convolve, mean, quadruple

from ceas_gym.types import Memory, Network

HUB = 0


class Luck(NamedTuple):
    """All that is random in a round."""

    herald: Callable[[Array, Array], Array]
    """Successes of so many attempts, at such a chance each: by window, node and hop."""
    purify: Callable[[Array, Array], Array]
    """Successes of so many couples, at such a chance each: by node and age."""
    samples: Array
    """Training samples that each node draws."""
    normals: Array
    """Standard normal numbers of each node and angle."""
    moves: Array
    """Uniform numbers of each edge, which decide its next condition."""
    shocks: Array
    """Standard normal numbers of each vertex, by which coherence times drift."""


@dataclass
class Node:
    """What a node holds, and what becomes of its pairs in this round."""

    stored: list[Pair]
    links: list[list[Pair]]
    """Pairs of each hop that wait at the relays."""
    key: list[Any]
    """Bits of key by age, in rounds."""
    generated: int = 0
    spent: list[Pair] = field(default_factory=list)
    """The pairs spent on shots."""
    keyed: int = 0
    expired: int = 0
    blocked: int = 0
    sacrificed: int = 0
    shots: int = 0
    authenticated: bool = False
    signal: float = 0.0
    """Contraction of the data by the books, on average over all Pauli words but the identity."""
    information: float = 0.0
    """Fisher information of the update, in shots of perfect signal."""


def of(nodes: list[Node], name: str) -> Array:
    """Returns one field of all nodes."""
    return np.array([getattr(node, name) for node in nodes])


def decode(network: Network, action: Array) -> Array:
    """Returns channel-time: (a + 1) / 2 asked for, cut by the tightest bottleneck of the route."""
    schedule: Array = np.zeros(action.shape)
    for window, requests in enumerate(action):
        asked = [(min(max(request, -1.0), 1.0) + 1.0) / 2.0 for request in requests]
        schedule[window] = asked
        for channels, passes in zip(network.channels, network.passes, strict=True):
            through = [k for k in range(len(asked)) if passes[k]]
            load = sum(asked[k] for k in through)
            for k in through if load > channels else ():
                schedule[window, k] = min(schedule[window, k], asked[k] * channels / load)
    return schedule


def attempts(network: Network, schedule: Array) -> Array:
    """Returns the whole attempts that fit into the channel-time, on all modes of every hop."""
    tried = np.zeros((*schedule.shape, network.is_hop.shape[1]), int)
    for window, k, hop in np.ndindex(tried.shape):
        tried[window, k, hop] = int(schedule[window, k] * network.attempts_per_window[k, hop])
    return tried * network.modes


def fill(network: Network, memories: Storage, memory: Memory, heralded: Array) -> list[Node]:
    """Returns the nodes at the barrier, after all windows."""
    nodes = [recall(network, memories, memory, k) for k in range(heralded.shape[1])]
    for k, node in enumerate(nodes):
        for window, new in enumerate(heralded[:, k]):
            pass_window(network, memories, k, node, new, network.windows - 1 - window)
    return nodes


def recall(network: Network, memories: Storage, memory: Memory, k: int) -> Node:
    """Returns node k as the round finds it; links that wait have always decayed as they do now."""
    stored, links = [], []
    for age, count in enumerate(memory.pairs[k]):
        views = tuple(quadruple(view[:, k, age]) for view in memory.contraction)
        stored += [Pair(age, views)] * count
    for hop in range(network.is_hop[k].sum()):
        ends, waiting = network.ends[k, hop], memory.links[k, hop]
        new = memories.fresh(network.link_contraction[:, k, hop], ends)
        aged = [memories.wait(new, ends, age) for age in range(len(waiting))]
        links.append([aged[age] for age, count in enumerate(waiting) for _ in range(count)])
    return Node(stored, links, [float(bits) for bits in memory.key_bits[k]])


def ends_of(network: Network, k: int) -> tuple[int, int]:
    """Returns where the node's pairs are held."""
    return HUB, int(network.vertex[k])


def survive(network: Network, pairs: list[Pair]) -> list[Pair]:
    """Returns the pairs that are not past the cut-off."""
    return [
        pair
        for pair in pairs
        if pair.booked_fidelity >= network.cutoff_fidelity and pair.age < network.ages
    ]


def pass_window(
    network: Network, memories: Storage, k: int, node: Node, heralded: Array, windows_left: int
) -> None:
    """Lets stored pairs age, and takes in those of this window."""
    older = [memories.wait(pair, ends_of(network, k)) for pair in node.stored]
    node.stored = survive(network, older)
    node.expired += len(older) - len(node.stored)
    for pair in connect(network, memories, k, node, heralded):
        at_barrier = memories.wait(pair, ends_of(network, k), windows_left)
        receive(network, node, pair, lasts=bool(survive(network, [at_barrier])))


def connect(network: Network, memories: Storage, k: int, node: Node, heralded: Array) -> list[Pair]:
    """Returns the new pairs of hub and node: one swap after another, the freshest links first."""
    arrived = []
    for hop, waiting in enumerate(node.links):
        ends = network.ends[k, hop]
        new = [memories.fresh(network.link_contraction[:, k, hop], ends)] * heralded[hop]
        if len(node.links) == 1:
            return new
        held = survive(network, [memories.wait(pair, ends) for pair in waiting])
        room = max(network.memories - len(held), 0)
        arrived.append(sorted(held + survive(network, new)[:room], key=lambda pair: pair.age))
    swapped = min(len(pairs) for pairs in arrived)
    node.links = [pairs[swapped:] for pairs in arrived]
    if not swapped:
        return []
    noise, views = quadruple(network.swap_contraction[:, k]), []
    for view in range(len(memories.rates)):
        # The swap is linear in each of its pairs, so this is the mean over all couplings.
        drawn = [mean([pair.views[view] for pair in pairs[:swapped]]) for pairs in arrived]
        views.append(convolve(reduce(convolve, drawn), noise))
    return [Pair(0, tuple(views))] * swapped


def receive(network: Network, node: Node, pair: Pair, *, lasts: bool) -> None:
    """Measures a new pair into key, stores it, or loses it."""
    held, bits = sum(node.key), secret_bits(network, pair)
    fits = bits > 0 and held + bits <= network.key_capacity_bits
    node.generated += 1
    if fits and (held < network.tag_bits or not lasts):
        node.key[0] += bits
        node.keyed += 1
    elif not survive(network, [pair]):
        node.expired += 1
    elif len(node.stored) < network.memories:
        node.stored.append(pair)
    else:
        node.blocked += 1


def secret_bits(network: Network, pair: Pair) -> float:
    """Returns 1 - h(e_x) - h(e_z) of both halves as they are read, by the books."""
    _, psi_minus, psi_plus, phi_minus = pair.views[-1]
    flipped, leaked = (1 - network.key_contraction) / 2, 0.0
    for error in (psi_minus + phi_minus, psi_minus + psi_plus):
        seen = error * (1 - flipped) + (1 - error) * flipped
        leaked -= sum(chance * np.log2(chance) for chance in (seen, 1 - seen) if chance > 0)
    return float(max(1 - leaked, 0.0))
