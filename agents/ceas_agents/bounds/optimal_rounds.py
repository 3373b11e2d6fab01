"""The exact optimum of a small scenario whose reward counts delivered information only.

Every outcome of heralding is played through the simulator's own storage and barrier, from every
state that can be reached. So the Markov decision process is that of the simulator, and its optimum
bounds all schedulers, whatever they know.
"""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Int

from ceas_agents.bounds import decision_process, outcomes
from ceas_gym.network import barrier, forecast, storage
from ceas_gym.task import rewards
from ceas_gym.types import Params


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
    outcomes.refuse("micro", {"steps that are windows": params.by_window})
    outcomes.check(params, "micro")
    network = params.network
    attempts = outcomes.of_windows(network, network.windows, 1)
    heralded = outcomes.of_windows(network, network.windows, int(network.generation.modes))
    chances = outcomes.chances(network, attempts, heralded)
    play = partial(_round, params)
    states, following, earned = outcomes.explore(network, heralded, play)
    process = decision_process.Process(
        outcomes.moves(chances, following[:, 0]),
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


def _round(params: Params, pairs: Array, heralded: Array) -> tuple[Array, Array]:
    # Pairs left after a round with these heralded pairs, on a first axis of length one, and the
    # round's share of the return.
    network = params.network
    links, memory = forecast.nominal(network), outcomes.memory(network, pairs)
    stored, ledger = storage.store(network, links, memory, heralded)
    left, delivery, _ = barrier.spend(network, links, stored, ledger, jax.random.key(0))
    left, _ = storage.rest(network, links, left, network.barrier_windows)
    return left.pairs[None], rewards.delivered(params, delivery.shots, delivery.signal)
