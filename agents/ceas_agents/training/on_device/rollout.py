"""Play: many rows for some steps, each of which begins its next episode by its next seed."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key, PyTree, UInt32

from ceas_agents.policies import node_network
from ceas_agents.policies.node_network import Seen
from ceas_agents.training.on_device import network
from ceas_agents.training.on_device.environment import Environment, Outcome
from ceas_agents.training.on_device.network import Choice, Weights
from ceas_gym.jax_utils import parallel


class Rows(NamedTuple):
    """Episodes in progress; each array has the rows as first axis."""

    state: PyTree
    seen: Seen
    seed: UInt32[Array, " rows"]
    """Of the episode in progress."""
    earned: Float[Array, " rows"]
    """Sum of its unscaled rewards so far."""


class Episodes(NamedTuple):
    """The episodes that ended in a step; NaN for rows whose episode goes on."""

    earned: Float[Array, "steps rows"]
    """Sum of unscaled rewards."""
    metrics: dict[str, Float[Array, "steps rows"]]
    """Of the last step."""


class Played(NamedTuple):
    """What was played, with steps and rows as first axes."""

    seen: Seen
    choice: Choice
    log_density: Float[Array, "steps rows"]
    value: Float[Array, "steps rows"]
    reward: Float[Array, "steps rows"]
    """Scaled; after a step that a time limit has ended, with the discounted value that is lost."""
    ended: Bool[Array, "steps rows"]


class Game(NamedTuple):
    """How rows are played."""

    environment: Environment
    reward_scale: float = 1.0
    """Factor on the rewards, above 0."""
    discount: float = 0.99
    """For the value after a time limit, in [0, 1]."""


def key_of(seed: UInt32[Array, ""]) -> Key[Array, ""]:
    """Returns the random key of a seed in [0, 2^32), the same as `ceas_gym` gives it.

    Args:
        seed: Of an episode.
    """
    words = jnp.stack([jnp.zeros((), jnp.uint32), seed.astype(jnp.uint32)])
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def begin(game: Game, params: PyTree, seeds: UInt32[Array, " rows"]) -> Rows:
    """Returns rows at the start of the episodes of their seeds.

    Args:
        game: The environment.
        params: Its parameters.
        seeds: One for each row, consecutive, so that the seeds of further episodes are new.
    """

    def row(seed: Array) -> tuple[PyTree, Seen]:
        state, observation = game.environment.reset(params, key_of(seed))
        return state, game.environment.observe(params, state, observation)

    state, seen = parallel.each(row, seeds)
    return Rows(state, seen, seeds, jnp.zeros(seeds.shape))


def play(
    game: Game, params: PyTree, weights: Weights, rows: Rows, keys: Key[Array, " steps"]
) -> tuple[Rows, Played, Episodes]:
    """Returns the rows after some steps, what was played, and the episodes that ended.

    Args:
        game: The environment, and the scale of its rewards.
        params: Its parameters.
        weights: Of the network that plays.
        rows: Episodes in progress.
        keys: A random key for each step.
    """

    def one(rows: Rows, key: Array) -> tuple[Rows, tuple[Played, Episodes]]:
        choice, density = network.draw(weights, rows.seen, key)
        value = network.value(weights, rows.seen)
        advance = partial(_advance, game, params, weights, rows.seed.shape[0])
        after, reward, ended, episodes = parallel.each(advance, rows, choice)
        return after, (Played(rows.seen, choice, density, value, reward, ended), episodes)

    after, (played, episodes) = jax.lax.scan(one, rows, keys)
    return after, played, episodes


def _advance(
    game: Game, params: PyTree, weights: Weights, number: int, row: Rows, choice: Choice
) -> tuple[Rows, Array, Array, Episodes]:
    # One step of one row, and the start of its next episode where this one has ended.
    environment = game.environment
    outcome = environment.step(params, row.state, node_network.action(*choice))
    ended = outcome.terminated | outcome.truncated
    earned = row.earned + outcome.reward
    seed = jnp.where(ended, row.seed + jnp.uint32(number), row.seed)
    state, observation = jax.lax.cond(
        ended,
        lambda: environment.reset(params, key_of(seed)),
        lambda: (outcome.state, outcome.observation),
    )
    seen = environment.observe(params, state, observation)
    episodes = Episodes(
        jnp.where(ended, earned, jnp.nan),
        {name: jnp.where(ended, each, jnp.nan) for name, each in outcome.metrics.items()},
    )
    reward = game.reward_scale * outcome.reward + _lost(game, params, weights, outcome)
    return Rows(state, seen, seed, jnp.where(ended, 0, earned)), reward, ended, episodes


def _lost(game: Game, params: PyTree, weights: Weights, outcome: Outcome) -> Array:
    # The discounted value of the last observation, where a time limit has ended the episode.
    if not game.environment.can_truncate:
        return jnp.zeros(())
    seen = game.environment.observe(params, outcome.state, outcome.observation)
    is_cut = outcome.truncated & ~outcome.terminated
    return jnp.where(is_cut, game.discount * network.value(weights, seen), 0)
