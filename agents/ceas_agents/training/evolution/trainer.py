"""Trains the agent of a plan whose learner is `jax.snes`, stage by stage."""

from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from ceas_agents.policies import steering
from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.networks import Features, columns
from ceas_agents.policies.rollout import most_steps
from ceas_agents.training import plan as plans
from ceas_agents.training.evolution import episodes, search, settings, weights
from ceas_agents.training.evolution.episodes import Played
from ceas_agents.training.evolution.search import Search
from ceas_agents.training.on_device.environment import WATCHED
from ceas_agents.training.plan import Plan
from ceas_agents.training.trainer import Row
from ceas_agents.training.updates import Learner, Trainer
from ceas_gym import parameters
from ceas_gym.jax_utils import randomness
from ceas_gym.jax_utils.fast_compile import array
from ceas_gym.types import Params

SEARCH_STREAM = 0x5E5
"""Folded into a random key to make that of the search."""


class Setup(NamedTuple):
    """What is searched: fixed from the first generation to the last."""

    plan: Plan
    episodes: int
    """Of each candidate on each scenario, in a generation."""
    features: Features
    widths: weights.Widths
    """Of the network that steers."""
    params: list[Params]
    """Of every scenario."""


def trainer(plan: Plan) -> Trainer:
    """Returns the training of a plan before its first generation.

    Args:
        plan: Names the scenarios, and all arguments.

    Raises:
        ValueError: If an argument of the search or of its network is wrong.
    """
    chosen, source = plan.settings, plan.name
    evolution = settings.hyperparameters(chosen.hyperparameters, source)
    network = settings.network(chosen.network, source)
    inputs = sum(map(len, network.features)) + 1
    setup = Setup(
        plan=plan,
        episodes=evolution.episodes,
        features=network.features,
        widths=(inputs, *network.hidden, steering.OUTPUTS),
        params=[parameters.build(scenario) for scenario in plan.scenarios],
    )
    learner = Learner(partial(_generation, setup), _means, partial(_agent, setup))
    return Trainer(plan, learner, _start(setup, network.start, evolution.spread))


def _start(setup: Setup, start: str, spread: float) -> Search:
    size = weights.size(setup.widths)
    begin = weights.wary(setup.features.network) if start == "wary" else np.zeros(size)
    return Search(
        center=array(begin),
        spread=array(np.full(size, spread)),
        # Not the key of the first episode.
        key=jax.random.fold_in(randomness.key(plans.seeds(setup.plan, 0)), SEARCH_STREAM),
        generation=array(0, np.int32),
    )


def _generation(setup: Setup, searched: Search) -> tuple[Search, int, Row]:
    # All candidates play the same episodes, on all scenarios.
    deviations = search.ask_compiled(searched, setup.plan.settings.rows)
    center, spread, offsets = map(np.asarray, (searched.center, searched.spread, deviations))
    layers = weights.layers(center + spread * offsets, setup.widths)
    first = plans.seeds(setup.plan, 0) + int(searched.generation) * setup.episodes
    keys = randomness.keys(range(first, first + setup.episodes))
    seen = columns(setup.features)
    played = [
        episodes.on_all_cores(most_steps(params), seen, params, layers, keys)
        for params in setup.params
    ]
    earned = [each.earned.mean(axis=1) for each in played]
    scores = np.average(earned, axis=0, weights=setup.plan.weights)
    following = search.tell_compiled(searched, deviations, array(scores))
    return following, int(sum(each.steps.sum() for each in played)), _told(played)


def _agent(setup: Setup, searched: Search) -> Agent:
    # The network at the center of the search.
    layers = weights.layers(np.asarray(searched.center), setup.widths)
    return Agent("steered", layers, setup.features)


def _told(played: list[Played]) -> Row:
    metrics = {
        f"train_{name}": float(np.mean([each.metrics[name] for each in played])) for name in WATCHED
    }
    return {"train_return": float(np.mean([each.earned for each in played])), **metrics}


def _means(rows: list[Row]) -> Row:
    # Over the generations of a stage.
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
