"""Turns Gymnasium's vector environments into the `VecEnv` of Stable-Baselines3."""

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
OF_ROWS = ("action_masks",)
"""Methods of a batch that return an array with a row for each environment."""
OF_THE_END = ("final_obs", "final_info", "episode")
"""Keys of an info that Gymnasium and `RecordEpisodeStatistics` add when a row's episode ends."""


def vec_env(
    scenario: str | os.PathLike[str] | Scenario,
    rows: int,
    *,
    kind: type[CEASVectorEnv] = CEASVectorEnv,
    wrappers: Iterable[Wrapper] = (),
    overrides: Mapping[str, object] | None = None,
    seed: int = 0,
) -> "GymnasiumVecEnv":
    """Returns environments of one scenario, for a learner of Stable-Baselines3.

    Observations, rewards and actions have the rows as the first axis: rewards have shape (rows,).

    Args:
        scenario: Name, path of a YAML file, or `Scenario`, as for `CEASEnv`.
        rows: Number of environments that are stepped together, at least 1.
        kind: What an agent is shown and what its actions mean, such as `CEASDispatchVectorEnv`.
        wrappers: Gymnasium vector wrappers around the batch, the innermost first.
        overrides: Values by dotted key of the scenario, as for `CEASEnv`.
        seed: At least 0. Row i begins with the episode of `seed + i`, so the seeds of independent
            runs must be at least `rows` apart. A learner that is given a seed replaces this one.

    Example:
        >>> from ceas_gym.envs.dispatch import CEASDispatchVectorEnv
        >>> envs = vec_env("tiny", rows=3, kind=CEASDispatchVectorEnv)
        >>> envs.num_envs, envs.action_space
        (3, Discrete(15))
    """
    batch: VectorEnv[Any, Any, Any] = kind(
        rows, scenario, overrides=overrides, autoreset_mode=AutoresetMode.SAME_STEP
    )
    for wrap in wrappers:
        batch = wrap(batch)
    envs = GymnasiumVecEnv(batch)
    envs.seed(seed)
    return envs


class GymnasiumVecEnv(VecEnv):
    """A Gymnasium `VectorEnv` as a `VecEnv` of Stable-Baselines3, in one process.

    The info of a row is empty except in the step that ends its episode. There it holds the last
    metrics (`accuracy` and others), `terminal_observation` and `TimeLimit.truncated`. To fill a
    dictionary for every row and step would cost more time than the step of a fast environment.
    With Gymnasium's `RecordEpisodeStatistics` around the batch, the info also holds `episode`,
    which learners log: return, length and duration of the episode, and its last metrics.

    All rows belong to one object, so an attribute has the same value for all of them. Attributes
    are set, and methods are called, for all rows at once. Only `action_masks`, which MaskablePPO
    asks `CEASDispatch-v1` for, differs from row to row.

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
        """Wraps the batch, which only the adapter may step and close from now on."""
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
        """Returns the first observations of new episodes, one in every row.

        Uses the seeds and options that were set before, if any.

        Returns:
            Observations, each array of shape (num_envs, ...).

        Raises:
            ValueError: If the rows were given different options.
        """
        observation, info = self.envs.reset(seed=self._seeds[0], options=self._shared_options())
        self.reset_infos = [_row(info, row) for row in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return _copy(observation)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Stores the actions of the next step.

        Args:
            actions: One action for each row, shape (num_envs, ...), within the action space.
        """
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Returns what all rows observe and earn when they play the stored actions.

        Returns:
            Observations, each array of shape (num_envs, ...); where an episode ended, the first
            observation of the next episode. Rewards, shape (num_envs,), in single precision.
            Whether the episode ended, shape (num_envs,). One info for each row.
        """
        observation, rewards, terminated, truncated, info = self.envs.step(self._actions)
        ended = terminated | truncated
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for row in np.flatnonzero(ended).tolist():
            infos[row] = _ending(info, row) | {"TimeLimit.truncated": not terminated[row]}
            self.reset_infos[row] = _beginning(info, row)
        # A copy, because the learner changes the rewards of truncated rows in place.
        return _copy(observation), np.array(rewards, np.float32), ended, infos

    def close(self) -> None:
        """Closes the batch; nothing can be stepped afterwards."""
        self.envs.close()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """Returns a picture of each row, shape (height, width, 3), or None if none is drawn."""
        frames: Any = self.envs.render() if self.render_mode == "rgb_array" else None
        return frames or [None] * self.num_envs

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Returns an attribute of the batch, repeated for each row asked for.

        Args:
            attr_name: Name of the attribute.
            indices: Rows in [0, num_envs); all if None.

        Raises:
            AttributeError: If the batch has no attribute of that name.
        """
        value = getattr(self._owner(attr_name), attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:  # noqa: ANN401
        """Sets an attribute of the batch, on the outermost wrapper that has it.

        Args:
            attr_name: Name of the attribute.
            value: New value, for all rows.
            indices: All rows in [0, num_envs), or None, which means the same.

        Raises:
            ValueError: If `indices` does not name all rows.
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
        """Returns the result of one call of the batch's method: for each row the same, or its own.

        Args:
            method_name: Name of the method.
            *method_args: Passed on to it.
            indices: All rows in [0, num_envs), or None, which means the same.
            **method_kwargs: Passed on to it.

        Raises:
            ValueError: If `indices` does not name all rows.
        """
        self._require_all(indices)
        method = getattr(self._owner(method_name), method_name)
        result = method(*method_args, **method_kwargs)
        return list(result) if method_name in OF_ROWS else [result] * self.num_envs

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Returns for each row whether the batch has a wrapper of this class around it.

        Args:
            wrapper_class: A Gymnasium vector wrapper.
            indices: Rows in [0, num_envs); all if None.
        """
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
            raise ValueError(f"Rows share one object; leave `indices` out, which was {rows}.")

    def _shared_options(self) -> dict[str, Any] | None:
        first, *others = self._options
        if any(options != first for options in others):
            raise ValueError(f"Options must be the same for all rows, but are {self._options}.")
        return first or None


def _named(mode: object) -> str:
    return mode.name if isinstance(mode, AutoresetMode) else str(mode)


def _copy(observation: Any) -> Any:  # noqa: ANN401 - any observation
    # The learner keeps observations during the next step, and torch needs writable arrays.
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
    # Gymnasium stores the values of all rows under `name`, and which rows have one under `_name`.
    return {
        name: _row(values, row) if isinstance(values, Mapping) else values[row]
        for name, values in info.items()
        if not name.startswith("_") and (f"_{name}" not in info or info[f"_{name}"][row])
    }
