"""How many ages of pairs the memory keeps apart: as many as a pair can live.

Its arrays have an axis of ages, and every window goes over all of them. Where the cut-off discards
pairs long before `oldest_windows`, the later ages would always be empty, and are left out. Results
stay the same to the last bit, because random numbers and sums do not depend on empty ages: what
happens once a round is computed with all ages up to `oldest_windows`, and sums over ages are added
up in a fixed order (`counts.total`).
"""

from collections.abc import Sequence
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from ceas_gym.types import Memory, Network

FEWEST = 8
"""Fewest ages that are kept, unless `oldest_windows` is lower: four would be no faster. The number
is doubled until it suffices, so that most scenarios that differ only in numbers share a
compilation."""
SLACK = 1e-4
"""Fidelity by which a pair may be below the cut-off here and still count as alive. Rounding to 32
bits changes a fidelity by less, even after 512 windows whose decay is off by 2e-7 each."""


def fitted(networks: Sequence[Network]) -> list[Network]:
    """Returns the networks with as few ages as can hold any pair of any of them.

    Args:
        networks: The layouts of a scenario, at least one, with the same `oldest_windows`, which is
            the greatest number of ages.
    """
    oldest, number = networks[0].memories.oldest, FEWEST
    while number < oldest and any(may_live(network, number) for network in networks):
        number *= 2
    ages = min(number, oldest)
    return [replace(each, memories=replace(each.memories, ages=ages)) for each in networks]


def may_live(network: Network, age: int) -> bool:
    """Returns whether any pair of this age or a greater one may be at or above the cut-off.

    It is true if there is no cut-off, and if coherence times drift, because they have no limit.

    What counts is the hub's estimate. It decays as the scenario says, and starts from no more than
    that of a new pair none of whose links waited at a relay, because tests only lower it. Pairs of
    single links count where they may wait. Contractions are taken as positive, because the decay of
    a negative one raises the fidelity.

    Args:
        network: Contraction of new pairs, decay and cut-off.
        age: Age in windows; at least 0.
    """
    cutoff = float(network.memories.cutoff_fidelity) - SLACK
    return network.drifts or max(_best_pair(network, age), _best_link(network, age)) >= cutoff


def widened(network: Network, memory: Memory) -> Memory:
    """Returns the memory with all ages up to `oldest_windows`, in which those added are empty.

    Args:
        network: Its ages.
        memory: Pairs of hub and node with the ages that are kept.
    """
    missing = network.memories.oldest - network.memories.ages
    if missing == 0:
        return memory
    return replace(
        memory,
        pairs=jnp.pad(memory.pairs, [(0, 0), (0, missing)]),
        contraction=jnp.pad(memory.contraction, [(0, 0)] * 3 + [(0, missing)]),
    )


def narrowed(network: Network, memory: Memory) -> Memory:
    """Returns the memory with the ages that are kept; the inverse of `widened`.

    Args:
        network: Its ages.
        memory: Pairs of hub and node with all ages up to `oldest_windows`.
    """
    ages = network.memories.ages
    return replace(memory, pairs=memory.pairs[:, :ages], contraction=memory.contraction[..., :ages])


def _best_pair(network: Network, age: int) -> float:
    rate = _decay_rate(network)
    links = np.where(network.routes.is_hop, _new_links(network), 1).prod(axis=-1)
    new = links * np.abs(np.asarray(network.operations.swap_contraction, float))
    return _best(new, rate[:, :1] + rate[:, np.asarray(network.routes.vertex)], age)


def _best_link(network: Network, age: int) -> float:
    if network.routes.is_hop.shape[1] == 1:
        return 0.0
    new = np.where(network.routes.is_hop, _new_links(network), 0)
    return _best(new, _link_rate(network), age)


def _best(new: NDArray[np.float64], rate: NDArray[np.float64], age: int) -> float:
    # The greatest fidelity at that age, as in `counts.fidelity`.
    return float((1 + (new * np.exp(-rate * age)).sum(axis=0)).max()) / 4


def _new_links(network: Network) -> Float[np.ndarray, "xyz nodes hops"]:
    # As in `conditions.links`.
    rate = _link_rate(network)
    kept = np.where(rate > 0, -np.expm1(-rate) / np.where(rate > 0, rate, 1), 1)
    return np.abs(np.asarray(network.generation.contraction, float)) * kept


def _link_rate(network: Network) -> Float[np.ndarray, "xyz nodes hops"]:
    return _decay_rate(network)[..., np.asarray(network.routes.ends)].sum(axis=-1)


def _decay_rate(network: Network) -> Float[np.ndarray, "xyz vertices"]:
    return np.asarray(network.memories.decay_rate, float)
