"""The whole of PPO as one function of its state: play, advantages, update, again.

The functions are for use in `jit`; `begin_compiled`, `learn_compiled` and `of_seeds_compiled` are
compiled ones.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree, UInt32

from ceas_agents.policies import node_network
from ceas_agents.training.on_device import network, rollout, update
from ceas_agents.training.on_device.advantage import advantages
from ceas_agents.training.on_device.environment import Environment
from ceas_agents.training.on_device.rollout import Episodes, Game, Played, Rows
from ceas_agents.training.on_device.settings import PPO, Network
from ceas_agents.training.on_device.update import Batch, Trained
from ceas_gym.jax_utils import parallel, randomness
from ceas_gym.jax_utils.fast_compile import often


class Setup(NamedTuple):
    """What is learned on, and how: fixed when the program is compiled."""

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
    def game(self) -> Game:
        """Returns how rows are played."""
        return Game(self.environment, self.reward_scale, self.ppo.gamma)


class Learner(NamedTuple):
    """All that changes in a training; a run that goes on with it is the same, bit for bit."""

    trained: Trained
    rows: Rows
    key: Key[Array, ""]
    """Of the next update."""


class Report(NamedTuple):
    """What updates tell, with the updates as first axis."""

    episodes: Episodes
    explained_variance: Float[Array, " updates"]
    """Share of the variance of returns that the critic foresaw, at most 1."""


def begin(setup: Setup, params: PyTree, rows: int, seed: UInt32[Array, ""]) -> Learner:
    """Returns a learner before its first update.

    Args:
        setup: What is learned on, and how.
        params: Parameters of the environment.
        rows: Environments stepped together, at least 1.
        seed: Row i begins with the episode of `seed + i`; it also decides the weights.
    """
    weights_key, key = jax.random.split(randomness.quick(rollout.key_of(seed)))
    seeds = seed.astype(jnp.uint32) + jnp.arange(rows, dtype=jnp.uint32)
    begun = rollout.begin(setup.game, params, seeds)
    width = node_network.width(begun.seen)
    weights = network.begin(weights_key, width, setup.windows, setup.network, fires=setup.fires)
    memory = update.optimizer(setup.ppo).init(weights)  # pyright: ignore[reportArgumentType]
    return Learner(Trained(weights, memory), begun, key)


def learn(setup: Setup, params: PyTree, learner: Learner, updates: int) -> tuple[Learner, Report]:
    """Returns the learner after some updates, and what they tell.

    Args:
        setup: What is learned on, and how.
        params: Parameters of the environment.
        learner: Before these updates.
        updates: How many, at least 1; each takes `n_steps` steps of every row.
    """
    return jax.lax.scan(lambda each, _: one(setup, params, each), learner, length=updates)


def of_seeds(
    setup: Setup, params: PyTree, rows: int, seeds: UInt32[Array, " seeds"], updates: int
) -> tuple[Learner, Report]:
    """Returns learners of several seeds after some updates, with the seeds as first axis.

    An accelerator trains all of them at once (`vmap`), a core of a processor one after the other.

    Args:
        setup: What is learned on, and how.
        params: Parameters of the environment.
        rows: Environments of each learner, at least 1.
        seeds: At least `rows` apart.
        updates: How many, at least 1.
    """

    def each(seed: Array) -> tuple[Learner, Report]:
        return learn(setup, params, begin(setup, params, rows, seed), updates)

    return parallel.each(each, seeds)


def one(setup: Setup, params: PyTree, learner: Learner) -> tuple[Learner, Report]:
    """Returns the learner after one update, and what it tells; arguments as for `learn`."""
    following, play_key, learn_key = jax.random.split(learner.key, 3)
    keys = jax.random.split(play_key, setup.ppo.n_steps)
    weights = learner.trained.weights
    rows, played, episodes = rollout.play(setup.game, params, weights, learner.rows, keys)
    batch, explained = prepare(setup.ppo, played, network.value(weights, rows.seen))
    trained = update.learn(setup.ppo, learner.trained, batch, learn_key)
    return Learner(trained, rows, following), Report(episodes, explained)


def prepare(
    settings: PPO, played: Played, last: Float[Array, " rows"]
) -> tuple[Batch, Float[Array, ""]]:
    """Returns the steps to learn from, and the share of variance that the critic foresaw.

    Args:
        settings: Discount and decay.
        played: Shape (steps, rows).
        last: What the critic expects after the last step.
    """
    gained = advantages(
        played.reward, played.value, played.ended, last, settings.gamma, settings.gae_lambda
    )
    targets = gained + played.value
    explained = 1 - gained.var() / targets.var()
    batch = Batch(played.seen, played.choice, played.log_density, gained, targets)
    return jax.tree.map(_flat, batch), explained


def _flat(each: Array) -> Array:
    return each.reshape(-1, *each.shape[2:])


begin_compiled = often(begin, static_argnums=(0, 2))
learn_compiled = often(learn, static_argnums=(0, 3))
of_seeds_compiled = often(of_seeds, static_argnums=(0, 2, 4))
