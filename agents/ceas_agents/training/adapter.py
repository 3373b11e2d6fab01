"""Gymnasium's batches of environments as the `VecEnv` that Stable-Baselines3 learns from."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import (
    VecEnvIndices,
    VecEnvObs,
    VecEnvStepReturn,
)

from ceas_gym.envs.vector_env import CEASVectorEnv
from ceas_gym.scenario import Scenario

Wrapper = Callable[[VectorEnv[Any, Any, Any]], VectorEnv[Any, Any, Any]]
OF_THE_END = ("final_obs", "final_info", "episode")
"""What Gymnasium and its `RecordEpisodeStatistics` add to the info where a row ended."""


def vec_env(
    scenario: str | os.PathLike[str] | Scenario,
    rows: int,
    *,
    wrappers: Iterable[Wrapper] = (),
    overrides: Mapping[str, object] | None = None,
    seed: int = 0,
) -> "GymnasiumVecEnv":
    """Returns environments of one scenario, for a learner of Stable-Baselines3.

    Args:
        scenario: As for `CEASEnv`.
        rows: Number of environments, stepped together.
        wrappers: Of Gymnasium's kind, around the batch, the innermost first.
        overrides: As for `CEASEnv`.
        seed: Row i begins with the episode of `seed + i`, so the seeds of independent runs are at
            least `rows` apart. A learner that is given a seed sets its own instead.

    Example:
        >>> from ceas_agents.wrappers import Dispatch
        >>> envs = vec_env("tiny", rows=3, wrappers=[Dispatch])
        >>> envs.num_envs, envs.action_space
        (3, Discrete(9))
    """
    batch: VectorEnv[Any, Any, Any] = CEASVectorEnv(
        rows, scenario, overrides=overrides, autoreset_mode=AutoresetMode.SAME_STEP
    )
    for wrap in wrappers:
        batch = wrap(batch)
    envs = GymnasiumVecEnv(batch)
    envs.seed(seed)
    return envs


class GymnasiumVecEnv(VecEnv):
    """A `VectorEnv` as Stable-Baselines3 takes it, in one process.

    The info of a row is empty but in the step that ends its episode, where it has the last figures
    (`accuracy` and others), `terminal_observation` and `TimeLimit.truncated`: a dictionary for
    every row and step would cost more than the step of a fast environment. With Gymnasium's
    `RecordEpisodeStatistics` around the batch, it also has `episode`, which is what learners log:
    return, length and time of the episode beside its last figures.

    Rows are one object, so an attribute is the same for all, and can be set, like a method be
    called, for all of them only.

    Args:
        envs: A batch in autoreset mode `SAME_STEP`.

    Raises:
        ValueError: If the batch is in another mode.

    Example:
        >>> import gymnasium as gym
        >>> mode = {"autoreset_mode": AutoresetMode.SAME_STEP}
        >>> batch = gym.make_vec("CartPole-v1", 2, "sync", vector_kwargs=mode)
        >>> envs = GymnasiumVecEnv(batch)
        >>> observation = envs.reset()
        >>> observation, rewards, dones, infos = envs.step(np.array([0, 1]))
        >>> rewards, infos
        (array([1., 1.], dtype=float32), [{}, {}])
    """

    def __init__(self, envs: VectorEnv[Any, Any, Any]) -> None:
        """Wraps the batch, which belongs to the adapter from now on."""
        mode = envs.metadata.get("autoreset_mode")
        if mode is not AutoresetMode.SAME_STEP:
            raise ValueError(
                f"Argument `envs` must be in autoreset mode SAME_STEP, but is in {_named(mode)}; "
                "make it with `autoreset_mode=AutoresetMode.SAME_STEP`."
            )
        self.envs = envs
        self._actions: NDArray[Any] | None = None
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> VecEnvObs:
        """Starts an episode in every row, with the seeds and options that were set, if any."""
        observation, info = self.envs.reset(seed=self._seeds[0], options=self._shared_options())
        self.reset_infos = [_row(info, row) for row in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return _copy(observation)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the actions of the next step."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Steps every row; where an episode ended, the observation is the next one's first."""
        observation, rewards, terminated, truncated, info = self.envs.step(self._actions)
        ended = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(ended).tolist():
            infos[row] = _ending(info, row) | {"TimeLimit.truncated": not terminated[row]}
            self.reset_infos[row] = _beginning(info, row)
        # The learner adds to the rewards of truncated rows in place.
        return _copy(observation), np.array(rewards, np.float32), ended, infos

    def close(self) -> None:
        """Closes the batch."""
        self.envs.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Returns a picture of each row, or None where the batch draws none."""
        frames: Any = self.envs.render() if self.render_mode == "rgb_array" else None
        return frames or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Returns the attribute of the batch, once for each row.

        Raises:
            AttributeError: If the batch has none of that name.
        """
        value = getattr(self._owner(attr_name), attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:  # noqa: ANN401
        """Sets the attribute of the batch, on the wrapper that has it if one does.

        Raises:
            ValueError: If not for all rows.
        """
        self._require_all(indices)
        setattr(self._owner(attr_name), attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,  # noqa: ANN401
        indices: VecEnvIndices = None,
        **method_kwargs: Any,  # noqa: ANN401
    ) -> list[Any]:
        """Calls the batch's method once, and returns its result once for each row.

        Raises:
            ValueError: If not for all rows.
        """
        self._require_all(indices)
        method = getattr(self._owner(method_name), method_name)
        result = method(*method_args, **method_kwargs)
        return [result] * self.num_envs

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Returns for each row whether the batch has such a wrapper around it."""
        found = any(isinstance(layer, wrapper_class) for layer in self._layers())
        return [found for _ in self._get_indices(indices)]

    def _layers(self) -> Iterator[VectorEnv[Any, Any, Any]]:
        layer = self.envs
        while isinstance(layer, VectorWrapper):
            yield layer
            layer = layer.env
        yield layer

    def _owner(self, name: str) -> VectorEnv[Any, Any, Any]:
        return next((layer for layer in self._layers() if hasattr(layer, name)), self.envs)

    def _require_all(self, indices: VecEnvIndices) -> None:
        rows = sorted(set(self._get_indices(indices)))
        if rows != list(range(self.num_envs)):
            raise ValueError(f"Rows are one object; leave `indices` out, which was {rows}.")

    def _shared_options(self) -> dict[str, Any] | None:
        first, *others = self._options
        if any(options != first for options in others):
            raise ValueError(f"Options must be the same for all rows, but are {self._options}.")
        return first or None


def _named(mode: object) -> str:
    return mode.name if isinstance(mode, AutoresetMode) else str(mode)


def _copy(observation: Any) -> Any:  # noqa: ANN401 - as the environment has it
    # The learner keeps observations over the next step, and torch wants to write to them.
    if isinstance(observation, Mapping):
        return {name: np.array(values) for name, values in observation.items()}
    return np.array(observation)


def _ending(info: Mapping[str, Any], row: int) -> dict[str, Any]:
    figures = _row(info.get("final_info", {}), row)
    last = {"terminal_observation": _copy(info["final_obs"][row])}
    if "episode" in info:
        last["episode"] = figures | _row(info["episode"], row)
    return figures | last


def _beginning(info: Mapping[str, Any], row: int) -> dict[str, Any]:
    return _row({name: values for name, values in info.items() if name not in OF_THE_END}, row)


def _row(info: Mapping[str, Any], row: int) -> dict[str, Any]:
    # Gymnasium keeps a name's values of all rows together, and which rows have one in `_name`.
    return {
        name: _row(values, row) if isinstance(values, Mapping) else values[row]
        for name, values in info.items()
        if not name.startswith("_") and (f"_{name}" not in info or info[f"_{name}"][row])
    }
