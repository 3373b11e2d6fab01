"""The compiled core as the environments call it: few arrays in, few arrays out."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int, Key
from numpy.typing import NDArray

from ceas_gym import dynamics, metrics
from ceas_gym.types import Params, State, TimeStep

NEXT_EPISODE = 0x6CEA5
"""Folded into the key where one episode ends, to make the key of the next."""


class Packed(NamedTuple):
    """A `TimeStep` in a few arrays: each array less is time saved on the way to NumPy."""

    nodes: Float[Array, "*batch nodes features"]
    network: Float[Array, "*batch features"]
    figures: Float[Array, "*batch figures"]
    """Reward, whether terminated, then the metrics in the order of `metrics.NAMES`."""
    schedule: Float[Array, "*batch windows nodes"]
    stock: Int[Array, "*batch nodes ages"]

    @property
    def terminated(self) -> Bool[Array, "*batch"]:
        """Returns whether the episode is over."""
        return self.figures[..., 1] > 0


def reset(params: Params, key: Key[Array, ""]) -> tuple[State, Packed]:
    """Returns the start of the episode that the key decides."""
    state, timestep = dynamics.reset(params, key)
    return state, _pack(timestep)


def reset_next(params: Params, state: State) -> tuple[State, Packed]:
    """Returns the start of the episode that follows the one in `state`."""
    return reset(params, jax.random.fold_in(state.key, NEXT_EPISODE))


def step(params: Params, state: State, action: ArrayLike) -> tuple[State, Packed]:
    """Returns the state after one round."""
    state, timestep = dynamics.step(params, state, jnp.asarray(action))
    return state, _pack(timestep)


def check_action(action: object, shape: Sequence[int]) -> NDArray[np.float32]:
    """Returns the action as an array of the right shape.

    Raises:
        ValueError: If it has another shape, or an entry that is not finite.
    """
    array = np.asarray(action, dtype=np.float32)
    shape = tuple(shape)
    if array.shape != shape:
        raise ValueError(f"Argument `action` must have shape {shape}, but has {array.shape}.")
    if not np.isfinite(array).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise ValueError(f"Argument `action` must be finite, but is {array[place]} at {place}.")
    return array


def _pack(timestep: TimeStep) -> Packed:
    figures = [timestep.reward, timestep.terminated.astype(jnp.float32)]
    figures += [timestep.metrics[name] for name in metrics.NAMES]
    observation = timestep.observation
    return Packed(
        observation.nodes,
        observation.network,
        jnp.stack(figures),
        timestep.schedule,
        timestep.stock,
    )
