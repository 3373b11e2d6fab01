"""Policies of a closed loop that are simple enough to be judged by hand."""

import jax.numpy as jnp
from jaxtyping import Array

from ceas_gym.task.observations import NETWORK_FEATURES, NODE_FEATURES
from ceas_gym.types import Observation, Params

COLUMN = {feature.name: place for place, feature in enumerate(NODE_FEATURES)}
PLACE = {feature.name: place for place, feature in enumerate(NETWORK_FEATURES)}


def every_second_window(params: Params, observation: Observation, key: Array) -> Array:
    """Returns equal shares for all nodes, and fires after every two windows."""
    del key
    waited = observation.network[PLACE["waited"]] * params.network.most_windows
    fires = jnp.where(waited > 0.5, 1.0, -1.0)
    return jnp.append(jnp.ones(params.network.nodes), fires)


def emptiest_first(params: Params, observation: Observation, key: Array) -> Array:
    """Returns all channels for the node with the fewest pairs; fires once a quorum is ready."""
    del params, key
    stored, ready = observation.nodes[:, COLUMN["stored"]], observation.network[PLACE["ready"]]
    shares = jnp.where(jnp.arange(stored.size) == stored.argmin(), 1.0, -1.0)
    return jnp.append(shares, jnp.where(ready >= 0.5, 1.0, -1.0))
