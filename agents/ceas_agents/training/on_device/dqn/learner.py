"""The whole of double DQN as one function of its state: play, remember, update."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key, PyTree, UInt32

from ceas_agents.policies.node_network import Layers
from ceas_agents.training.on_device import descent, rollout
from ceas_agents.training.on_device.descent import Trained
from ceas_agents.training.on_device.dqn import network, replay, update
from ceas_agents.training.on_device.dqn.replay import Replay, Steps
from ceas_agents.training.on_device.dqn.settings import DQN, Network
from ceas_agents.training.on_device.environment import Environment
from ceas_agents.training.on_device.loop import Report
from ceas_agents.training.on_device.rollout import Game, Played, Rows
from ceas_gym.jax_utils import randomness


class Learner(NamedTuple):
    """All that changes in a training."""

    trained: Trained[Layers]
    target: Layers
    """Of the network that values what comes later."""
    rows: Rows
    replay: Replay
    key: Key[Array, ""]
    """Of the next update."""


class Setup(NamedTuple):
    """A `loop.Setup`."""

    environment: Environment
    dqn: DQN
    network: Network
    steps: int
    """Of the whole training, over all rows, at least 1."""
    reward_scale: float = 1.0
    """Factor on the rewards that the learner gets, above 0."""

    @property
    def length(self) -> int:
        """Returns the steps of each row between two updates."""
        return self.dqn.train_freq

    @property
    def game(self) -> Game:
        """Returns how rows are played."""
        return Game(self.environment, self.reward_scale)

    def begin(self, params: PyTree, rows: int, seed: UInt32[Array, ""]) -> Learner:
        """Returns a learner before its first update; arguments as for `loop.Setup.begin`."""
        weights_key, key = jax.random.split(randomness.quick(rollout.key_of(seed)))
        begun = rollout.begin(self.game, params, rows, seed)
        inputs, choices = (part.shape[-1] for part in begun.seen)
        layers = network.begin(weights_key, inputs, choices, self.network)
        memory = replay.begin(begun.seen, self._size(rows))
        trained = descent.begin(update.optimizer(self.dqn), layers)
        # A copy, because each array of a learner is a part of memory of its own.
        return Learner(trained, jax.tree.map(jnp.copy, layers), begun, memory, key)

    def one(self, params: PyTree, learner: Learner) -> tuple[Learner, Report]:
        """Returns the learner after one update; arguments as for `loop.Setup.one`."""
        following, play_key, learn_key = jax.random.split(learner.key, 3)
        keys, rows = jax.random.split(play_key, self.length), learner.rows.seed.shape[0]
        share = epsilon(self.dqn, learner.replay.added * rows, self.steps)
        decide = partial(network.explore, learner.trained.weights, share)
        after, played, episodes = rollout.play(self.game, params, learner.rows, decide, keys)
        memory = replay.add(learner.replay, remembered(played, after))
        target = followed(self.dqn, learner, memory.added)
        trained = jax.lax.cond(
            memory.added * rows > self.dqn.learning_starts,
            lambda: update.learn(self.dqn, learner.trained, target, memory, learn_key),
            lambda: learner.trained,
        )
        report = Report(episodes, jnp.full((), jnp.nan))
        return Learner(trained, target, after, memory, following), report

    def layers(self, learner: Learner) -> Layers:
        """Returns the layers of the trained network; arguments as for `loop.Setup.layers`."""
        return learner.trained.weights

    def _size(self, rows: int) -> int:
        # More than all steps of the training need no memory.
        updates = -(-self.steps // (rows * self.length))
        return min(self.dqn.buffer_size // rows, updates * self.length)


def epsilon(settings: DQN, played: Int[Array, ""], steps: int) -> Float[Array, ""]:
    """Returns the share of random choices, in [0, 1].

    It is one until learning starts. It falls linearly with the steps from the beginning on.

    Args:
        settings: First and last share, and when the last one is reached.
        played: Steps so far, over all rows.
        steps: Of the whole training, over all rows.
    """
    first, last = settings.exploration_initial_eps, settings.exploration_final_eps
    done = played / jnp.maximum(settings.exploration_fraction * steps, 1)
    share = first + (last - first) * jnp.minimum(done, 1)
    return jnp.where(played < settings.learning_starts, 1.0, share)


def remembered(played: Played, after: Rows) -> Steps:
    """Returns what is remembered of steps, shape (steps, rows).

    Args:
        played: Shape (steps, rows).
        after: The rows after these steps.
    """
    return Steps(
        played.seen.features,
        played.decision,
        played.result.reward,
        rollout.following(played, after),
        played.result.terminated,
    )


def followed(settings: DQN, learner: Learner, added: Int[Array, ""]) -> Layers:
    """Returns the target network, which follows the trained one at its intervals.

    Args:
        settings: Interval, and how far it follows each time.
        learner: Before the update.
        added: Steps of each row, including those of the update.
    """
    interval = max(settings.target_update_interval // learner.rows.seed.shape[0], 1)
    times = added // interval - learner.replay.added // interval
    share = 1 - (1 - settings.tau) ** times
    moved: Any = optax.incremental_update(learner.trained.weights, learner.target, share)  # pyright: ignore
    return moved
