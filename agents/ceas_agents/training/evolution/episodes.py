"""What candidates are judged by: whole episodes, the same for all of them."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, Int, Key

from ceas_agents.policies.networks import Columns, Layers, steered
from ceas_agents.policies.rollout import until_the_end
from ceas_agents.training.on_device.environment import WATCHED
from ceas_gym.jax_utils import parallel
from ceas_gym.jax_utils.fast_compile import often
from ceas_gym.types import Params, State, TimeStep


class Played(NamedTuple):
    """Of each candidate and episode."""

    earned: Float[Array, "candidates episodes"]
    """Sum of the rewards of the episode."""
    steps: Int[Array, "candidates episodes"]
    """Windows in which the candidate decided."""
    metrics: dict[str, Float[Array, "candidates episodes"]]
    """Of the last step, shares in [0, 1]."""


class Step(NamedTuple):
    """What is kept of a step."""

    reward: Float[Array, ""]
    metrics: dict[str, Array]


def play(
    steps: int, columns: Columns, params: Params, layers: Layers, keys: Key[Array, " episodes"]
) -> Played:
    """Returns what several candidates earn in the same episodes.

    Args:
        steps: The most steps of an episode, at least 1.
        columns: What the networks see.
        params: The scenario.
        layers: Of the candidates, as first axis.
        keys: Random keys of the episodes.
    """

    def candidate(layers: Layers) -> Played:
        policy = Partial(steered, layers, columns)
        return parallel.each(partial(_episode, policy, steps, params), keys)

    return parallel.each(candidate, layers)


def on_all_cores(
    steps: int, columns: Columns, params: Params, layers: Layers, keys: Key[Array, " episodes"]
) -> Played:
    """Returns the same as `play`, in arrays of NumPy; the cores divide the candidates."""
    number = layers[0].bias.shape[0]
    parts = parallel.parts(number) if jax.default_backend() == "cpu" else [slice(number)]
    each = [jax.tree.map(lambda all_, part=part: all_[part], layers) for part in parts]
    call = partial(_play, steps, columns, params, keys=keys)
    played = jax.device_get(parallel.side_by_side(call, each))
    return jax.tree.map(lambda *some: np.concatenate(some), *played)


def _episode(policy: Partial, steps: int, params: Params, key: Array) -> Played:
    kept, number = until_the_end(policy, steps, params, key, _step)
    last = {name: values[number - 1] for name, values in kept.metrics.items()}
    return Played(kept.reward.sum(), number, last)


def _step(before: State, after: State, timestep: TimeStep) -> Step:
    # A model that has diverged has no loss; a reward that is no finite number counts as zero.
    del before, after
    reward = jnp.where(jnp.isfinite(timestep.reward), timestep.reward, 0)
    return Step(reward, {name: timestep.metrics[name] for name in WATCHED})


_play = often(play, static_argnums=0)
