"""Gymnasium vector wrappers that change what an agent observes and decides, for any library.

| wrapper | what changes |
|---|---|
| `Residual` | the observation also holds the action of a policy |
| `Dispatch` | the action picks a scheduling rule, which makes the schedule |
| `ActionRepeat` | a step is several rounds with one action |

They wrap a `CEASVectorEnv` in any autoreset mode; `ActionRepeat` must be the outermost. To scale
rewards, use `gymnasium.wrappers.vector.TransformReward`.

Example:
    >>> import gymnasium as gym
    >>> import ceas_gym
    >>> envs = gym.make_vec("ceas_gym/CEAS-v1", num_envs=2, scenario="tiny")
    >>> envs = ActionRepeat(Dispatch(envs), rounds=5)
    >>> envs.action_space, envs.observation_space.shape
    (MultiDiscrete([9 9]), (2, 32))
"""

from ceas_agents.wrappers.action_repeat import ActionRepeat
from ceas_agents.wrappers.dispatch import Dispatch
from ceas_agents.wrappers.residual import Residual

__all__ = ["ActionRepeat", "Dispatch", "Residual"]
