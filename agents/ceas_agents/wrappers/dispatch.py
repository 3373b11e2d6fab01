"""Environments in which the action selects a scheduling rule, to train dispatching schedulers."""

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
from ceas_gym.task.observations import NETWORK_FEATURES, node_features, summary
from ceas_gym.types import Observation, Params


class Dispatch(ObservationWrapper):
    """A batch in which the action is the index of a scheduling rule for a whole round.

    The rules are those of `ceas_agents.policies.selection.RULES`. In each row, the selected rule
    makes the schedule from the last observation. The agent observes only its `summary`, so that it
    can be used with any number of nodes. `CEASDispatch-v1` has fewer rules, and also windows.

    Args:
        env: A batch of one scenario with one layout, in which a step is a round.

    Raises:
        ValueError: If the batch is no `CEASVectorEnv`, has several layouts, repeats actions, or has
            windows as steps.

    Example:
        >>> from ceas_gym.envs.vector_env import CEASVectorEnv
        >>> envs = Dispatch(CEASVectorEnv(2, "tiny"))
        >>> observation, info = envs.reset(seed=1)
        >>> observation, rewards, *_ = envs.step(np.array([0, 5]))
        >>> observation.shape, rewards.shape
        ((2, 32), (2,))
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Wraps the batch."""
        super().__init__(env)
        if self.params.by_window:
            raise ValueError(
                "Argument `env` must have whole rounds as steps, but episode.decision is window; "
                "use ceas_gym/CEASDispatch-v1."
            )
        size = len(node_features(self.params.network)) + len(NETWORK_FEATURES)
        self.single_observation_space = spaces.Box(0.0, 1.0, (size,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.single_action_space = spaces.Discrete(len(selection.RULES))
        self.action_space = batch_space(self.single_action_space, self.num_envs)

    def step(self, actions: NDArray[np.integer]) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Returns what is observed and earned in a round with the schedules of the selected rules.

        Args:
            actions: Index of each row's rule, shape (num_envs,), in [0, len(RULES)).

        Returns:
            As a step of the batch; observations are summaries of shape (num_envs, features).

        Raises:
            RuntimeError: If called before the first reset.
        """
        if self.seen is None:
            raise RuntimeError("Call `reset` before the first `step`.")
        rules, schedules = np.asarray(actions, np.int32), partial(_schedules, self.params)
        return super().step(parallel_rows.computed(schedules, rules, _observation(self.seen)))

    def observations(self, observations: Any) -> NDArray[np.float32]:  # noqa: ANN401 - Gymnasium's
        """Returns the summaries, shape (num_envs, features), in [0, 1]."""
        return np.array(summary(_observation(observations)))


def _observation(parts: Any) -> Observation:  # noqa: ANN401 - a dictionary of arrays
    return Observation(parts["nodes"], parts["network"])


@jax.jit
def _schedules(params: Params, rules: jax.Array, observations: Observation) -> jax.Array:
    key = jax.random.key(0)
    return parallel.each(
        lambda rule, one: selection.play(rule, params, one, key), rules, observations
    )
