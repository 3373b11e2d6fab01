"""Probes of a learner: minimal problems, each of which needs one more part of it to work.

After Andy Jones, "Debugging RL, without the agonizing pain", 2021, and the tests of Rejax. The
last problem is ours: it needs the last observation of an episode that a time limit has ended.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

Array = NDArray[Any]
DISCRETE = spaces.Discrete(2)
CONTINUOUS = spaces.Box(-1.0, 1.0, (1,), np.float32)
TARGET = 0.5
"""The best action, or the best one for a positive sign."""


class Rung(NamedTuple):
    """A problem, whose functions take and return arrays of shape (num_envs,)."""

    observe: Callable[[Array, Array], Array]
    """Observation in [-1, 1], from the steps played and a sign, 1 or -1, drawn for each episode."""
    reward: Callable[[Array, Array], Array]
    """Reward, from the observation and the action in [-1, 1]; a discrete action is -1 or 1."""
    length: int = 1
    """Steps of an episode."""
    is_cut: bool = False
    """Whether a time limit ends it."""


def _nothing(steps: Array, sign: Array) -> Array:
    return np.zeros(len(steps))


def _sign(steps: Array, sign: Array) -> Array:
    return sign


def _clock(steps: Array, sign: Array) -> Array:
    return np.where(steps == 0, -1.0, 1.0)


LADDER = {
    "constant": Rung(_nothing, lambda seen, action: np.ones(len(seen))),
    "observation": Rung(_sign, lambda seen, action: seen),
    "delay": Rung(_clock, lambda seen, action: (seen + 1) / 2, length=2),
    "action": Rung(_nothing, lambda seen, action: 1 - (action - TARGET) ** 2),
    "both": Rung(_sign, lambda seen, action: 1 - (action - TARGET * seen) ** 2),
    "cut": Rung(_clock, lambda seen, action: (seen + 1) / 2, length=2, is_cut=True),
}


DISCOUNT = 0.5
VALUES = {
    "constant": {0: 1},
    "observation": {-1: -1, 1: 1},
    "delay": {-1: DISCOUNT, 1: 1},
    # Without the limit, the reward of 1 would come for ever.
    "cut": {-1: DISCOUNT / (1 - DISCOUNT), 1: 1 / (1 - DISCOUNT)},
}
"""What a learner with this discount must expect at each observation, where no action matters."""
BEST = 1 - (1 - TARGET) ** 2
"""The reward of the better one of two discrete actions."""


class Probe(VectorEnv[Array, Array, Array]):
    """A batch of one problem, in autoreset mode `SAME_STEP`.

    If episodes have several steps, neighbouring rows are one step apart.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, rung: Rung, num_envs: int, action_space: gym.Space[Any] = DISCRETE):
        self.rung, self.num_envs = rung, num_envs
        self.single_observation_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.single_action_space = action_space
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(action_space, num_envs)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Returns the first observations of new episodes, shape (num_envs, 1), and no info."""
        super().reset(seed=seed, options=options)
        self._steps = np.arange(self.num_envs) % self.rung.length
        self._sign = self._signs()
        return self._observe(), {}

    def step(self, actions: Array) -> tuple[Array, Array, Array, Array, dict[str, Any]]:
        """Returns observations, shape (num_envs, 1), rewards, shape (num_envs,), ends and info.

        Args:
            actions: Shape (num_envs,) or (num_envs, 1); in {0, 1} or in [-1, 1].
        """
        given = actions.reshape(self.num_envs).astype(float)
        asked = 2 * given - 1 if isinstance(self.single_action_space, spaces.Discrete) else given
        rewards = self.rung.reward(self._observe()[:, 0], asked)
        self._steps += 1
        ended, info = self._steps >= self.rung.length, {}
        if ended.any():
            info = {"final_obs": _objects(self._observe(), ended), "_final_obs": ended}
            self._steps[ended] = 0
            self._sign = np.where(ended, self._signs(), self._sign)
        never = np.zeros_like(ended)
        terminated, truncated = (never, ended) if self.rung.is_cut else (ended, never)
        return self._observe(), rewards, terminated, truncated, info

    def _signs(self) -> Array:
        return self.np_random.choice([-1.0, 1.0], self.num_envs)

    def _observe(self) -> Array:
        return self.rung.observe(self._steps, self._sign).astype(np.float32)[:, None]


def _objects(observations: Array, ended: Array) -> Array:
    rows = np.full(len(ended), None, dtype=object)
    for row in np.flatnonzero(ended):
        rows[row] = observations[row]
    return rows
