"""The exact optimum of a small scenario whose reward counts delivered information only.

Every outcome of heralding is played through the simulator's own storage and barrier, from every
state that can be reached. So the Markov decision process is that of the simulator, and its optimum
bounds all schedulers, whatever they know.
"""

import itertools
import math
from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numpy.typing import NDArray
from scipy import sparse, stats

from ceas_agents.bounds import decision_process
from ceas_gym.network import barrier, forecast, key_pool, storage
from ceas_gym.task import actions, rewards
from ceas_gym.types import Memory, Network, Params

LARGEST = 2000
"""Limit on the number of schedules of a round, of outcomes of a round, and of states, each."""
Counts = NDArray[np.int64]


class Game(NamedTuple):
    """A scenario's rounds as a decision process."""

    attempts: Int[np.ndarray, "schedules windows nodes"]
    """Attempts of each schedule that the channels allow; at least 0."""
    states: Int[np.ndarray, "states nodes ages"]
    """Pairs in memory before a round; in the first state there are none."""
    process: decision_process.Process
    """Its state-action pairs are sorted by state, then by schedule."""


class Optimum(NamedTuple):
    """The optimum of an episode that starts with empty memories."""

    value: float
    """Expected return of the episode, in [0, 1]."""
    schedules: Int[np.ndarray, "rounds states"]
    """Index of the best schedule in each round and state."""


def game(params: Params) -> Game:
    """Returns the scenario as a decision process, one step of which is a round.

    Args:
        params: Of a scenario with steady links of one hop, without key, purification, verification
            and sabotage.

    Returns:
        Arrays of shapes (schedules, windows, nodes) and (states, nodes, ages), and the process.

    Raises:
        ValueError: If the scenario has any of these, or is too large.
    """
    _check(params)
    network = params.network
    attempts = _sets(network, 1)
    heralded = _sets(network, int(network.generation.modes))
    chances = _chances(network, attempts, heralded)
    states, following, earned = _explore(params, heralded)
    moves = [sparse.csr_array(chances @ _indicator(row, len(states))) for row in following]
    process = decision_process.Process(
        sparse.csr_array(sparse.vstack(moves)),
        (earned @ chances.T).ravel(),
        np.repeat(np.arange(len(states)), len(attempts)),
    )
    return Game(attempts, states, process)


def solve(game: Game, rounds: int) -> Optimum:
    """Returns the optimum of an episode, by backward induction.

    Args:
        game: From `game`.
        rounds: Length of the episode, in rounds; at least 1.
    """
    values, chosen = decision_process.finite_horizon(game.process, rounds)
    return Optimum(float(values[0, 0]), chosen % len(game.attempts))


def request(
    network: Network, attempts: Int[np.ndarray, "windows nodes"]
) -> Float[Array, "windows nodes"]:
    """Returns the action that makes these numbers of attempts.

    Args:
        network: Channels and attempts of a window.
        attempts: One schedule of a `Game`, in attempts; at least 0.

    Returns:
        Requests in [-1, 1].
    """
    whole = np.asarray(network.generation.attempts_per_window[:, 0], float)
    slack = float(network.switch.channels[0]) - (attempts / whole).sum(axis=1, keepdims=True)
    # Half an attempt more where the channels allow, so that rounding does not lose one.
    share = attempts / whole + np.minimum(slack / len(whole), 0.5 / whole)
    return actions.encode(jnp.asarray(np.where(attempts > 0, share, 0), jnp.float32))


def _check(params: Params) -> None:
    network = params.network
    barred = {
        "links of several hops": network.routes.is_hop.shape[1] > 1,
        "drifting coherence": network.drifts,
        "links that change": float(network.condition_model.transition[0, 0, 0]) < 1,
        "verification": network.verifies,
        "purification": network.operations.purification.__name__ != "none",
        "sabotage": bool(params.adversary.sabotage),
        "pairs good enough for key": bool((_key_rate(network) > 0).any()),
        "tags": not network.unauthenticated_spend,
        "several layouts": params.layouts is not None,
    }
    found = [name for name, present in barred.items() if present]
    if found:
        raise ValueError(f"the exact optimum does not cover {', '.join(found)}; try `micro`")


def _key_rate(network: Network) -> Float[Array, " nodes"]:
    return key_pool.bits_per_pair(
        network.key, forecast.new_contraction(network, forecast.nominal(network))
    )


def _sets(network: Network, modes: int) -> Counts:
    # All numbers of attempts that the channels allow in a round, or of pairs, with several modes.
    whole = np.asarray(network.generation.attempts_per_window[:, 0], float)
    ranges = [range(math.floor(most) * modes + 1) for most in whole]
    _limit(math.prod(map(len, ranges)), "outcomes of a window")
    fitting = [
        counts
        for counts in itertools.product(*ranges)
        if (np.ceil(np.array(counts) / modes) / whole).sum() <= float(network.switch.channels[0])
    ]
    _limit(len(fitting) ** network.windows, "outcomes of a round")
    return np.array(list(itertools.product(fitting, repeat=network.windows)))


def _limit(number: int, what: str) -> None:
    if number > LARGEST:
        raise ValueError(f"{number:,} {what} are too many for the exact optimum; try `micro`")


def _chances(network: Network, attempts: Counts, heralded: Counts) -> NDArray[np.float64]:
    # Probability of each outcome (column) under each schedule (row).
    chance = np.asarray(network.generation.success_probability[:, 0], float)
    chances = np.ones((len(attempts), len(heralded)))
    for window, node in itertools.product(range(network.windows), range(len(chance))):
        tried = attempts[:, window, node] * int(network.generation.modes)
        chances *= stats.binom.pmf(heralded[None, :, window, node], tried[:, None], chance[node])
    return chances


def _explore(params: Params, heralded: Counts) -> tuple[Counts, list[Counts], NDArray[np.float64]]:
    # States in the order in which they are found, and for each state and outcome the next state
    # and the reward.
    network = params.network
    play = jax.jit(jax.vmap(lambda pairs, new: _round(params, pairs, new), in_axes=(None, 0)))
    outcomes = jnp.asarray(heralded[..., None], jnp.int32)
    states = [np.zeros((network.nodes, network.memories.ages), np.int64)]
    number = {states[0].tobytes(): 0}
    following: list[Counts] = []
    earned: list[NDArray[np.float64]] = []
    for state in states:
        after, reward = play(jnp.asarray(state, jnp.int32), outcomes)
        rows = np.asarray(after, np.int64)
        for row in np.unique(rows, axis=0):
            if row.tobytes() not in number:
                number[row.tobytes()] = len(states)
                states.append(row)
        _limit(len(states), "states")
        following.append(np.array([number[row.tobytes()] for row in rows]))
        earned.append(np.asarray(reward, float))
    return np.array(states), following, np.array(earned)


def _round(params: Params, pairs: Array, heralded: Array) -> tuple[Array, Array]:
    # Pairs left after a round with these heralded pairs, and the round's share of the return.
    network = params.network
    links, memory = forecast.nominal(network), _memory(network, pairs)
    stored, ledger = storage.store(network, links, memory, heralded)
    left, delivery, _ = barrier.spend(network, links, stored, ledger, jax.random.key(0))
    return left.pairs, rewards.delivered(params, delivery.shots, delivery.signal)


def _memory(network: Network, pairs: Array) -> Memory:
    # With steady links, the contraction of a pair follows from its age.
    links = forecast.nominal(network)
    new = forecast.new_contraction(network, links)
    by_age = forecast.by_age(new, links.decay[-1], network.memories.ages)
    return replace(storage.empty(network), pairs=pairs, contraction=by_age[None])


def _indicator(following: Counts, states: int) -> sparse.csr_array:
    rows = np.arange(len(following))
    return sparse.csr_array((np.ones(len(rows)), (rows, following)), shape=(len(rows), states))
