"""What it costs to decide window by window: rounds as one step each, and window by window."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ceas_agents.bench import contenders
from ceas_agents.bench.timing import Contender
from ceas_agents.evaluation.contestants import DECISION
from ceas_gym import config, parameters
from ceas_gym.envs.env import CEASEnv
from ceas_gym.scenario import Scenario

WINDOWS = 8
"""Windows from one barrier to the next."""
ROUNDS = 10
"""Rounds that a call plays."""
LASTING: dict[str, object] = {"episode.rounds": 100, "episode.budget_s": None}
"""An episode that no call plays to its end."""


def rivals(scenario: Scenario) -> list[Contender]:
    """Returns the core and `CEASEnv`, each with rounds as one step, and window by window.

    All play rounds of `WINDOWS` windows and the same barrier, so their times can be compared.

    Args:
        scenario: Resolved settings; its budget and what it says of windows are not used.
    """
    by_window = config.load(scenario, LASTING | {DECISION: "window", "network.windows": WINDOWS})
    barrier = int(parameters.build(by_window).network.barrier_windows)
    by_round = config.load(by_window, {DECISION: "round", "network.barrier_windows": barrier})
    named = {"a round": by_round, "a window": by_window}
    return [
        each._replace(name=f"{each.name}, a step is {step}")
        for one in (_scanned, _single)
        for step, closed in named.items()
        for each in [one(closed)]
    ]


def actions(scenario: Scenario) -> Array:
    """Returns random actions for all rounds of a call.

    Args:
        scenario: Resolved settings, of either decision.

    Returns:
        Of shape (`ROUNDS`, windows, nodes) where a step is a round; else of shape (`ROUNDS` times
        windows, nodes + 1), in which the last window of every round fires.
    """
    params = parameters.build(scenario)
    given = contenders.requests(params, ROUNDS)
    if not params.by_window:
        return given
    fires = jnp.where(jnp.arange(WINDOWS) == WINDOWS - 1, 1.0, -1.0)
    fires = jnp.broadcast_to(fires[:, None], (ROUNDS, WINDOWS, 1))
    return jnp.concatenate([given, fires], axis=-1).reshape(ROUNDS * WINDOWS, -1)


def _scanned(scenario: Scenario) -> Contender:
    params = parameters.build(scenario)
    return contenders.playing(params, contenders.start(params), actions(scenario), ROUNDS)


def _single(scenario: Scenario) -> Contender:
    env = CEASEnv(scenario)
    given = np.asarray(actions(scenario))

    def call() -> None:
        env.reset(seed=0)
        for action in given:
            env.step(action)

    return Contender("CEASEnv", call, ROUNDS)
