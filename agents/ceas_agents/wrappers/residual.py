"""Environments that also show the action of a policy, to train residual schedulers."""

from functools import partial
from typing import Any

import jax
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from gymnasium.vector.utils import batch_space
from jax.tree_util import Partial

from ceas_agents.policies import base
from ceas_agents.policies.base import Policy
from ceas_agents.wrappers import parallel_rows
from ceas_agents.wrappers.action_repeat import BASE
from ceas_agents.wrappers.observation import ObservationWrapper
from ceas_gym.jax_utils import parallel
from ceas_gym.types import Observation, Params


class Residual(ObservationWrapper):
    """A batch whose observation also holds, as `base`, the action that a policy would take.

    Args:
        env: A batch of one scenario with one layout.
        policy: The policy whose action is shown; it must not depend on its random key.

    Raises:
        ValueError: If the batch is no `CEASVectorEnv`, has several layouts, or repeats actions.

    Source:
        Silver, Allen, Tenenbaum and Kaelbling, Residual Policy Learning, arXiv:1812.06298.

    Example:
        >>> from ceas_agents.policies.ceas import ceas
        >>> from ceas_gym.envs.vector_env import CEASVectorEnv
        >>> envs = Residual(CEASVectorEnv(2, "tiny"), ceas)
        >>> observation, info = envs.reset(seed=1)
        >>> {name: values.shape for name, values in observation.items()}
        {'nodes': (2, 4, 17), 'network': (2, 16), 'base': (2, 4, 4)}
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], policy: Policy) -> None:
        """Wraps the batch."""
        super().__init__(env)
        known: Any = env.single_observation_space
        shown = spaces.Dict({**known.spaces, BASE: env.single_action_space})
        self.single_observation_space = shown
        self.observation_space = batch_space(shown, self.num_envs)
        self._policy = base.as_pytree(policy)

    def observations(self, observations: Any) -> Any:  # noqa: ANN401 - as Gymnasium has it
        """Returns the observations and the policy's actions, shape (num_envs, windows, nodes).

        Args:
            observations: Of the batch, in [0, 1]; each array has shape (num_envs, ...).

        Returns:
            The same dictionary, with actions in [-1, 1] under `base`.
        """
        seen = Observation(observations["nodes"], observations["network"])
        act = partial(_actions, self._policy, self.params)
        return {**observations, BASE: parallel_rows.computed(act, seen)}


@jax.jit
def _actions(policy: Partial, params: Params, observations: Observation) -> jax.Array:
    key = jax.random.key(0)
    return parallel.each(lambda one: policy(params, one, key), observations)
