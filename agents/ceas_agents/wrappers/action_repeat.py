"""One action for several rounds, since momentum spreads the effect of an action over rounds."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

BASE = "base"
"""Part of the observation that a residual scheduler adds to: an action."""


class ActionRepeat(VectorWrapper):
    """A batch in which a step is several rounds with the same action.

    Where the observation has a base action (`Residual`), not the action itself is repeated, but its
    difference from the base. The reward is the sum over the rounds; observation and info are those
    of the last round.

    When an episode ends, the step ends in that round, too. So every round of an episode is played,
    and episodes end as Gymnasium defines it for each autoreset mode. Rows that are reset together
    also end together. Otherwise, the end of one row's episode shortens the step of all rows.

    Args:
        env: A batch in which a step is one round.
        rounds: Rounds of a step, at least 1.

    Raises:
        ValueError: If `rounds` is less than 1.

    Source:
        Mnih et al., Nature 518, 529 (2015), who repeat each action for several frames.

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
        """Returns the first observations of new episodes, each array of shape (num_envs, ...).

        Args:
            seed: At least 0; row i gets `seed + i`.
            options: With `reset_mask`, booleans of shape (num_envs,), only those rows are reset.
        """
        self._ended &= np.logical_not((options or {}).get("reset_mask", True))
        self._seen, info = self.env.reset(seed=seed, options=options)
        return self._seen, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:  # noqa: ANN401
        """Returns what is observed and earned in `rounds` rounds, or up to the end of an episode.

        Args:
            actions: One action for each row, shape (num_envs, ...), within the action space.

        Returns:
            As a step of the batch, with the sums of the rewards, shape (num_envs,).
        """
        first = self._seen
        # Single precision, as learners use, so that trained agents can be reproduced bit for bit.
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
        # A step that resets rows plays no round in them, and they have had no action yet.
        return 1 if self._resets_next_step and self._ended.any() else self.rounds

    def _again(self, actions: Any, first: Any) -> NDArray[Any]:  # noqa: ANN401 - any action
        if not (isinstance(first, Mapping) and BASE in first):
            return actions
        return np.clip(actions - first[BASE] + self._seen[BASE], -1, 1)
