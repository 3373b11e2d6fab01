"""What a dispatching scheduler is trained on: environments whose action is the choice of a rule."""

from functools import partial
from typing import Any

import jax
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from ceas_agents.policies import selection
from ceas_agents.wrappers import parallel_rows
from ceas_gym.jax_utils import parallel
from ceas_gym.task.observations import NETWORK_FEATURES, NODE_FEATURES
from ceas_gym.types import Observation, Params


class Dispatch(VecEnvWrapper):
    """Environments whose action is the place of one of `ceas_agents.policies.selection.RULES`.

    In each row, that rule makes the schedule from what was observed last. The agent is shown its
    `summary`, and so plays any number of nodes.

    Args:
        envs: Of one scenario.
        params: The scenario.
    """

    def __init__(self, envs: VecEnv, params: Params) -> None:
        """Wraps the environments."""
        size = len(NODE_FEATURES) + len(NETWORK_FEATURES)
        shown = spaces.Box(0.0, 1.0, (size,), np.float32)
        super().__init__(envs, shown, spaces.Discrete(len(selection.RULES)))
        self._params = params
        self._seen: Observation | None = None

    def reset(self) -> Any:  # noqa: ANN401 - as Stable-Baselines3 has it
        """Starts an episode in every row."""
        return self._noted(self.venv.reset())

    def step_async(self, actions: NDArray[np.integer]) -> None:
        """Takes the rules of the next step, and lets them make its schedules."""
        assert self._seen is not None, "reset comes first"
        picked = np.asarray(actions, np.int32)
        self.venv.step_async(
            parallel_rows.computed(partial(_schedules, self._params), picked, self._seen)
        )

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every row."""
        observation, rewards, dones, infos = self.venv.step_wait()
        for row in np.flatnonzero(dones).tolist():
            last = infos[row]["terminal_observation"]
            infos[row]["terminal_observation"] = _summary(last)
        return self._noted(observation), rewards, dones, infos

    def _noted(self, observation: Any) -> Any:  # noqa: ANN401 - as Stable-Baselines3 has it
        self._seen = Observation(observation["nodes"], observation["network"])
        return _summary(observation)


@jax.jit
def _schedules(params: Params, rules: jax.Array, observations: Observation) -> jax.Array:
    key = jax.random.key(0)
    return parallel.each(
        lambda rule, one: selection.play(rule, params, one, key), rules, observations
    )


def _summary(observation: Any) -> NDArray[np.float32]:  # noqa: ANN401 - as Stable-Baselines3 has it
    return np.array(selection.summary(Observation(observation["nodes"], observation["network"])))
