"""What channel-time yields where a step is a window: the figures that bounds on closed loops need.

Every figure is at its best, so that no schedule yields more: links are in good condition, attempts
may be divided, and a node always has the memories for whole shots. Only nodes that can ever take
part in a barrier are kept.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray
from scipy.optimize import linprog

from ceas_agents.policies import knowledge
from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.network import counts, forecast, generation, key_pool
from ceas_gym.types import Network, Params

Numbers = NDArray[np.float64]


class Yields(NamedTuple):
    """What a whole channel yields in a window, and what a barrier needs and takes."""

    nodes: Int[np.ndarray, " nodes"]
    """Numbers of the nodes that can ever take part in a barrier."""
    pairs: Float[np.ndarray, " nodes"]
    """Upper bound on the expected pairs of a window, per channel; at least 0."""
    variance: Float[np.ndarray, " nodes"]
    """Upper bound on the variance of that number, per channel; at least 0."""
    whole: Float[np.ndarray, " nodes"]
    """Greatest share of a channel that a node can use, in [0, 1]: a window holds whole attempts."""
    value: Float[np.ndarray, "ages nodes"]
    """Fisher information of a pair that is so many windows old at the barrier, in shots of perfect
    signal; it does not increase with age, and older pairs have none."""
    most: Float[np.ndarray, " nodes"]
    """Most information that a node can bring to a barrier, in shots of perfect signal."""
    bits: Float[np.ndarray, " nodes"]
    """Secret bits of a new pair, in [0, 1]."""
    tag_bits: float
    """Secret bits that a node uses up at a barrier; 0 if it needs none."""
    passes: Float[np.ndarray, "bottlenecks nodes"]
    """1 where the node's route goes through the bottleneck, else 0; the hub is the first."""
    channels: Float[np.ndarray, " bottlenecks"]
    """Channels of the bottlenecks."""
    barrier: int
    """Windows that a barrier takes; at least 0."""
    longest: int
    """Most windows from one barrier to the next; at least 1."""
    budget: int
    """Windows of an episode; at least 1."""


def of(params: Params) -> Yields:
    """Returns what channel-time yields in a scenario whose steps are windows.

    Args:
        params: The scenario, with a single layout.

    Raises:
        ValueError: If a step is a round, or if pairs are purified or verified, wait at relays, or
            decay at a rate that drifts: the bounds do not cover these.

    Example:
        >>> from ceas_gym import config, parameters
        >>> loop = parameters.build(config.load("tiny", {"episode.decision": "window"}))
        >>> of(loop).pairs.shape
        (4,)
    """
    _check(params)
    network, barrier = params.network, int(params.network.barrier_windows)
    budget = int(params.budget)
    longest = min(int(network.most_windows), budget - barrier)
    figures = [np.asarray(each, float) for each in _figures(network)]
    pairs, success, whole, value, bits = figures
    most = value[0] * (int(network.memories.per_link) // network.qubits * network.qubits)
    if network.spends_on_arrival:
        # Shots are executed in the window in which their pairs arrive, however late the barrier is.
        value, most = np.repeat(value[:1], longest, axis=0), longest * most
    needs_key = not network.unauthenticated_spend
    able = (pairs * whole * most > 0) & ((bits > 0) | (not needs_key))
    lasting = np.flatnonzero((value[:, able] > 0).any(axis=1))
    return Yields(
        nodes=np.flatnonzero(able),
        pairs=pairs[able],
        variance=(pairs * _variance(params, success))[able],
        whole=whole[able],
        value=value[: lasting.size, able],
        most=most[able],
        bits=bits[able],
        # The pool may fall short by rounding.
        tag_bits=needs_key * float(network.key.node_bits) * (1 - key_pool.ROUNDING),
        passes=np.asarray(network.switch.passes, float)[:, able],
        channels=np.asarray(network.switch.channels, float),
        barrier=barrier,
        longest=longest,
        budget=budget,
    )


def best_use(yields: Yields, worth: Float[np.ndarray, " nodes"]) -> float:
    """Returns the most that the channels of a window are worth; never less.

    By duality it is also the least price of all channels, and of the nodes' own limits, at which no
    use of a channel is worth more than it costs. So any prices of channels give an upper bound.

    Args:
        yields: Channels, and the routes that share them.
        worth: Of a whole channel of each node; at least 0.

    Raises:
        RuntimeError: If the solver fails.
    """
    prices = channel_prices(yields, worth)
    own = np.maximum(worth - prices @ yields.passes, 0)
    return float(prices @ yields.channels + own @ yields.whole)


def channel_prices(
    yields: Yields, worth: Float[np.ndarray, " nodes"]
) -> Float[np.ndarray, " bottlenecks"]:
    """Returns what one more channel of each bottleneck would be worth; at least 0.

    Args:
        yields: Channels, and the routes that share them.
        worth: Of a whole channel of each node; at least 0.

    Raises:
        RuntimeError: If the solver fails.
    """
    if len(yields.channels) == 1:
        return np.array([hub_price(yields, worth)])
    found = linprog(
        -worth,
        A_ub=yields.passes,
        b_ub=yields.channels,
        bounds=np.stack([np.zeros_like(worth), yields.whole], axis=1),
        method="highs",
    )
    if not found.success:
        raise RuntimeError(f"The program of a window was not solved: {found.message}")
    return np.maximum(-found.ineqlin.marginals, 0)


def hub_price(yields: Yields, worth: Float[np.ndarray, " nodes"]) -> float:
    """Returns what one more channel of the hub would be worth, if fibres had enough; at least 0.

    Args:
        yields: Channels of the hub, and the greatest share of each node.
        worth: Of a whole channel of each node; at least 0.

    Example:
        >>> from types import SimpleNamespace
        >>> hub = SimpleNamespace(channels=np.array([1.5]), whole=np.array([1.0, 0.8, 1.0]))
        >>> hub_price(hub, np.array([1.0, 4.0, 2.0]))
        2.0
    """
    order = np.argsort(-worth)
    first = np.searchsorted(np.cumsum(yields.whole[order]), yields.channels[0], side="right")
    return float(worth[order[first]]) if first < worth.size else 0.0


def _check(params: Params) -> None:
    network = params.network
    barred = {
        "steps that are rounds": not params.by_window,
        "relays": network.routes.is_hop.shape[1] > 1,
        "drifting coherence": network.drifts,
        "verification": network.verifies,
        "purification": network.operations.purification.__name__ != "none",
        "several layouts at once": params.layouts is not None,
        "teams of nodes": network.teams.size > 1,
    }
    if found := [name for name, present in barred.items() if present]:
        raise ValueError(
            f"the bounds of the closed loop do not cover {', '.join(found)}; "
            "choose another scenario"
        )


def _variance(params: Params, success: Numbers) -> Numbers:
    # Greatest variance of an attempt over its mean when all is well. Where attempts may succeed
    # less often, it is greatest at a probability of one half.
    changes = float(params.network.condition_model.transition[0, 0, 0]) < 1
    jammed = any(each.links for each in params.adversary.sabotage)
    if changes or jammed:
        return np.where(success > 0.5, 0.25 / np.maximum(success, 0.5), 1 - success)
    return 1 - success


# Compiled as a whole: otherwise every operation would be compiled separately.
@once
def _figures(network: Network) -> tuple[Array, ...]:
    links, make = forecast.nominal(network), network.generation
    fitting, chance = make.attempts_per_window[:, 0], make.success_probability[:, 0]
    # A part of an attempt is added where only rounding keeps a share from a whole attempt.
    pairs = fitting * make.modes * chance / (1 - generation.PART)
    new = forecast.new_contraction(network, links)
    stored = forecast.by_age(new, links.decay[-1], network.memories.ages)
    arriving = counts.fidelity(stored * network.operations.delivery_contraction[..., None])
    alive = counts.fidelity(stored) >= network.memories.cutoff_fidelity
    value = jnp.where(alive, knowledge.pair_information(arriving, network.qubits), 0).T
    value = jnp.flip(jnp.maximum.accumulate(jnp.flip(value, axis=0)), axis=0)
    bits = jnp.maximum(key_pool.bits_per_pair(network.key, new), 0)
    whole = jnp.floor(fitting) / jnp.maximum(fitting, 1)
    return pairs, chance, whole, value, bits
