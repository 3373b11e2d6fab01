"""What every learner offers to `ceas-gym train`, and where it is found by its name."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from ceas_agents.policies.checkpoints import Agent
from ceas_agents.training.plan import SEARCH, Plan

Tell = Callable[[int], None]
Row = dict[str, float]
CHECKPOINTS = ("checkpoint.zip", "checkpoint.npz")
"""Files of which a folder with a training holds one."""


class Trainer(Protocol):
    """A learner in training."""

    @property
    def steps(self) -> int:
        """Returns the decisions so far, over all rows."""
        ...

    def learn(self, stage: int, tell: Tell) -> Row:
        """Returns the training metrics of one more stage, which the learner is trained for.

        Args:
            stage: Its index, in [0, number of stages).
            tell: Called with the steps so far, in decisions over all rows.

        Returns:
            Means over training episodes: the return, which is a sum of unscaled rewards, and shares
            in [0, 1]; and the share of variance that the critic explains, at most 1. NaN where
            nothing was measured.
        """
        ...

    def agent(self) -> Agent:
        """Returns the deterministic policy that has been learned so far, with its features."""
        ...

    def log_to(self, folder: Path) -> None:
        """Writes logs for TensorBoard from now on, if the learner writes any.

        Args:
            folder: Where the event files are written.
        """
        ...

    def log(self, values: Row) -> None:
        """Logs the measures of a validation.

        Args:
            values: By name; shares in [0, 1], and returns.
        """
        ...

    def save(self, folder: Path) -> None:
        """Writes the checkpoint in place of an older one, either completely or not at all.

        Args:
            folder: Where the files are written.

        Raises:
            OSError: If a file can't be written.
        """
        ...

    def resume(self, folder: Path) -> None:
        """Goes on from the checkpoint in a folder.

        Args:
            folder: Where `save` wrote its files, for the same plan.

        Raises:
            ValueError: If a file is not what `save` wrote.
            OSError: If a file can't be read.
        """
        ...


class Library(NamedTuple):
    """Where learners come from."""

    trainer: Callable[[Plan], Trainer]
    """Makes an untrained learner; a ValueError says which argument of the plan is wrong."""
    packages: tuple[str, ...] = ()
    """Packages on whose versions a training depends, in addition to those of every run."""


def library(plan: Plan) -> Library:
    """Returns the library of a plan's learner, which is loaded only then.

    Args:
        plan: Names the learner, as in `jax.ppo`.

    Raises:
        ValueError: If the library is not installed.
    """
    if plan.settings.learner == SEARCH:
        from ceas_agents.training.evolution.trainer import trainer

        return Library(trainer)
    if plan.settings.learner.startswith("jax."):
        from ceas_agents.training.on_device.trainer import trainer

        return Library(trainer)
    try:
        from ceas_agents.training.stable_baselines import PACKAGES, Trainer
    except ModuleNotFoundError as error:
        raise ValueError(f"{error}; install the extra: pip install 'ceas-gym[agents]'") from error
    return Library(Trainer, PACKAGES)
