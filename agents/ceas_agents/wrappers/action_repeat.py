"""Decisions that last: what one is worth shows after rounds, since updates carry momentum."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

BASE = "base"
"""Part of the observation that a residual scheduler adds to: an action."""


class ActionRepeat(VectorWrapper):
    """A batch of which a step is several rounds with one action.

    Repeated is the action, or what it adds to the base where the observation has one (`Residual`).
    The reward is the sum over the rounds; observation and info are those of the last round.

    A step ends before its time in the round in which an episode ends, so no round of an episode is
    lost, and what Gymnasium says of the ends of episodes holds in every autoreset mode. Rows that
    are reset together also end together. Of rows that are not, each end cuts the step of all.

    Args:
        env: Of one round a step.
        rounds: Of a step, 1 or more.

    Raises:
        ValueError: If there are no rounds.

    Example:
        >>> from ceas_gym.envs.vector_env import CEASVectorEnv
        >>> short = {"episode.rounds": 5}
        >>> envs = ActionRepeat(CEASVectorEnv(2, "tiny", overrides=short), rounds=3)
        >>> observation, info = envs.reset(seed=1)
        >>> action = np.zeros(envs.action_space.shape, np.float32)
        >>> [envs.step(action)[2].tolist() for _ in range(2)]
        [[False, False], [True, True]]
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], rounds: int) -> None:
        """Wraps the batch."""
        if rounds < 1:
            raise ValueError(f"Argument `rounds` must be 1 or more, but is {rounds}.")
        super().__init__(env)
        self.rounds = rounds
        mode = env.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        self._resets_next_step = mode is AutoresetMode.NEXT_STEP
        self._ended = np.zeros(self.num_envs, bool)
        self._seen: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode in every row, or in those of `options["reset_mask"]`."""
        self._ended &= np.logical_not((options or {}).get("reset_mask", True))
        self._seen, info = self.env.reset(seed=seed, options=options)
        return self._seen, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:  # noqa: ANN401
        """Plays rounds until the action is over or an episode is.

        Args:
            actions: A row of the action space for each environment.

        Returns:
            What a step returns, with the sums of the rewards, shape (num_envs,).
        """
        first = self._seen
        # In the precision of learners, whose agents stay what they were, bit for bit.
        total, left = np.zeros(self.num_envs, np.float32), self._length()
        while True:
            step = self.env.step(self._again(actions, first))
            self._seen, rewards, terminated, truncated, info = step
            total += rewards
            left -= 1
            self._ended = terminated | truncated
            if not left or self._ended.any():
                return self._seen, total, terminated, truncated, info

    def _length(self) -> int:
        # A step that only resets is no round, and the rows that it resets have no action yet.
        return 1 if self._resets_next_step and self._ended.any() else self.rounds

    def _again(self, actions: Any, first: Any) -> NDArray[Any]:  # noqa: ANN401 - any action
        if not (isinstance(first, Mapping) and BASE in first):
            return actions
        return np.clip(actions - first[BASE] + self._seen[BASE], -1, 1)
