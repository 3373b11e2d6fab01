"""The windows of the reference: the network, one node, one window and one pair at a time."""

from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

from ceas_gym.types import Gathered, Network
from reference.pairs import (
    Array,
    Pair,
    Quadruple,
    Storage,
    convolve,
    depolarizing,
    mean,
    quadruple,
)

HUB = 0


@dataclass
class Node:
    """What a node stores, and how many of its pairs are used or lost since the last barrier."""

    stored: list[Pair]
    links: list[list[Pair]]
    """Pairs of each hop that wait at the relays."""
    trust: float
    """Factor on the estimated contraction of a new pair, in [0, 1]."""
    key: list[list[Any]]
    """Bits of key for each member of the committee, by age in slots."""
    generated: int = 0
    spent: list[Pair] = field(default_factory=list)
    """The pairs spent on shots."""
    keyed: int = 0
    expired: int = 0
    blocked: int = 0
    sacrificed: int = 0
    tested: list[Pair] = field(default_factory=list)
    passed: int = 0
    shots: int = 0
    traps: int = 0
    key_held: list[float] = field(default_factory=list)
    """Bits of key for each member at the barrier, before any is used."""
    authenticated: bool = False
    signal: float = 0.0
    """Estimated contraction of the data, as a mean over all Pauli words except the identity."""
    information: float = 0.0
    """Fisher information of the update, in shots of perfect signal."""
    owed: float = 0.0
    """Bits of key that a round's tags take with each member."""
    room: float = 0.0
    """Bits of key that it may hold for each member."""
    ends: int = 0
    """Pairs of its link that a shot takes."""
    of_qpus: "list[Node]" = field(default_factory=list)
    """Where this is the record of a team: its nodes, by QPU."""


def of(nodes: list[Node], name: str) -> Array:
    """Returns one field of all nodes, shape (nodes,)."""
    return np.array([getattr(node, name) for node in nodes])


def decode(network: Network, action: Array) -> Array:
    """Returns channel-time in [0, 1], shape (windows, nodes): (a + 1) / 2, cut at bottlenecks.

    A bottleneck with too many requests cuts all its routes by the same factor; the tightest one of
    a route counts. Actions a are clipped to [-1, 1].
    """
    schedule: Array = np.zeros(action.shape)
    for window, requests in enumerate(action):
        asked = [(min(max(request, -1.0), 1.0) + 1.0) / 2.0 for request in requests]
        schedule[window] = asked
        for channels, passes in zip(network.switch.channels, network.switch.passes, strict=True):
            through = [k for k in range(len(asked)) if passes[k]]
            load = sum(asked[k] for k in through)
            for k in through if load > channels else ():
                schedule[window, k] = min(schedule[window, k], asked[k] * channels / load)
    return schedule


def exhaust(network: Network, schedule: Array, acting: Array, factor: Array) -> Array:
    """Returns the schedule, shape (windows, nodes), after the acting nodes have requested more.

    A factor, at least 1, multiplies their requests, each node's up to its quota.
    """
    asked = schedule.copy()
    for k in np.flatnonzero(acting):
        asked[:, k] = [min(factor * share, 1.0) for share in schedule[:, k]]
        most = max(sum(schedule[:, k]), network.switch.quota * len(schedule))
        asked[:, k] *= min(1.0, most / max(sum(asked[:, k]), 1e-30))
    return decode(network, 2 * asked - 1)


def attempts(network: Network, schedule: Array) -> Array:
    """Returns the whole attempts that fit into the channel-time, shape (windows, nodes, hops)."""
    tried = np.zeros((*schedule.shape, network.routes.is_hop.shape[1]), int)
    for window, k, hop in np.ndindex(tried.shape):
        most = network.generation.attempts_per_window[k, hop]
        rounded = min(most / 2**23, 1 / 2**14)
        tried[window, k, hop] = int(min(schedule[window, k] * most + rounded, most))
    return tried * network.generation.modes


def fill(
    network: Network,
    memories: Storage,
    gathered: Gathered,
    heralded: Array,
    trust: Array,
    *,
    ends_known: bool,
) -> list[Node]:
    """Returns the nodes after all windows of a step.

    Args:
        network: The network.
        memories: Noise of the memories in this round.
        gathered: What the nodes held before.
        heralded: Attempts that succeeded, shape (windows, nodes, hops).
        trust: Factor on the estimate of new pairs, in [0, 1], shape (nodes,).
        ends_known: Whether the barrier is known to fire after the last window; otherwise it may
            fire after each of them.
    """
    nodes = [recall(network, memories, gathered, k, trust[k]) for k in range(heralded.shape[1])]
    for k, node in enumerate(nodes):
        for window, new in enumerate(heralded[:, k]):
            left = len(heralded) - 1 - window if ends_known else 0
            pass_window(network, memories, k, node, new, left)
    return nodes


def rest(network: Network, memories: Storage, nodes: list[Node], windows: int) -> None:
    """Ages all pairs by the windows of a barrier, at least 0, in place; none are made."""
    none = np.zeros(network.routes.is_hop.shape[1], int)
    for k, node in enumerate(nodes):
        for _ in range(windows):
            pass_window(network, memories, k, node, none, 0)


def recall(network: Network, memories: Storage, gathered: Gathered, k: int, trust: float) -> Node:
    """Returns node k at the start of a step: pairs, links, bits of key, and counts so far.

    Links that wait at relays are taken to have decayed at this round's rates in all windows.
    """
    memory, ledger, stored, links = gathered.memory, gathered.ledger, [], []
    for age, count in enumerate(memory.pairs[k]):
        views = tuple(quadruple(view[:, k, age]) for view in memory.contraction)
        stored += [Pair(age, views)] * count
    for hop in range(network.routes.is_hop[k].sum()):
        ends, waiting = network.routes.ends[k, hop], memory.links[k, hop]
        new = fresh(network, memories, k, hop, trust)
        aged = [memories.wait(new, ends, age) for age in range(len(waiting))]
        links.append([aged[age] for age, count in enumerate(waiting) for _ in range(count)])
    pools = [[float(bits) for bits in pool] for pool in memory.key_bits[k]]
    counts = ("generated", "keyed", "expired", "blocked")
    so_far: dict[str, Any] = {name: int(getattr(ledger, name)[k]) for name in counts}
    bits, budget = float(network.key.tag_bits), network.key
    # Where nodes form teams, each of them has its own number of tags, and its own capacity.
    tags, room = (np.ravel(each) for each in (budget.tags, budget.capacity_bits))
    return Node(
        *(stored, links, trust, pools),
        **so_far,
        owed=float(tags[k % len(tags)]) * bits,
        room=float(room[k % len(room)]),
        ends=network.teams.shot.ends[int(network.teams.qpu[k])],
    )


def fresh(network: Network, memories: Storage, k: int, hop: int, trust: float) -> Pair:
    """Returns a link's new pair at the end of its window.

    The hub's trust, in [0, 1], depolarizes the estimate of the first link of a route.
    """
    new = memories.fresh(network.generation.contraction[:, k, hop], network.routes.ends[k, hop])
    if hop or trust == 1:
        return new
    truth, estimate = new.views
    return new._replace(views=(truth, convolve(estimate, depolarizing(trust))))


def ends_of(network: Network, k: int) -> tuple[int, int]:
    """Returns the two vertices that hold the node's pairs."""
    return HUB, int(network.routes.vertex[k])


def survive(network: Network, pairs: list[Pair]) -> list[Pair]:
    """Returns the pairs that are not below the cut-off fidelity, nor too old in windows."""
    return [
        pair
        for pair in pairs
        if pair.estimated_fidelity >= network.memories.cutoff_fidelity
        and pair.age < network.memories.oldest
    ]


def pass_window(
    network: Network, memories: Storage, k: int, node: Node, heralded: Array, windows_left: int
) -> None:
    """Ages stored pairs by one window and adds the new ones, from `heralded` of shape (hops,)."""
    older = [memories.wait(pair, ends_of(network, k)) for pair in node.stored]
    node.stored = survive(network, older)
    node.expired += len(older) - len(node.stored)
    for pair in connect(network, memories, k, node, heralded):
        at_barrier = memories.wait(pair, ends_of(network, k), windows_left)
        receive(network, node, pair, lasts=bool(survive(network, [at_barrier])))


def connect(network: Network, memories: Storage, k: int, node: Node, heralded: Array) -> list[Pair]:
    """Returns the new pairs of hub and node, swapped one by one, the freshest links first.

    Waiting links are updated; `heralded` has shape (hops,).

    Source:
        Swaps: Zukowski et al., PRL 71, 4287 (1993).
    """
    arrived = []
    for hop, waiting in enumerate(node.links):
        ends = network.routes.ends[k, hop]
        new = [fresh(network, memories, k, hop, node.trust)] * heralded[hop]
        if len(node.links) == 1:
            return new
        held = survive(network, [memories.wait(pair, ends) for pair in waiting])
        room = max(network.memories.per_link - len(held), 0)
        arrived.append(sorted(held + survive(network, new)[:room], key=lambda pair: pair.age))
    swapped = min(len(pairs) for pairs in arrived)
    node.links = [pairs[swapped:] for pairs in arrived]
    if not swapped:
        return []
    noise, views = quadruple(network.operations.swap_contraction[:, k]), []
    for view in range(len(memories.rates)):
        # The swap is linear in each of its pairs, so this is the mean over all combinations.
        drawn = [mean([pair.views[view] for pair in pairs[:swapped]]) for pairs in arrived]
        views.append(convolve(reduce(convolve, drawn), noise))
    return [Pair(0, tuple(views))] * swapped


def receive(network: Network, node: Node, pair: Pair, *, lasts: bool) -> None:
    """Measures a new pair into bits of key, stores it, or discards it, in place."""
    bits = secret_bits(network, pair)
    pools = pools_for(node, bits, lasts=lasts)
    node.generated += 1
    if pools:
        pools[0][0] += bits
        node.keyed += 1
    elif not survive(network, [pair]):
        node.expired += 1
    elif len(node.stored) < network.memories.per_link:
        node.stored.append(pair)
    else:
        node.blocked += 1


def pools_for(node: Node, bits: float, *, lasts: bool) -> list[list[Any]]:
    """Returns the pools that may take the bits of a pair, those that lack key first."""
    fitting = [p for p in node.key if bits > 0 and sum(p) + bits <= node.room]
    lacking = [p for p in fitting if sum(p) < node.owed]
    return lacking if lasts else lacking + fitting


def errors(network: Network, view: Quadruple) -> tuple[float, ...]:
    """Returns the error rates in X, Y and Z, in [0, 1], of the two outcomes as they are read.

    Source:
        Bennett, Brassard and Mermin, PRL 68, 557 (1992).
    """
    _, y, x, z = view
    flipped = float(1 - network.key.contraction) / 2
    return tuple(error * (1 - flipped) + (1 - error) * flipped for error in (y + z, x + z, x + y))


def secret_bits(network: Network, pair: Pair) -> float:
    """Returns the secret bits per pair, in [0, 1], by the hub's estimate.

    Source:
        Bennett, Brassard and Mermin, PRL 68, 557 (1992); Devetak and Winter, Proc. R. Soc. A 461,
        207 (2005).
    """
    error_x, _, error_z = errors(network, pair.views[-1])
    if network.key.accounting.__name__ == "finite":
        return finite_bits(max(error_x, error_z), float(network.key.block_pairs))
    return max(1 - entropy(error_x) - entropy(error_z), 0.0)


def finite_bits(error: float, block: float) -> float:
    """Returns the secret bits per pair, in [0, 1], for the best of 24 shares that are tested.

    The error rate is in [0, 1/2], the block in pairs.

    Source:
        Tomamichel, Lim, Gisin and Renner, Nature Communications 3, 634 (2012).
    """
    best = 0.0
    for tested in block * np.geomspace(0.004, 0.5, 24):
        key = block - tested
        margin = np.sqrt(block * (tested + 1) * np.log(4e10) / (key * tested**2))
        kept = 1 - entropy(min(error + margin, 0.5)) - 1.1 * entropy(error)
        best = max(best, key * kept - np.log2(2 / (1e-10**2 * 1e-15)))
    return best / block


def entropy(chance: float) -> float:
    """Returns the binary entropy of a probability in [0, 1], in bits.

    Source:
        Shannon, Bell System Technical Journal 27, 379 (1948).
    """
    return -sum(p * float(np.log2(p)) for p in (chance, 1 - chance) if p > 0)
