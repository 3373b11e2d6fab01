"""CEASFlat: the environment with vectors for observation and action, for any library."""

from typing import ClassVar

from ceas_gym.envs import views
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.envs.views import View


class CEASFlatEnv(CEASEnv):
    """`CEASEnv` in which observation and action are one vector each.

    Libraries that take neither dictionaries nor matrices, such as SBX, use it unchanged.

    ## Action space
    `Box(-1, 1, (W * N,), float32)`, the requests window by window, or where a step is a window
    `Box(-1, 1, (N + 1,), float32)`, as for `CEASEnv`.

    ## Observation space
    `Box(0, 1, (16 + 17 N,), float32)`: the features of the network, then those of each node, as
    `gymnasium.spaces.flatten` orders them. Their meaning is in the docstring of `CEASEnv`.

    All else is as for `CEASEnv`.

    Example:
        >>> import gymnasium as gym
        >>> env = gym.make("ceas_gym/CEASFlat-v1", scenario="tiny")
        >>> env.observation_space.shape, env.action_space.shape
        ((84,), (16,))

    ## Version history
    - v1: first release.
    """

    view: ClassVar[View] = views.FLAT


class CEASFlatVectorEnv(CEASVectorEnv):
    """`num_envs` copies of `CEASFlatEnv`; arguments and modes are those of `CEASVectorEnv`.

    Example:
        >>> import gymnasium as gym
        >>> gym.make_vec("ceas_gym/CEASFlat-v1", 3, scenario="tiny").observation_space.shape
        (3, 84)
    """

    view: ClassVar[View] = views.FLAT
