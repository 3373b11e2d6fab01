"""What a dispatching scheduler is trained on: environments whose action is the choice of a rule."""

from typing import Any

import jax
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from ceas_agents import dispatch
from ceas_agents.training import rows
from ceas_gym import batch
from ceas_gym.types import Observation, Params


class Dispatch(VecEnvWrapper):
    """Environments whose action is the place of one of `ceas_agents.dispatch.RULES`.

    In each row, that rule makes the schedule from what was observed last.

    Args:
        envs: Of one scenario.
        params: The scenario.
    """

    def __init__(self, envs: VecEnv, params: Params) -> None:
        """Wraps the environments."""
        super().__init__(envs, action_space=spaces.Discrete(len(dispatch.RULES)))
        key = jax.random.key(0)

        def act(rules: jax.Array, observations: Observation) -> jax.Array:
            return batch.each(
                lambda rule, one: dispatch.play(rule, params, one, key), rules, observations
            )

        self._act = jax.jit(act)
        self._seen: Observation | None = None

    def reset(self) -> Any:  # noqa: ANN401 - as Stable-Baselines3 has it
        """Starts an episode in every row."""
        return self._noted(self.venv.reset())

    def step_async(self, actions: NDArray[np.integer]) -> None:
        """Takes the rules of the next step, and lets them make its schedules."""
        assert self._seen is not None, "reset comes first"
        picked = np.asarray(actions, np.int32)
        self.venv.step_async(rows.computed(self._act, picked, self._seen))

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every row."""
        observation, rewards, dones, infos = self.venv.step_wait()
        return self._noted(observation), rewards, dones, infos

    def _noted(self, observation: Any) -> Any:  # noqa: ANN401 - as Stable-Baselines3 has it
        self._seen = Observation(observation["nodes"], observation["network"])
        return observation
