"""Monte Carlo of the simulator: many independent nodes, each of them a replica."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from ceas_gym.network import conditions, generation, storage
from ceas_gym.types import Ledger, Links, Memory, Network

Observe = Callable[[Memory, Ledger], Any]


def links_of(network: Network) -> Links:
    return conditions.links(network, conditions.steady(network))


def slot(network: Network, links: Links, memory: Memory, key: jax.Array) -> tuple[Memory, Ledger]:
    """Returns the memory one window later: a whole channel for every node, and no barrier."""
    tried = generation.attempts(network, jnp.ones((1, network.vertex.shape[0])))
    return storage.store(network, links, memory, generation.herald(links, tried, key))


@partial(jax.jit, static_argnames=("slots", "burn_in", "observe"))
def means(network: Network, slots: int, burn_in: int, observe: Observe, seed: int) -> Any:
    """Returns for each node the mean over `slots` windows of what is observed after each of them.

    Args:
        network: Replicas.
        slots: Windows that count.
        burn_in: Windows before them.
        observe: Memory and ledger after a window to a tree of arrays.
        seed: Of the random keys.
    """
    links = links_of(network)

    def step(memory: Memory, key: jax.Array) -> tuple[Memory, Ledger]:
        return slot(network, links, memory, key)

    def counted(carry: tuple[Memory, Any], key: jax.Array) -> tuple[tuple[Memory, Any], None]:
        memory, ledger = step(carry[0], key)
        return (memory, jax.tree.map(jnp.add, carry[1], observe(memory, ledger))), None

    keys = jax.random.split(jax.random.key(seed), burn_in + slots)
    memory, ledgers = jax.lax.scan(step, storage.empty(network), keys[:burn_in])
    last = jax.tree.map(lambda fate: fate[-1], ledgers)
    nothing = jax.tree.map(lambda one: 0.0 * one, observe(memory, last))
    (_, total), _ = jax.lax.scan(counted, (memory, nothing), keys[burn_in:])
    return jax.tree.map(lambda one: np.float64(1) * one / slots, total)


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


def exactly(expected: ArrayLike) -> Any:
    """To the digits of the reference sheet."""
    return pytest.approx(expected, abs=5e-7)
