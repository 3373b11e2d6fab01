"""The memory of what was played: the latest steps of all rows, as arrays on the device."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from ceas_agents.policies.choice_network import Shown


class Steps(NamedTuple):
    """Steps that were played, with any axes in front."""

    features: Float[Array, "... features"]
    choice: Int[Array, "..."]
    reward: Float[Array, "..."]
    """Scaled."""
    following: Shown
    """What was seen after the step; of no meaning if the episode has terminated."""
    terminated: Bool[Array, "..."]


class Replay(NamedTuple):
    """The memory."""

    steps: Steps
    """Shape (size, rows, ...): a ring, whose oldest steps are replaced first."""
    added: Int[Array, ""]
    """Steps of each row that were ever added."""


def begin(shown: Shown, size: int) -> Replay:
    """Returns an empty memory.

    Args:
        shown: What is seen, with the rows as first axis.
        size: Steps of each row that it can hold, at least 1.
    """
    rows = shown.features.shape[0]
    zeros = jnp.zeros(rows, jnp.float32)
    choice, never = jnp.zeros(rows, jnp.int32), jnp.zeros(rows, bool)
    like = Steps(shown.features, choice, zeros, shown, never)
    empty = jax.tree.map(lambda each: jnp.zeros((size, *each.shape), each.dtype), like)
    return Replay(empty, jnp.zeros((), jnp.int32))


def add(replay: Replay, steps: Steps) -> Replay:
    """Returns the memory with further steps.

    Args:
        replay: Before.
        steps: Shape (steps, rows, ...), at most as many as the memory can hold.
    """
    size, number = replay.steps.choice.shape[0], steps.choice.shape[0]
    places = (replay.added + jnp.arange(number)) % size
    put = jax.tree.map(lambda old, new: old.at[places].set(new), replay.steps, steps)
    return Replay(put, replay.added + number)


def draw(replay: Replay, number: int, key: Key[Array, ""]) -> Steps:
    """Returns random steps, of which each is drawn from all that are in memory.

    Args:
        replay: Not empty.
        number: How many, at least 1.
        key: Random key.
    """
    size, rows = replay.steps.choice.shape
    place_key, row_key = jax.random.split(key)
    places = jax.random.randint(place_key, (number,), 0, jnp.minimum(replay.added, size))
    chosen: PyTree = (places, jax.random.randint(row_key, (number,), 0, rows))
    return jax.tree.map(lambda each: each[chosen], replay.steps)
