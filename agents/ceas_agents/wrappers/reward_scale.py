"""Rewards in the size that learners expect: of order one."""

from typing import Any

from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn


class Scaled(VecEnvWrapper):
    """Environments whose rewards are multiplied by a factor.

    Args:
        envs: Of any kind.
        factor: On every reward.
    """

    def __init__(self, envs: VecEnv, factor: float) -> None:
        """Wraps the environments."""
        super().__init__(envs)
        self.factor = factor

    def reset(self) -> Any:  # noqa: ANN401 - as Stable-Baselines3 has it
        """Starts an episode in every row."""
        return self.venv.reset()

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every row."""
        observation, rewards, dones, infos = self.venv.step_wait()
        return observation, rewards * self.factor, dones, infos
