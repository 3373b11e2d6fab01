"""Trains the agent of a plan whose learner is one on the device, stage by stage."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.networks import OF_TEAMS, TODAY
from ceas_agents.training import plan as plans
from ceas_agents.training.on_device import loop, scheduling
from ceas_agents.training.on_device.dqn import learner as dqn
from ceas_agents.training.on_device.dqn import settings as of_dqn
from ceas_agents.training.on_device.environment import WATCHED
from ceas_agents.training.on_device.loop import Report, Setup
from ceas_agents.training.on_device.ppo import learner as ppo
from ceas_agents.training.on_device.ppo import settings as of_ppo
from ceas_agents.training.plan import Plan
from ceas_agents.training.trainer import Row
from ceas_agents.training.updates import Learner, Trainer
from ceas_gym import parameters


def _ppo(plan: Plan) -> Setup:
    chosen, by_window = plan.settings, plan.scenario.episode.decision == "window"
    return ppo.Setup(
        environment=scheduling.ENVIRONMENTS[chosen.policy],
        ppo=of_ppo.hyperparameters(chosen.hyperparameters, chosen.rows, plan.name),
        network=of_ppo.network(chosen.network, plan.name),
        windows=1 if by_window else plan.scenario.network.windows,
        fires=by_window,
        reward_scale=chosen.reward_scale,
    )


def _dqn(plan: Plan) -> Setup:
    chosen = plan.settings
    return dqn.Setup(
        environment=scheduling.ENVIRONMENTS[chosen.policy],
        dqn=of_dqn.hyperparameters(chosen.hyperparameters, chosen.rows, plan.name),
        network=of_dqn.network(chosen.network, plan.name),
        steps=chosen.steps,
        reward_scale=chosen.reward_scale,
    )


SETUPS: dict[str, Callable[[Plan], Setup]] = {"jax.ppo": _ppo, "jax.dqn": _dqn}


def trainer(plan: Plan) -> Trainer:
    """Returns the training of a plan before its first update.

    Args:
        plan: Names the policy, and all arguments.

    Raises:
        ValueError: If an argument of the learner or of its network is wrong.
    """
    setup, params = SETUPS[plan.settings.learner](plan), parameters.build(plan.scenario)
    seed, rows = np.uint32(plans.seeds(plan, 0)), plan.settings.rows

    def update(learner: Any) -> tuple[Any, int, Report]:  # noqa: ANN401 - any pytree
        learner, report = loop.learn_compiled(setup, params, learner, 1)
        return learner, rows * setup.length, jax.device_get(report)

    def agent(learner: Any) -> Agent:  # noqa: ANN401 - any pytree
        features = OF_TEAMS if params.network.teams.size > 1 else TODAY
        return Agent(plan.settings.policy, setup.layers(learner), features)

    state = loop.begin_compiled(setup, params, rows, seed)
    return Trainer(plan, Learner(update, _summary, agent), state)


def _summary(reports: list[Report]) -> Row:
    # Means over the episodes that ended; NaN if none did.
    earned = [report.episodes.earned for report in reports]
    watched = {
        f"train_{name}": _mean([report.episodes.metrics[name] for report in reports])
        for name in WATCHED
    }
    explained = float(reports[-1].explained_variance[-1])
    return {"train_return": _mean(earned), **watched, "explained_variance": explained}


def _mean(parts: Sequence[ArrayLike]) -> float:
    values = np.concatenate([np.ravel(part) for part in parts])
    ended = values[~np.isnan(values)]
    return float(ended.mean()) if ended.size else np.nan
