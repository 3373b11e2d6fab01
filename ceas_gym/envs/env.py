"""CEASEnv: one environment with Gymnasium's interface. All physics is in `ceas_gym.dynamics`."""

import dataclasses
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from ceas_gym import config, parameters
from ceas_gym.envs import arguments, core, render, views
from ceas_gym.envs.core import Output, PackedEpisode
from ceas_gym.envs.render import Renderer
from ceas_gym.envs.views import View
from ceas_gym.jax_utils import packing, randomness
from ceas_gym.jax_utils.fast_compile import often, once
from ceas_gym.scenario import Scenario
from ceas_gym.task import metrics

_reset = once(core.reset, static_argnames="draws")
_step = often(core.step, static_argnames="draws")


class CEASEnv(gym.Env[Any, Any]):
    """A hub schedules Bell pairs for the training of a distributed quantum neural network.

    ## Description
    A hub is linked by fibre to N nodes, each with a quantum processor. The hub gives channel-time
    to the nodes in generation windows; heralded Bell pairs wait in decaying memories until the
    barrier, where they teleport encoded data to the nodes. Pairs buy shots, their fidelity buys
    signal, and some are measured into key that authenticates the nodes' updates. Byzantine nodes
    send bad updates; the hub aggregates robustly and takes one optimizer step. Below a quorum it
    takes none: pairs, key and time of the round are lost.

    ## Steps
    The setting `episode.decision` says what a step is. With `round` (default), it is W windows,
    after which the barrier fires. With `window`, it is one window, at whose end the barrier fires
    or not: the scheduler decides, and it pays for waiting and for barriers in time, which is the
    budget. After `network.most_windows` windows, the barrier fires by itself.

    ## Action space
    An entry a asks for the share (a + 1) / 2 of a channel for a node in a window. If the requests
    exceed the channels of the hub, or of a fibre that several routes share, they are scaled down.
    Values outside [-1, 1] are clipped; NaN and infinity are errors.

    - `round`: `Box(-1, 1, (W, N), float32)`, the requests for every window of the round.
    - `window`: `Box(-1, 1, (N + 1,), float32)`, the requests for this window; the last entry, if it
      is above zero, fires the barrier at the end of the window.

    ## Observation space
    `Dict(nodes=Box(0, 1, (N, 17)), network=Box(0, 1, (16,)))`, float32. It holds what a real hub
    can know: calibration, stored pairs and key, time, and the last barrier; never who is Byzantine.
    A feature is the named quantity in the unit of the last column, clipped to [0, 1].

    | nodes | meaning | unit |
    |---|---|---|
    | 0 rate | pairs of a whole channel in a window, on good links | log10(1 + pairs) / 5 |
    | 1 condition | expected factor on the rate, given all that was heralded | 1 |
    | 2 new_contraction | mean contraction of a new pair at the end of its window | 1 |
    | 3 survival | factor of one more window on the contraction that decays fastest | 1 |
    | 4 lifetime | windows until the cut-off, at most one round | rounds |
    | 5 key_rate | secret fraction of a pair measured when its window closes | bits / pair |
    | 6 stored | share of the memories that hold a pair | memories |
    | 7 stored_contraction | mean contraction of the stored pairs | 1 |
    | 8 information | information of the stored pairs if fired now | full memories |
    | 9 information_later | the same a window later, if none were added | full memories |
    | 10 key | share of the node's key pools that is filled | capacity |
    | 11 tags | share of a round's key, for all members, that is held | tags of a round |
    | 12 ready | whether the node has all tags of a round, and pairs for a shot | 0 or 1 |
    | 13 shots | shots of the last round | log10(1 + shots) / 4 |
    | 14 signal | contraction of the data in the last round | 1 |
    | 15 weight | weight in the last update | 4 / counted |
    | 16 silence | rounds since an update was last counted | 10 rounds |

    Where nodes form teams (`network.team_size`), updates are those of teams, and `information`,
    `ready` and what the last round brought are figures of the node's team. There are four more
    features, so that `nodes` is `Box(0, 1, (N, 21))`:

    | teams | meaning | unit |
    |---|---|---|
    | 17 team | number of the node's team | teams |
    | 18 taken | pairs of the node that a shot of its team takes | those of the busiest QPU |
    | 19 scarcest | shots for which the team's scarcest link has pairs | full memories |
    | 20 surplus | share of the memories with pairs beyond these shots | memories |

    | network | meaning | unit |
    |---|---|---|
    | 0 progress | share of the budget that is over; the rest is the time left | 1 |
    | 1 validation_loss | cross-entropy on the validation split | 2 log(classes) nats |
    | 2 validation_accuracy | on the validation split | 1 |
    | 3 share_bound | weight of the heaviest `tolerated_nodes` in the last update | 1 |
    | 4 committed | whether the last round was committed | 0 or 1 |
    | 5 authenticated | share of the nodes authenticated in the last round | nodes |
    | 6 counted | share of the nodes counted in the last round | nodes |
    | 7 tolerated | share of the nodes that the rule is set to tolerate | nodes |
    | 8 utilization | useful pairs of the episode over generated ones | 1 |
    | 9 calibration | time since the coherence times were calibrated | intervals |
    | 10 waited | windows since the last barrier | most_windows |
    | 11 ready | number of ready nodes | 2 quorums |
    | 12 worth | what a barrier now would be worth: G / (G + 300) | 1 |
    | 13 worth_later | the same a window later, if no pairs were added | 1 |
    | 14 late | time that the last agreement took from this round | rounds |
    | 15 lowest_loss | lowest validation loss of the episode so far | 2 log(classes) nats |

    `round` in a unit is one of W windows. `worth` is what the update of a barrier would be worth:
    G is the number of shots of perfect signal behind it (`ceas_gym.task.readiness`).

    ## Rewards
    Rewards are paid at barriers; a window that waits pays 0. The scenario names the reward:
    `loss_decrease` (default: by how much the barrier's update lowered the validation loss, in
    nats), `validation_accuracy`, `alignment`, `information`, or a function of your own.

    ## Starting state
    Empty memories, no key, a random model, and newly placed Byzantine nodes.

    ## Episode end
    The training budget is a time (`episode.budget_s`, or that of `episode.rounds` rounds), towards
    which the feature `progress` counts. `terminated` is set when no further barrier would end
    within it, or when the model diverged. `truncated` is set only by an outside time limit, such as
    `max_episode_steps`, which counts steps. After `terminated`, a further step is a `RuntimeError`
    until the next reset.

    ## Copies
    The environment can be pickled and copied at any time; the copy continues exactly as the
    original does. `spec` holds plain numbers and text, so that `spec.to_json()` works.

    ## Arguments
    Args:
        scenario: A shipped name (`ceas-gym list scenarios` shows them), a
            path to a YAML file, or a `Scenario`.
        overrides: Single settings by dotted key, such as `{"attack.name": "none"}`.
        render_mode: `"rgb_array"`, `"human"`, `"ansi"`, or None, as `render` describes them.

    Example:
        >>> env = gym.make("ceas_gym/CEAS-v1", scenario="tiny")
        >>> observation, info = env.reset(seed=1)
        >>> observation["nodes"].shape, env.action_space.shape
        ((4, 17), (4, 4))
        >>> closed_loop = {"episode.decision": "window"}
        >>> gym.make("ceas_gym/CEAS-v1", scenario="tiny", overrides=closed_loop).action_space.shape
        (5,)

    ## Version history
    - v1: a step may be a window, and the budget is a time. Three more features of the nodes and
      five of the network. One id for all scenarios; `CEASFlat-v1` and `CEASDispatch-v1` are the
      same environment with other observations and actions. With the same actions, an episode of
      whole rounds is that of v0.
    - v0: first release.

    Source:
        arXiv:2602.06847.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as Gymnasium declares it
        "render_modes": list(render.MODES),
        "render_fps": render.FPS,
    }
    view: ClassVar[View] = views.PLAIN
    """What an agent is shown, and what its actions mean."""

    def __init__(
        self,
        scenario: str | os.PathLike[str] | Scenario = "small",
        *,
        overrides: Mapping[str, object] | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Builds the environment. The first reset and the first step compile it."""
        if render_mode is not None:
            arguments.choice("render_mode", render_mode, self.metadata["render_modes"])
        self.scenario = config.load(scenario, overrides)
        with config.naming(scenario):
            self.params = parameters.build(self.scenario)
        self.observation_space, self.action_space = self.view.spaces(self.params)
        self.render_mode, self._draws = render_mode, render_mode is not None
        self._packed: PackedEpisode | None = None
        self._seen: Any = None
        self._renderer = Renderer(self.scenario, self.params, render_mode)
        self._ended = False
        self._spec: EnvSpec | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Returns the first observation of a new episode, and `info`.

        Args:
            seed: Whole number, at least 0, which decides the whole episode. Without one, the random
                key derives from the previous episode, so that a seed also decides all episodes
                after it; the first of all derives from the system's entropy.
            options: Taken, as Gymnasium asks, but not used.

        Returns:
            observation: `nodes`, shape (nodes, 17), or (nodes, 21) where nodes form teams, and
                `network`, shape (16,), in [0, 1].
            info: The metrics of a step in which nothing happened, by name.

        Raises:
            ValueError: If the seed is not a whole number from 0 on.
        """
        seed = arguments.seed(seed)
        super().reset(seed=seed)
        follows = seed is None and self._packed is not None
        episode = _reset(self.params, self._key_words(seed), follows, draws=self._draws)
        observation, _, _, info = self._take(episode, begins=True)
        return observation, info

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:  # noqa: ANN401
        """Returns what one step results in: observation, reward, terminated, truncated, info.

        Args:
            action: Requests in [-1, 1], shape (windows, nodes), or (nodes + 1,) where a step is a
                window; values outside are clipped.

        Raises:
            ValueError: If the action has the wrong shape or an entry that is no finite number.
            RuntimeError: Before the first reset, and from the end of an episode to the next one.
        """
        if self._packed is None:
            raise RuntimeError("Call `reset` before the first `step`.")
        if self._ended:
            raise RuntimeError("The episode has ended; call `reset` before the next `step`.")
        asked = self.view.asked(self.params, self._seen, action)
        episode = _step(self.params, self._packed.state, asked, draws=self._draws)
        observation, reward, terminated, info = self._take(episode, begins=False)
        return observation, reward, terminated, False, info

    def render(self) -> NDArray[np.uint8] | str | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Returns the last step, and the round that it belongs to, as the render mode has it.

        - `rgb_array`: a picture, shape (800, 1280, 3), in [0, 255]. It shows the nodes on the map,
          their pairs by age, key, channel-time, who is ready, who was counted and with what weight,
          the conditions of fibres, accuracy, loss, and barriers. Byzantine nodes are marked, for
          people; no observation tells of them.
        - `human`: None. Each reset and step shows a picture in a window for a quarter of a second.
        - `ansi`: the same as text, in lines of at most 100 characters.

        Without a render mode it returns None, and a warning says so.

        Raises:
            RuntimeError: Before the first reset.
        """
        return self._renderer.draw()

    def close(self) -> None:
        """Closes the window of mode `human`; a second time does nothing."""
        self._renderer.close()

    @property
    def spec(self) -> EnvSpec | None:
        """Returns Gymnasium's record of how this was made; None if it was made directly."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:  # pyright: ignore[reportIncompatibleVariableOverride]
        self._spec = plain_spec(spec, self.scenario)

    def _key_words(self, seed: int | None) -> NDArray[np.uint32]:
        if seed is None and self._packed is not None:
            return core.key_words(np.asarray(self._packed.state))
        start = int(self.np_random.integers(2**31)) if seed is None else seed
        return randomness.key_words([start])[0]

    @cached_property
    def _output_shapes(self) -> Output:
        return core.output_shapes(self.params, draws=self._draws)

    def _take(
        self, episode: PackedEpisode, *, begins: bool
    ) -> tuple[Any, float, bool, dict[str, Any]]:
        self._packed = episode
        output: Any = packing.read(np.array(episode.output), self._output_shapes)
        reward, terminated, *values = output.figures.tolist()
        info = dict(zip(metrics.NAMES, values, strict=True))
        self._seen, self._ended = views.seen(output), bool(terminated)
        self._renderer.follow(output.scene, info, begins=begins)
        return self.view.shown(self._seen), reward, self._ended, info


def plain_spec(spec: EnvSpec | None, scenario: Scenario) -> EnvSpec | None:
    """Returns a record of how an environment was made, such that `EnvSpec.to_json` can write it.

    Args:
        spec: Record with the arguments as they were given, such as NumPy's numbers, paths, or a
            `Scenario`.
        scenario: The checked scenario, whose settings replace a `Scenario` and its overrides.

    Returns:
        The record with plain numbers, text, and nested lists of the same shape instead of arrays.
    """
    if spec is None:
        return None
    given: dict[str, Any] = spec.kwargs
    if isinstance(given.get("scenario"), Scenario):
        given = {**given, "scenario": "small", "overrides": config.flat(scenario)}
    return dataclasses.replace(spec, kwargs=config.plain(given))
