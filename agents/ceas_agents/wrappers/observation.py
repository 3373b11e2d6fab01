"""The base of wrappers that change observations, also the last observations of episodes."""

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import iterate
from numpy.typing import NDArray

from ceas_agents.wrappers.action_repeat import ActionRepeat
from ceas_gym.envs import views
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.types import Params

FINAL = "final_obs"
"""Key of the info under which Gymnasium's mode `SAME_STEP` has the last observation."""


class ObservationWrapper(VectorWrapper):
    """A `VectorObservationWrapper` for any autoreset mode; Gymnasium's does not take `SAME_STEP`.

    A subclass sets the observation spaces, and defines `observations`.

    Args:
        env: A batch of one scenario with one layout.

    Raises:
        ValueError: If the batch is no `CEASVectorEnv`, has several layouts, or repeats actions.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Wraps the batch."""
        super().__init__(env)
        self.params = _params(env)
        self.seen: Any = None
        """Last observations of the batch, unchanged; None before the first reset."""

    def observations(self, observations: Any) -> Any:  # noqa: ANN401 - as Gymnasium has it
        """Returns the changed observations.

        Args:
            observations: Of the batch, in [0, 1]; each array has shape (num_envs, ...).
        """
        raise NotImplementedError

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Returns the changed first observations of new episodes, of shape (num_envs, ...).

        Args:
            seed: At least 0; row i gets `seed + i`.
            options: With `reset_mask`, booleans of shape (num_envs,), only those rows are reset.
        """
        self.seen, info = self.env.reset(seed=seed, options=options)
        return self.observations(self.seen), info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:  # noqa: ANN401
        """Returns what a step of the batch returns, with changed observations.

        Args:
            actions: One action for each row, shape (num_envs, ...), within the action space.
        """
        self.seen, rewards, terminated, truncated, info = self.env.step(actions)
        if FINAL in info:
            info = {**info, FINAL: self._final(info)}
        return self.observations(self.seen), rewards, terminated, truncated, info

    def _final(self, info: dict[str, Any]) -> NDArray[Any]:
        # All rows, though not all have ended: one fixed shape is compiled only once.
        ended = np.flatnonzero(info[f"_{FINAL}"])
        last = {name: values.copy() for name, values in self.seen.items()}
        for row in ended:
            for name, values in last.items():
                values[row] = info[FINAL][row][name]
        shown = list(iterate(self.observation_space, self.observations(last)))
        rows = np.full(self.num_envs, None, dtype=object)
        for row in ended:
            rows[row] = shown[row]
        return rows


def _params(env: VectorEnv[Any, Any, Any]) -> Params:
    batch, layer = env.unwrapped, env
    while isinstance(layer, VectorWrapper):
        if isinstance(layer, ActionRepeat):
            raise ValueError("Argument `env` must not be in an ActionRepeat; put that around this.")
        layer = layer.env
    if not isinstance(batch, CEASVectorEnv) or batch.view is not views.PLAIN:
        raise ValueError(
            f"Argument `env` must be a CEASVectorEnv, but is a {type(batch).__name__}."
        )
    if (layouts := batch.scenario.episode.layouts) > 1:
        raise ValueError(
            f"Argument `env` must have one layout, but episode.layouts is {layouts}: schedules are "
            "computed for the network of one."
        )
    return batch.params
