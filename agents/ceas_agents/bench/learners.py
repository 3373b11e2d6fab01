"""What it costs to learn: the same steps played bare, by learners in JAX, and by those of torch."""

from functools import partial
from itertools import count
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from ceas_agents.bench.timing import Contender
from ceas_agents.bench.windows import LASTING, WINDOWS
from ceas_agents.evaluation.contestants import DECISION
from ceas_agents.policies import node_network
from ceas_agents.training.on_device import rollout, scheduling
from ceas_agents.training.on_device.rollout import Episodes, Game, Rows
from ceas_agents.training.plan import Learners, Plan, Policies, Settings, Validation
from ceas_agents.training.trainer import library
from ceas_gym import config, parameters
from ceas_gym.jax_utils import randomness
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.scenario import Scenario
from ceas_gym.types import Params

ROWS, STEPS = 64, 16
"""Environments stepped together, and steps of each in a call, after which PPO learns."""
PPO: dict[str, Any] = {"n_steps": STEPS, "batch_size": 512, "n_epochs": 4}
"""The other hyperparameters are Stable-Baselines3's default."""
LEANING = -2.0
"""How much a network leans towards the barrier at first: it fires in one of eight windows."""
BARE = "no learner"
AGENTS: tuple[tuple[Learners, Policies, dict[str, Any], dict[str, Any]], ...] = (
    ("jax.ppo", "nodes", PPO, {"hidden": 32, "leaning_init": LEANING}),
    ("jax.dqn", "dispatch", {}, {}),
    ("sb3.ppo", "nodes", PPO, {"hidden": 32}),
    ("sb3.ppo", "mlp", PPO, {}),
)
"""Learner, policy, hyperparameters, and arguments of the network."""
BY_ROUND = [("sb3.ppo", "nodes")]
"""Whose network schedules whole rounds only."""


def decisions(scenario: Scenario) -> dict[str, Scenario]:
    """Returns what is learned on, by what a step is: the scenario with rounds, and with windows.

    Args:
        scenario: Resolved settings, of which `windows.LASTING` are changed, and the windows of a
            round.
    """
    changes = LASTING | {"network.windows": WINDOWS}
    return {step: config.load(scenario, changes | {DECISION: step}) for step in ("round", "window")}


def rivals(scenario: Scenario, turns: int) -> list[Contender]:
    """Returns play without a learner, and the learners.

    Args:
        scenario: From `decisions`. All play `ROWS` episodes of it at the same time.
        turns: How often each is called, at least 1.

    Raises:
        ValueError: If Stable-Baselines3 is not installed.
    """
    by_window = scenario.episode.decision == "window"
    agents = [each for each in AGENTS if not by_window or each[:2] not in BY_ROUND]
    return [bare(scenario), *(learning(scenario, turns, *agent) for agent in agents)]


def bare(scenario: Scenario) -> Contender:
    """Returns play by the random numbers that an untrained agent of `jax.ppo` would ask for.

    Args:
        scenario: Resolved settings.
    """
    game, params = Game(scheduling.ENVIRONMENTS["nodes"]), parameters.build(scenario)
    begin = often(partial(rollout.begin, game), static_argnums=1)
    play = often(partial(_play, game), donate_argnums=1)
    rows, key = begin(params, ROWS, np.uint32(0)), randomness.quick(jax.random.key(0))

    def call() -> Episodes:
        nonlocal rows, key
        rows, key, ended = play(params, rows, key)
        return ended

    return Contender(BARE, call, ROWS * STEPS)


def learning(
    scenario: Scenario,
    turns: int,
    learner: Learners,
    policy: Policies,
    hyperparameters: dict[str, Any],
    network: dict[str, Any],
) -> Contender:
    """Returns a learner as `ceas-gym train` has it, which plays and learns in each call.

    Args:
        scenario: Resolved settings.
        turns: How often it is called, at least 1.
        learner: With its library.
        policy: What it trains.
        hyperparameters: Of the learner.
        network: Arguments of its network.

    Raises:
        ValueError: If its library is not installed.
    """
    steps = ROWS * STEPS
    settings = Settings(
        scenario=scenario.name,
        learner=learner,
        policy=policy,
        steps=turns * steps,
        rows=ROWS,
        validation=Validation(every=steps),
        hyperparameters=hyperparameters,
        network=network,
    )
    plan = Plan(f"{learner}, {policy}", settings, scenario)
    trainer, stages = library(plan).trainer(plan), count()
    return Contender(plan.name, lambda: trainer.learn(next(stages), lambda _: None), steps)


def _play(game: Game, params: Params, rows: Rows, key: Array) -> tuple[Rows, Array, Episodes]:
    following, key = jax.random.split(key)
    ask = partial(_ask, params)
    rows, _, ended = rollout.play(game, params, rows, ask, jax.random.split(key, STEPS))
    return rows, following, ended


def _ask(params: Params, seen: Any, key: Array) -> tuple[Array, tuple[()]]:  # noqa: ANN401
    network, (requests_key, barrier_key) = params.network, jax.random.split(key)
    windows = 1 if params.by_window else network.windows
    requests = jax.random.normal(requests_key, (ROWS, windows, network.nodes))
    fires = None
    if params.by_window:
        fires = jax.random.bernoulli(barrier_key, jax.nn.sigmoid(LEANING), (ROWS,))
    return jax.vmap(node_network.action)(requests, fires), ()
