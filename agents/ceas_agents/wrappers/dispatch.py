"""What a dispatching scheduler is trained on: environments whose action picks a scheduling rule."""

from functools import partial
from typing import Any

import jax
import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ceas_agents.policies import selection
from ceas_agents.wrappers import parallel_rows
from ceas_agents.wrappers.observation import ObservationWrapper
from ceas_gym.jax_utils import parallel
from ceas_gym.task.observations import NETWORK_FEATURES, NODE_FEATURES
from ceas_gym.types import Observation, Params


class Dispatch(ObservationWrapper):
    """A batch whose action is the place of one of `ceas_agents.policies.selection.RULES`.

    In each row, that scheduling rule makes the schedule from what was observed last. The agent is
    shown its `summary`, and so plays any number of nodes.

    Args:
        env: Of one scenario and one layout.

    Raises:
        ValueError: If the batch is no `CEASVectorEnv`, has several layouts, or repeats actions.

    Example:
        >>> from ceas_gym.envs.vector_env import CEASVectorEnv
        >>> envs = Dispatch(CEASVectorEnv(2, "tiny"))
        >>> observation, info = envs.reset(seed=1)
        >>> observation, rewards, *_ = envs.step(np.array([0, 5]))
        >>> observation.shape, rewards.shape
        ((2, 24), (2,))
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Wraps the batch."""
        super().__init__(env)
        size = len(NODE_FEATURES) + len(NETWORK_FEATURES)
        self.single_observation_space = spaces.Box(0.0, 1.0, (size,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.single_action_space = spaces.Discrete(len(selection.RULES))
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def step(self, actions: NDArray[np.integer]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Steps every row by the schedule of its rule.

        Args:
            actions: Places of rules, shape (num_envs,).

        Raises:
            RuntimeError: Before the first reset.
        """
        if self.seen is None:
            raise RuntimeError("Call `reset` before the first `step`.")
        rules, schedules = np.asarray(actions, np.int32), partial(_schedules, self.params)
        return super().step(parallel_rows.computed(schedules, rules, _observation(self.seen)))

    def observations(self, observations: Any) -> NDArray[np.float32]:  # noqa: ANN401 - Gymnasium's
        """Returns the summaries, shape (num_envs, features)."""
        return np.array(selection.summary(_observation(observations)))


def _observation(parts: Any) -> Observation:  # noqa: ANN401 - a dictionary of arrays
    return Observation(parts["nodes"], parts["network"])


@jax.jit
def _schedules(params: Params, rules: jax.Array, observations: Observation) -> jax.Array:
    key = jax.random.key(0)
    return parallel.each(
        lambda rule, one: selection.play(rule, params, one, key), rules, observations
    )
