"""A stage of a training: from one checkpoint to the next.

Each stage starts new episodes with seeds of its own, and seeds the learner's random numbers anew.
So it depends only on the checkpoint before it, and a resumed run gives exactly the same agent as a
run without interruption.
"""

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

from ceas_agents.training import plan as plans
from ceas_agents.training.learners import WATCHED, Learner
from ceas_agents.training.plan import Plan
from ceas_agents.training.trainer import Row, Tell


class StageOver(Exception):  # noqa: N818 - it is no error
    """Raised to end a stage, because Stable-Baselines3 would train to the last step."""


class Watch(BaseCallback):
    """Reports progress, logs the metrics of training episodes, and ends the stage."""

    def __init__(self, end: int, tell: Tell) -> None:
        """Makes the callback.

        Args:
            end: Steps of the whole training after which the stage is over, at least 1.
            tell: Called after each step with the steps so far.
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
    """Returns the training metrics of one more stage, which the learner is trained for.

    Args:
        model: The learner at the end of the previous stage.
        plan: The training.
        stage: Its index, in [0, number of stages).
        tell: Called after each step with the steps so far, in decisions over all rows.

    Returns:
        Means over the last training episodes: the return, which is a sum of unscaled rewards, and
        shares in [0, 1]; and the share of variance that the critic explains, at most 1. NaN where
        nothing was logged.
    """
    end = plans.stage_end(plan, model.num_timesteps)
    model.set_random_seed(plans.seeds(plan, stage))
    envs = model.get_env()
    assert envs is not None
    model.set_env(envs, force_reset=True)
    try:
        # All remaining steps, because the learner's schedules depend on the last step.
        rest = plan.settings.steps - model.num_timesteps
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
    """Returns the mean of a metric over the last training episodes, or NaN if none has ended.

    Args:
        model: The learner, whose buffer holds the last episodes: 100 unless set otherwise.
        name: `r` for the return, or one of `WATCHED`, which are shares in [0, 1].
    """
    values = [float(episode[name]) for episode in model.ep_info_buffer or ()]
    return float(np.mean(values)) if values else np.nan
