"""The compiled core of both environments: packed arrays go in, packed arrays come out."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Key
from numpy.typing import NDArray

from ceas_gym import dynamics
from ceas_gym.jax_utils import packing, randomness
from ceas_gym.jax_utils.packing import Words
from ceas_gym.task import actions, metrics
from ceas_gym.types import Params, Round, State, TimeStep

NEXT_EPISODE = 0x6CEA5
"""Folded into the random key at the end of an episode, to make the random key of the next."""
FIGURES = ("reward", "terminated", *metrics.NAMES)
"""Names of the figures of an output, in their order."""
LAYOUT = FIGURES.index("layout")


class Output(NamedTuple):
    """The part of a `TimeStep` that the environments return or draw."""

    nodes: Float[Array, "*batch nodes features"]
    """In [0, 1], as `network`."""
    network: Float[Array, "*batch features"]
    figures: Float[Array, "*batch figures"]
    """In the order of `FIGURES`: reward, whether terminated, then the metrics."""
    schedule: Float[Array, "*batch windows nodes"]
    """Shares of a channel that were given, in [0, 1]."""
    stored_at_barrier: Int[Array, "*batch nodes ages"]
    """Pairs that were stored after the last window, by age in windows."""


class PackedEpisode(NamedTuple):
    """An episode between two calls: its state and last output, packed as 32-bit words."""

    state: Words
    output: Words


def reset(params: Params, key_words: ArrayLike, follows: ArrayLike) -> PackedEpisode:
    """Returns the start of an episode.

    Args:
        params: The scenario.
        key_words: A random key as two 32-bit words, shape (2,). It is the key that decides the
            episode (`jax_utils.randomness.key_words`), or, if `follows`, the last key of the
            previous episode (`key_words` below).
        follows: Whether the episode continues the randomness of a previous one.
    """
    key = jax.random.wrap_key_data(jnp.asarray(key_words), impl=randomness.THREEFRY)
    start = jnp.where(follows, jax.random.fold_in(key, NEXT_EPISODE), key)
    return _pack(params, *_reset(params, start))


def key_words(state: Array | NDArray[np.uint32]) -> Any:  # noqa: ANN401 - of the same kind
    """Returns the words of the random key in a state, from which the next episode starts.

    Args:
        state: Words of one state or of a batch, shape (*batch, words). The key comes last.

    Returns:
        The key's two words, shape (*batch, 2).
    """
    return state[..., -2:]


def step(params: Params, state: Words, action: ArrayLike) -> PackedEpisode:
    """Returns the episode after one more step.

    Args:
        params: The scenario.
        state: Words of the state before the step.
        action: Requests in [-1, 1], of the shape that `task.actions.shape` returns.
    """
    return _pack(params, *dynamics.step(params, unpack(params, state), jnp.asarray(action)))


def unpack(params: Params, state: Words) -> State:
    """Returns the state as a record; for use inside `jit`.

    Args:
        params: The scenario.
        state: Words of one state, shape (words,).
    """
    return packing.unpack(state, _shapes(params)[0])


def progress(params: Params, episode: PackedEpisode) -> tuple[Int[Array, ""], Bool[Array, ""]]:
    """Returns how many steps are over, and whether the episode is; for use inside `jit`.

    Args:
        params: The scenario.
        episode: Words of one episode, shape (words,) each.
    """
    output = packing.unpack(episode.output, output_shapes(params))
    return unpack(params, episode.state).steps, output.figures[1] > 0


def output_shapes(params: Params) -> Output:
    """Returns the shapes of the output of one environment, for `jax_utils.packing.read`.

    Args:
        params: The scenario: its sizes decide the shapes.
    """
    return jax.eval_shape(partial(_output, params), *_shapes(params))


def _shapes(params: Params) -> tuple[State, TimeStep]:
    # Shapes at the start of an episode. The trace of `_reset` is shared with its compilation.
    return jax.eval_shape(_reset, params, jax.eval_shape(_any_key))


def _pack(params: Params, state: State, timestep: TimeStep) -> PackedEpisode:
    return PackedEpisode(packing.pack(state), packing.pack(_output(params, state, timestep)))


def _output(params: Params, state: State, timestep: TimeStep) -> Output:
    # In 32 bits, also where JAX uses 64.
    schedule, stored_at_barrier = _seen(params, state, timestep.round)
    figures = [timestep.reward, timestep.terminated]
    figures += [timestep.metrics[name] for name in metrics.NAMES]
    observation = timestep.observation
    return Output(
        observation.nodes,
        observation.network,
        jnp.stack([figure.astype(jnp.float32) for figure in figures]),
        schedule.astype(jnp.float32),
        stored_at_barrier.astype(jnp.int32),
    )


def _seen(params: Params, state: State, happened: Round | None) -> tuple[Array, Array]:
    # The schedule, and the pairs that waited at the barrier; zeros at the start of an episode.
    if happened is None:
        none = jnp.zeros((actions.windows(params), params.network.nodes))
        return none, state.memory.pairs
    return happened.schedule, happened.gathered.memory.pairs


def _any_key() -> Key[Array, ""]:
    return jax.random.wrap_key_data(jnp.zeros(2, jnp.uint32), impl=randomness.THREEFRY)


_reset = jax.jit(dynamics.reset)
