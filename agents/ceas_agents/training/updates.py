"""Trains a learner whose state is a tree of arrays, update by update, stage by stage."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ceas_agents.policies.checkpoints import Agent
from ceas_agents.training import checkpoint
from ceas_agents.training import plan as plans
from ceas_agents.training.plan import Plan
from ceas_agents.training.trainer import Row, Tell


class Learner(NamedTuple):
    """How a state is trained, and what is told of it. A state is any tree of arrays and keys."""

    update: Callable[[Any], tuple[Any, int, Any]]
    """(state) -> (state, decisions, report): after one more update, which took so many decisions
    over all rows, at least 1. The state that it is given is not used again."""
    summary: Callable[[list[Any]], Row]
    """(reports) -> training metrics of a stage, as in `trainer.Trainer.learn`."""
    agent: Callable[[Any], Agent]
    """(state) -> the deterministic policy that has been learned so far, with its features."""


class Trainer:
    """A learner in training; nothing beside its state changes, so it is resumed bit for bit."""

    def __init__(self, plan: Plan, learner: Learner, state: Any) -> None:  # noqa: ANN401
        """Makes an untrained learner.

        Args:
            plan: Says how long a stage is.
            learner: How it is trained.
            state: Before the first update.
        """
        self._plan, self._learner, self._state, self.steps = plan, learner, state, 0

    def learn(self, stage: int, tell: Tell) -> Row:
        """Returns the training metrics of one more stage, which the learner is trained for.

        Args:
            stage: Not used, because the state says which episodes come next.
            tell: Called after each update with the steps so far, in decisions over all rows.
        """
        del stage
        reports: list[Any] = []
        end = plans.stage_end(self._plan, self.steps)
        while self.steps < end:
            self._state, decisions, report = self._learner.update(self._state)
            reports.append(report)
            self.steps += decisions
            tell(self.steps)
        return self._learner.summary(reports)

    def agent(self) -> Agent:
        """Returns the deterministic policy that has been learned so far, with its features."""
        return self._learner.agent(self._state)

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
        """Writes the checkpoint, as `checkpoint.save` does."""
        checkpoint.save(self._state, self.steps, folder)

    def resume(self, folder: Path) -> None:
        """Goes on from the checkpoint in a folder, as `checkpoint.load` does."""
        self._state, self.steps = checkpoint.load(self._state, folder)
