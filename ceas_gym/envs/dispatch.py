"""CEASDispatch: the environment in which an action is a choice among scheduling rules."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ceas_gym.envs import views
from ceas_gym.envs.env import CEASEnv
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.envs.views import View

EARLY = "Call `reset` before `action_masks`."


class CEASDispatchEnv(CEASEnv):
    """`CEASEnv` in which an action picks a rule, how many nodes it serves, and whether to fire.

    ## Action space
    `Discrete(30)` where a step is a window, else `Discrete(15)`. Choices are numbered

        (rule * 5 + level) * 2 + fires,    or without firing    rule * 5 + level

    - rule: 0 `key_first` makes key for the node that lacks least of it first, and shares the rest
      equally; 1 `information` gives whole channels where they add most to the sum of root
      information; 2 `even` shares equally.
    - level: the number of nodes that are served, in even steps from the quorum (0) to all (4). The
      nodes are those whose channels make most information.
    - fires: 1 if the barrier fires at the end of the window.

    `action_masks()` says which choices are allowed, as MaskablePPO of sb3-contrib asks for it: no
    level that serves the same nodes as the one before, and no barrier unless a quorum is ready and
    its pairs outlive the window. Choices that are masked can be played nonetheless.

    ## Observation space
    `Box(0, 1, (33,), float32)`: the 16 features of the network, and the means of the 17 features
    over the nodes, in the order of `CEASEnv`. So an agent works for any number of nodes.

    All else is as for `CEASEnv`.

    Example:
        >>> import gymnasium as gym
        >>> closed_loop = {"episode.decision": "window"}
        >>> env = gym.make("ceas_gym/CEASDispatch-v1", scenario="tiny", overrides=closed_loop)
        >>> observation, info = env.reset(seed=1)
        >>> allowed = np.flatnonzero(env.get_wrapper_attr("action_masks")())
        >>> observation.shape, env.action_space, allowed.tolist()
        ((33,), Discrete(30), [0, 6, 10, 16, 20, 26])

    ## Version history
    - v1: first release.
    """

    view: ClassVar[View] = views.DISPATCH

    def action_masks(self) -> NDArray[np.bool_]:
        """Returns which choices are allowed in the next step, shape (choices,); at least one is.

        Raises:
            RuntimeError: Before the first reset.
        """
        if self._seen is None:
            raise RuntimeError(EARLY)
        return views.masks(self.params, self._seen)


class CEASDispatchVectorEnv(CEASVectorEnv):
    """`num_envs` copies of `CEASDispatchEnv`; arguments and modes are those of `CEASVectorEnv`.

    Example:
        >>> import gymnasium as gym
        >>> envs = gym.make_vec("ceas_gym/CEASDispatch-v1", num_envs=3, scenario="tiny")
        >>> observation, info = envs.reset(seed=1)
        >>> observation.shape, envs.action_masks().shape
        ((3, 33), (3, 15))
    """

    view: ClassVar[View] = views.DISPATCH

    def action_masks(self) -> NDArray[np.bool_]:
        """Returns which choices are allowed in the next step, shape (num_envs, choices).

        Raises:
            RuntimeError: Before the first reset.
        """
        if self._seen is None:
            raise RuntimeError(EARLY)
        return views.masks(self.params, self._seen)
