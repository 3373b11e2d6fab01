"""A stage of a training: from one checkpoint to the next.

Each stage begins new episodes with seeds of its own, and so do all random numbers of the learner.
So it depends on the checkpoint before it and on nothing else: a run that is resumed goes on
exactly as if it had not been stopped.
"""

from collections.abc import Callable

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from ceas_agents.training import plan as plans
from ceas_agents.training.learners import WATCHED, Learner
from ceas_agents.training.plan import Plan

Tell = Callable[[int], None]
Row = dict[str, float]


class StageOver(Exception):  # noqa: N818 - it is no error
    """Ends a stage where Stable-Baselines3 would go on."""


class Watch(BaseCallback):
    """Tells how far the learner is, logs what episodes came to, and ends the stage."""

    def __init__(self, end: int, tell: Tell) -> None:
        """Makes the callback.

        Args:
            end: Steps after which the stage is over.
            tell: Called with the steps so far.
        """
        super().__init__()
        self.end, self.tell = end, tell

    def _on_rollout_start(self) -> None:
        if self.num_timesteps >= self.end:
            raise StageOver

    def _on_step(self) -> bool:
        self.tell(self.num_timesteps)
        return True

    def _on_rollout_end(self) -> None:
        for name in WATCHED:
            self.logger.record(f"rollout/{name}", episodes(self.model, name))


def learn(model: Learner, plan: Plan, stage: int, tell: Tell) -> Row:
    """Lets the learner go on for one stage, and returns what it says of itself.

    Args:
        model: At the end of the stage before.
        plan: The training.
        stage: Number, from 0.
        tell: Called with the steps so far.
    """
    every, steps = plan.settings.validation.every, plan.settings.steps
    end = min((model.num_timesteps // every + 1) * every, steps)
    model.set_random_seed(plans.seeds(plan, stage))
    envs = model.get_env()
    assert envs is not None
    model.set_env(envs, force_reset=True)
    try:
        # The whole way, so that schedules run over the whole training.
        rest = steps - model.num_timesteps
        model.learn(rest, Watch(end, tell), reset_num_timesteps=False)
    except StageOver:
        pass
    told = model.logger.name_to_value
    return {
        "train_return": episodes(model, "r"),
        **{f"train_{name}": episodes(model, name) for name in WATCHED},
        "explained_variance": float(told.get("train/explained_variance", np.nan)),
    }


def episodes(model: Learner, name: str) -> float:
    """Returns the mean of a figure over the last training episodes, or NaN before the first."""
    values = [float(episode[name]) for episode in model.ep_info_buffer or ()]
    return float(np.mean(values)) if values else np.nan
