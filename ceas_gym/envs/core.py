"""The compiled core of both environments: packed arrays go in, packed arrays come out."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Key
from numpy.typing import NDArray

from ceas_gym import dynamics, layouts
from ceas_gym.consensus import protocol
from ceas_gym.jax_utils import packing, randomness
from ceas_gym.jax_utils.packing import Words
from ceas_gym.network import barrier, key_pool, teams
from ceas_gym.task import actions, metrics
from ceas_gym.types import Params, Round, State, TimeStep

NEXT_EPISODE = 0x6CEA5
"""Folded into the random key at the end of an episode, to make the random key of the next."""
FIGURES = ("reward", "terminated", *metrics.NAMES)
"""Names of the figures of an output, in their order."""
LAYOUT = FIGURES.index("layout")


class Scene(NamedTuple):
    """What a picture of a step shows beside the figures. Flags are 0 or 1.

    Pairs, key and readiness are those after the last window, so before a barrier takes its part.
    Where no barrier fired, nobody is counted.
    """

    schedule: Float[Array, "*batch windows nodes"]
    """Shares of a channel that were given, in [0, 1]; zeros at the start of an episode."""
    pairs: Int[Array, "*batch nodes ages"]
    """Stored pairs, by age in windows."""
    key: Float[Array, "*batch nodes"]
    """Share of the key of a round that a node holds, in [0, 1]."""
    ready: Int[Array, "*batch nodes"]
    """Whether the node's team has pairs for a shot, and key for its tags."""
    counted: Int[Array, "*batch nodes"]
    """Whether the update of the node's team was counted."""
    weights: Float[Array, "*batch nodes"]
    """Weight of the update of the node's team, in [0, 1]."""
    byzantine: Int[Array, "*batch nodes"]
    team: Int[Array, "*batch nodes"]
    """Number of the node's team."""
    conditions: Int[Array, "*batch edges"]
    """Condition of each fibre in the step: 0 is good, 1 degraded, 2 down."""
    exposed: Int[Array, "*batch members"]
    """Whether traps have exposed the member of the committee."""
    quorum: Int[Array, "*batch"]
    """Least number of counted teams with which the hub commits, at equal weights."""


class Output(NamedTuple):
    """The part of a `TimeStep` that the environments return or draw."""

    nodes: Float[Array, "*batch nodes features"]
    """In [0, 1], as `network`."""
    network: Float[Array, "*batch features"]
    figures: Float[Array, "*batch figures"]
    """In the order of `FIGURES`: reward, whether terminated, then the metrics."""
    scene: Scene | None = None
    """What a picture shows; None where nothing is drawn."""


class PackedEpisode(NamedTuple):
    """An episode between two calls: its state and last output, packed as 32-bit words."""

    state: Words
    output: Words


def reset(
    params: Params, key_words: ArrayLike, follows: ArrayLike, *, draws: bool = False
) -> PackedEpisode:
    """Returns the start of an episode.

    Args:
        params: The scenario.
        key_words: A random key as two 32-bit words, shape (2,). It is the key that decides the
            episode (`jax_utils.randomness.key_words`), or, if `follows`, the last key of the
            previous episode (`key_words` below).
        follows: Whether the episode continues the randomness of a previous one.
        draws: Whether the output has a scene, which is computed only for pictures; a static
            argument.
    """
    key = jax.random.wrap_key_data(jnp.asarray(key_words), impl=randomness.THREEFRY)
    start = jnp.where(follows, jax.random.fold_in(key, NEXT_EPISODE), key)
    state, timestep = _reset(params, start)
    return _pack(params, state, state, timestep, draws=draws)


def key_words(state: Array | NDArray[np.uint32]) -> Any:  # noqa: ANN401 - of the same kind
    """Returns the words of the random key in a state, from which the next episode starts.

    Args:
        state: Words of one state or of a batch, shape (*batch, words). The key comes last.

    Returns:
        The key's two words, shape (*batch, 2).
    """
    return state[..., -2:]


def step(params: Params, state: Words, action: ArrayLike, *, draws: bool = False) -> PackedEpisode:
    """Returns the episode after one more step.

    Args:
        params: The scenario.
        state: Words of the state before the step.
        action: Requests in [-1, 1], of the shape that `task.actions.shape` returns.
        draws: As for `reset`.
    """
    before = unpack(params, state)
    after, timestep = dynamics.step(params, before, jnp.asarray(action))
    return _pack(params, before, after, timestep, draws=draws)


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
    # A scene comes last, so it need not be read.
    output = packing.unpack(episode.output, output_shapes(params))
    return unpack(params, episode.state).steps, output.figures[1] > 0


def output_shapes(params: Params, *, draws: bool = False) -> Output:
    """Returns the shapes of the output of one environment, for `jax_utils.packing.read`.

    Args:
        params: The scenario: its sizes decide the shapes.
        draws: Whether the output has a scene.
    """
    state, timestep = _shapes(params)
    return jax.eval_shape(partial(_output, params, draws=draws), state, state, timestep)


def _shapes(params: Params) -> tuple[State, TimeStep]:
    # Shapes at the start of an episode. The trace of `_reset` is shared with its compilation.
    return jax.eval_shape(_reset, params, jax.eval_shape(_any_key))


def _pack(
    params: Params, before: State, after: State, timestep: TimeStep, *, draws: bool
) -> PackedEpisode:
    output = _output(params, before, after, timestep, draws=draws)
    return PackedEpisode(packing.pack(after), packing.pack(output))


def _output(
    params: Params, before: State, after: State, timestep: TimeStep, *, draws: bool
) -> Output:
    # In 32 bits, also where JAX uses 64.
    figures = [timestep.reward, timestep.terminated]
    figures += [timestep.metrics[name] for name in metrics.NAMES]
    observation = timestep.observation
    output = Output(
        observation.nodes,
        observation.network,
        jnp.stack([figure.astype(jnp.float32) for figure in figures]),
    )
    if not draws:
        return output
    scene = _scene(layouts.of(params, after), before, after, timestep.round)
    return output._replace(scene=jax.tree.map(_in_32_bits, scene))


def _in_32_bits(value: Array) -> Array:
    is_real = jnp.issubdtype(value.dtype, jnp.floating)
    return value.astype(jnp.float32 if is_real else jnp.int32)


def _scene(params: Params, before: State, after: State, happened: Round | None) -> Scene:
    network, results = params.network, after.trap_results
    # Apart from the step, so that what is drawn does not change how observations are rounded.
    held = jax.lax.optimization_barrier(after.gathered if happened is None else happened.gathered)
    schedule, counted, weights = _decided(params, happened)
    members = params.consensus.members.is_byzantine
    return Scene(
        schedule=schedule,
        pairs=held.memory.pairs,
        key=key_pool.share_of_round(network.key, held.memory.key_bits),
        ready=teams.of_nodes(network.teams, barrier.able(network, held.memory, held.executed)),
        counted=counted,
        weights=weights,
        byzantine=after.byzantine,
        team=network.teams.of_node,
        conditions=before.conditions.link,
        exposed=jnp.zeros_like(members) if results is None else results.exposed,
        quorum=protocol.quorum(params.consensus),
    )


def _decided(params: Params, happened: Round | None) -> tuple[Array, Array, Array]:
    # Schedule, counted nodes and their weights; zeros at the start of an episode.
    network = params.network
    if happened is None:
        none = jnp.zeros(network.nodes)
        return jnp.zeros((actions.windows(params), network.nodes)), none > 0, none
    of_nodes = partial(teams.of_nodes, network.teams)
    return (
        happened.schedule,
        of_nodes(happened.received.counted),
        of_nodes(happened.verdict.weights),
    )


def _any_key() -> Key[Array, ""]:
    return jax.random.wrap_key_data(jnp.zeros(2, jnp.uint32), impl=randomness.THREEFRY)


_reset = jax.jit(dynamics.reset)
