"""Observations in another form, in any autoreset mode and with those that end episodes."""

from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import iterate
from numpy.typing import NDArray

from ceas_agents.wrappers.action_repeat import ActionRepeat
from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.types import Params

FINAL = "final_obs"
"""Where Gymnasium's mode `SAME_STEP` puts the last observation of an episode."""


class ObservationWrapper(VectorWrapper):
    """A `VectorObservationWrapper` that does not refuse the mode `SAME_STEP`, as Gymnasium's does.

    A class of this kind sets the spaces, and says in `observations` what becomes of a batch.

    Args:
        env: Of one scenario and one layout.

    Raises:
        ValueError: If it is no batch of `ceas_gym`, has several layouts, or repeats actions.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        """Wraps the batch."""
        super().__init__(env)
        self.params = _params(env)
        self.seen: Any = None
        """What the batch has observed last, as it shows it itself."""

    def observations(self, observations: Any) -> Any:  # noqa: ANN401 - as Gymnasium has it
        """Returns what is shown of a batch of observations."""
        raise NotImplementedError

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode in every row, or in those of `options["reset_mask"]`."""
        self.seen, info = self.env.reset(seed=seed, options=options)
        return self.observations(self.seen), info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:  # noqa: ANN401
        """Steps every row."""
        self.seen, rewards, terminated, truncated, info = self.env.step(actions)
        if FINAL in info:
            info = {**info, FINAL: self._final(info)}
        return self.observations(self.seen), rewards, terminated, truncated, info

    def _final(self, info: dict[str, Any]) -> NDArray[Any]:
        # All rows in one call, whichever have ended, so that it is compiled once.
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
    if not isinstance(batch, CEASVectorEnv):
        raise ValueError(
            f"Argument `env` must be a CEASVectorEnv, but is a {type(batch).__name__}."
        )
    if (layouts := batch.scenario.episode.layouts) > 1:
        raise ValueError(
            f"Argument `env` must have one layout, but episode.layouts is {layouts}: schedules are "
            "computed for the network of one."
        )
    return batch.params
