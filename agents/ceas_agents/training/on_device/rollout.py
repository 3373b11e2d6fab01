"""Play: many rows for some steps, each of which begins its next episode by its next seed."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key, PyTree, UInt32

from ceas_agents.training.on_device.environment import Environment, Outcome
from ceas_gym.jax_utils import parallel


class Rows(NamedTuple):
    """Episodes in progress; each array has the rows as first axis."""

    state: PyTree
    seen: PyTree
    """What the environment shows to the network."""
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


class Result(NamedTuple):
    """What steps resulted in, with steps and rows as first axes."""

    reward: Float[Array, "steps rows"]
    """Scaled."""
    terminated: Bool[Array, "steps rows"]
    """Whether nothing can be earned any more."""
    ended: Bool[Array, "steps rows"]
    """Whether the episode is over, also if a time limit has ended it."""
    last: PyTree | None
    """What is seen after the step, before any reset; None where no time limit can end episodes."""


class Played(NamedTuple):
    """What was played, with steps and rows as first axes."""

    seen: PyTree
    decision: PyTree
    """What `Decide` says of it."""
    result: Result


class Game(NamedTuple):
    """How rows are played."""

    environment: Environment
    reward_scale: float = 1.0
    """Factor on the rewards, above 0."""


Decide = Callable[[PyTree, Key[Array, ""]], tuple[Array, PyTree]]
"""(what all rows see, random key) -> the action of each row, and what to keep of the decision."""


def key_of(seed: UInt32[Array, ""]) -> Key[Array, ""]:
    """Returns the random key of a seed in [0, 2^32), the same as `ceas_gym` gives it.

    Args:
        seed: Of an episode.
    """
    words = jnp.stack([jnp.zeros((), jnp.uint32), seed.astype(jnp.uint32)])
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def begin(game: Game, params: PyTree, rows: int, seed: UInt32[Array, ""]) -> Rows:
    """Returns rows at the start of the episodes of consecutive seeds.

    Args:
        game: The environment.
        params: Its parameters.
        rows: How many, at least 1.
        seed: Of the first row.
    """

    def row(seed: Array) -> tuple[PyTree, PyTree]:
        state, observation = game.environment.reset(params, key_of(seed))
        return state, game.environment.observe(params, state, observation)

    seeds = seed.astype(jnp.uint32) + jnp.arange(rows, dtype=jnp.uint32)
    state, seen = parallel.each(row, seeds)
    return Rows(state, seen, seeds, jnp.zeros(seeds.shape))


def play(
    game: Game, params: PyTree, rows: Rows, decide: Decide, keys: Key[Array, " steps"]
) -> tuple[Rows, Played, Episodes]:
    """Returns the rows after some steps, what was played, and the episodes that ended.

    Args:
        game: The environment, and the scale of its rewards.
        params: Its parameters.
        rows: Episodes in progress.
        decide: Which actions are taken.
        keys: A random key for each step.
    """

    def one(rows: Rows, key: Array) -> tuple[Rows, tuple[Played, Episodes]]:
        actions, decision = decide(rows.seen, key)
        advance = partial(_advance, game, params, rows.seed.shape[0])
        after, result, episodes = parallel.each(advance, rows, actions)
        return after, (Played(rows.seen, decision, result), episodes)

    after, (played, episodes) = jax.lax.scan(one, rows, keys)
    return after, played, episodes


def following(played: Played, after: Rows) -> PyTree:
    """Returns what was seen after each step, with steps and rows as first axes.

    After a step that has terminated an episode, nothing can be expected of it, so it may be what
    the next episode shows.

    Args:
        played: Shape (steps, rows).
        after: The rows after these steps.
    """
    if played.result.last is not None:
        return played.result.last
    return jax.tree.map(
        lambda seen, last: jnp.concatenate([seen[1:], last[None]]), played.seen, after.seen
    )


def _advance(
    game: Game, params: PyTree, number: int, row: Rows, action: Array
) -> tuple[Rows, Result, Episodes]:
    # One step of one row, and the start of its next episode where this one has ended.
    environment = game.environment
    outcome = environment.step(params, row.state, action)
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
    scaled = game.reward_scale * outcome.reward
    result = Result(scaled, outcome.terminated, ended, _last(environment, params, outcome))
    return Rows(state, seen, seed, jnp.where(ended, 0, earned)), result, episodes


def _last(environment: Environment, params: PyTree, outcome: Outcome) -> PyTree | None:
    if not environment.can_truncate:
        return None
    return environment.observe(params, outcome.state, outcome.observation)
