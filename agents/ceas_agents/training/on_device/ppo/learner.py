"""The whole of PPO as one function of its state: play, advantages, update."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree, UInt32

from ceas_agents.policies import node_network
from ceas_agents.policies.node_network import Layers
from ceas_agents.training.on_device import descent, rollout
from ceas_agents.training.on_device.descent import Trained
from ceas_agents.training.on_device.environment import Environment
from ceas_agents.training.on_device.loop import Report
from ceas_agents.training.on_device.ppo import network, update
from ceas_agents.training.on_device.ppo.advantage import advantages
from ceas_agents.training.on_device.ppo.network import Weights
from ceas_agents.training.on_device.ppo.settings import PPO, Network
from ceas_agents.training.on_device.ppo.update import Batch
from ceas_agents.training.on_device.rollout import Game, Played, Rows
from ceas_gym.jax_utils import randomness


class Learner(NamedTuple):
    """All that changes in a training."""

    trained: Trained[Weights]
    rows: Rows
    key: Key[Array, ""]
    """Of the next update."""


class Setup(NamedTuple):
    """A `loop.Setup`."""

    environment: Environment
    ppo: PPO
    network: Network
    windows: int = 1
    """Requests of each node in a step."""
    fires: bool = False
    """Whether the network also says when the barrier fires."""
    reward_scale: float = 1.0
    """Factor on the rewards that the learner gets, above 0."""

    @property
    def length(self) -> int:
        """Returns the steps of each row between two updates."""
        return self.ppo.n_steps

    @property
    def game(self) -> Game:
        """Returns how rows are played."""
        return Game(self.environment, self.reward_scale)

    def begin(self, params: PyTree, rows: int, seed: UInt32[Array, ""]) -> Learner:
        """Returns a learner before its first update; arguments as for `loop.Setup.begin`."""
        weights_key, key = jax.random.split(randomness.quick(rollout.key_of(seed)))
        begun = rollout.begin(self.game, params, rows, seed)
        width = node_network.width(begun.seen)
        weights = network.begin(weights_key, width, self.windows, self.network, fires=self.fires)
        return Learner(descent.begin(update.optimizer(self.ppo), weights), begun, key)

    def one(self, params: PyTree, learner: Learner) -> tuple[Learner, Report]:
        """Returns the learner after one update; arguments as for `loop.Setup.one`."""
        following, play_key, learn_key = jax.random.split(learner.key, 3)
        weights, keys = learner.trained.weights, jax.random.split(play_key, self.length)
        decide = partial(network.decide, weights)
        rows, played, episodes = rollout.play(self.game, params, learner.rows, decide, keys)
        batch, explained = prepare(self.ppo, weights, played, rows)
        trained = update.learn(self.ppo, learner.trained, batch, learn_key)
        return Learner(trained, rows, following), Report(episodes, explained)

    def layers(self, learner: Learner) -> Layers:
        """Returns the layers of the actor; arguments as for `loop.Setup.layers`."""
        return learner.trained.weights.actor


def prepare(
    settings: PPO, weights: Weights, played: Played, after: Rows
) -> tuple[Batch, Float[Array, ""]]:
    """Returns the steps to learn from, and the share of variance that the critic foresaw.

    Args:
        settings: Discount and decay.
        weights: Of the network that has played.
        played: Shape (steps, rows).
        after: The rows after these steps.
    """
    choice, density, values = played.decision
    rewards, last = rewarded(settings, weights, played), network.value(weights, after.seen)
    ended, gamma = played.result.ended, settings.gamma
    gained = advantages(rewards, values, ended, last, gamma, settings.gae_lambda)
    targets = gained + values
    explained = 1 - gained.var() / targets.var()
    return jax.tree.map(_flat, Batch(played.seen, choice, density, gained, targets)), explained


def rewarded(settings: PPO, weights: Weights, played: Played) -> Float[Array, "steps rows"]:
    """Returns the rewards; after a time limit, with the discounted value of what would have come.

    Args:
        settings: The discount.
        weights: Only the critic is used.
        played: Shape (steps, rows).
    """
    result = played.result
    if result.last is None:
        return result.reward
    lost = settings.gamma * network.value(weights, result.last)
    return result.reward + jnp.where(result.ended & ~result.terminated, lost, 0)


def _flat(each: Array) -> Array:
    return each.reshape(-1, *each.shape[2:])
