"""CEASVectorEnv: many environments of one scenario in one compiled call, on all cores."""

import os
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from jax.typing import ArrayLike
from jaxtyping import Array, Bool
from numpy.typing import NDArray

from ceas_gym import config, parameters
from ceas_gym.envs import arguments, core, render, views
from ceas_gym.envs.core import Output, PackedEpisode
from ceas_gym.envs.env import plain_spec
from ceas_gym.envs.views import View
from ceas_gym.jax_utils import packing, parallel, randomness
from ceas_gym.jax_utils.fast_compile import often, once
from ceas_gym.jax_utils.packing import Words
from ceas_gym.scenario import Scenario
from ceas_gym.task import metrics
from ceas_gym.types import Params

Flags = NDArray[np.bool_]
Mask = Bool[ArrayLike, " envs"]


class CEASVectorEnv(VectorEnv[Any, Any, NDArray[Any]]):
    """`num_envs` copies of `CEASEnv`, stepped and reset together, on all cores.

    After a reset with seed s, row i plays the episode of a single environment with seed s + i,
    whatever the size of the batch. Counts are equal. Other numbers may differ in their last bits,
    because XLA may add up the products of a loop in another order.

    Args:
        num_envs: Number of environments; at least 1.
        scenario: As for `CEASEnv`.
        overrides: As for `CEASEnv`.
        max_episode_steps: Truncates episodes that have not ended after so many steps.
        autoreset_mode: One of Gymnasium's three modes, or its name: `NEXT_STEP` (default: the step
            after the last one resets, whatever the action is), `SAME_STEP` (the last step resets;
            `info["final_obs"]` and `info["final_info"]` hold its observation and info), or
            `DISABLED` (reset ended rows with `reset(options={"reset_mask": mask})`).
        render_mode: `"rgb_array"`, `"ansi"`, or None: what `render` returns for each row.

    Example:
        >>> import gymnasium as gym
        >>> envs = gym.make_vec("ceas_gym/CEAS-v1", num_envs=3, scenario="tiny")
        >>> observation, info = envs.reset(seed=1)
        >>> observation["nodes"].shape, info["accuracy"].shape
        ((3, 4, 17), (3,))
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as Gymnasium declares it
        "render_modes": list(render.OF_BATCHES),
        "render_fps": render.FPS,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }
    view: ClassVar[View] = views.PLAIN
    """What an agent is shown, and what its actions mean."""

    def __init__(
        self,
        num_envs: int = 1,
        scenario: str | os.PathLike[str] | Scenario = "small",
        *,
        overrides: Mapping[str, object] | None = None,
        max_episode_steps: int | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
    ) -> None:
        """Builds the batch. The first reset and the first step compile it."""
        if render_mode is not None:
            arguments.choice("render_mode", render_mode, render.OF_BATCHES)
        self.num_envs = arguments.count("num_envs", num_envs)
        self.autoreset_mode = _mode(autoreset_mode)
        most = np.iinfo(np.int32).max
        if max_episode_steps is not None:
            most = min(most, arguments.count("max_episode_steps", max_episode_steps))
        self._limit = np.int32(most)
        self.scenario = config.load(scenario, overrides)
        with config.naming(scenario):
            self.params = parameters.build(self.scenario)
        self.render_mode, self._draws = render_mode, render_mode is not None
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space, self.single_action_space = self.view.spaces(self.params)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._parts = parallel.parts(self.num_envs)
        self._packed: list[PackedEpisode] = []
        self._output: Any = None
        self._seen: Any = None
        self._ended = np.zeros(self.num_envs, dtype=bool)
        self._renderer = render.Renderer(self.scenario, self.params, render_mode)
        self._spec: EnvSpec | None = None

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Returns the first observations of new episodes, in all rows or in some, and `info`.

        Args:
            seed: A whole number, at least 0, so that row i has `seed + i`; or one for each row.
            options: May hold `reset_mask`, booleans of shape (num_envs,): the rows to reset.

        Returns:
            observation: As from `CEASEnv.reset`, with the rows as first axis.
            info: Metrics by name, shape (num_envs,), and for each one a mask, named `_` and its
                name, of the rows that were reset.

        Raises:
            ValueError: If a seed is not a whole number from 0 on, their number is not that of the
                rows, or the options are anything else.
        """
        one, seeds = arguments.seeds(seed, self.num_envs)
        mask = arguments.reset_mask(options, self.num_envs)
        follows = seed is None and bool(self._packed)
        # The first reset begins the episodes of all rows.
        begins = mask | (not self._packed)
        super().reset(seed=one)
        begin = partial(_reset, self.params, follows=np.bool_(follows), draws=self._draws)
        begun = parallel.side_by_side(begin, self._key_words(seeds, follows=follows))
        if self._packed and not mask.all():
            parts = zip(self._cut(mask), begun, self._packed, strict=True)
            begun = [_select(*part) for part in parts]
        self._packed = begun
        self._ended &= ~mask
        observation, _, _, info = self._read([part.output for part in self._packed], mask)
        self._renderer.follow_rows(self._output, begins, begins=begins)
        return observation, info

    def step(
        self,
        actions: Any,  # noqa: ANN401 - as the view has it
    ) -> tuple[Any, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Returns what one step of every row results in, or its reset where the mode demands one.

        Args:
            actions: Requests in [-1, 1], shape (num_envs, windows, nodes), or (num_envs, nodes + 1)
                where a step is a window.

        Returns:
            Observation, reward, terminated, truncated and info, all with the rows as first axis.

        Raises:
            ValueError: If the actions have the wrong shape or an entry that is no finite number.
            RuntimeError: Before the first reset, or in mode `DISABLED` with an ended row.
        """
        if not self._packed:
            raise RuntimeError("Call `reset` before the first `step`.")
        if self.autoreset_mode is AutoresetMode.DISABLED and self._ended.any():
            rows = np.flatnonzero(self._ended).tolist()
            raise RuntimeError(f"Rows {rows} have ended; reset them first (no autoreset).")
        asked = self.view.asked(self.params, self._seen, actions)
        same_step = self.autoreset_mode is AutoresetMode.SAME_STEP
        advance = partial(
            _advance, self.params, limit=self._limit, same_step=same_step, draws=self._draws
        )
        before = [part.state for part in self._packed]
        advanced = parallel.side_by_side(advance, before, self._cut(asked), self._cut(self._ended))
        self._packed = [episode for episode, _, _ in advanced]
        observation, reward, terminated, info = self._read([last for _, last, _ in advanced])
        everybody = np.ones_like(self._ended)
        self._renderer.follow_rows(self._output, everybody, begins=self._ended)
        truncated = np.concatenate([np.asarray(cut) for _, _, cut in advanced])
        self._ended = terminated | truncated
        if same_step and self._ended.any():
            ending = _final(observation, info, self._ended)
            observation, _, _, info = self._read([part.output for part in self._packed])
            self._renderer.follow_rows(self._output, self._ended, begins=self._ended)
            info |= ending
            self._ended = np.zeros_like(self._ended)
        return observation, reward, terminated, truncated, info

    def render(self) -> tuple[Any, ...] | None:
        """Returns what `CEASEnv.render` returns, for each row: pictures, or texts.

        Without a render mode it returns None, and a warning says so. A row that has just begun an
        episode shows its start.

        Raises:
            RuntimeError: Before the first reset.
        """
        return self._renderer.draw_rows(self.num_envs)

    @property
    def spec(self) -> EnvSpec | None:
        """Returns Gymnasium's record of how this was made; None if it was made directly."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spec = plain_spec(spec, self.scenario)

    def _cut(self, rows: Any) -> list[Any]:  # noqa: ANN401 - any array of rows
        return [rows[part] for part in self._parts]

    def _key_words(self, seeds: Sequence[int | None], *, follows: bool) -> list[NDArray[np.uint32]]:
        if follows:
            return [core.key_words(np.asarray(part.state)) for part in self._packed]
        drawn = [int(self.np_random.integers(2**31)) if s is None else s for s in seeds]
        return self._cut(randomness.key_words(drawn))

    @cached_property
    def _output_shapes(self) -> Output:
        return core.output_shapes(self.params, draws=self._draws)

    def _read(
        self, parts: Sequence[Words], present: Flags | None = None
    ) -> tuple[Any, NDArray[np.float64], Flags, dict[str, Any]]:
        output: Any = packing.read(
            np.concatenate(list(map(np.asarray, parts))), self._output_shapes
        )
        figures, self._seen, self._output = output.figures, views.seen(output), output
        mask = np.ones(self.num_envs, dtype=bool) if present is None else present
        info: dict[str, Any] = {}
        for column, name in enumerate(metrics.NAMES, start=2):
            info[name], info[f"_{name}"] = np.where(mask, figures[:, column], 0), mask.copy()
        shown = self.view.shown(self._seen)
        return shown, figures[:, 0].astype(np.float64), figures[:, 1] > 0, info


def _mode(mode: AutoresetMode | str) -> AutoresetMode:
    # The values of Gymnasium's modes are spelt `SameStep`, their names `SAME_STEP`; both count.
    found = next((each for each in AutoresetMode if mode in (each, each.value)), None)
    names = AutoresetMode.__members__
    return found or AutoresetMode[arguments.choice("autoreset_mode", mode, names)]


def _final(observation: Any, info: dict[str, Any], ended: Flags) -> dict[str, Any]:  # noqa: ANN401
    # Gymnasium's form: an object array of observations, a nested dict of figures, and masks.
    rows = np.full(len(ended), None, dtype=object)
    for row in np.flatnonzero(ended):
        rows[row] = jax.tree.map(lambda values, row=row: values[row], observation)
    masked = {name: np.where(ended, values, 0) for name, values in info.items()}
    return {
        "final_obs": rows,
        "_final_obs": ended.copy(),
        "final_info": masked,
        "_final_info": ended.copy(),
    }


@partial(once, static_argnames="draws")
def _reset(
    params: Params, key_words: ArrayLike, *, follows: ArrayLike, draws: bool
) -> PackedEpisode:
    return parallel.each(lambda words: core.reset(params, words, follows, draws=draws), key_words)


@partial(often, static_argnames=("same_step", "draws"))
def _advance(
    params: Params,
    states: Words,
    actions: ArrayLike,
    ended: Mask,
    *,
    limit: np.int32,
    same_step: bool,
    draws: bool,
) -> tuple[PackedEpisode, Words, Array]:
    # A row that ended in the step before starts its next episode instead of a step. With
    # `same_step`, a row that ends in this step does so as well. Returns the episodes, the output
    # before such a reset, and which rows reached the limit.
    restart, go_on = (partial(call, params, draws=draws) for call in (core.reset, core.step))

    def row(state: Words, action: Array, has_ended: Array) -> tuple[PackedEpisode, Words, Array]:
        episode = jax.lax.cond(
            has_ended,
            lambda: restart(core.key_words(state), True),
            lambda: go_on(state, action),
        )
        steps, terminated = core.progress(params, episode)
        truncated = (steps >= limit) & ~terminated
        if not same_step:
            return episode, episode.output, truncated
        after = jax.lax.cond(
            terminated | truncated,
            lambda: restart(core.key_words(episode.state), True),
            lambda: episode,
        )
        return after, episode.output, truncated

    return parallel.each(row, states, jnp.asarray(actions), jnp.asarray(ended))


@jax.jit
def _select(mask: Mask, new: PackedEpisode, old: PackedEpisode) -> PackedEpisode:
    chosen = jnp.asarray(mask)[:, None]
    return jax.tree.map(lambda a, b: jnp.where(chosen, a, b), new, old)
