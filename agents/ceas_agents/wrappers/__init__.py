"""Gymnasium vector wrappers that change what an agent observes and decides, for any library.

| wrapper | what changes |
|---|---|
| `Residual` | the observation also holds the action of a policy |
| `ActionRepeat` | a step is several rounds with one action |

They wrap a `CEASVectorEnv` in any autoreset mode; `ActionRepeat` must be the outermost, and also
wraps other batches. To scale rewards, use `gymnasium.wrappers.vector.TransformReward`. To pick a
scheduling rule with each action, use `ceas_gym/CEASDispatch-v1`.

Example:
    >>> import gymnasium as gym
    >>> import ceas_gym
    >>> from ceas_agents.policies.ceas import ceas
    >>> envs = gym.make_vec("ceas_gym/CEAS-v1", num_envs=2, scenario="tiny")
    >>> envs = ActionRepeat(Residual(envs, ceas), rounds=5)
    >>> sorted(envs.observation_space.spaces)
    ['base', 'network', 'nodes']
"""

from ceas_agents.wrappers.action_repeat import ActionRepeat
from ceas_agents.wrappers.residual import Residual

__all__ = ["ActionRepeat", "Residual"]
