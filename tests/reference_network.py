"""The network's half of the slow reference: a node, a window and a pair at a time."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from ceas_gym.types import Memory, Network

Array = Any
"""A NumPy array, where the records are annotated with JAX's."""


class Luck(NamedTuple):
    """All that is random in a round."""

    heralded: Array
    """Pairs of each window and node."""
    samples: Array
    """Training samples that each node draws."""
    normals: Array
    """Standard normal numbers of each node and angle."""


@dataclass
class Node:
    """What a node holds, and what becomes of its pairs in this round."""

    stored: list[int]
    """The age of each stored pair, in windows."""
    key: list[Any]
    """Bits of key by age, in rounds."""
    spent: list[int] = field(default_factory=list)
    """The age of each pair spent on a shot."""
    keyed: int = 0
    expired: int = 0
    blocked: int = 0
    shots: int = 0
    authenticated: bool = False
    signal: float = 0.0
    """Contraction of the data, on average over all Pauli words but the identity."""
    information: float = 0.0
    """Fisher information of the update, in shots of perfect signal."""


def of(nodes: list[Node], name: str) -> Array:
    """Returns one field of all nodes."""
    return np.array([getattr(node, name) for node in nodes])


def decode(network: Network, action: Array) -> Array:
    """Returns channel-time: (a + 1) / 2 asked for, a whole window cut alike to the channels."""
    schedule = np.zeros(action.shape)
    for window, requests in enumerate(action):
        asked = [(min(max(request, -1.0), 1.0) + 1.0) / 2.0 for request in requests]
        cut = network.channels / sum(asked) if sum(asked) > network.channels else 1.0
        schedule[window] = [cut * share for share in asked]
    return schedule


def attempts(network: Network, schedule: Array) -> Array:
    """Returns the whole attempts that fit into the channel-time, on all modes."""
    most = network.attempts_per_window
    whole = [[int(share * most[k]) for k, share in enumerate(row)] for row in schedule]
    return np.array(whole) * network.modes


def network_round(network: Network, memory: Memory, k: int, luck: Luck) -> Node:
    """Returns node k after all windows and the barrier."""
    ages = [age for age, count in enumerate(memory.pairs[k]) for _ in range(count)]
    node = Node(ages, [float(bits) for bits in memory.key_bits[k]])
    oldest = min(network.lifetime[k], network.contraction.shape[1] - 1)
    for window, arrivals in enumerate(luck.heralded[:, k]):
        older = [age + 1 for age in node.stored]
        node.stored = [age for age in older if age <= oldest]
        node.expired += len(older) - len(node.stored)
        for _ in range(arrivals):
            receive(network, k, node, windows_left=network.windows - 1 - window)
    barrier(network, node)
    measure(network, k, node)
    return node


def receive(network: Network, k: int, node: Node, windows_left: int) -> None:
    """Measures a new pair into key, stores it, or loses it."""
    held, bits = sum(node.key), network.secret_fraction[k]
    fits = bits > 0 and held + bits <= network.key_capacity_bits
    lasts = windows_left <= network.lifetime[k]
    if fits and (held < network.tag_bits or not lasts):
        node.key[0] += bits
        node.keyed += 1
    elif network.lifetime[k] < 0:
        node.expired += 1
    elif len(node.stored) < network.memories:
        node.stored.append(0)
    else:
        node.blocked += 1


def barrier(network: Network, node: Node) -> None:
    """Turns pairs into shots and key into a tag, oldest key first, where there is enough."""
    has_key = sum(node.key) >= network.tag_bits
    if has_key or network.unauthenticated_spend:
        node.shots = len(node.stored) // network.qubits
    order, taken = sorted(node.stored, reverse=network.oldest_first), node.shots * network.qubits
    node.spent, node.stored = order[:taken], order[taken:]
    node.authenticated = bool(has_key and node.shots > 0)
    owed = network.tag_bits if node.authenticated else 0.0
    for age in reversed(range(len(node.key))):
        used = min(node.key[age], owed)
        node.key[age], owed = node.key[age] - used, owed - used
    if network.key_expires:
        node.key = [0.0, *node.key[:-1]]


def arriving(network: Network, k: int) -> Array:
    """Returns the contraction of the node's pairs by age, when the data have come through."""
    return network.contraction[k] * network.delivery_contraction[k]


def deals(ages: list[int], count: int) -> Iterator[tuple[tuple[int, ...], float]]:
    """Yields every way of dealing so many of the pairs, by their ages, with its probability."""
    for dealt in product(sorted(set(ages)), repeat=count):
        left, probability = Counter(ages), 1.0
        for age in dealt:
            probability *= left[age] / left.total()
            left[age] -= 1
        yield dealt, probability


def measure(network: Network, k: int, node: Node) -> None:
    """Fills in what the hub knows of the node's shots from the ages of the pairs it spent."""
    if not node.spent:
        return
    values, qubits = arriving(network, k), network.qubits
    contraction = [
        sum(probability * np.prod(values[list(ages)]) for ages, probability in ways)
        for ways in (deals(node.spent, weight) for weight in range(1, qubits + 1))
    ]
    words = list(product("IXYZ", repeat=qubits))[1:]
    c = sum(contraction[qubits - 1 - word.count("I")] for word in words) / len(words)
    node.signal, node.information = c, node.shots * c**2 / (c + 2 * (1 - c) / 2**qubits)
