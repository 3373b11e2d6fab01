"""Monte Carlo of the simulator: many independent nodes, each of them a replica."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from helpers.compiled import for_long
from numpy.typing import ArrayLike, NDArray

from ceas_gym.network import conditions, generation, storage
from ceas_gym.types import Ledger, Links, Memory, Network

Observe = Callable[[Memory, Ledger], Any]


def links_of(network: Network) -> Links:
    return conditions.links(network, conditions.steady(network))


def herald(network: Network, links: Links, slots: int, key: jax.Array) -> jax.Array:
    """Returns what every node heralds with a whole channel, slot by slot."""
    tried = generation.attempts(network, jnp.ones((slots, network.nodes)))
    return generation.herald(links, tried, key)


@partial(for_long, static_argnames=("slots", "burn_in", "observe"))
def means(network: Network, slots: int, burn_in: int, observe: Observe, seed: int) -> Any:
    """Returns for each node the mean over `slots` windows of what is observed after each of them.

    Args:
        network: Replicas, with one window a round; no barrier is held.
        slots: Windows that count.
        burn_in: Windows before them.
        observe: Memory and ledger after a window to a tree of arrays.
        seed: Of the random key.
    """
    links = links_of(network)

    def step(
        carry: tuple[Memory, Any], given: tuple[jax.Array, jax.Array]
    ) -> tuple[tuple[Memory, Any], None]:
        heralded, counts = given
        memory, ledger = storage.store(network, links, carry[0], heralded[None])
        seen = jax.tree.map(lambda one: jnp.where(counts, one, 0.0), observe(memory, ledger))
        return (memory, jax.tree.map(jnp.add, carry[1], seen)), None

    empty = storage.empty(network)
    heralded = herald(network, links, burn_in + slots, jax.random.key(seed))
    _, ledger = storage.store(network, links, empty, heralded[:1])
    nothing = jax.tree.map(lambda one: jnp.zeros(one.shape), observe(empty, ledger))
    counts = jnp.arange(burn_in + slots) >= burn_in
    (_, total), _ = jax.lax.scan(step, (empty, nothing), (heralded, counts))
    return jax.tree.map(lambda one: one / slots, total)


def agree(samples: ArrayLike, expected: ArrayLike, resolved: float) -> None:
    """Asserts that the mean of independent samples is within four standard errors of a number.

    Args:
        samples: Replicas on the first axis.
        expected: From a closed form.
        resolved: The four standard errors must not exceed it, or the test would prove nothing.
    """
    values: NDArray[np.float64] = np.asarray(samples, float)
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values))
    assert (4 * error <= resolved).all(), f"four standard errors are {4 * error}"
    assert (error > 0).all()
    missed = np.abs(values.mean(axis=0) - np.asarray(expected))
    assert (missed <= 4 * error).all(), f"{values.mean(axis=0)} +- {error} is not {expected}"
