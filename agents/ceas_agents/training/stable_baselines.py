"""Trains the agent of a plan with a learner of Stable-Baselines3, stage by stage."""

from pathlib import Path

from ceas_agents.policies.checkpoints import Agent
from ceas_agents.training import export, learners
from ceas_agents.training import stage as stages
from ceas_agents.training.plan import Plan
from ceas_agents.training.trainer import Row, Tell

PACKAGES = ("stable_baselines3", "torch")
"""Packages on whose versions a training depends, in addition to those of every run."""


class Trainer:
    """A learner of Stable-Baselines3 in training."""

    def __init__(self, plan: Plan) -> None:
        """Makes an untrained learner.

        Args:
            plan: Names the learner, its policy and their arguments.

        Raises:
            ValueError: If an argument of the learner or of its network is wrong.
        """
        self._plan = plan
        self._envs = learners.environments(plan)
        self._model = learners.make(plan, self._envs)

    @property
    def steps(self) -> int:
        """Returns the decisions so far, over all rows."""
        return self._model.num_timesteps

    def learn(self, stage: int, tell: Tell) -> Row:
        """Returns the training metrics of one more stage, as `stage.learn` does."""
        return stages.learn(self._model, self._plan, stage, tell)

    def agent(self) -> Agent:
        """Returns the deterministic policy that has been learned so far, with its features."""
        return export.agent(self._model)

    def log_to(self, folder: Path) -> None:
        """Writes logs for TensorBoard from now on, as `learners.log` does."""
        learners.log(self._model, folder)

    def log(self, values: Row) -> None:
        """Writes what was told of training and validation to the logs for TensorBoard.

        Args:
            values: By name; shares in [0, 1], and returns.
        """
        for name, value in values.items():
            self._model.logger.record(f"validation/{name}", value)
        self._model.logger.dump(self._model.num_timesteps)

    def save(self, folder: Path) -> None:
        """Writes the checkpoint, and the replay buffer if there is one, as `learners.save` does."""
        learners.save(self._model, folder)

    def resume(self, folder: Path) -> None:
        """Goes on from the checkpoint in a folder, as `learners.resume` does."""
        self._model = learners.resume(self._plan, self._envs, folder)
