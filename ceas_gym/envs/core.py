"""The compiled core as the environments call it: an array in, an array out."""

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
from ceas_gym.task import metrics
from ceas_gym.types import Params, Round, State, TimeStep

NEXT_EPISODE = 0x6CEA5
"""Folded into the key where one episode ends, to make the key of the next."""


class Output(NamedTuple):
    """What the environments return of a `TimeStep`."""

    nodes: Float[Array, "*batch nodes features"]
    network: Float[Array, "*batch features"]
    figures: Float[Array, "*batch figures"]
    """Reward, whether terminated, then the metrics in the order of `task.metrics.NAMES`."""
    schedule: Float[Array, "*batch windows nodes"]
    stored_at_barrier: Int[Array, "*batch nodes ages"]


class PackedEpisode(NamedTuple):
    """An episode between two calls: records as words."""

    state: Words
    output: Words


def reset(params: Params, key_words: ArrayLike, follows: ArrayLike) -> PackedEpisode:
    """Returns the start of an episode.

    Args:
        params: The scenario.
        key_words: Two words: of the key that decides the episode
            (`jax_utils.randomness.key_words`), or of the one that the episode before it ended with
            (`key_words`).
        follows: Whether there is an episode before it.
    """
    key = jax.random.wrap_key_data(jnp.asarray(key_words), impl=randomness.THREEFRY)
    start = jnp.where(follows, jax.random.fold_in(key, NEXT_EPISODE), key)
    return _pack(params, *_reset(params, start))


def key_words(state: Array | NDArray[np.uint32]) -> Any:  # noqa: ANN401 - of the same kind
    """Returns the words of the key in a state, for the reset to the next episode.

    Args:
        state: Words of one state or of a batch; the key is the last of its records.
    """
    return state[..., -2:]


def step(params: Params, state: Words, action: ArrayLike) -> PackedEpisode:
    """Returns the episode after one more round."""
    return _pack(params, *dynamics.step(params, unpack(params, state), jnp.asarray(action)))


def unpack(params: Params, state: Words) -> State:
    """Returns the state as a record; for use inside `jit`."""
    return packing.unpack(state, _shapes(params)[0])


def progress(params: Params, episode: PackedEpisode) -> tuple[Int[Array, ""], Bool[Array, ""]]:
    """Returns how many rounds are over, and whether the episode is; for use inside `jit`."""
    output = packing.unpack(episode.output, output_shapes(params))
    return unpack(params, episode.state).round, output.figures[1] > 0


def output_shapes(params: Params) -> Output:
    """Returns the shapes in the output of one environment, for `jax_utils.packing.read`."""
    return jax.eval_shape(partial(_output, params), *_shapes(params))


def _shapes(params: Params) -> tuple[State, TimeStep]:
    # Of an episode's start; traced once with the reset itself.
    return jax.eval_shape(_reset, params, jax.eval_shape(_any_key))


def _pack(params: Params, state: State, timestep: TimeStep) -> PackedEpisode:
    return PackedEpisode(packing.pack(state), packing.pack(_output(params, state, timestep)))


def _output(params: Params, state: State, timestep: TimeStep) -> Output:
    # In 32 bits, also where JAX has 64.
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
    # The schedule, and the pairs that waited at the barrier; none yet where an episode starts.
    if happened is None:
        network = params.network
        return jnp.zeros((network.windows, *network.routes.vertex.shape)), state.memory.pairs
    return happened.schedule, happened.gathered.memory.pairs


def _any_key() -> Key[Array, ""]:
    return jax.random.wrap_key_data(jnp.zeros(2, jnp.uint32), impl=randomness.THREEFRY)


_reset = jax.jit(dynamics.reset)
