"""Trains the agent of a plan whose learner is one on the device, stage by stage."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.typing import ArrayLike

from ceas_agents.policies.checkpoints import Agent
from ceas_agents.policies.networks import OF_TEAMS, TODAY
from ceas_agents.training import plan as plans
from ceas_agents.training.on_device import checkpoint, loop, scheduling
from ceas_agents.training.on_device.dqn import learner as dqn
from ceas_agents.training.on_device.dqn import settings as of_dqn
from ceas_agents.training.on_device.environment import WATCHED
from ceas_agents.training.on_device.loop import Report, Setup
from ceas_agents.training.on_device.ppo import learner as ppo
from ceas_agents.training.on_device.ppo import settings as of_ppo
from ceas_agents.training.plan import Plan
from ceas_agents.training.trainer import Row, Tell
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


class Trainer:
    """A learner on the device in training."""

    def __init__(self, plan: Plan) -> None:
        """Makes an untrained learner.

        Args:
            plan: Names the policy, and all arguments.

        Raises:
            ValueError: If an argument of the learner or of its network is wrong.
        """
        self._plan, self.steps = plan, 0
        self._setup = SETUPS[plan.settings.learner](plan)
        self._params = parameters.build(plan.scenario)
        seed, rows = np.uint32(plans.seeds(plan, 0)), plan.settings.rows
        self._learner: Any = loop.begin_compiled(self._setup, self._params, rows, seed)

    def learn(self, stage: int, tell: Tell) -> Row:
        """Returns the training metrics of one more stage, which the learner is trained for.

        Args:
            stage: Not used, because episodes go on from stage to stage.
            tell: Called after each update with the steps so far, in decisions over all rows.

        Returns:
            Means over the episodes that ended in the stage: the return, which is a sum of unscaled
            rewards, and shares in [0, 1]; NaN if none ended. And the share of variance that the
            critic explains in the last update, at most 1; NaN for a learner without critic.
        """
        del stage
        reports: list[Report] = []
        each = self._plan.settings.rows * self._setup.length
        end = plans.stage_end(self._plan, self.steps)
        while self.steps < end:
            learner, report = loop.learn_compiled(self._setup, self._params, self._learner, 1)
            reports.append(jax.device_get(report))
            self._learner, self.steps = learner, self.steps + each
            tell(self.steps)
        return _told(reports)

    def agent(self) -> Agent:
        """Returns the deterministic policy that has been learned so far, with its features."""
        layers = self._setup.layers(self._learner)
        teams = self._params.network.teams.size > 1
        return Agent(self._plan.settings.policy, layers, OF_TEAMS if teams else TODAY)

    def log_to(self, folder: Path) -> None:
        """Does nothing, because all that is told is in the learning curve.

        Args:
            folder: Not used.
        """

    def log(self, values: Row) -> None:
        """Does nothing, because all that is told is in the learning curve.

        Args:
            values: By name; shares in [0, 1], and returns.
        """

    def save(self, folder: Path) -> None:
        """Writes the checkpoint in place of an older one, either completely or not at all.

        Args:
            folder: Where the file is written.

        Raises:
            OSError: If the file can't be written.
        """
        checkpoint.save(self._learner, self.steps, folder)

    def resume(self, folder: Path) -> None:
        """Goes on from the checkpoint in a folder.

        Args:
            folder: Where `save` wrote its file, for the same plan.

        Raises:
            ValueError: If the file is not what `save` wrote, or holds a state of another form.
            OSError: If the file can't be read.
        """
        self._learner, self.steps = checkpoint.load(self._learner, folder)


def _told(reports: list[Report]) -> Row:
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
