"""The network that values the choices of `ceas_gym.task.dispatch`, and which of them is best.

With x the features of the network and the means of those of the nodes, the values are

    D relu(... B relu(A x))

with a bias in each layer. So neither the order of the nodes nor their number matters.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ceas_agents.policies.node_network import Layers, through
from ceas_gym.task import dispatch
from ceas_gym.task.observations import summary
from ceas_gym.types import Observation, Params


class Shown(NamedTuple):
    """What is known before a choice, for one row or with further axes in front."""

    features: Float[Array, "*rows features"]
    """What the network sees, in [0, 1]."""
    allowed: Bool[Array, "*rows choices"]
    """At least one choice is."""


def see(params: Params, observation: Observation, shown: Observation) -> Shown:
    """Returns what is known before a choice.

    Args:
        params: The scenario.
        observation: What the hub knows, every entry in [0, 1].
        shown: The features of it that the network was trained on.
    """
    return Shown(summary(shown), dispatch.mask(params, observation))


def values(layers: Layers, features: Float[Array, "*rows features"]) -> Float[Array, "..."]:
    """Returns the value of each choice, shape (*rows, choices).

    Args:
        layers: From the input to the output.
        features: What the network sees.

    Source:
        Mnih et al., Nature 518, 529 (2015).
    """
    return through(layers, features, jax.nn.relu)


def best(
    values: Float[Array, "*rows choices"], allowed: Bool[Array, "*rows choices"]
) -> Int[Array, "*rows"]:
    """Returns the allowed choice of greatest value; of equal ones, the first.

    Args:
        values: Of all choices.
        allowed: At least one of them is.

    Example:
        >>> int(best(jnp.array([1.0, 3.0, 2.0]), jnp.array([True, False, True])))
        2
    """
    return jnp.argmax(jnp.where(allowed, values, -jnp.inf), axis=-1)
