"""What channel-time yields in a round at its best, for the bounds on useful pairs."""

from dataclasses import replace
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from numpy.typing import NDArray

from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.network import forecast, key_pool
from ceas_gym.types import Network, Params

Numbers = NDArray[np.float64]
DEVIATIONS = 3.0
"""Allowed drift of a coherence time, in standard deviations of its logarithm."""
BEYOND = 0.0027
"""Upper bound on the chance, in a round, that hub or node are further below."""


class Supply(NamedTuple):
    """What channel-time yields in a round."""

    pairs: Numbers
    """Of a whole channel's time in a window, shape (nodes,)."""
    whole: Numbers
    """Greatest mean share of a window that a node can use, in [0, 1]; shape (nodes,)."""
    bits: Numbers
    """Secret bits of a pair, shape (nodes,)."""
    most_keyed: Numbers
    """Pairs that the pool can take in a round, shape (nodes,)."""
    lasts: NDArray[np.bool_]
    """Whether a pair lasts until the barrier, shape (kinds, nodes)."""
    windows: Numbers
    """Windows of each kind in a round, shape (kinds,)."""


def most_key_bits(params: Params) -> float:
    """Returns the most key that a node's pools can take in a round on average, in bits.

    Where nodes form teams, it is that of a node that is QPU 0 of its team.

    Example:
        >>> from ceas_gym import config, parameters
        >>> tiny = parameters.build(config.load("tiny", {"episode.rounds": 1}))
        >>> most_key_bits(tiny) == float(tiny.network.key.capacity_bits)
        True
    """
    network, rounds = params.network, int(params.rounds)
    most = _most_key_bits(network, rounds)
    return float(most.max())


def _most_key_bits(network: Network, rounds: int) -> Numbers:
    # Of each node, or of all nodes alike.
    capacity = np.asarray(network.key.capacity_bits, float)
    outdated = capacity / network.key.slots if network.key.expires else 0.0
    used = np.maximum(np.asarray(network.key.round_bits, float), outdated)
    return network.key.members * ((rounds - 1) * used + capacity) / rounds


def supply(params: Params) -> Supply:
    """Returns what channel-time yields in a round, as `pair_bounds` explains.

    Args:
        params: The scenario.
    """
    network, windows = params.network, params.network.windows
    pairs, most, bits, least_bits, life = (np.asarray(x, float) for x in _links(network))
    whole = np.divide(most, pairs, out=np.zeros_like(pairs), where=pairs > 0)
    relayed = np.asarray(network.routes.is_hop, bool).sum(axis=1) > 1
    lasts = np.arange(windows)[::-1, None] < life
    kinds, number = np.unique(np.where(relayed, lasts[-1], lasts), axis=0, return_counts=True)
    # Where a pair may be worth no key, the pool takes any number.
    low = np.where(relayed | network.verifies, 0, least_bits)
    keyed = _most_key_bits(network, int(params.rounds)) / np.maximum(low, 1e-30)
    keyed += network.drifts * BEYOND * windows * most
    return Supply(
        pairs=pairs,
        whole=whole,
        bits=bits,
        most_keyed=np.minimum(keyed, windows * most),
        lasts=kinds,
        windows=number.astype(float),
    )


def _decaying(network: Network, factor: Array | float) -> Network:
    memories = network.memories
    return replace(network, memories=replace(memories, decay_rate=factor * memories.decay_rate))


# Compiled as a whole: otherwise every operation would be compiled separately.
@once
def _links(network: Network) -> tuple[Array, Array, Array, Array, Array]:
    # Pairs of a whole channel's time and of a window of it; of a pair, the key at best, the key at
    # worst, and the lifetime at best.
    best = worst = network
    if network.drifts:
        slow, fast = 0.0, jnp.exp(DEVIATIONS * network.condition_model.spread)
        best, worst = (_decaying(network, factor) for factor in (slow, fast))
    links = forecast.nominal(best)
    make = network.generation
    tried = make.attempts_per_window * make.modes * make.success_probability
    # A whole window holds a whole number of attempts; shares of it may have any size.
    most = forecast.expected_pairs(network) * (
        network.condition_model.start @ network.condition_model.rate
    )
    pairs = jnp.where(network.routes.is_hop, tried, jnp.inf).min(axis=1)
    bits, least_bits = (
        key_pool.bits_per_pair(one.key, forecast.new_contraction(one, forecast.nominal(one)))
        for one in (best, worst)
    )
    return pairs, most, bits, least_bits, forecast.lifetime(best, links)
