"""What a residual scheduler is trained on: environments that show it CEAS's action, too."""

from functools import partial
from typing import Any

import jax
import numpy as np
from gymnasium import spaces
from jax.tree_util import Partial
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper
from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

from ceas_agents.policies import base
from ceas_agents.policies.base import Policy
from ceas_agents.wrappers import parallel_rows
from ceas_gym.jax_utils import parallel
from ceas_gym.types import Observation, Params

BASE = "base"
"""Part of the observation that a residual scheduler adds to: an action."""
Seen = dict[str, NDArray[np.float32]]


class Residual(VecEnvWrapper):
    """Environments whose observation holds the action that a policy would take.

    Args:
        envs: Of one scenario.
        params: The scenario.
        policy: Whose action is shown; it must not depend on its random key.
    """

    def __init__(self, envs: VecEnv, params: Params, policy: Policy) -> None:
        """Wraps the environments."""
        known: Any = envs.observation_space
        space = spaces.Dict({**known.spaces, BASE: envs.action_space})
        super().__init__(envs, observation_space=space)
        self._act = partial(_actions, base.as_pytree(policy), params)

    def reset(self) -> Any:  # noqa: ANN401 - as Stable-Baselines3 has it
        """Starts an episode in every row."""
        return self._show(self.venv.reset())

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every row; last observations of episodes show the policy's action, too."""
        observation: Any
        observation, rewards, dones, infos = self.venv.step_wait()
        ended = np.flatnonzero(dones).tolist()
        if ended:
            # All rows in one call, whichever have ended, so that it is compiled once.
            last: Any = {name: values.copy() for name, values in observation.items()}
            for row in ended:
                for name in last:
                    last[name][row] = infos[row]["terminal_observation"][name]
            shown = self._show(last)
            for row in ended:
                infos[row]["terminal_observation"] = {n: part[row] for n, part in shown.items()}
        return self._show(observation), rewards, dones, infos

    def _show(self, observation: Any) -> Seen:  # noqa: ANN401 - as Stable-Baselines3 has it
        seen = Observation(observation["nodes"], observation["network"])
        return {**observation, BASE: parallel_rows.computed(self._act, seen)}


@jax.jit
def _actions(policy: Partial, params: Params, observations: Observation) -> jax.Array:
    key = jax.random.key(0)
    return parallel.each(lambda one: policy(params, one, key), observations)
