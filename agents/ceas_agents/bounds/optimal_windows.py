"""The exact optimum of a small closed loop whose reward counts delivered information only.

A step is a window: the policy chooses its attempts, and whether the barrier fires at its end. Every
outcome of heralding is played through the simulator's own storage and barrier, from every state
that can be reached. A state is what is in memory, the windows since the last barrier, and, while a
barrier takes place, the windows that it still takes. Where no window can be the last that is
allowed, the windows since the last barrier do not matter, and are left out. The clock is the step
of backward induction.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from scipy import sparse

from ceas_agents.bounds import decision_process, outcomes
from ceas_agents.bounds.outcomes import Counts
from ceas_gym.network import barrier, forecast, storage
from ceas_gym.task import rewards
from ceas_gym.types import Params


class Game(NamedTuple):
    """A scenario's windows as a decision process."""

    attempts: Int[np.ndarray, "schedules nodes"]
    """Attempts of each schedule of a window that the channels allow; at least 0."""
    pairs: Int[np.ndarray, "memories nodes ages"]
    """What may be in memory; first nothing."""
    phases: int
    """Windows since the last barrier, from 0 on, that are told apart; at least 1."""
    steps: int
    """Windows at whose end a barrier may fire; at least 1."""
    process: decision_process.Process
    """States are the memories in phase 0, then those in later phases, then those in barriers that
    take 1, 2, ... windows more."""
    choices: Int[np.ndarray, "pairs 2"]
    """Schedule of each state-action pair, and 1 where the barrier fires, else 0."""


class Optimum(NamedTuple):
    """The optimum of an episode that starts with empty memories."""

    value: float
    """Expected return of the episode; at least 0."""
    choices: Int[np.ndarray, "steps phases memories 2"]
    """The best schedule at each time in each state, and 1 where the barrier fires, else 0."""


def game(params: Params) -> Game:
    """Returns the scenario as a decision process, one step of which is a window.

    Args:
        params: Of a scenario whose steps are windows, with steady links of one hop, without key,
            purification, verification and sabotage.

    Returns:
        Arrays of shapes (schedules, nodes) and (memories, nodes, ages), and the process.

    Raises:
        ValueError: If the scenario has any of these, or is too large.
    """
    outcomes.refuse("micro-loop", {"steps that are rounds": not params.by_window})
    outcomes.check(params, "micro-loop")
    network, pause = params.network, int(params.network.barrier_windows)
    attempts = outcomes.of_windows(network, 1, 1)
    heralded = outcomes.of_windows(network, 1, int(network.generation.modes))
    chances = outcomes.chances(network, attempts, heralded)
    pairs, following, earned = outcomes.explore(network, heralded, partial(_window, params))
    steps, most = int(params.budget) - pause, int(network.most_windows)
    phases = 1 if most > steps else most
    outcomes.limit(len(pairs) * (phases + pause), "states")
    waits, fires = (outcomes.moves(chances, way) for way in following.swapaxes(0, 1))
    parts = _parts(waits, fires, (earned @ chances.T).ravel(), (phases, pause, most))
    return Game(attempts[:, 0], pairs, phases, steps, *_joined(parts, len(pairs)))


def solve(game: Game) -> Optimum:
    """Returns the optimum of an episode, by backward induction.

    Args:
        game: From `game`.
    """
    values, chosen = decision_process.finite_horizon(game.process, game.steps)
    memories = len(game.pairs)
    choices = game.choices[chosen[:, : game.phases * memories]]
    return Optimum(float(values[0, 0]), choices.reshape(game.steps, game.phases, memories, 2))


class _Part(NamedTuple):
    # All state-action pairs that lead from one phase, or pause, to another; sorted by memory.
    chances: Any
    """Probability of each memory after the step."""
    here: int
    there: int
    fires: int
    rewards: Float[np.ndarray, " pairs"]


def _parts(
    waits: Any,  # noqa: ANN401 - sparse matrices
    fires: Any,  # noqa: ANN401
    gains: Float[np.ndarray, " pairs"],
    spans: tuple[int, int, int],
) -> list[_Part]:
    (phases, pause, most), memories = spans, waits.shape[1]
    after = phases + pause - 1 if pause else 0
    # In the last window that is allowed, the barrier fires by itself.
    waiting = [
        _Part(waits, now, min(now + 1, phases - 1), 0, 0 * gains)
        for now in range(min(phases, most - 1))
    ]
    firing = [_Part(fires, now, after, 1, gains) for now in range(phases)]
    # A barrier that takes some windows more takes one fewer a window later.
    stays, nothing = sparse.eye(memories), np.zeros(memories)
    resting = [
        _Part(stays, place, place - 1 if place > phases else 0, 0, nothing)
        for place in range(phases, phases + pause)
    ]
    return [*waiting, *firing, *resting]


def _joined(parts: list[_Part], memories: int) -> tuple[decision_process.Process, Counts]:
    places = range(1 + max(part.here for part in parts))
    chances = sparse.bmat(
        [[part.chances if place == part.there else None for place in places] for part in parts]
    )
    states, choices = [], []
    for part in parts:
        schedules = part.rewards.size // memories
        states.append(part.here * memories + np.repeat(np.arange(memories), schedules))
        schedule = np.tile(np.arange(schedules), memories)
        choices.append(np.stack([schedule, np.full_like(schedule, part.fires)], axis=1))
    process = decision_process.Process(
        sparse.csr_array(chances),
        np.concatenate([part.rewards for part in parts]),
        np.concatenate(states),
    )
    return process, np.concatenate(choices)


def _window(params: Params, pairs: Array, heralded: Array) -> tuple[Array, Array]:
    # Pairs that are left if the barrier does not fire, and if it does, and the reward if it does.
    network = params.network
    links, memory = forecast.nominal(network), outcomes.memory(network, pairs)
    held, ledger = storage.window(network, links, memory, heralded[0], jnp.int32(0))
    left, delivery, _ = barrier.spend(network, links, held, ledger, jax.random.key(0))
    rested, _ = storage.rest(network, links, left, network.barrier_windows)
    reward = rewards.delivered(params, delivery.shots, delivery.signal)
    return jnp.stack([held.pairs, rested.pairs]), reward
