"""All schedules and all outcomes of heralding in a small network whose reward is information only.

The exact optima play every outcome through the simulator's own storage and barrier.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray
from scipy import sparse, stats

from ceas_gym.jax_utils.fast_compile import once
from ceas_gym.network import forecast, key_pool, storage
from ceas_gym.task import actions
from ceas_gym.types import Memory, Network, Params

LARGEST = 2000
"""Limit on the number of schedules, of outcomes of heralding, and of states, each."""
Counts = NDArray[np.int64]
Play = Callable[[Array, Array], tuple[Array, Array]]
"""From pairs by age, shape (nodes, ages), and heralded pairs, shape (windows, nodes, hops), to the
pairs that are left in each of several ways, shape (ways, nodes, ages), and the reward."""


def check(params: Params, small: str) -> None:
    """Checks that the exact optima cover a scenario, apart from what a step is; returns nothing.

    Args:
        params: The scenario.
        small: Name of a scenario that is covered.

    Raises:
        ValueError: If they do not cover it.
    """
    network = params.network
    refuse(
        small,
        {
            "teams of nodes": network.teams.size > 1,
            "links of several hops": network.routes.is_hop.shape[1] > 1,
            "drifting coherence": network.drifts,
            "links that change": float(network.condition_model.transition[0, 0, 0]) < 1,
            "verification": network.verifies,
            "purification": network.operations.purification.__name__ != "none",
            "pairs that are spent on arrival": network.spends_on_arrival,
            "sabotage": bool(params.adversary.sabotage),
            "pairs good enough for key": bool((_key_rate(network) > 0).any()),
            "tags": not network.unauthenticated_spend,
            "several layouts": params.layouts is not None,
        },
    )


def refuse(small: str, barred: dict[str, bool]) -> None:
    """Raises an error if a scenario has anything that the exact optima do not cover.

    Args:
        small: Name of a scenario that is covered.
        barred: Whether the scenario has it, by a name of what it is.

    Raises:
        ValueError: If any of them is true; it names all that are.
    """
    found = [name for name, present in barred.items() if present]
    if found:
        raise ValueError(f"the exact optimum does not cover {', '.join(found)}; try `{small}`")


def limit(number: int, what: str) -> None:
    """Checks that a number is not above `LARGEST`; returns nothing.

    Args:
        number: At least 0.
        what: What is counted, in the plural.

    Raises:
        ValueError: If it is.
    """
    if number > LARGEST:
        raise ValueError(f"{number:,} {what} are too many for the exact optimum; try `micro`")


def of_windows(
    network: Network, windows: int, modes: int
) -> Int[np.ndarray, "outcomes windows nodes"]:
    """Returns all numbers of attempts that the channels allow, or of pairs, with several modes.

    Args:
        network: Channels, and attempts of a window.
        windows: Number of windows; at least 1.
        modes: 1 for the attempts of each mode; the modes of a link for pairs.

    Raises:
        ValueError: If there are too many.
    """
    whole = np.asarray(network.generation.attempts_per_window[:, 0], float)
    ranges = [range(math.floor(most) * modes + 1) for most in whole]
    limit(math.prod(map(len, ranges)), "outcomes of a window")
    fitting = [
        counts
        for counts in itertools.product(*ranges)
        if (np.ceil(np.array(counts) / modes) / whole).sum() <= float(network.switch.channels[0])
    ]
    limit(len(fitting) ** windows, "outcomes of a round")
    return np.array(list(itertools.product(fitting, repeat=windows)))


def chances(
    network: Network,
    attempts: Int[np.ndarray, "schedules windows nodes"],
    heralded: Int[np.ndarray, "outcomes windows nodes"],
) -> Float[np.ndarray, "schedules outcomes"]:
    """Returns the probability of each outcome under each schedule.

    Args:
        network: Modes, and success probability of an attempt.
        attempts: Attempts of each mode; at least 0.
        heralded: Pairs; at least 0.
    """
    chance = np.asarray(network.generation.success_probability[:, 0], float)
    found = np.ones((len(attempts), len(heralded)))
    for window, node in itertools.product(range(attempts.shape[1]), range(len(chance))):
        tried = attempts[:, window, node] * int(network.generation.modes)
        found *= stats.binom.pmf(heralded[None, :, window, node], tried[:, None], chance[node])
    return found


def explore(
    network: Network, heralded: Int[np.ndarray, "outcomes windows nodes"], play: Play
) -> tuple[
    Int[np.ndarray, "states nodes ages"],
    Int[np.ndarray, "states ways outcomes"],
    Float[np.ndarray, "states outcomes"],
]:
    """Returns all states that can be reached from empty memories, and where they lead.

    Args:
        network: Nodes, and ages of pairs.
        heralded: Pairs of each outcome.
        play: Called for each state and outcome.

    Returns:
        The pairs of each state in the order in which they are found, the number of the state that
        follows in each way, and the rewards.

    Raises:
        ValueError: If there are too many states.
    """
    batch = once(jax.vmap(play, in_axes=(None, 0), out_axes=(1, 0)))
    new = jnp.asarray(heralded[..., None], jnp.int32)
    states = [np.zeros((network.nodes, network.memories.ages), np.int64)]
    number = {states[0].tobytes(): 0}
    following: list[Counts] = []
    earned: list[NDArray[np.float64]] = []
    for state in states:
        after, reward = batch(jnp.asarray(state, jnp.int32), new)
        rows = np.asarray(after, np.int64)
        for row in np.unique(rows.reshape(-1, *state.shape), axis=0):
            if row.tobytes() not in number:
                number[row.tobytes()] = len(states)
                states.append(row)
        limit(len(states), "states")
        following.append(np.array([[number[row.tobytes()] for row in way] for way in rows]))
        earned.append(np.asarray(reward, float))
    return np.array(states), np.array(following), np.array(earned)


def memory(network: Network, pairs: Int[Array, "nodes ages"]) -> Memory:
    """Returns a memory with these pairs; with steady links, their contraction follows from age.

    Args:
        network: Decay of pairs.
        pairs: By age; at least 0.
    """
    links = forecast.nominal(network)
    new = forecast.new_contraction(network, links)
    by_age = forecast.by_age(new, links.decay[-1], network.memories.ages)
    return replace(storage.empty(network), pairs=pairs, contraction=by_age[None])


def moves(
    chances: Float[np.ndarray, "schedules outcomes"], following: Int[np.ndarray, "states outcomes"]
) -> sparse.csr_array:
    """Returns the probability of each next state, for every state and then every schedule.

    Args:
        chances: Probability of each outcome under each schedule.
        following: Number of the state that follows each outcome in each state.

    Returns:
        A matrix of shape (states * schedules, states).
    """
    (states, number), rows = following.shape, np.arange(following.shape[1])
    each = [
        chances @ sparse.csr_array((np.ones(number), (rows, after)), shape=(number, states))
        for after in following
    ]
    return sparse.csr_array(sparse.vstack([sparse.csr_array(block) for block in each]))


def request(
    network: Network, attempts: Int[np.ndarray, "windows nodes"]
) -> Float[Array, "windows nodes"]:
    """Returns the action that makes these numbers of attempts.

    Args:
        network: Channels and attempts of a window.
        attempts: Of each mode, as many as the channels allow; at least 0.

    Returns:
        Requests in [-1, 1].
    """
    whole = np.asarray(network.generation.attempts_per_window[:, 0], float)
    slack = float(network.switch.channels[0]) - (attempts / whole).sum(axis=1, keepdims=True)
    # Half an attempt more where the channels allow, so that rounding does not lose one.
    share = attempts / whole + np.minimum(slack / len(whole), 0.5 / whole)
    return actions.encode(jnp.asarray(np.where(attempts > 0, share, 0), jnp.float32))


@once
def _key_rate(network: Network) -> Float[Array, " nodes"]:
    return key_pool.bits_per_pair(
        network.key, forecast.new_contraction(network, forecast.nominal(network))
    )
