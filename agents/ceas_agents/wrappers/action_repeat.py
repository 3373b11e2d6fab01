"""Decisions that last: what one is worth shows after rounds, since updates carry momentum."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from ceas_agents.wrappers.residual import BASE


class Hold(VecEnvWrapper):
    """Environments of which a step is several rounds with one decision.

    Kept is the action, or what it adds to the base where the observation has one. The reward is
    that of all the rounds; a row whose episode ends before goes on with the next one, whose rounds
    in this step are not rewarded.

    Args:
        envs: Of one round a step.
        rounds: Of a decision.
    """

    def __init__(self, envs: VecEnv, rounds: int) -> None:
        """Wraps the environments."""
        super().__init__(envs)
        self.rounds = rounds
        self._seen: Any = None
        self._asked: NDArray[Any] = np.zeros(0)

    def reset(self) -> Any:  # noqa: ANN401 - as Stable-Baselines3 has it
        """Starts an episode in every row."""
        self._seen = self.venv.reset()
        return self._seen

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the decisions."""
        self._asked = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Plays the rounds of the decisions."""
        first = self._seen
        total = np.zeros(self.num_envs, np.float32)
        ended = np.zeros(self.num_envs, bool)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for _ in range(self.rounds):
            self._seen, rewards, dones, told = self.venv.step(self._again(first))
            total += np.where(ended, 0, rewards)
            for row in np.flatnonzero(dones & ~ended).tolist():
                infos[row] = told[row]
            ended |= dones
        return self._seen, total, ended, infos

    def _again(self, first: Any) -> NDArray[Any]:  # noqa: ANN401 - an observation
        if BASE not in self.observation_space.spaces:  # type: ignore[attr-defined]
            return self._asked
        return np.clip(self._asked - first[BASE] + self._seen[BASE], -1, 1)
