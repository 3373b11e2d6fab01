"""AuctionEnv: the environment in which every node is an agent that bids for channel-time."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pettingzoo import ParallelEnv

from ceas_gym.envs import arguments
from ceas_gym.envs.flat import CEASFlatEnv
from ceas_gym.scenario import Scenario
from ceas_gym.task import actions
from ceas_gym.task.observations import NETWORK_FEATURES, PLACE, node_features

Floats = NDArray[np.float32]
Infos = dict[str, dict[str, Any]]
Step = tuple[dict[str, Floats], dict[str, float], dict[str, bool], dict[str, bool], Infos]
"""Observations, rewards, terminations, truncations and infos, by agent."""


class AuctionEnv(ParallelEnv[str, Floats, Floats]):
    """`CEASEnv` with N agents: every node bids for channel-time, and the hub clears the bids.

    With the same bids and seed, an episode is that of `ceas_gym/CEAS-v1`.

    ## Agents
    `node_0` to `node_{N - 1}`, all alike, so that they may share one policy. All act in every step,
    and all end together. A node's agent does not know whether the node is Byzantine; what Byzantine
    nodes do is the scenario's attack, whatever they bid.

    ## Action space
    `Box(-1, 1, (W,), float32)` for each agent: its bids for the W windows of the round, or for one
    window (W = 1) where `episode.decision` is `window`. A bid a asks for the share (a + 1) / 2 of a
    channel. Bids cost nothing: if they exceed the channels of the hub, or of a fibre that several
    routes share, they are scaled down. Bids outside [-1, 1] are clipped; NaN is an error.

    The hub is part of the environment, as the auctioneer is in an auction, and decides about the
    barrier by a rule. Where `episode.decision` is `window`, the barrier fires at the end of a
    window if, when the window starts, a quorum is ready and has pairs that outlive it; and by
    itself after `network.most_windows`. Else it fires at the end of the round.

    ## Observation space
    `Box(0, 1, (33,), float32)` for each agent: the 16 features of the network, then the 17 (where
    nodes form teams, 21) features of its own node, as `CEASEnv` describes them. `state()` returns
    the features of the network and of all nodes, for a critic that is trained in one place; it has
    the `state_space` `Box(0, 1, (16 + 17 N,), float32)`.

    ## Rewards
    All agents get the same reward, the scenario's (`episode.reward`): they train one model.

    ## Episode end
    All agents are terminated when the training budget is spent, or the model diverged; then
    `agents` is empty until the next reset. None is ever truncated.

    ## Infos
    The metrics of the step, for people; all agents get the same.

    Args:
        scenario: A shipped name, a path to a YAML file, or a `Scenario`.
        overrides: Single settings by dotted key.
        render_mode: `"rgb_array"`, `"human"`, `"ansi"`, or None.

    Example:
        >>> env = AuctionEnv("micro-loop")
        >>> observations, infos = env.reset(seed=1)
        >>> env.agents, env.action_space("node_0").shape, env.state().shape
        (['node_0', 'node_1'], (1,), (50,))

    ## Version history
    - v1: first release.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - as PettingZoo declares it
        "name": "ceas_auction_v1",
        "render_modes": CEASFlatEnv.metadata["render_modes"],
        "render_fps": CEASFlatEnv.metadata["render_fps"],
        "is_parallelizable": True,
    }

    def __init__(
        self,
        scenario: str | os.PathLike[str] | Scenario = "small",
        *,
        overrides: Mapping[str, object] | None = None,
        render_mode: str | None = None,
    ) -> None:
        """Builds the environment. The first reset and the first step compile it."""
        self._hub = CEASFlatEnv(scenario, overrides=overrides, render_mode=render_mode)
        network = self._hub.params.network
        self.render_mode = render_mode
        self.possible_agents = [f"node_{node}" for node in range(network.nodes)]
        self.agents: list[str] = []
        features = len(NETWORK_FEATURES) + len(node_features(network))
        self._bids_shape = (actions.windows(self._hub.params),)
        self.observation_spaces = self._boxes(0.0, (features,))
        self.action_spaces = self._boxes(-1.0, self._bids_shape)
        self.state_space = self._hub.observation_space
        self._state = np.zeros(0, np.float32)

    def observation_space(self, agent: str) -> spaces.Space[Floats]:
        """Returns the space of an agent's observations: the same object in every call."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Floats]:
        """Returns the space of an agent's bids: the same object in every call."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Floats], Infos]:
        """Returns the first observations of a new episode, and `infos`, by agent.

        Args:
            seed: Whole number, at least 0, which decides the whole episode. Without one, the random
                key derives from the previous episode, or from the system's entropy.
            options: Not used.

        Raises:
            ValueError: If the seed is not a whole number from 0 on.
        """
        self._state, info = self._hub.reset(seed=seed, options=options)
        self.agents = list(self.possible_agents)
        return self._observations(), self._infos(info)

    def step(self, actions: Mapping[str, Any]) -> Step:
        """Returns what one step results in, by agent.

        Args:
            actions: The bids of every agent in [-1, 1], shape (windows,), or (1,) where a step is a
                window; values outside are clipped.

        Returns:
            Observations, rewards, terminations, truncations, infos.

        Raises:
            ValueError: If an agent is missing or unknown, or its bids have the wrong shape or are
                not finite.
            RuntimeError: Before the first reset, and from the end of an episode to the next one.
        """
        if not self.agents:
            raise RuntimeError("No episode is running; call `reset` before the next `step`.")
        bids = arguments.actions(actions, self.agents, self._bids_shape)
        self._state, reward, terminated, truncated, info = self._hub.step(self._cleared(bids))
        acted, self.agents = self.agents, [] if terminated else self.agents
        return (
            self._observations(),
            dict.fromkeys(acted, reward),
            dict.fromkeys(acted, terminated),
            dict.fromkeys(acted, truncated),
            self._infos(info),
        )

    def state(self) -> Floats:
        """Returns what the hub observes of the network and of all nodes, shape (16 + 17 N,).

        Raises:
            RuntimeError: Before the first reset.
        """
        if not self._state.size:
            raise RuntimeError("Call `reset` before `state`.")
        return self._state.copy()

    def render(self) -> NDArray[np.uint8] | str | None:
        """Returns what `CEASEnv.render` returns: a picture, text, or None."""
        return self._hub.render()

    def close(self) -> None:
        """Closes the window of mode `human`; a second time does nothing."""
        self._hub.close()

    def _boxes(self, low: float, shape: tuple[int, ...]) -> dict[str, spaces.Space[Floats]]:
        # Each agent has its own, which is seeded by itself.
        return {agent: spaces.Box(low, 1.0, shape, np.float32) for agent in self.possible_agents}

    def _cleared(self, bids: Floats) -> Floats:
        # The bids as the action of the hub, which gives shares and decides about the barrier.
        if not self._hub.params.by_window:
            return bids.ravel()
        lasts = self._state[PLACE["worth_later"]] > 0
        return np.append(bids, np.float32(1.0 if lasts else -1.0))

    def _observations(self) -> dict[str, Floats]:
        network, nodes = np.split(self._state, [len(NETWORK_FEATURES)])
        rows = nodes.reshape(len(self.possible_agents), -1)
        return {
            agent: np.concatenate([network, own])
            for agent, own in zip(self.possible_agents, rows, strict=True)
        }

    def _infos(self, info: dict[str, Any]) -> Infos:
        return {agent: dict(info) for agent in self.possible_agents}
